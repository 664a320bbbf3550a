//! Sources cut into partitions by certificate number, and the merge of one partition.
//!
//! All records of one number lie in one partition and partitions are written in their order, so the
//! result does not depend on where the cuts are. A partition is merged without a look at the others:
//! its texts carry numbers of its own, which [`records`](super::records) translates.

use super::merge::{Source, settle};
use crate::error::BuildError;
use crate::record::{self, Record, View};
use std::ops::Range;

/// Numbers looked at to place the cuts.
const SAMPLES: u64 = 1 << 14;

/// Where the partitions are cut.
pub(super) struct Cuts {
    /// The first number of every partition but the first, rising.
    numbers: Vec<u64>,
}

impl Cuts {
    /// Cuts for partitions of about so many records.
    pub(super) fn new(sources: &[Source<'_>], partition_records: u64) -> Self {
        let total: u64 = sources.iter().map(|source| u64::from(source.positions())).sum();
        let stride = (total / SAMPLES).clamp(1, partition_records.max(1));
        let mut samples: Vec<u64> = sources
            .iter()
            .flat_map(|source| {
                let sampled = (0..source.positions()).step_by(stride as usize);
                sampled.map(|at| source.certificate(at))
            })
            .collect();
        samples.sort_unstable();
        let each = (partition_records / stride).max(1) as usize;
        let mut numbers: Vec<u64> = samples.into_iter().step_by(each).skip(1).collect();
        numbers.dedup();
        Self { numbers }
    }

    pub(super) fn partitions(&self) -> usize {
        self.numbers.len() + 1
    }

    /// The numbers of a partition: from the first on, below the second.
    fn bounds(&self, partition: usize) -> (u64, Option<u64>) {
        let from = partition.checked_sub(1).map_or(0, |before| self.numbers[before]);
        (from, self.numbers.get(partition).copied())
    }
}

/// The first position of a source whose number is not below `number`.
fn lower_bound(source: &Source<'_>, number: u64) -> u32 {
    let (mut low, mut high) = (0, source.positions());
    while low < high {
        let middle = low + (high - low) / 2;
        if source.certificate(middle) < number {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// An entry of a source's dictionary: source, entry.
pub(super) type Entry = (u32, u32);

/// Merged records of one partition, not yet numbered.
#[derive(Default)]
pub(super) struct Part {
    /// Records; `occupation` and `body` count in `entries`, `extension` in `heap`.
    pub(super) records: Vec<Record>,
    /// Occupations and bodies in order of their first appearance.
    pub(super) entries: [Vec<Entry>; 2],
    /// Extensions.
    pub(super) heap: Vec<u8>,
    /// Largest issue date code.
    pub(super) issue: u16,
}

/// A record to be merged: where it stands, and what it is merged by.
struct Item {
    certificate: u64,
    source: u32,
    at: u32,
}

/// Numbers one dictionary field in order of first appearance within a partition.
struct LocalNumbers {
    /// Numbers by source and entry; one more entry for all those past the end.
    numbers: Vec<Vec<u32>>,
    last: Option<(Entry, u32)>,
}

const NO_NUMBER: u32 = u32::MAX;

impl LocalNumbers {
    fn new(sources: &[Source<'_>], field: usize) -> Self {
        let numbers = sources
            .iter()
            .map(|source| vec![NO_NUMBER; source.dictionary_entries()[field] as usize + 1])
            .collect();
        Self { numbers, last: None }
    }

    #[inline]
    fn number(&mut self, source: usize, entry: u32, first: &mut Vec<Entry>) -> u32 {
        if let Some((last, number)) = self.last
            && last == (source as u32, entry)
        {
            return number;
        }
        let numbers = &mut self.numbers[source];
        let slot = (entry as usize).min(numbers.len() - 1);
        if numbers[slot] == NO_NUMBER {
            numbers[slot] = first.len() as u32;
            first.push((source as u32, slot as u32));
        }
        self.last = Some(((source as u32, entry), numbers[slot]));
        numbers[slot]
    }

    fn clear(&mut self, used: &[Entry]) {
        self.last = None;
        for &(source, entry) in used {
            self.numbers[source as usize][entry as usize] = NO_NUMBER;
        }
    }
}

/// Merges partitions, one after the other; each thread has its own.
pub(super) struct Merger<'a, 's> {
    sources: &'a [Source<'s>],
    cuts: &'a Cuts,
    items: Vec<Item>,
    numbers: [LocalNumbers; 2],
}

impl<'a, 's> Merger<'a, 's> {
    pub(super) fn new(sources: &'a [Source<'s>], cuts: &'a Cuts) -> Self {
        let numbers = [0, 1].map(|field| LocalNumbers::new(sources, field));
        Self { sources, cuts, items: Vec::new(), numbers }
    }

    /// Merges a partition.
    pub(super) fn merge(&mut self, partition: usize) -> Result<Part, BuildError> {
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        let mut used = 0;
        for source in 0..self.sources.len() {
            let before = items.len();
            self.collect(source, partition, &mut items)?;
            used += usize::from(items.len() > before);
        }
        if used > 1 {
            // Stable: records of one number stay in the order of their sources.
            items.sort_by_key(|item| item.certificate);
        }
        let mut part = Part { records: Vec::with_capacity(items.len()), ..Part::default() };
        for group in items.chunk_by(|a, b| a.certificate == b.certificate) {
            if let [item] = group {
                self.push(&mut part, &self.view(item)?, item.source as usize)?;
                continue;
            }
            let views: Result<Vec<_>, BuildError> =
                group.iter().map(|item| Ok((self.view(item)?, item.source as usize))).collect();
            for (view, source) in settle(views?.into_iter()) {
                self.push(&mut part, &view, source)?;
            }
        }
        for (numbers, used) in self.numbers.iter_mut().zip(&part.entries) {
            numbers.clear(used);
        }
        self.items = items;
        Ok(part)
    }

    /// Adds the records of one source.
    fn collect(
        &self,
        source: usize,
        partition: usize,
        items: &mut Vec<Item>,
    ) -> Result<(), BuildError> {
        let records = &self.sources[source];
        let (from, until) = self.cuts.bounds(partition);
        let Range { start, end } = lower_bound(records, from)
            ..until.map_or(records.positions(), |until| lower_bound(records, until));
        let shadowed = records.shadowed();
        let mut shadowed = &shadowed[shadowed.partition_point(|&at| at < start)..];
        let mut last = from;
        items.reserve(end.saturating_sub(start) as usize);
        for at in start..end {
            let certificate = records.certificate(at);
            if certificate < last {
                return Err(disorder());
            }
            last = certificate;
            if let Some((&first, rest)) = shadowed.split_first()
                && first == at
            {
                shadowed = rest;
                continue;
            }
            items.push(Item { certificate, source: source as u32, at });
        }
        if until.is_some_and(|until| last >= until && start < end) {
            return Err(disorder());
        }
        Ok(())
    }

    fn view(&self, item: &Item) -> Result<View<'s>, BuildError> {
        self.sources[item.source as usize].get(item.at as usize).ok_or_else(disorder)
    }

    fn push(&mut self, part: &mut Part, view: &View<'_>, source: usize) -> Result<(), BuildError> {
        let mut record = view.record;
        if !record.is_canonical() {
            return Err(BuildError::Invalid {
                place: "records",
                detail: format!("a record of source {source} uses bits outside the format"),
            });
        }
        if record.flags() != 0 {
            let extension = record::extension_bytes(view.texts.heap(), &record);
            let extension = extension.ok_or_else(|| BuildError::Invalid {
                place: "heap",
                detail: "an extension runs over its end".to_owned(),
            })?;
            record.extension = super::rows::heap_push(&mut part.heap, extension)?;
        }
        let [occupations, bodies] = &mut part.entries;
        record.occupation = self.numbers[0].number(source, record.occupation, occupations);
        record.body = self.numbers[1].number(source, record.body, bodies);
        part.issue = part.issue.max(record.issue);
        part.records.push(record);
        Ok(())
    }
}

fn disorder() -> BuildError {
    BuildError::Invalid {
        place: "records",
        detail: "certificate numbers of a source do not rise".to_owned(),
    }
}
