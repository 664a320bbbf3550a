//! Which segments of the live generation a publication merges into the one it writes.
//!
//! A half-month must cost what a half-month weighs, whatever the base weighs; a lookup must ask few
//! segments. So a load writes a delta over the base, merges into it the newest deltas as long as the
//! result stays light, and merges further only when more than [`DELTAS_MAX`] would stand. Pure: sizes
//! in, a number out.

/// Below so many records in all the base is written again with every load: that takes a second or
/// two, and a register that small is served best from one segment.
pub const BASE_REWRITE_RECORDS: u64 = 2_000_000;
/// Deltas that may stand over the base.
pub const DELTAS_MAX: usize = 3;
/// Most records of a delta that is merged of others only for the sake of order: it is then below
/// 100 MB and compiled in seconds.
pub const LIGHT_DELTA_RECORDS: u64 = 900_000;
/// Once deltas must be merged, one is taken along as long as it is less than so many times as large as
/// what is merged already. Each record is then written a few times in its life as part of a delta.
pub const TIER_FACTOR: u64 = 4;
/// The merge into the base is recommended once the deltas hold more than one record for so many of
/// the base.
pub const BASE_SHARE_OF_DELTAS: u64 = 10;

/// Where the records of a publication are to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// As the policy has it.
    #[default]
    Auto,
    /// Into a delta, even over a small base.
    Delta,
    /// Into a new base, with all that is served.
    Base,
}

/// How many of the oldest segments stay as they are: 0 is a new base, else a new delta takes the place
/// of the deltas behind these.
///
/// `segments` are the record counts of the live generation, the base first; `batch` is what is added.
#[must_use]
pub fn kept(segments: &[u64], batch: u64, target: Target) -> usize {
    let Some((&base, deltas)) = segments.split_first() else { return 0 };
    let all = segments.iter().sum::<u64>() + batch;
    match target {
        Target::Base => return 0,
        Target::Auto if base == 0 || all < BASE_REWRITE_RECORDS => return 0,
        Target::Auto | Target::Delta => {}
    }
    let mut left = deltas.len();
    let mut merged = batch;
    while left > 0 && merged + deltas[left - 1] <= LIGHT_DELTA_RECORDS {
        left -= 1;
        merged += deltas[left];
    }
    let overfull = left >= DELTAS_MAX;
    while overfull
        && left > 0
        && (left >= DELTAS_MAX || deltas[left - 1] < TIER_FACTOR.saturating_mul(merged))
    {
        left -= 1;
        merged += deltas[left];
    }
    left + 1
}

/// Whether the deltas of a generation are so large that they should be merged into the base.
#[must_use]
pub fn base_is_due(segments: &[u64]) -> bool {
    segments.split_first().is_some_and(|(&base, deltas)| {
        deltas.iter().sum::<u64>().saturating_mul(BASE_SHARE_OF_DELTAS) > base
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: u64 = 1_000_000;
    const HALF_MONTH: u64 = 650_000;

    #[test]
    fn table_of_the_policy() {
        use Target::{Auto, Base, Delta};
        let table: &[(&[u64], u64, Target, usize)] = &[
            // The first load, and small registers: one base.
            (&[], 5, Auto, 0),
            (&[], 5, Delta, 0),
            (&[10], 5, Auto, 0),
            (&[BASE_REWRITE_RECORDS - 6], 5, Auto, 0),
            // An empty base needs nothing over it.
            (&[0], 3 * M, Auto, 0),
            // From there on a delta.
            (&[BASE_REWRITE_RECORDS - 5], 5, Auto, 1),
            (&[200 * M], HALF_MONTH, Auto, 1),
            (&[200 * M], HALF_MONTH, Base, 0),
            (&[10], 5, Delta, 1),
            (&[0], 5, Delta, 1),
            // Small uploads join the newest delta while it stays light …
            (&[200 * M, HALF_MONTH], 1, Auto, 1),
            (&[200 * M, LIGHT_DELTA_RECORDS - 5], 5, Auto, 1),
            (&[200 * M, LIGHT_DELTA_RECORDS - 4], 5, Auto, 2),
            (&[200 * M, 5 * M, 10, 20], 5, Auto, 2),
            // … half-months stand side by side until there are too many.
            (&[200 * M, HALF_MONTH], HALF_MONTH, Auto, 2),
            (&[200 * M, HALF_MONTH, HALF_MONTH], HALF_MONTH, Auto, 3),
            (&[200 * M, HALF_MONTH, HALF_MONTH, HALF_MONTH], HALF_MONTH, Auto, 1),
            // A tier four times as large as what is merged is left alone.
            (&[200 * M, 5_200_000, HALF_MONTH, HALF_MONTH], HALF_MONTH, Auto, 1),
            (&[200 * M, 8 * M, HALF_MONTH, HALF_MONTH], HALF_MONTH, Auto, 2),
            (&[200 * M, 60 * M, 15 * M, 3 * M], HALF_MONTH, Auto, 3),
            // Too many is too many, however large.
            (&[200 * M, 300 * M, 60 * M, 10 * M], HALF_MONTH, Auto, 3),
            (&[200 * M, 500 * M, 100 * M, 20 * M, 4 * M], HALF_MONTH, Auto, 3),
            (&[200 * M, 90 * M, 60 * M, 40 * M], HALF_MONTH, Auto, 1),
        ];
        for &(segments, batch, target, expected) in table {
            assert_eq!(kept(segments, batch, target), expected, "{segments:?} {batch} {target:?}");
        }
    }

    #[test]
    fn years_of_half_months_keep_to_the_bounds() {
        let mut segments = vec![200 * M];
        let (mut written, mut light, mut loads) = (0, 0, 0);
        while !base_is_due(&segments) {
            let kept = kept(&segments, HALF_MONTH, Target::Auto);
            assert!((1..=DELTAS_MAX).contains(&kept), "{segments:?}");
            let merged = segments.drain(kept..).sum::<u64>() + HALF_MONTH;
            segments.push(merged);
            (written, loads) = (written + merged, loads + 1);
            light += u32::from(merged == HALF_MONTH);
        }
        // A tenth of 200 million is 31 half-months; two loads in three write theirs alone, and all
        // together write each record about four times.
        assert_eq!(loads, 31);
        assert!(light * 10 >= loads * 6, "{light} of {loads}");
        assert!(written < 5 * 31 * HALF_MONTH, "{written}");
    }

    #[test]
    fn any_sizes_keep_to_the_bounds() {
        let sizes = [0, 1, 7, HALF_MONTH, LIGHT_DELTA_RECORDS, 3 * M, u64::MAX / 8];
        for &a in &sizes {
            for &b in &sizes {
                for &c in &sizes {
                    for &batch in &sizes {
                        let kept = kept(&[200 * M, a, b, c], batch, Target::Auto);
                        assert!((1..=DELTAS_MAX).contains(&kept), "{a} {b} {c} {batch}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_tenth_of_the_base_makes_the_merge_due() {
        assert!(!base_is_due(&[]) && !base_is_due(&[10]) && !base_is_due(&[200 * M, 20 * M]));
        assert!(base_is_due(&[200 * M, 19 * M, M + 1]) && base_is_due(&[0, 1]));
    }
}
