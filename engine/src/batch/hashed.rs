//! The steps of searches in hashed indexes: directory, blocks, records.

use super::{IN_FLIGHT, Left, one};
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
    for (_, query) in each() {
        if let Some(index) = segment.index(query.mode) {
            index.tree.prefetch(query.probe.sort_key);
        }
    }
    let mut candidates: [Option<Candidates>; IN_FLIGHT] = [None; IN_FLIGHT];
    for (at, query) in each() {
        let Some(index) = segment.index(query.mode).filter(|index| !index.blocks_range.is_empty())
        else {
            continue;
        };
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
            (candidates[at], segment.index(query.mode))
        else {
            continue;
        };
        left.put(at, Entries::with_fingerprint(segment.lines(index), query, low, high));
    }
    left.compare(layer, queries, false, found);
}
