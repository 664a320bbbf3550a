//! Six lookups: two fields in, every certificate that has both out. Exact, without allocation.

use crate::filter;
use crate::format::{HASHED_BLOCK_ENTRIES, INDEX_BLOCK_BYTES};
use crate::index::stretches;
use crate::index::tree::Candidates;
use crate::index::{Probe, block};
use crate::key::encode::{self, PairWords};
use crate::key::{Field, Mode};
use crate::map::{Table, prefetch};
use crate::record::{KeyWords, StoredRecord, View, flag};
use crate::segment::{HashedIndex, Segment};
use crate::snapshot::Layer;
use std::ops::Range;

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

/// Entries of up to [`CANDIDATES_MAX`](crate::index::tree::CANDIDATES_MAX) neighbouring hashed blocks, by bits
/// from the first entry of block `low` on, 13 each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entries {
    pub(crate) low: u32,
    pub(crate) mask: u64,
}

impl Entries {
    /// Those of the candidate blocks that have the lowest byte of the hash.
    #[inline]
    pub(crate) fn of_blocks(lines: &[u8], hash: u64, low: u32, high: u32) -> Self {
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
    pub(crate) fn next_record(&mut self, lines: &[u8], tag: u32) -> u32 {
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        let block = self.low + bit / HASHED_BLOCK_ENTRIES as u32;
        block::hashed_record(block::line(lines, block), bit as usize % HASHED_BLOCK_ENTRIES, tag)
    }
}

impl Query<'_> {
    /// What stands above the record numbers of this query's entries.
    #[inline]
    pub(crate) fn tag(&self, index: &HashedIndex) -> u32 {
        block::tag(self.probe.hash, index.number_bits)
    }

    /// Whether the record of this number has both fields; unused entries of a last block name none.
    #[inline]
    pub(crate) fn agrees_with_record(&self, segment: &Segment, number: u32) -> bool {
        u64::from(number) < segment.records() && self.agrees(segment.stored(number), segment)
    }

    /// The first of these records that has both fields; the records end where one has another number.
    #[inline]
    fn next_of(&self, segment: &Segment, numbers: &mut Range<u32>) -> Option<u32> {
        while let Some(number) = numbers.next() {
            if self.agrees_with_record(segment, number) {
                return Some(number);
            }
            let is_of_number = |number| {
                let certificate = segment.stored(number).certificate.to_native();
                stretches::number(certificate) == stretches::number(self.probe.sort_key)
            };
            if numbers.start < numbers.end && !is_of_number(number) {
                numbers.end = numbers.start;
            }
        }
        None
    }

    /// Asks for the memory that this query reads first in a segment.
    #[inline]
    pub(crate) fn prefetch(&self, segment: &Segment) {
        if self.mode.is_certificate_first() {
            if let Some(stretches) = segment.stretches() {
                stretches.prefetch(self.probe.sort_key);
            }
        } else if let Some(index) = segment.hashed(self.mode) {
            index.tree.prefetch(self.probe.sort_key);
        }
    }

    /// Whether both fields may be together in a segment.
    #[inline]
    pub(crate) fn may_be_in(&self, segment: &Segment) -> bool {
        segment.may_hold(self.mode, self.probe.hash)
    }
}

/// The certificates that have both fields: an iterator over [`View`]s, in no promised order.
pub struct Matches<'s, 'q> {
    query: Query<'q>,
    /// The base first: meanwhile the filters of deltas come in.
    layers: std::iter::Rev<std::slice::Iter<'s, Layer>>,
    /// Tells of all deltas at once, until it was asked.
    deltas_filter: Option<&'s Table>,
    current: Option<(&'s Layer, Left<'s>)>,
}

/// What is left to look at in one segment.
enum Left<'s> {
    /// Records that may have the certificate number asked for: up to the first that has another.
    Records(Range<u32>),
    Blocks(Blocks<'s>),
}

/// Blocks of a hashed index.
struct Blocks<'s> {
    index: &'s HashedIndex,
    /// Found in one block and still to be handed out.
    entries: Entries,
    /// The first of the candidate blocks.
    low: u32,
    low_within_run: bool,
}

impl<'s, 'q> Matches<'s, 'q> {
    #[inline]
    pub(crate) fn new(
        layers: &'s [Layer],
        deltas_filter: Option<&'s Table>,
        query: Query<'q>,
    ) -> Self {
        let layers = if query.can_match() { layers } else { &[] };
        // What the searches will read first, in all segments at once.
        if let Some(filter) = deltas_filter {
            filter::prefetch_line(filter.words().as_flattened(), query.probe.hash);
        }
        for layer in layers {
            let segment = layer.segment();
            let is_base = segment.filter_of_all().is_none();
            if is_base || deltas_filter.is_none() {
                segment.prefetch_filter(query.mode, query.probe.hash);
            }
            if is_base {
                query.prefetch(segment);
            }
        }
        Self { query, layers: layers.iter().rev(), deltas_filter, current: None }
    }

    /// Moves to the next segment that may hold the key.
    #[inline]
    fn next_layer(&mut self) -> Option<()> {
        loop {
            let layer = self.layers.next()?;
            let segment = layer.segment();
            if segment.filter_of_all().is_some()
                && let Some(filter) = self.deltas_filter.take()
                && !filter::may_hold(filter.words().as_flattened(), self.query.probe.hash)
            {
                return None; // only deltas are left
            }
            if !self.query.may_be_in(segment) {
                continue;
            }
            let left = if self.query.mode.is_certificate_first() {
                self.records(segment).map(Left::Records)
            } else {
                self.blocks(segment).map(Left::Blocks)
            };
            if let Some(left) = left {
                self.current = Some((layer, left));
                return Some(());
            }
        }
    }

    /// The records that may have the certificate number; the first is asked for.
    #[inline]
    fn records(&self, segment: &Segment) -> Option<Range<u32>> {
        let place = segment.stretches()?.find(self.query.probe.sort_key)?;
        segment.prefetch_record(place.record);
        let single = place.record.saturating_add(1);
        Some(place.record..if place.repeated { segment.records() as u32 } else { single })
    }

    /// The blocks that may hold the key; they are asked for.
    #[inline]
    fn blocks(&self, segment: &'s Segment) -> Option<Blocks<'s>> {
        let index = segment.hashed(self.query.mode)?;
        let tree = &segment.bytes()[index.tree_range.clone()];
        let Candidates { low, high, low_within_run } =
            index.tree.candidates(tree, self.query.probe.sort_key);
        let lines = segment.lines(index);
        for block in low..=high {
            prefetch(lines, block as usize * INDEX_BLOCK_BYTES);
        }
        let entries = Entries { low: high + 1, mask: 0 };
        Some(Blocks { index, entries, low, low_within_run })
    }
}

impl Blocks<'_> {
    /// The number of the next record that has both fields.
    #[inline]
    fn next(&mut self, segment: &Segment, query: &Query<'_>) -> Option<u32> {
        let lines = segment.lines(self.index);
        loop {
            if self.entries.mask != 0 {
                return Some(self.entries.next_record(lines, query.tag(self.index)));
            }
            // Below the candidates, a run of equal sort keys goes on in the block before.
            let block = self.entries.low;
            if block == self.low {
                if !self.low_within_run {
                    return None;
                }
                self.low -= 1;
                self.low_within_run = self.index.tree.begins_within_run(self.low);
            }
            self.entries = self.agreeing(segment, query, block - 1);
        }
    }

    /// The entries of a block whose records have both fields.
    ///
    /// All are compared before the first is handed out: their cache misses overlap.
    #[inline]
    fn agreeing(&self, segment: &Segment, query: &Query<'_>, block: u32) -> Entries {
        let (lines, tag) = (segment.lines(self.index), query.tag(self.index));
        let mut left = Entries::of_blocks(lines, query.probe.hash, block, block);
        let mut agreeing = left;
        while left.mask != 0 {
            let bit = left.mask & left.mask.wrapping_neg();
            if !query.agrees_with_record(segment, left.next_record(lines, tag)) {
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
            let Some((layer, left)) = &mut self.current else {
                self.next_layer()?;
                continue;
            };
            let segment = layer.segment();
            let found = match left {
                Left::Records(numbers) => self.query.next_of(segment, numbers),
                Left::Blocks(blocks) => blocks.next(segment, &self.query),
            };
            match found {
                Some(number) if layer.is_shadowed(number) => {}
                Some(number) => {
                    let record = segment.stored(number).to_native();
                    return Some(View { record, texts: segment });
                }
                None => self.current = None,
            }
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
    let certificate = |at: u32| segment.stored(at).certificate.to_native();
    let (mut low, mut high) = match segment.stretches().map(|stretches| stretches.find(packed)) {
        None => (0, records),
        Some(None) => (records, records),
        Some(Some(place)) if !place.repeated => (place.record, place.record),
        // Numbers that differ in the lowest bit of their packed form alone share a stretch.
        Some(Some(place)) => (place.record, records),
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if certificate(middle) < packed {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (low..records)
        .take_while(move |&at| certificate(at) == packed)
        .filter_map(|at| segment.view(at).map(|view| (at, view)))
        .filter(move |(_, view)| {
            !encode::certificate_is_escape(packed) || &*view.certificate_number() == number
        })
}
