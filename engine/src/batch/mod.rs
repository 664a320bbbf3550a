//! Many lookups in lock step: while one search waits for memory, the others go on.
//!
//! Some sixty searches take each step together, and each step asks for the memory of the next: filters,
//! and for those that pass what begins the search, the cache lines of stretches or candidate blocks, the
//! records. Searches of hashed and of certificate-first indexes go in two groups, so that within a group the
//! steps are the same and the processor guesses few branches wrong. What is rare (long runs of equal
//! keys, crowded slots, deltas that may hold the key) goes through the single lookup, which is exact by
//! itself.

mod hashed;
mod ordered;

use crate::filter;
use crate::lookup::{Matches, Query};
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
    let of_kind = |is_delta| {
        let is_of_kind =
            move |layer: &&Layer| layer.segment().filter_of_all().is_some() == is_delta;
        layers.iter().rev().filter(is_of_kind)
    };
    let prefetch_filters = |is_delta, query: &Query<'_>| {
        for layer in of_kind(is_delta) {
            layer.segment().prefetch_filter(query.mode, query.probe.hash);
        }
    };
    for (group, queries) in queries.chunks(IN_FLIGHT).enumerate() {
        for query in queries {
            prefetch_filters(false, query);
            match deltas_filter {
                Some(filter) => filter::prefetch_line(filter, query.probe.hash),
                None => prefetch_filters(true, query),
            }
        }
        let mut answer = |at: usize, view| found(group * IN_FLIGHT + at, view);
        for layer in of_kind(false) {
            base(layer, queries, &mut answer);
        }
        let mut passed = List::default();
        for (at, query) in queries.iter().enumerate() {
            let may_hold = |filter| filter::may_hold(filter, query.probe.hash);
            passed.push_if(deltas_filter.is_none_or(may_hold), at);
        }
        if deltas_filter.is_some() {
            for &at in passed.get() {
                prefetch_filters(true, &queries[usize::from(at)]);
            }
        }
        for layer in of_kind(true) {
            delta(layer, queries, passed.get(), &mut answer);
        }
    }
}

/// One layer through the single lookup.
fn one<'s>(layer: &'s Layer, query: &Query<'_>, mut found: impl FnMut(View<'s>)) {
    Matches::new(std::slice::from_ref(layer), None, *query).for_each(&mut found);
}

/// A delta: few keys pass its filter.
fn delta<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    searches: &[u8],
    found: &mut impl FnMut(usize, View<'s>),
) {
    for &at in searches {
        let query = &queries[usize::from(at)];
        if query.may_be_in(layer.segment()) {
            one(layer, query, |view| found(usize::from(at), view));
        }
    }
}

fn base<'s>(layer: &'s Layer, queries: &[Query<'_>], found: &mut impl FnMut(usize, View<'s>)) {
    let segment = layer.segment();
    // Both groups are written to and one is kept, so that nothing branches on the mode.
    let mut groups = [List::default(), List::default()];
    for (at, query) in queries.iter().enumerate() {
        let may_match = query.can_match() & query.may_be_in(segment);
        if may_match {
            query.prefetch(segment);
        }
        groups[usize::from(query.mode.is_certificate_first())].push_if(may_match, at);
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
