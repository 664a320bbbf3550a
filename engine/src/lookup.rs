//! Six lookups: two fields in, every certificate that has both out. Exact, without allocation.

use crate::format::ORDERED_BLOCK_ENTRIES;
use crate::index::Probe;
use crate::index::block::{self, Line};
use crate::key::encode::{self, PairWords};
use crate::key::{Field, Mode};
use crate::record::{StoredRecord, View, extension_text, flag};
use crate::segment::{Index, Segment};
use crate::snapshot::{Layer, Snapshot};

/// What is asked: a mode and its two fields in normal form (`key::normalize`), packed once.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    mode: Mode,
    first: FieldKey<'q>,
    second: FieldKey<'q>,
    probe: Probe,
}

/// One packed field; its text matters only for escapes.
#[derive(Clone, Copy, Debug)]
struct FieldKey<'q> {
    field: Field,
    words: [u64; 2],
    text: &'q str,
}

impl<'q> FieldKey<'q> {
    #[inline]
    fn new(field: Field, text: &'q str) -> Self {
        let words = match field {
            Field::IdNumber => [encode::id(text), 0],
            Field::CertificateNumber => [encode::certificate(text), 0],
            Field::TicketNumber => [encode::ticket(text), 0],
            Field::Name => encode::name(text),
        };
        Self { field, words, text }
    }

    /// Whether a record has this field; an escape equal by hash is compared as text.
    #[inline]
    fn agrees(&self, record: &StoredRecord, segment: &Segment) -> bool {
        let (equal, escape, wanted) = match self.field {
            Field::IdNumber => {
                (record.id.to_native() == self.words[0], encode::is_escape(self.words[0]), flag::ID)
            }
            Field::CertificateNumber => (
                record.certificate.to_native() == self.words[0],
                encode::certificate_is_escape(self.words[0]),
                flag::CERTIFICATE,
            ),
            Field::TicketNumber => (
                record.ticket.to_native() == self.words[0],
                encode::is_escape(self.words[0]),
                flag::TICKET,
            ),
            Field::Name => (
                record.name[0].to_native() == self.words[0]
                    && record.name[1].to_native() == self.words[1],
                encode::name_is_escape(self.words),
                flag::NAME_KEY,
            ),
        };
        equal && (!escape || self.escape_agrees(record, segment, wanted))
    }

    #[cold]
    fn escape_agrees(&self, record: &StoredRecord, segment: &Segment, wanted: u32) -> bool {
        use crate::record::Texts;
        extension_text(segment.heap(), &record.to_native(), wanted) == self.text
    }
}

impl<'q> Query<'q> {
    /// Packs two fields, given in the order of [`Mode::fields`].
    #[inline]
    #[must_use]
    pub fn new(mode: Mode, first: &'q str, second: &'q str) -> Self {
        let (first_field, second_field) = mode.fields();
        let first = FieldKey::new(first_field, first);
        let second = FieldKey::new(second_field, second);
        let words = PairWords { first: first.words[0], second: second.words };
        Self { mode, first, second, probe: Probe::new(mode, words) }
    }

    /// The mode asked in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// No certificate is found by a ticket number it does not have.
    #[inline]
    fn can_match(&self) -> bool {
        !matches!(self.mode, Mode::IT | Mode::CT | Mode::TN)
            || [self.first, self.second]
                .iter()
                .all(|key| key.field != Field::TicketNumber || key.words[0] != 0)
    }
}

/// Entries of one block that are still to be handed out.
#[derive(Clone, Copy, Default)]
struct Entries {
    block: u32,
    mask: u32,
}

/// The certificates that have both fields: an iterator over [`View`]s, in no promised order.
pub struct Matches<'s, 'q> {
    query: Query<'q>,
    layers: std::slice::Iter<'s, Layer>,
    current: Option<(&'s Layer, &'s Index)>,
    entries: Entries,
}

impl<'s, 'q> Matches<'s, 'q> {
    #[inline]
    pub(crate) fn new(snapshot: &'s Snapshot, query: Query<'q>) -> Self {
        let layers = if query.can_match() { snapshot.layers() } else { &[] };
        Self { query, layers: layers.iter(), current: None, entries: Entries::default() }
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
            let block = index.tree.floor(tree, self.query.probe.sort_key);
            self.current = Some((layer, index));
            self.entries = self.matches_in(segment, index, block);
            return Some(());
        }
    }

    /// The entries of a block whose records have both fields.
    ///
    /// All candidates are compared before the first is handed out: their cache misses overlap.
    #[inline]
    fn matches_in(&self, segment: &Segment, index: &Index, block: u32) -> Entries {
        let lines = &segment.bytes()[index.blocks_range.clone()];
        let line = block::line(lines, block);
        let fingerprint = self.query.probe.fingerprint;
        let ordered = self.query.mode.is_certificate_first();
        let mut candidates = if ordered {
            block::ordered_matches(line, fingerprint)
        } else {
            block::hashed_matches(line, fingerprint)
        };
        let mut entries = Entries { block, mask: 0 };
        while candidates != 0 {
            let entry = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let number = record_number(ordered, line, block, entry);
            // Unused entries of a last block name no record.
            if u64::from(number) < segment.records() {
                let record = segment.stored(number);
                let agrees = self.query.first.agrees(record, segment)
                    & self.query.second.agrees(record, segment);
                entries.mask |= u32::from(agrees) << entry;
            }
        }
        entries
    }
}

/// The record of one entry of a block.
#[inline]
fn record_number(ordered: bool, line: &Line, block: u32, entry: u32) -> u32 {
    if ordered {
        block * ORDERED_BLOCK_ENTRIES as u32 + entry
    } else {
        block::hashed_record(line, entry as usize)
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
            let Entries { block, mask } = self.entries;
            if mask != 0 {
                self.entries.mask = mask & (mask - 1);
                let ordered = self.query.mode.is_certificate_first();
                let lines = &segment.bytes()[index.blocks_range.clone()];
                let line = block::line(lines, block);
                let number = record_number(ordered, line, block, mask.trailing_zeros());
                if layer.is_shadowed(number) {
                    continue;
                }
                return Some(View { record: segment.stored(number).to_native(), texts: segment });
            }
            // A run of equal sort keys goes on in the block before.
            if !index.runs.is_empty() && index.runs.binary_search(&block).is_ok() {
                self.entries = self.matches_in(segment, index, block - 1);
            } else {
                self.current = None;
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
    let (mut low, mut high) = (0, records);
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
