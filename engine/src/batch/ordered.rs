//! The steps of searches for certificate numbers: the stretch, the record.

use super::{IN_FLIGHT, List, one};
use crate::lookup::Query;
use crate::record::View;
use crate::snapshot::Layer;

pub(super) fn lookup<'s>(
    layer: &'s Layer,
    queries: &[Query<'_>],
    searches: &[u8],
    found: &mut impl FnMut(usize, View<'s>),
) {
    let segment = layer.segment();
    let Some(stretches) = segment.stretches() else { return };
    let mut records = [0; IN_FLIGHT];
    let mut left = List::default();
    for &search in searches {
        let at = usize::from(search);
        let query = &queries[at];
        match stretches.find(query.probe.sort_key) {
            None => {}
            Some(place) if place.repeated => one(layer, query, |view| found(at, view)),
            Some(place) => {
                segment.prefetch_record(place.record);
                records[at] = place.record;
                left.push_if(true, at);
            }
        }
    }
    for &at in left.get() {
        let at = usize::from(at);
        let (query, number) = (&queries[at], records[at]);
        if query.agrees_with_record(segment, number) && !layer.is_shadowed(number) {
            found(at, View { record: segment.stored(number).to_native(), texts: segment });
        }
    }
}
