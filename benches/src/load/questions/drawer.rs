//! Which question is asked next.

use anyhow::Context;
use rand::Rng;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;
use zhengcha_engine::key::Mode;

use super::{Kind, QuestionSet};

/// How often which questions are asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Weight of each mode, in the order of [`Mode::ALL`].
    pub modes: [f64; 6],
    /// Weight of each kind, in the order of [`Kind::ALL`].
    pub kinds: [f64; 5],
    /// Exponent of the Zipf law by which subjects are drawn; 0 is all alike.
    pub zipf: f64,
}

impl Default for Mix {
    fn default() -> Self {
        Self { modes: [1.0; 6], kinds: [0.7, 0.1, 0.08, 0.04, 0.08], zipf: 1.0 }
    }
}

/// Draws questions in constant time.
pub struct Drawer {
    // One table over all questions: kind, mode and subject together are one draw.
    table: WeightedAliasIndex<f64>,
}

impl Drawer {
    /// A drawer for this mix.
    ///
    /// Kinds come by their weights and, within a kind, modes by theirs. A kind or mode that no question
    /// has goes to the others.
    ///
    /// # Errors
    /// When a weight is no number or below 0, or no question is left to draw.
    pub fn new(set: &QuestionSet, mix: &Mix) -> anyhow::Result<Self> {
        let weights = [&mix.modes[..], &mix.kinds, &[mix.zipf]].concat();
        anyhow::ensure!(
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
            "every weight of a mix and its Zipf exponent must be numbers from 0 on"
        );
        let of_subject = |subject: u32| (f64::from(subject) + 1.0).powf(-mix.zipf);
        let mut sums = [[0.0f64; Mode::ALL.len()]; Kind::ALL.len()];
        for question in &set.questions {
            sums[question.kind as usize][question.mode as usize] += of_subject(question.subject);
        }
        let mut scales = sums;
        for (kind, sums) in sums.iter().enumerate() {
            let there = |mode: usize| if sums[mode] > 0.0 { mix.modes[mode] } else { 0.0 };
            let all: f64 = (0..sums.len()).map(there).sum();
            for (mode, sum) in sums.iter().enumerate() {
                let share = there(mode) / all;
                scales[kind][mode] = if share > 0.0 { mix.kinds[kind] * share / sum } else { 0.0 };
            }
        }
        let weights = set.questions.iter().map(|question| {
            scales[question.kind as usize][question.mode as usize] * of_subject(question.subject)
        });
        let table = WeightedAliasIndex::new(weights.collect()).context(
            "the mix leaves no question to ask: give a weight to a kind and mode there are",
        )?;
        Ok(Self { table })
    }

    /// The number of the next question.
    pub fn next<R: Rng + ?Sized>(&self, rng: &mut R) -> u32 {
        self.table.sample(rng) as u32
    }
}
