//! Many lookups in lock step: while one search waits for memory, the others go on.
//!
//! Some thirty searches take each step together, and each step asks for the memory of the next: the
//! table that begins the search, the nodes of the tree, the cache lines of the candidate blocks, the
//! records whose fingerprints agree. What is rare (runs of equal keys, more candidates than usual,
//! deltas that may hold the key) goes through the single lookup, which is exact by itself.

use crate::format::INDEX_BLOCK_BYTES;
use crate::index::block;
use crate::index::tree::{Begun, Candidates, Descent, Slot};
use crate::lookup::{Matches, Query, agreeing, fingerprint_matches, record_number};
use crate::map::prefetch;
use crate::record::View;
use crate::segment::{Index, Segment};
use crate::snapshot::Layer;

/// Searches in flight: enough to hide memory; more would push each other out of the first cache.
const IN_FLIGHT: usize = 32;
/// Blocks of one search whose fingerprints are kept between two steps.
const BLOCKS_MAX: usize = 4;

pub(crate) fn lookup<'s>(
    layers: &'s [Layer],
    queries: &[Query<'_>],
    mut found: impl FnMut(usize, View<'s>),
) {
    for (group, queries) in queries.chunks(IN_FLIGHT).enumerate() {
        for layer in layers {
            let mut answer = |at: usize, view| found(group * IN_FLIGHT + at, view);
            if layer.segment().has_filter() {
                filtered(layer, queries, &mut answer);
            } else {
                unfiltered(layer, queries, &mut answer);
            }
        }
    }
}

/// One layer through the single lookup.
fn one<'s>(layer: &'s Layer, query: &Query<'_>, mut found: impl FnMut(View<'s>)) {
    Matches::new(std::slice::from_ref(layer), *query).for_each(&mut found);
}

/// A delta: few keys pass its filter.
fn filtered<'s>(layer: &'s Layer, queries: &[Query<'_>], found: &mut impl FnMut(usize, View<'s>)) {
    let segment = layer.segment();
    for query in queries {
        segment.prefetch_filter(query.probe.hash);
    }
    for (at, query) in queries.iter().enumerate() {
        if segment.may_hold(query.probe.hash) {
            one(layer, query, |view| found(at, view));
        }
    }
}

/// Where one search stands.
#[derive(Clone, Copy, Default)]
enum Stage {
    /// Nothing can match.
    #[default]
    Nothing,
    Descending(Descent),
    Fenced(Slot),
    Blocks(Candidates),
    /// Candidate blocks from `low` on with the entries whose fingerprints agree.
    Records {
        low: u32,
        masks: [u32; BLOCKS_MAX],
    },
    /// Left to the single lookup.
    Single,
}

fn unfiltered<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    found: &mut impl FnMut(usize, View<'s>),
) {
    let segment = layer.segment();
    let mut stages = [Stage::Nothing; IN_FLIGHT];
    let index_of = |query: &Query<'_>| {
        segment
            .index(query.mode)
            .filter(|index| !index.blocks_range.is_empty() && query.can_match())
    };
    for query in queries {
        if let Some(index) = index_of(query) {
            index.tree.prefetch(query.probe.sort_key);
        }
    }
    for (query, stage) in queries.iter().zip(&mut stages) {
        if let Some(index) = index_of(query) {
            *stage = match index.tree.begin(query.probe.sort_key) {
                Begun::Found(candidates) => ask_blocks(segment, index, candidates),
                Begun::Fenced(slot) => Stage::Fenced(slot),
                Begun::Descending(descent) => go_down(segment, index, descent),
            };
        }
    }
    for (query, stage) in queries.iter().zip(&mut stages) {
        if let (Stage::Fenced(slot), Some(index)) = (*stage, index_of(query)) {
            *stage = Stage::Fenced(index.tree.narrow(slot));
        }
    }
    for (query, stage) in queries.iter().zip(&mut stages) {
        if let (Stage::Fenced(slot), Some(index)) = (*stage, index_of(query)) {
            *stage = ask_blocks(segment, index, index.tree.fenced(slot));
        }
    }
    descend(segment, queries, &mut stages);
    for (query, stage) in queries.iter().zip(&mut stages) {
        if let (Stage::Blocks(candidates), Some(index)) = (*stage, index_of(query)) {
            *stage = ask_records(segment, index, query, candidates);
        }
    }
    for (at, (query, stage)) in queries.iter().zip(&stages).enumerate() {
        match *stage {
            Stage::Nothing | Stage::Descending(_) | Stage::Fenced(_) | Stage::Blocks(_) => {}
            Stage::Single => one(layer, query, |view| found(at, view)),
            Stage::Records { low, masks } => {
                if let Some(index) = index_of(query) {
                    compare(layer, index, query, (low, masks), |view| found(at, view));
                }
            }
        }
    }
}

/// Takes all searches that are on their way down to their ends.
fn descend(segment: &Segment, queries: &[Query<'_>], stages: &mut [Stage; IN_FLIGHT]) {
    loop {
        let mut descending = false;
        for (query, stage) in queries.iter().zip(stages.iter_mut()) {
            let (Stage::Descending(mut descent), Some(index)) = (*stage, segment.index(query.mode))
            else {
                continue;
            };
            descent.step(tree(segment, index), query.probe.sort_key);
            *stage = go_down(segment, index, descent);
            descending |= matches!(stage, Stage::Descending(_));
        }
        if !descending {
            return;
        }
    }
}

fn tree<'s>(segment: &'s Segment, index: &Index) -> &'s [u8] {
    &segment.bytes()[index.tree_range.clone()]
}

fn lines<'s>(segment: &'s Segment, index: &Index) -> &'s [u8] {
    &segment.bytes()[index.blocks_range.clone()]
}

/// Asks for the next node of a search, or for its block when it has ended.
#[inline]
fn go_down(segment: &Segment, index: &Index, descent: Descent) -> Stage {
    match descent.node() {
        Some(node) => {
            // A node lies below its address.
            let (tree, node) = (tree(segment, index), node as usize);
            prefetch(tree, node);
            prefetch(tree, node.saturating_sub(INDEX_BLOCK_BYTES));
            Stage::Descending(descent)
        }
        None => ask_blocks(segment, index, index.tree.candidate(descent.block())),
    }
}

#[inline]
fn ask_blocks(segment: &Segment, index: &Index, candidates: Candidates) -> Stage {
    if candidates.low_within_run {
        return Stage::Single;
    }
    let lines = lines(segment, index);
    for block in candidates.low..=candidates.high {
        prefetch(lines, block as usize * INDEX_BLOCK_BYTES);
    }
    Stage::Blocks(candidates)
}

/// Compares fingerprints and asks for the records of those that agree.
#[inline]
fn ask_records(
    segment: &Segment,
    index: &Index,
    query: &Query<'_>,
    Candidates { low, high, .. }: Candidates,
) -> Stage {
    let mut masks = [0; BLOCKS_MAX];
    if (high - low) as usize >= BLOCKS_MAX {
        return Stage::Single;
    }
    let lines = lines(segment, index);
    let ordered = query.mode.is_certificate_first();
    let mut any = 0;
    for (block, mask) in (low..=high).zip(&mut masks) {
        let line = block::line(lines, block);
        *mask = fingerprint_matches(line, query);
        any |= *mask;
        let mut left = *mask;
        while left != 0 {
            segment.prefetch_record(record_number(ordered, line, block, left.trailing_zeros()));
            left &= left - 1;
        }
    }
    if any == 0 { Stage::Nothing } else { Stage::Records { low, masks } }
}

#[inline]
fn compare<'s>(
    layer: &'s Layer,
    index: &Index,
    query: &Query<'_>,
    (low, masks): (u32, [u32; BLOCKS_MAX]),
    mut found: impl FnMut(View<'s>),
) {
    let segment = layer.segment();
    let ordered = query.mode.is_certificate_first();
    for (block, mask) in (low..).zip(masks).filter(|&(_, mask)| mask != 0) {
        let line = block::line(lines(segment, index), block);
        let number = |entry| record_number(ordered, line, block, entry);
        let mut agreeing = agreeing(segment, query, mask, number);
        while agreeing != 0 {
            let number = number(agreeing.trailing_zeros());
            agreeing &= agreeing - 1;
            if !layer.is_shadowed(number) {
                found(View { record: segment.stored(number).to_native(), texts: segment });
            }
        }
    }
}
