//! Records of the live generation, at random.

use anyhow::ensure;
use zhengcha_engine::testing::Random;
use zhengcha_engine::{Mode, Query, Segment, Snapshot, View};

/// Deductions are about certificates of this year and later.
const FIRST_TAX_YEAR: u16 = 2019;
/// Records looked at for a recent one.
const RECENT_TRIES: u32 = 4;

/// The records served: those of every segment that no newer one replaces.
pub(super) struct Draw<'s> {
    snapshot: &'s Snapshot,
    segments: Vec<(&'s Segment, &'s [u32])>,
    stored: u64,
}

impl<'s> Draw<'s> {
    /// Of a generation that serves something.
    pub(super) fn new(snapshot: &'s Snapshot) -> anyhow::Result<Self> {
        ensure!(snapshot.records() > 0, "the live generation holds no certificate to claim");
        let segments: Vec<_> = (0..)
            .zip(snapshot.segments())
            .map(|(position, segment)| (segment, snapshot.shadowed(position)))
            .collect();
        let stored = segments.iter().map(|(segment, _)| segment.records()).sum();
        Ok(Self { snapshot, segments, stored })
    }

    /// Any record.
    pub(super) fn any(&self, random: &mut Random) -> View<'s> {
        loop {
            let mut at = ((u128::from(random.bits()) * u128::from(self.stored)) >> 64) as u64;
            for (segment, shadowed) in &self.segments {
                if at >= segment.records() {
                    at -= segment.records();
                    continue;
                }
                let number = at as u32;
                match segment.view(number) {
                    Some(view) if shadowed.binary_search(&number).is_err() => return view,
                    _ => break,
                }
            }
        }
    }

    /// A record of 2019 or later, if one is met soon; as people claim.
    pub(super) fn recent(&self, random: &mut Random) -> View<'s> {
        let is_recent =
            |view: &View<'_>| view.issue_date().is_some_and(|date| date.year() >= FIRST_TAX_YEAR);
        let mut view = self.any(random);
        for _ in 1..RECENT_TRIES {
            if is_recent(&view) {
                break;
            }
            view = self.any(random);
        }
        view
    }

    /// A record that fits, if one is met within so many; recent ones first.
    pub(super) fn fitting(
        &self,
        random: &mut Random,
        tries: u32,
        fits: impl Fn(&View<'_>) -> bool,
    ) -> Option<View<'s>> {
        (0..tries)
            .map(|at| if at < tries / 4 { self.recent(random) } else { self.any(random) })
            .find(fits)
    }

    /// Another certificate of the same person and year.
    pub(super) fn of_same_year(&self, view: &View<'s>) -> Option<View<'s>> {
        let (id, name) = (view.id_number(), view.name_key());
        let year = |view: &View<'_>| view.issue_date().map(|date| date.year());
        let number = view.certificate_number();
        self.snapshot
            .lookup(Query::new(Mode::IN, id.as_str(), name.as_str()))
            .filter(|other| *other.certificate_number() != *number && year(other) == year(view))
            .min_by(|a, b| a.certificate_number().as_str().cmp(b.certificate_number().as_str()))
    }

    /// The record with this certificate number.
    pub(super) fn numbered(&self, number: &'s str) -> Option<View<'s>> {
        self.snapshot.by_certificate(number).next()
    }
}
