//! Six lookups: two fields in, every certificate that has both out. Exact, without allocation.

use crate::format::{HASHED_BLOCK_ENTRIES, INDEX_BLOCK_BYTES, ORDERED_BLOCK_ENTRIES};
use crate::index::tree::Candidates;
use crate::index::{Probe, block};
use crate::key::encode::{self, PairWords};
use crate::key::{Field, Mode};
use crate::map::prefetch;
use crate::record::{KeyWords, StoredRecord, View, flag};
use crate::segment::{Index, Segment};
use crate::snapshot::Layer;

/// What is asked: a mode and its two fields in normal form (`key::normalize`), packed once.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    pub(crate) mode: Mode,
    /// The two fields where a record has them, zeros elsewhere.
    words: KeyWords,
    texts: [&'q str; 2],
    /// Whether one of the two is an escape, so that its text matters.
    has_escape: bool,
    pub(crate) probe: Probe,
}

/// One packed field; its text matters only for escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldKey<'q> {
    field: Field,
    words: [u64; 2],
    text: &'q str,
}

impl<'q> FieldKey<'q> {
    #[inline]
    pub(crate) fn new(field: Field, text: &'q str) -> Self {
        let words = match field {
            Field::IdNumber => [encode::id(text), 0],
            Field::CertificateNumber => [encode::certificate(text), 0],
            Field::TicketNumber => [encode::ticket(text), 0],
            Field::Name => encode::name(text),
        };
        Self { field, words, text }
    }

    /// Whether a record has this field; an escape equal by hash is compared as text. No ticket number
    /// agrees with none.
    #[inline]
    pub(crate) fn agrees_with(&self, view: &View<'_>) -> bool {
        let record = &view.record;
        let words = match self.field {
            Field::IdNumber => [record.id, 0],
            Field::CertificateNumber => [record.certificate, 0],
            Field::TicketNumber => [record.ticket, 0],
            Field::Name => record.name,
        };
        words == self.words && (!self.is_escape() || self.escape_agrees(view))
    }

    #[inline]
    fn is_escape(&self) -> bool {
        match self.field {
            Field::IdNumber => encode::id_is_escape(self.words[0]),
            Field::CertificateNumber => encode::certificate_is_escape(self.words[0]),
            Field::TicketNumber => encode::ticket_is_escape(self.words[0]),
            Field::Name => encode::name_is_escape(self.words),
        }
    }

    #[cold]
    fn escape_agrees(&self, view: &View<'_>) -> bool {
        view.extension(match self.field {
            Field::IdNumber => flag::ID,
            Field::CertificateNumber => flag::CERTIFICATE,
            Field::TicketNumber => flag::TICKET,
            Field::Name => flag::NAME_KEY,
        }) == self.text
    }
}

/// Which words of a record the modes ask for, all bits set in these.
const ASKED: [KeyWords; 6] = {
    let mut asked = [[0; 5]; 6];
    let mut at = 0;
    while at < Mode::ALL.len() {
        let (first, second) = Mode::ALL[at].fields();
        asked[at][first as usize] = u64::MAX;
        asked[at][second as usize] = u64::MAX;
        asked[at][4] = asked[at][Field::Name as usize];
        at += 1;
    }
    asked
};

impl<'q> Query<'q> {
    /// Packs two fields, given in the order of [`Mode::fields`].
    #[inline]
    #[must_use]
    pub fn new(mode: Mode, first: &'q str, second: &'q str) -> Self {
        // A branch for each mode, in which nothing more depends on the mode.
        match mode {
            Mode::IC => Self::packed(Mode::IC, first, second),
            Mode::IT => Self::packed(Mode::IT, first, second),
            Mode::IN => Self::packed(Mode::IN, first, second),
            Mode::CT => Self::packed(Mode::CT, first, second),
            Mode::CN => Self::packed(Mode::CN, first, second),
            Mode::TN => Self::packed(Mode::TN, first, second),
        }
    }

    #[expect(clippy::inline_always, reason = "for the mode to be known in it")]
    #[inline(always)]
    fn packed(mode: Mode, first: &'q str, second: &'q str) -> Self {
        let (first_field, second_field) = mode.fields();
        Self::of(mode, FieldKey::new(first_field, first), FieldKey::new(second_field, second))
    }

    /// Of two packed fields, in the order of [`Mode::fields`].
    #[inline]
    pub(crate) fn of(mode: Mode, first: FieldKey<'q>, second: FieldKey<'q>) -> Self {
        let mut words = KeyWords::default();
        for key in [&first, &second] {
            words[key.field as usize] = key.words[0];
            words[key.field as usize + 1] |= key.words[1];
        }
        Self {
            mode,
            words,
            texts: [first.text, second.text],
            has_escape: first.is_escape() | second.is_escape(),
            probe: Probe::new(mode, PairWords { first: first.words[0], second: second.words }),
        }
    }

    /// The mode asked in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// No certificate is found by a ticket number it does not have.
    #[inline]
    pub(crate) fn can_match(&self) -> bool {
        let ticket = Field::TicketNumber as usize;
        (ASKED[self.mode as usize][ticket] == 0) | (self.words[ticket] != 0)
    }

    /// Whether a record has both fields; an escape equal by hash is compared as text.
    #[inline]
    fn agrees(&self, record: &StoredRecord, segment: &Segment) -> bool {
        let asked = &ASKED[self.mode as usize];
        let stored = record.key_words();
        let mut difference = 0;
        for at in 0..stored.len() {
            difference |= (stored[at] ^ self.words[at]) & asked[at];
        }
        difference == 0
            && (!self.has_escape
                || self.texts_agree(&View { record: record.to_native(), texts: segment }))
    }

    #[cold]
    fn texts_agree(&self, view: &View<'_>) -> bool {
        let (first, second) = self.mode.fields();
        [first, second]
            .into_iter()
            .zip(self.texts)
            .all(|(field, text)| FieldKey::new(field, text).agrees_with(view))
    }
}

/// Entries of neighbouring blocks, by bits from the first entry of block `low` on: 32 of one ordered
/// block, or 13 each of up to [`CANDIDATES_MAX`](crate::index::tree::CANDIDATES_MAX) hashed ones.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entries {
    pub(crate) low: u32,
    pub(crate) mask: u64,
}

impl Entries {
    /// Those of the candidate blocks that have the query's fingerprint.
    #[inline]
    pub(crate) fn with_fingerprint(lines: &[u8], query: &Query<'_>, low: u32, high: u32) -> Self {
        let hash = query.probe.hash;
        if query.mode.is_certificate_first() {
            let mask = block::ordered_matches(block::line(lines, low), hash as u16);
            return Self { low, mask: u64::from(mask) };
        }
        let of = |block| u64::from(block::hashed_matches(block::line(lines, block), hash));
        let mut mask = 0;
        for block in (low..=high).rev() {
            mask = mask << HASHED_BLOCK_ENTRIES | of(block);
        }
        Self { low, mask }
    }

    /// Takes out the first entry and gives its record's number; of an unused entry, or one whose tag
    /// tells another hash, one past the end.
    #[inline]
    pub(crate) fn next_record(&mut self, lines: &[u8], ordered: bool, tag: u32) -> u32 {
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        if ordered {
            return self.low * ORDERED_BLOCK_ENTRIES as u32 + bit;
        }
        let block = self.low + bit / HASHED_BLOCK_ENTRIES as u32;
        block::hashed_record(block::line(lines, block), bit as usize % HASHED_BLOCK_ENTRIES, tag)
    }
}

impl Query<'_> {
    /// What stands above the record numbers of this query's entries; matters in hashed indexes.
    #[inline]
    pub(crate) fn tag(&self, index: &Index) -> u32 {
        block::tag(self.probe.hash, index.number_bits)
    }

    /// Whether the record of this number has both fields; unused entries of a last block name none.
    #[inline]
    pub(crate) fn agrees_with_record(&self, segment: &Segment, number: u32) -> bool {
        u64::from(number) < segment.records() && self.agrees(segment.stored(number), segment)
    }
}

/// The certificates that have both fields: an iterator over [`View`]s, in no promised order.
pub struct Matches<'s, 'q> {
    query: Query<'q>,
    /// The base first: meanwhile the filters of deltas come in.
    layers: std::iter::Rev<std::slice::Iter<'s, Layer>>,
    current: Option<(&'s Layer, &'s Index)>,
    /// Found in one block and still to be handed out.
    entries: Entries,
    /// The first of the candidate blocks.
    low: u32,
    low_within_run: bool,
}

impl<'s, 'q> Matches<'s, 'q> {
    #[inline]
    pub(crate) fn new(layers: &'s [Layer], query: Query<'q>) -> Self {
        let layers = if query.can_match() { layers } else { &[] };
        if layers.len() > 1 {
            // What the searches will read first, in all segments at once.
            for layer in layers {
                let segment = layer.segment();
                segment.prefetch_filter(query.probe.hash);
                if let Some(index) = segment.index(query.mode).filter(|_| !segment.has_filter()) {
                    index.tree.prefetch(query.probe.sort_key);
                }
            }
        }
        let entries = Entries::default();
        let layers = layers.iter().rev();
        Self { query, layers, current: None, entries, low: 0, low_within_run: false }
    }

    /// Moves to the next segment that may hold the key.
    #[inline]
    fn next_layer(&mut self) -> Option<()> {
        loop {
            let layer = self.layers.next()?;
            let segment = layer.segment();
            let Some(index) = segment.index(self.query.mode) else { continue };
            if index.blocks_range.is_empty() || !segment.may_hold(self.query.probe.hash) {
                continue;
            }
            let tree = &segment.bytes()[index.tree_range.clone()];
            let Candidates { low, high, low_within_run, likely_entry } =
                index.tree.candidates(tree, self.query.probe.sort_key);
            if likely_entry < ORDERED_BLOCK_ENTRIES as u32 {
                segment.prefetch_record(high * ORDERED_BLOCK_ENTRIES as u32 + likely_entry);
            }
            let lines = segment.lines(index);
            for block in low..=high {
                prefetch(lines, block as usize * INDEX_BLOCK_BYTES);
            }
            self.current = Some((layer, index));
            (self.low, self.low_within_run) = (low, low_within_run);
            self.entries = self.agreeing(segment, index, high);
            return Some(());
        }
    }

    /// The entries of a block whose records have both fields.
    ///
    /// All are compared before the first is handed out: their cache misses overlap.
    #[inline]
    fn agreeing(&self, segment: &Segment, index: &Index, block: u32) -> Entries {
        let (lines, tag) = (segment.lines(index), self.query.tag(index));
        let ordered = self.query.mode.is_certificate_first();
        let mut left = Entries::with_fingerprint(lines, &self.query, block, block);
        let mut agreeing = left;
        while left.mask != 0 {
            let bit = left.mask & left.mask.wrapping_neg();
            let number = left.next_record(lines, ordered, tag);
            if !self.query.agrees_with_record(segment, number) {
                agreeing.mask ^= bit;
            }
        }
        agreeing
    }
}

impl<'s> Iterator for Matches<'s, '_> {
    type Item = View<'s>;

    #[inline]
    fn next(&mut self) -> Option<View<'s>> {
        loop {
            let Some((layer, index)) = self.current else {
                self.next_layer()?;
                continue;
            };
            let segment = layer.segment();
            let lines = segment.lines(index);
            if self.entries.mask != 0 {
                let ordered = self.query.mode.is_certificate_first();
                let number = self.entries.next_record(lines, ordered, self.query.tag(index));
                if layer.is_shadowed(number) {
                    continue;
                }
                return Some(View { record: segment.stored(number).to_native(), texts: segment });
            }
            // Below the candidates, a run of equal sort keys goes on in the block before.
            let block = self.entries.low;
            if block == self.low {
                if !self.low_within_run {
                    self.current = None;
                    continue;
                }
                self.low -= 1;
                self.low_within_run = index.tree.begins_within_run(self.low);
            }
            self.entries = self.agreeing(segment, index, block - 1);
        }
    }
}

/// The records of one segment that have this certificate number, in normal form.
pub(crate) fn by_certificate<'s>(
    segment: &'s Segment,
    number: &'s str,
) -> impl Iterator<Item = (u32, View<'s>)> {
    let packed = encode::certificate(number);
    let records = segment.records() as u32;
    let (mut low, mut high) = certificate_range(segment, packed);
    while low < high {
        let middle = low + (high - low) / 2;
        if segment.stored(middle).certificate.to_native() < packed {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (low..records)
        .take_while(move |&at| segment.stored(at).certificate.to_native() == packed)
        .filter_map(|at| segment.view(at).map(|view| (at, view)))
        .filter(move |(_, view)| {
            !encode::certificate_is_escape(packed) || &*view.certificate_number() == number
        })
}

/// Where the first record of a packed number lies, if there is one: a range of few records where
/// there is an index, else all.
fn certificate_range(segment: &Segment, packed: u64) -> (u32, u32) {
    let records = segment.records() as u32;
    let Some(index) = segment.index(Mode::IC).filter(|index| !index.blocks_range.is_empty()) else {
        return (0, records);
    };
    let last = index.tree.floor(&segment.bytes()[index.tree_range.clone()], packed);
    let mut first = last;
    while index.tree.begins_within_run(first) {
        first -= 1;
    }
    let entries = ORDERED_BLOCK_ENTRIES as u32;
    (first * entries, records.min((last + 1).saturating_mul(entries)))
}
