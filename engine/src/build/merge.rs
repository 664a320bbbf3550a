//! Several sets of records to one: later uploads correct earlier ones.
//!
//! The same certificate number for the same person replaces the older record; for another person
//! both stay (old registers). The result depends on the records alone, not on where they were stored.

use super::rows::Rows;
use crate::record::{Texts, View};
use crate::segment::Segment;

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

    /// Positions, those of shadowed records with them.
    pub(super) fn positions(&self) -> u32 {
        match self {
            Self::Segment { segment, .. } => segment.records() as u32,
            Self::Rows(_, order) => order.len() as u32,
        }
    }

    /// The packed certificate number at a position below [`positions`](Self::positions).
    #[inline]
    pub(super) fn certificate(&self, at: u32) -> u64 {
        match self {
            Self::Segment { segment, .. } => segment.stored(at).certificate.to_native(),
            Self::Rows(rows, order) => rows.sort_key(order[at as usize]),
        }
    }

    pub(super) fn texts(&self) -> &'s dyn Texts {
        match self {
            Self::Segment { segment, .. } => *segment,
            Self::Rows(rows, _) => *rows,
        }
    }

    /// Entries of the two dictionaries: occupations, bodies.
    pub(super) fn dictionary_entries(&self) -> [u32; 2] {
        match self {
            Self::Segment { segment, .. } => segment.dictionary_entries().into(),
            Self::Rows(rows, _) => rows.dictionary_entries(),
        }
    }

    /// Bytes of the heap and the dictionaries.
    pub(super) fn text_bytes(&self) -> u64 {
        match self {
            Self::Segment { segment, .. } => segment.text_bytes(),
            Self::Rows(rows, _) => rows.text_bytes(),
        }
    }

    pub(super) fn shadowed(&self) -> &'s [u32] {
        match self {
            Self::Segment { shadowed, .. } => shadowed,
            Self::Rows(..) => &[],
        }
    }

    /// Number of records that are not shadowed.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Segment { segment, shadowed } => {
                segment.records().saturating_sub(shadowed.len() as u64)
            }
            Self::Rows(_, order) => order.len() as u64,
        }
    }

    /// Whether there are no such records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A record of a source: its view and the number of the source.
pub(super) type Sourced<'s> = (View<'s>, usize);

/// Settles the records of one packed number, given from the oldest source to the newest: what stays,
/// in the order of its content.
pub(super) fn settle<'s>(records: impl Iterator<Item = Sourced<'s>>) -> Vec<Sourced<'s>> {
    let mut group = Vec::new();
    for (view, source) in records {
        add(&mut group, view, source);
    }
    group.sort_by(|(a, _), (b, _)| a.content_order(b));
    group
}

/// Puts a newer record into the group of one packed number: in place of every older one of the same
/// person, beside the others. Whom it replaces depends on the two records alone, so that the result
/// is the same in whatever steps the sources are merged.
fn add<'s>(group: &mut Vec<Sourced<'s>>, view: View<'s>, source: usize) {
    // Two records of one source were both accepted there and both stay.
    group.retain(|(older, older_source)| *older_source == source || !replaces(&view, older));
    group.push((view, source));
}

/// Whether a newer record takes the place of an older one.
pub(super) fn replaces(newer: &View<'_>, older: &View<'_>) -> bool {
    *older.certificate_number() == *newer.certificate_number() && older.same_person(newer)
}
