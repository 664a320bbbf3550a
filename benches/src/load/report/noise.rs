//! What a figure is worth: how far it strays by itself, and whether two of them differ by more.
//!
//! A phase is cut into equal slices. The noise of a figure is half the distance between its lowest and
//! its highest slice. Two figures differ when they lie further apart than their noises together, added
//! as errors are: the root of the sum of their squares. It is a careful bound within one run; it knows
//! nothing of what changes between two runs (another boot, another neighbour on the host).

use super::super::run::{Knee, Phase, Summary};

/// Slices below which nothing can be said about noise.
const LEAST_SLICES: usize = 3;

/// A figure with its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noisy {
    /// Over the whole phase.
    pub(super) value: f64,
    /// Half the range of its slices; `None` with fewer than three.
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

/// Half the distance between the lowest and the highest of these.
pub(super) fn half_range(values: &[f64]) -> Option<f64> {
    if values.len() < LEAST_SLICES || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((high - low) / 2.0)
}

/// A figure of a phase with its noise.
pub(super) fn of(phase: &Phase, figure: impl Fn(&Summary) -> f64) -> Noisy {
    let values: Vec<f64> = phase.slices.iter().map(&figure).collect();
    Noisy { value: figure(&phase.total), noise: half_range(&values) }
}

/// The knee's rate, with half its spread as noise.
pub(super) fn of_knee(knee: &Knee) -> Noisy {
    let (low, high) = knee.spread;
    let noise = (high - low) / 2.0;
    Noisy { value: knee.rate, noise: (noise.is_finite() && noise > 0.0).then_some(noise) }
}

/// Noise of the difference of two figures.
pub(super) fn together(left: Noisy, right: Noisy) -> Option<f64> {
    Some(left.noise?.hypot(right.noise?))
}

/// Whether `now` is better or worse than `before`.
pub(super) fn judge(before: Noisy, now: Noisy, better: Better) -> Verdict {
    let (Some(noise), true) = (together(before, now), before.value > 0.0 && now.value > 0.0) else {
        return Verdict::Unknown;
    };
    let gain = match better {
        Better::Higher => now.value - before.value,
        Better::Lower => before.value - now.value,
    };
    match gain {
        gain if gain.abs() <= noise => Verdict::Same,
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
    fn noise_is_half_the_range_of_at_least_three_slices() {
        assert_eq!(half_range(&[10.0, 14.0, 11.0]), Some(2.0));
        assert_eq!(half_range(&[7.0; 5]), Some(0.0));
        assert_eq!(half_range(&[10.0, 14.0]), None);
        assert_eq!(half_range(&[10.0, f64::NAN, 1.0]), None);
    }

    #[test]
    fn noises_add_as_errors_do() {
        assert_eq!(together(noisy(1.0, 3.0), noisy(1.0, 4.0)), Some(5.0));
        assert_eq!(together(noisy(1.0, 3.0), Noisy { value: 1.0, noise: None }), None);
    }

    #[test]
    fn a_verdict_needs_more_than_noise() {
        let before = noisy(100.0, 3.0);
        assert_eq!(judge(before, noisy(105.0, 4.0), Better::Higher), Verdict::Same);
        assert_eq!(judge(before, noisy(105.1, 4.0), Better::Higher), Verdict::Better);
        assert_eq!(judge(before, noisy(105.1, 4.0), Better::Lower), Verdict::Worse);
        assert_eq!(judge(before, noisy(94.0, 4.0), Better::Higher), Verdict::Worse);
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
            slices: [400, 700, 500].map(summary).to_vec(),
            ..Phase::default()
        };
        assert_eq!(of(&phase, |summary| summary.p99_us as f64), noisy(500.0, 150.0));
        let knee = Knee { rate: 5000.0, spread: (4900.0, 5050.0), ..Knee::default() };
        assert_eq!(of_knee(&knee), noisy(5000.0, 75.0));
        assert_eq!(of_knee(&Knee::default()).noise, None);
    }
}
