//! Six lookups: two fields in, every certificate that has both out. Exact, without allocation.

use crate::format::{INDEX_BLOCK_BYTES, ORDERED_BLOCK_ENTRIES};
use crate::index::Probe;
use crate::index::block::{self, Line};
use crate::index::tree::Candidates;
use crate::key::encode::{self, PairWords};
use crate::key::{Field, Mode};
use crate::map::prefetch;
use crate::record::{StoredRecord, View, flag};
use crate::segment::{Index, Segment};
use crate::snapshot::Layer;

/// What is asked: a mode and its two fields in normal form (`key::normalize`), packed once.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    pub(crate) mode: Mode,
    first: FieldKey<'q>,
    second: FieldKey<'q>,
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

    /// Whether a record has this field; an escape equal by hash is compared as text.
    #[inline]
    fn agrees(&self, record: &StoredRecord, segment: &Segment) -> bool {
        let words = match self.field {
            Field::IdNumber => [record.id.to_native(), 0],
            Field::CertificateNumber => [record.certificate.to_native(), 0],
            Field::TicketNumber => [record.ticket.to_native(), 0],
            Field::Name => [record.name[0].to_native(), record.name[1].to_native()],
        };
        words == self.words
            && (!self.is_escape()
                || self.escape_agrees(&View { record: record.to_native(), texts: segment }))
    }

    /// The same of a record that was found already. No ticket number agrees with none.
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
            Field::IdNumber | Field::TicketNumber => encode::is_escape(self.words[0]),
            Field::CertificateNumber => encode::certificate_is_escape(self.words[0]),
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

impl<'q> Query<'q> {
    /// Packs two fields, given in the order of [`Mode::fields`].
    #[inline]
    #[must_use]
    pub fn new(mode: Mode, first: &'q str, second: &'q str) -> Self {
        let (first_field, second_field) = mode.fields();
        Self::of(mode, FieldKey::new(first_field, first), FieldKey::new(second_field, second))
    }

    /// Of two packed fields, in the order of [`Mode::fields`].
    #[inline]
    pub(crate) fn of(mode: Mode, first: FieldKey<'q>, second: FieldKey<'q>) -> Self {
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
    pub(crate) fn can_match(&self) -> bool {
        !matches!(self.mode, Mode::IT | Mode::CT | Mode::TN)
            || [self.first, self.second]
                .iter()
                .all(|key| key.field != Field::TicketNumber || key.words[0] != 0)
    }
}

/// Entries of one block that are still to be handed out, and the first block to be looked at.
#[derive(Clone, Copy, Default)]
struct Entries {
    block: u32,
    mask: u32,
    low: u32,
    low_within_run: bool,
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
            let Candidates { low, high, low_within_run, likely_entry } =
                index.tree.candidates(tree, self.query.probe.sort_key);
            if likely_entry < ORDERED_BLOCK_ENTRIES as u32 {
                segment.prefetch_record(high * ORDERED_BLOCK_ENTRIES as u32 + likely_entry);
            }
            let lines = &segment.bytes()[index.blocks_range.clone()];
            for block in low..=high {
                prefetch(lines, block as usize * INDEX_BLOCK_BYTES);
            }
            self.current = Some((layer, index));
            let mask = matches_in(segment, index, &self.query, high);
            self.entries = Entries { block: high, mask, low, low_within_run };
            return Some(());
        }
    }
}

/// The entries of a block whose records have both fields.
///
/// All candidates are compared before the first is handed out: their cache misses overlap.
#[inline]
pub(crate) fn matches_in(segment: &Segment, index: &Index, query: &Query<'_>, block: u32) -> u32 {
    let line = block::line(&segment.bytes()[index.blocks_range.clone()], block);
    let ordered = query.mode.is_certificate_first();
    let candidates = fingerprint_matches(line, query);
    agreeing(segment, query, candidates, |entry| record_number(ordered, line, block, entry))
}

/// Bit `i` is set when entry `i` of the line has the query's fingerprint.
#[inline]
pub(crate) fn fingerprint_matches(line: &Line, query: &Query<'_>) -> u32 {
    if query.mode.is_certificate_first() {
        block::ordered_matches(line, query.probe.fingerprint)
    } else {
        block::hashed_matches(line, query.probe.fingerprint)
    }
}

/// Those of the candidates whose records have both fields.
#[inline]
pub(crate) fn agreeing(
    segment: &Segment,
    query: &Query<'_>,
    mut candidates: u32,
    number: impl Fn(u32) -> u32,
) -> u32 {
    let mut agreeing = 0;
    while candidates != 0 {
        let entry = candidates.trailing_zeros();
        candidates &= candidates - 1;
        let number = number(entry);
        // Unused entries of a last block name no record.
        if u64::from(number) < segment.records() {
            let record = segment.stored(number);
            let agrees = query.first.agrees(record, segment) & query.second.agrees(record, segment);
            agreeing |= u32::from(agrees) << entry;
        }
    }
    agreeing
}

/// The record of one entry of a block.
#[inline]
pub(crate) fn record_number(ordered: bool, line: &Line, block: u32, entry: u32) -> u32 {
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
            let Entries { block, mask, low, .. } = self.entries;
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
            // Below the candidates, a run of equal sort keys goes on in the block before.
            let (low, low_within_run) = if block > low {
                (low, self.entries.low_within_run)
            } else if self.entries.low_within_run {
                (block - 1, index.tree.begins_within_run(block - 1))
            } else {
                self.current = None;
                continue;
            };
            let block = block - 1;
            let mask = matches_in(segment, index, &self.query, block);
            self.entries = Entries { block, mask, low, low_within_run };
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
