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
    /// A segment of any kind.
    Segment(&'s Segment),
    /// Rows with the order to take them in ([`Rows::in_order`]).
    Rows(&'s Rows, &'s [u32]),
}

impl<'s> Source<'s> {
    fn get(&self, at: usize) -> Option<View<'s>> {
        match self {
            Self::Segment(segment) => segment.view(u32::try_from(at).ok()?),
            Self::Rows(rows, order) => order.get(at).map(|&row| rows.view(row)),
        }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.records(),
            Self::Rows(_, order) => order.len() as u64,
        }
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    // Smallest certificate number first, then the oldest source.
    let mut heads: BinaryHeap<Reverse<(u64, usize, usize)>> = sources
        .iter()
        .enumerate()
        .filter_map(|(source, records)| {
            records.get(0).map(|view| Reverse((view.record.certificate, source, 0)))
        })
        .collect();
    let mut group: Vec<(View<'_>, usize)> = Vec::new();
    while let Some(Reverse((number, source, at))) = heads.pop() {
        let Some(view) = sources[source].get(at) else { continue };
        if let Some(next) = sources[source].get(at + 1) {
            heads.push(Reverse((next.record.certificate, source, at + 1)));
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

/// Puts a newer record into the group of one packed number: over the same person's older one, or
/// beside the others.
fn add<'s>(group: &mut Vec<(View<'s>, usize)>, view: View<'s>, source: usize, merged: &mut Merged) {
    let older = group.iter_mut().find(|(older, older_source)| {
        // Two records of one source were both accepted there and both stay.
        *older_source != source
            && *older.certificate_number() == *view.certificate_number()
            && older.same_person(&view)
    });
    match older {
        Some(slot) => {
            *slot = (view, source);
            merged.replaced += 1;
        }
        None => group.push((view, source)),
    }
}
