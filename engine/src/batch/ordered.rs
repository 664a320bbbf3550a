//! The steps of searches in certificate-first indexes: fences or nodes of the tree, a block, records.

use super::{IN_FLIGHT, Left, one};
use crate::format::INDEX_BLOCK_BYTES;
use crate::index::tree::{Begun, Candidates, Descent, Slot};
use crate::lookup::{Entries, Query};
use crate::map::prefetch;
use crate::record::View;
use crate::segment::{Index, Segment};
use crate::snapshot::Layer;

/// Where one search stands.
#[derive(Clone, Copy, Default)]
enum Stage {
    /// Nothing there, or answered.
    #[default]
    Done,
    Descending(Descent),
    Fenced(Slot),
    Block(u32),
}

pub(super) fn lookup<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    searches: &[u8],
    found: &mut impl FnMut(usize, View<'s>),
) {
    let segment = layer.segment();
    let each = || {
        searches.iter().filter_map(|&at| {
            let query = &queries[usize::from(at)];
            let index = segment.index(query.mode).filter(|index| !index.blocks_range.is_empty())?;
            Some((usize::from(at), query, index))
        })
    };
    for (_, query, index) in each() {
        index.tree.prefetch(query.probe.sort_key);
    }
    let mut stages = [Stage::Done; IN_FLIGHT];
    let mut descending = false;
    for (at, query, index) in each() {
        stages[at] = match index.tree.begin(query.probe.sort_key) {
            Begun::Fenced(slot) => Stage::Fenced(slot),
            Begun::Descending(descent) => {
                descending = true;
                Stage::Descending(descent)
            }
            Begun::Found(_) => {
                one(layer, query, |view| found(at, view));
                Stage::Done
            }
        };
    }
    for (at, _, index) in each() {
        if let Stage::Fenced(slot) = stages[at] {
            stages[at] = Stage::Fenced(index.tree.narrow(slot));
        }
    }
    let mut settle = |at: usize, query: &Query<'_>, index: &Index, candidates: Candidates| {
        if candidates.low_within_run {
            one(layer, query, |view| found(at, view));
            return Stage::Done;
        }
        prefetch(segment.lines(index), candidates.low as usize * INDEX_BLOCK_BYTES);
        Stage::Block(candidates.low)
    };
    for (at, query, index) in each() {
        if let Stage::Fenced(slot) = stages[at] {
            stages[at] = settle(at, query, index, index.tree.fenced(slot));
        }
    }
    while std::mem::take(&mut descending) {
        for (at, query, index) in each() {
            let Stage::Descending(mut descent) = stages[at] else { continue };
            if descent.node().is_none() {
                stages[at] = settle(at, query, index, index.tree.candidate(descent.block()));
                continue;
            }
            descent.step(&segment.bytes()[index.tree_range.clone()], query.probe.sort_key);
            ask_node(segment, index, descent);
            stages[at] = Stage::Descending(descent);
            descending = true;
        }
    }
    let mut left = Left::new();
    for (at, query, index) in each() {
        if let Stage::Block(block) = stages[at] {
            left.put(at, Entries::with_fingerprint(segment.lines(index), query, block, block));
        }
    }
    left.compare(layer, queries, true, found);
}

/// Asks for the node that is read next; it lies below its address.
#[inline]
fn ask_node(segment: &Segment, index: &Index, descent: Descent) {
    if let Some(node) = descent.node() {
        let tree = &segment.bytes()[index.tree_range.clone()];
        prefetch(tree, node as usize);
        prefetch(tree, (node as usize).saturating_sub(INDEX_BLOCK_BYTES));
    }
}
