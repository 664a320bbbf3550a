//! What a delta replaces: its records are looked up, in number order, in the older segments that stay
//! as they are, and found there they are shadowed.
//!
//! Which older record a newer one replaces is the rule of [`merge`](super::merge()): so a base with deltas
//! holds what one base merged from the same uploads would hold. Nothing here reads more of an older
//! segment than the lookups need.

use super::merge::{Source, replaces};
use crate::archive::Shadows;
use crate::error::OpenError;
use crate::key::Mode;
use crate::lookup::Query;
use crate::snapshot::Snapshot;
use std::ops::Range;

/// Records of older segments to be shadowed: for each segment, the base first, numbers in any order.
pub type Replaced = Vec<Vec<u32>>;

/// The records of the oldest `kept` segments that the records of `batch` at these positions replace.
///
/// Positions can be split over threads; in rising order neighbouring lookups share their pages.
#[must_use]
pub fn replaced(
    register: &Snapshot,
    kept: usize,
    batch: &Source<'_>,
    positions: Range<usize>,
) -> Replaced {
    let mut found = vec![Vec::new(); kept];
    for newer in positions.map_while(|at| batch.get(at)) {
        let number = newer.certificate_number();
        for older in register.located(&number) {
            if older.segment < kept && replaces(&newer, &older.view) {
                found[older.segment].push(older.record);
            }
        }
    }
    found
}

/// The shadows of a delta over the oldest `kept` segments: what its batch replaces there, and what
/// the newer segments merged into it already shadowed.
#[must_use]
pub fn shadows(
    register: &Snapshot,
    kept: usize,
    found: impl IntoIterator<Item = Replaced>,
) -> Vec<Shadows> {
    let ids: Vec<&str> = register.segments().map(|segment| segment.id()).collect();
    let mut by_segment: Replaced = vec![Vec::new(); kept];
    for part in found {
        for (all, records) in by_segment.iter_mut().zip(part) {
            all.extend(records);
        }
    }
    for older in register.segments().skip(kept).flat_map(|segment| segment.shadows()) {
        if let Some(at) = ids[..kept].iter().position(|id| *id == older.segment) {
            by_segment[at].extend(&older.records);
        }
    }
    let listed = ids.into_iter().zip(by_segment).filter(|(_, records)| !records.is_empty());
    listed
        .map(|(id, mut records)| {
            records.sort_unstable();
            records.dedup();
            Shadows { segment: id.to_owned(), records }
        })
        .collect()
}

/// How many records of the oldest `kept` segments a delta with these shadows leaves to be served.
#[must_use]
pub fn left_to_serve(register: &Snapshot, kept: usize, shadows: &[Shadows]) -> u64 {
    let segments: Vec<_> = register.segments().take(kept).collect();
    let mut left = 0;
    for (position, segment) in segments.iter().enumerate() {
        let mut gone: Vec<u32> = segments[position + 1..]
            .iter()
            .flat_map(|newer| newer.shadows())
            .chain(shadows)
            .filter(|older| older.segment == segment.id())
            .flat_map(|older| older.records.iter().copied())
            .collect();
        gone.sort_unstable();
        gone.dedup();
        left += segment.records() - gone.len() as u64;
    }
    left
}

/// Looks up records of the delta at `position` (the base is 0) through the whole snapshot: each that is
/// not replaced itself must be found, by its number and by its number and holder, and no older record
/// that it replaces beside it.
///
/// # Errors
/// `Corrupt`, naming the first record that breaks this.
pub fn check_delta(
    snapshot: &Snapshot,
    position: usize,
    records: Range<u32>,
) -> Result<(), OpenError> {
    let Some(segment) = snapshot.segments().nth(position) else { return Ok(()) };
    let shadowed = snapshot.shadowed(position);
    for record in records.filter(|record| shadowed.binary_search(record).is_err()) {
        let Some(view) = segment.view(record) else { return Ok(()) };
        let corrupt = |detail: &str| {
            Err(OpenError::corrupt(segment.path(), "snapshot", format!("record {record} {detail}")))
        };
        let number = view.certificate_number();
        let mut found = false;
        for located in snapshot.located(&number) {
            if located.segment == position {
                found |= located.record == record;
            } else if located.segment < position && replaces(&view, &located.view) {
                return corrupt("does not shadow an older one that it replaces");
            }
        }
        if !found {
            return corrupt("is not found by its number");
        }
        let id = view.id_number();
        let query = Query::new(Mode::IC, &id, &number);
        if !snapshot.lookup(query).any(|other| other.record == view.record) {
            return corrupt("is not found by its number and holder");
        }
    }
    Ok(())
}
