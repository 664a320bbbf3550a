//! Many lookups in lock step: while one search waits for memory, the others go on.
//!
//! Some sixty searches take each step together, and each step asks for the memory of the next: what
//! begins the search, the cache lines of the candidate blocks, the records whose fingerprints agree.
//! Searches of hashed and of certificate-first indexes go in two groups, so that within a group the
//! steps are the same and the processor guesses few branches wrong. What is rare (long runs of equal
//! keys, crowded slots, deltas that may hold the key) goes through the single lookup, which is exact by
//! itself.

mod hashed;
mod ordered;

use crate::filter;
use crate::lookup::{Entries, Matches, Query};
use crate::map::Table;
use crate::record::View;
use crate::snapshot::Layer;

/// Searches in flight: enough to hide memory; more would push each other out of the first cache.
const IN_FLIGHT: usize = 64;

pub(crate) fn lookup<'s>(
    layers: &'s [Layer],
    deltas_filter: Option<&Table>,
    queries: &[Query<'_>],
    mut found: impl FnMut(usize, View<'s>),
) {
    let deltas_filter = deltas_filter.map(|filter| filter.words().as_flattened());
    let prefetch_filters = |query: &Query<'_>| {
        for layer in layers {
            layer.segment().prefetch_filter(query.probe.hash);
        }
    };
    for (group, queries) in queries.chunks(IN_FLIGHT).enumerate() {
        for query in queries {
            match deltas_filter {
                Some(filter) => filter::prefetch_line(filter, query.probe.hash),
                None => prefetch_filters(query),
            }
        }
        let mut answer = |at: usize, view| found(group * IN_FLIGHT + at, view);
        // The base first: meanwhile what was asked for comes in.
        for layer in layers.iter().filter(|layer| !layer.segment().has_filter()) {
            unfiltered(layer, queries, &mut answer);
        }
        let mut passed = List::default();
        for (at, query) in queries.iter().enumerate() {
            let may_hold = |filter| filter::may_hold(filter, query.probe.hash);
            passed.push_if(deltas_filter.is_none_or(may_hold), at);
        }
        if deltas_filter.is_some() {
            passed.get().iter().for_each(|&at| prefetch_filters(&queries[usize::from(at)]));
        }
        for layer in layers.iter().rev().filter(|layer| layer.segment().has_filter()) {
            filtered(layer, queries, passed.get(), &mut answer);
        }
    }
}

/// One layer through the single lookup.
fn one<'s>(layer: &'s Layer, query: &Query<'_>, mut found: impl FnMut(View<'s>)) {
    Matches::new(std::slice::from_ref(layer), *query).for_each(&mut found);
}

/// A delta: few keys pass its filter.
fn filtered<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    searches: &[u8],
    found: &mut impl FnMut(usize, View<'s>),
) {
    let segment = layer.segment();
    for &at in searches {
        let query = &queries[usize::from(at)];
        if segment.may_hold(query.probe.hash) {
            one(layer, query, |view| found(usize::from(at), view));
        }
    }
}

fn unfiltered<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    found: &mut impl FnMut(usize, View<'s>),
) {
    // Both groups are written to and one is kept, so that nothing branches on the mode.
    let mut groups = [List::default(), List::default()];
    for (at, query) in queries.iter().enumerate() {
        let group = &mut groups[usize::from(query.mode.is_certificate_first())];
        group.push_if(query.can_match(), at);
    }
    let [hashed, ordered] = &groups;
    hashed::lookup(layer, queries, hashed.get(), found);
    ordered::lookup(layer, queries, ordered.get(), found);
}

/// Positions of some of the queries in flight.
struct List {
    positions: [u8; IN_FLIGHT],
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self { positions: [0; IN_FLIGHT], len: 0 }
    }
}

impl List {
    /// Writes always, and keeps what was written if it is wanted.
    #[inline]
    fn push_if(&mut self, wanted: bool, at: usize) {
        self.positions[self.len % IN_FLIGHT] = at as u8;
        self.len += usize::from(wanted);
    }

    #[inline]
    fn get(&self) -> &[u8] {
        &self.positions[..self.len]
    }
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
        ordered: bool,
        found: &mut impl FnMut(usize, View<'s>),
    ) {
        let segment = layer.segment();
        let searches = self.searches.get();
        // Most searches have one entry left.
        let mut firsts = [0; IN_FLIGHT];
        for (&at, first) in searches.iter().zip(&mut firsts) {
            let at = usize::from(at);
            let Some(index) = segment.index(queries[at].mode) else { continue };
            let (lines, tag) = (segment.lines(index), queries[at].tag(index));
            *first = self.entries[at].next_record(lines, ordered, tag);
            segment.prefetch_record(*first);
            let mut others = self.entries[at];
            while others.mask != 0 {
                segment.prefetch_record(others.next_record(lines, ordered, tag));
            }
        }
        for (&at, first) in searches.iter().zip(firsts) {
            let at = usize::from(at);
            let query = &queries[at];
            let Some(index) = segment.index(query.mode) else { continue };
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
                number = others.next_record(lines, ordered, tag);
            }
        }
    }
}
