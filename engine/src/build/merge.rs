//! Several sets of records to one: later uploads correct earlier ones.
//!
//! The same certificate number for the same person replaces the older record; for another person
//! both stay (old registers). The result depends on the records alone, not on where they were stored.

use super::rows::Rows;
use crate::error::BuildError;
use crate::record::View;
use crate::segment::Segment;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Records in certificate-number order.
pub enum Source<'s> {
    /// A segment of any kind, without its records that a newer segment shadows.
    Segment {
        /// The segment.
        segment: &'s Segment,
        /// Record numbers to pass over, rising.
        shadowed: &'s [u32],
    },
    /// Rows with the order to take them in ([`Rows::in_order`]).
    Rows(&'s Rows, &'s [u32]),
}

impl<'s> Source<'s> {
    /// All records of a segment.
    #[must_use]
    pub fn whole(segment: &'s Segment) -> Self {
        Self::Segment { segment, shadowed: &[] }
    }

    /// The record at a position, be it shadowed or not.
    pub(super) fn get(&self, at: usize) -> Option<View<'s>> {
        match self {
            Self::Segment { segment, .. } => segment.view(u32::try_from(at).ok()?),
            Self::Rows(rows, order) => order.get(at).map(|&row| rows.view(row)),
        }
    }

    fn shadowed(&self) -> &'s [u32] {
        match self {
            Self::Segment { shadowed, .. } => shadowed,
            Self::Rows(..) => &[],
        }
    }

    /// Number of records that are not shadowed.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Segment { segment, shadowed } => segment.records() - shadowed.len() as u64,
            Self::Rows(_, order) => order.len() as u64,
        }
    }

    /// Whether there are no such records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The way through one source.
struct Cursor<'s> {
    next: usize,
    /// What is still to be passed over.
    shadowed: &'s [u32],
}

impl<'s> Cursor<'s> {
    /// The next record that is not shadowed, and its position.
    fn step(&mut self, source: &Source<'s>) -> Option<(usize, View<'s>)> {
        while let Some((&first, rest)) = self.shadowed.split_first()
            && first as usize == self.next
        {
            self.shadowed = rest;
            self.next += 1;
        }
        let at = self.next;
        self.next += 1;
        source.get(at).map(|view| (at, view))
    }
}

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Records in the result.
    pub records: u64,
    /// Records that replaced an older one.
    pub replaced: u64,
}

/// Merges sources, the oldest first, into `out` (record and number of its source), in
/// certificate-number order.
///
/// # Errors
/// Whatever `out` returns.
pub fn merge(
    sources: &[Source<'_>],
    mut out: impl FnMut(&View<'_>, usize) -> Result<(), BuildError>,
) -> Result<Merged, BuildError> {
    let mut merged = Merged::default();
    let mut cursors: Vec<Cursor<'_>> =
        sources.iter().map(|source| Cursor { next: 0, shadowed: source.shadowed() }).collect();
    // Smallest certificate number first, then the oldest source.
    let mut heads: BinaryHeap<Reverse<(u64, usize, usize)>> = BinaryHeap::new();
    for (source, cursor) in cursors.iter_mut().enumerate() {
        if let Some((at, view)) = cursor.step(&sources[source]) {
            heads.push(Reverse((view.record.certificate, source, at)));
        }
    }
    let mut group: Vec<(View<'_>, usize)> = Vec::new();
    while let Some(Reverse((number, source, at))) = heads.pop() {
        let Some(view) = sources[source].get(at) else { continue };
        if let Some((at, next)) = cursors[source].step(&sources[source]) {
            heads.push(Reverse((next.record.certificate, source, at)));
        }
        let more = heads.peek().is_some_and(|Reverse(head)| head.0 == number);
        if group.is_empty() && !more {
            out(&view, source)?;
            merged.records += 1;
            continue;
        }
        add(&mut group, view, source, &mut merged);
        if !more {
            group.sort_by(|(a, _), (b, _)| a.content_order(b));
            for (view, source) in group.drain(..) {
                out(&view, source)?;
                merged.records += 1;
            }
        }
    }
    Ok(merged)
}

/// Puts a newer record into the group of one packed number: in place of every older one of the same
/// person, beside the others. Whom it replaces depends on the two records alone, so that the result
/// is the same in whatever steps the sources are merged.
fn add<'s>(group: &mut Vec<(View<'s>, usize)>, view: View<'s>, source: usize, merged: &mut Merged) {
    let before = group.len();
    // Two records of one source were both accepted there and both stay.
    group.retain(|(older, older_source)| *older_source == source || !replaces(&view, older));
    merged.replaced += (before - group.len()) as u64;
    group.push((view, source));
}

/// Whether a newer record takes the place of an older one.
pub(super) fn replaces(newer: &View<'_>, older: &View<'_>) -> bool {
    *older.certificate_number() == *newer.certificate_number() && older.same_person(newer)
}
