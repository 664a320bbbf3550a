//! What a figure is worth: how far it strays by itself, and whether two of them differ by more.
//!
//! A phase is cut into equal slices. The noise of a figure is the distance of the slice that strays
//! furthest from it, and at least [`BETWEEN_RUNS`] of it: what changes between two runs of one commit
//! (another boot, another neighbour on the host) no slice shows. Two figures differ when they lie
//! further apart than both noises added.

use super::super::run::{Knee, Phase, Summary};

/// Share of a figure by which runs of one commit may stray from each other though their slices do not;
/// `results/README.md` says how it was found.
const BETWEEN_RUNS: f64 = 0.05;
/// Slices below which nothing can be said about noise.
const LEAST_SLICES: usize = 3;

/// A figure with its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noisy {
    /// Over the whole phase.
    pub(super) value: f64,
    /// How far it strays; `None` with fewer than three slices.
    pub(super) noise: Option<f64>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
}

/// What came of the comparison of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No further apart than noise.
    Same,
    Better,
    Worse,
    /// The noise of one of them is not known, there is no figure, or they were asked something else.
    Unknown,
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Same => "same within noise",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Unknown => "not judged",
        }
    }

    /// Class of its cell; the words say the same without colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Worse => "bad",
            Self::Better => "good",
            Self::Same | Self::Unknown => "",
        }
    }
}

/// How far a figure strays whose slices are these.
fn straying(value: f64, slices: &[f64]) -> Option<f64> {
    if slices.len() < LEAST_SLICES || slices.iter().any(|slice| !slice.is_finite()) {
        return None;
    }
    let furthest = slices.iter().map(|slice| (slice - value).abs()).fold(0.0, f64::max);
    Some(furthest.max(value * BETWEEN_RUNS))
}

/// A figure of a phase with its noise.
pub(super) fn of(phase: &Phase, figure: impl Fn(&Summary) -> f64) -> Noisy {
    let slices: Vec<f64> = phase.slices.iter().map(&figure).collect();
    let value = figure(&phase.total);
    Noisy { value, noise: straying(value, &slices) }
}

/// The knee's rate, with half its spread as noise.
pub(super) fn of_knee(knee: &Knee) -> Noisy {
    let (low, high) = knee.spread;
    let noise = (high - low) / 2.0;
    Noisy { value: knee.rate, noise: (noise.is_finite() && noise > 0.0).then_some(noise) }
}

/// Whether `now` is better or worse than `before`.
pub(super) fn judge(before: Noisy, now: Noisy, better: Better) -> Verdict {
    let (Some(one), Some(other)) = (before.noise, now.noise) else { return Verdict::Unknown };
    if before.value <= 0.0 || now.value <= 0.0 {
        return Verdict::Unknown;
    }
    let gain = match better {
        Better::Higher => now.value - before.value,
        Better::Lower => before.value - now.value,
    };
    match gain {
        gain if gain.abs() <= one + other => Verdict::Same,
        gain if gain > 0.0 => Verdict::Better,
        _ => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(value: f64, noise: f64) -> Noisy {
        Noisy { value, noise: Some(noise) }
    }

    #[test]
    fn noise_is_the_slice_that_strays_furthest() {
        assert_eq!(straying(11.0, &[10.0, 14.0, 11.0]), Some(3.0));
        assert_eq!(straying(100.0, &[100.0; 5]), Some(5.0), "never less than between two runs");
        assert_eq!(straying(10.0, &[10.0, 14.0]), None);
        assert_eq!(straying(10.0, &[10.0, f64::NAN, 1.0]), None);
    }

    #[test]
    fn a_verdict_needs_more_than_noise() {
        let before = noisy(100.0, 3.0);
        assert_eq!(judge(before, noisy(107.0, 4.0), Better::Higher), Verdict::Same);
        assert_eq!(judge(before, noisy(107.1, 4.0), Better::Higher), Verdict::Better);
        assert_eq!(judge(before, noisy(107.1, 4.0), Better::Lower), Verdict::Worse);
        assert_eq!(judge(before, noisy(92.9, 4.0), Better::Higher), Verdict::Worse);
        assert_eq!(
            judge(before, Noisy { value: 9.0, noise: None }, Better::Lower),
            Verdict::Unknown
        );
        assert_eq!(judge(before, noisy(0.0, 1.0), Better::Lower), Verdict::Unknown, "no answers");
    }

    #[test]
    fn figures_of_a_phase_carry_the_noise_of_its_slices() {
        let summary = |p99_us| Summary { p99_us, ..Summary::default() };
        let phase = Phase {
            total: summary(500),
            slices: [400, 650, 500].map(summary).to_vec(),
            ..Phase::default()
        };
        assert_eq!(of(&phase, |summary| summary.p99_us as f64), noisy(500.0, 150.0));
        let knee = Knee { rate: 5000.0, spread: (4900.0, 5050.0), ..Knee::default() };
        assert_eq!(of_knee(&knee), noisy(5000.0, 75.0));
        assert_eq!(of_knee(&Knee::default()).noise, None);
    }
}
