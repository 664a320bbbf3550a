//! The steps of searches in hashed indexes: directory, blocks, records.

use super::{IN_FLIGHT, List, one};
use crate::format::INDEX_BLOCK_BYTES;
use crate::index::tree::{Begun, Candidates};
use crate::lookup::{Entries, Query};
use crate::map::prefetch;
use crate::record::View;
use crate::snapshot::Layer;

pub(super) fn lookup<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    searches: &[u8],
    found: &mut impl FnMut(usize, View<'s>),
) {
    let segment = layer.segment();
    let each = || searches.iter().map(|&at| (usize::from(at), &queries[usize::from(at)]));
    let mut candidates: [Option<Candidates>; IN_FLIGHT] = [None; IN_FLIGHT];
    for (at, query) in each() {
        let Some(index) = segment.hashed(query.mode) else { continue };
        match index.tree.begin(query.probe.sort_key) {
            Begun::Found(blocks) if !blocks.low_within_run => {
                let lines = segment.lines(index);
                // As many as there usually are, without a look at how many there are.
                for block in [blocks.low, blocks.low + 1, blocks.low + 2, blocks.high] {
                    prefetch(lines, block.min(blocks.high) as usize * INDEX_BLOCK_BYTES);
                }
                candidates[at] = Some(blocks);
            }
            _ => one(layer, query, |view| found(at, view)),
        }
    }
    let mut left = Left::new();
    for (at, query) in each() {
        let (Some(Candidates { low, high, .. }), Some(index)) =
            (candidates[at], segment.hashed(query.mode))
        else {
            continue;
        };
        left.put(at, Entries::of_blocks(segment.lines(index), query.probe.hash, low, high));
    }
    left.compare(layer, queries, found);
}

/// The entries left of each search, and which have any.
struct Left {
    entries: [Entries; IN_FLIGHT],
    searches: List,
}

impl Left {
    fn new() -> Self {
        Self { entries: [Entries::default(); IN_FLIGHT], searches: List::default() }
    }

    #[inline]
    fn put(&mut self, at: usize, entries: Entries) {
        self.entries[at] = entries;
        self.searches.push_if(entries.mask != 0, at);
    }

    /// Asks for the records of all entries, then compares them.
    #[inline]
    fn compare<'s>(
        &mut self,
        layer: &'s Layer,
        queries: &[Query<'_>],
        found: &mut impl FnMut(usize, View<'s>),
    ) {
        let segment = layer.segment();
        let searches = self.searches.get();
        // Most searches have one entry left.
        let mut firsts = [0; IN_FLIGHT];
        for (&at, first) in searches.iter().zip(&mut firsts) {
            let at = usize::from(at);
            let Some(index) = segment.hashed(queries[at].mode) else { continue };
            let (lines, tag) = (segment.lines(index), queries[at].tag(index));
            *first = self.entries[at].next_record(lines, tag);
            segment.prefetch_record(*first);
            let mut others = self.entries[at];
            while others.mask != 0 {
                segment.prefetch_record(others.next_record(lines, tag));
            }
        }
        for (&at, first) in searches.iter().zip(firsts) {
            let at = usize::from(at);
            let query = &queries[at];
            let Some(index) = segment.hashed(query.mode) else { continue };
            let (lines, tag) = (segment.lines(index), query.tag(index));
            let mut others = self.entries[at];
            let mut number = first;
            loop {
                if query.agrees_with_record(segment, number) && !layer.is_shadowed(number) {
                    let record = segment.stored(number).to_native();
                    found(at, View { record, texts: segment });
                }
                if others.mask == 0 {
                    break;
                }
                number = others.next_record(lines, tag);
            }
        }
    }
}
