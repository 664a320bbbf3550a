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

use crate::lookup::{Entries, Matches, Query};
use crate::record::View;
use crate::snapshot::Layer;

/// Searches in flight: enough to hide memory; more would push each other out of the first cache.
const IN_FLIGHT: usize = 64;

pub(crate) fn lookup<'s>(
    layers: &'s [Layer],
    queries: &[Query<'_>],
    mut found: impl FnMut(usize, View<'s>),
) {
    for (group, queries) in queries.chunks(IN_FLIGHT).enumerate() {
        for segment in layers.iter().map(Layer::segment).filter(|segment| segment.has_filter()) {
            for query in queries {
                segment.prefetch_filter(query.probe.hash);
            }
        }
        // The base first: meanwhile the filters come in.
        for layer in layers.iter().rev() {
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
    for (at, query) in queries.iter().enumerate() {
        if segment.may_hold(query.probe.hash) {
            one(layer, query, |view| found(at, view));
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
