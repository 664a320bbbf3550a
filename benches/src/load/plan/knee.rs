//! The search for the highest rate that keeps the objective.
//!
//! The rate rises by a factor until it does not hold, then the gap between the highest that held and the
//! lowest that did not is halved until it is small. A step that did not hold is tried once more: on a
//! machine that is not alone, a pause from outside is not the server's. The search is made several times;
//! how far its results lie apart is the noise of the knee.

use super::objective::{Miss, Objective};
use crate::load::run::{Generator, KneeStep, Summary};

/// Between the rates that held and did not, at the end, as a share of the rate.
const GAP: f64 = 0.05;
/// Steps of one search at most.
const STEPS_MAX: usize = 40;
/// A server that does not keep the objective at this rate keeps it at none worth naming.
const RATE_MIN: f64 = 10.0;

/// What one step showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried {
    pub(super) summary: Summary,
    pub(super) generator: Generator,
}

/// What one search found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// Highest rate that held; 0 when none did.
    pub(super) held: f64,
    /// Lowest rate that did not.
    pub(super) broke: f64,
    /// Why not there.
    pub(super) miss: Option<Miss>,
}

/// Where to begin and how to rise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) first: f64,
    pub(super) factor: f64,
}

/// Searches with `attempt`, which drives at a rate; every step is added to `steps`.
pub(super) fn search(
    objective: Objective,
    course: Course,
    steps: &mut Vec<KneeStep>,
    attempt: &mut dyn FnMut(f64) -> anyhow::Result<Tried>,
) -> anyhow::Result<Found> {
    let mut found = Found { held: 0.0, broke: f64::INFINITY, miss: None };
    let mut rate = course.first.max(RATE_MIN);
    for _ in 0..STEPS_MAX {
        let mut miss = None;
        for _ in 0..2 {
            let tried = attempt(rate)?;
            miss = objective.miss(&tried.summary, &tried.generator);
            steps.push(KneeStep {
                rate,
                held: miss.is_none(),
                summary: tried.summary,
                reason: miss.as_ref().map(|miss| miss.reason.clone()).unwrap_or_default(),
            });
            if miss.is_none() {
                break;
            }
        }
        match miss {
            None => found.held = rate,
            Some(_) => {
                found.broke = rate;
                found.miss = miss;
            }
        }
        let is_between = found.broke.is_finite() && found.held > 0.0;
        if (is_between && found.broke - found.held <= GAP * found.broke)
            || (found.held == 0.0 && rate <= RATE_MIN)
        {
            break;
        }
        rate = if is_between {
            f64::midpoint(found.held, found.broke)
        } else if found.broke.is_finite() {
            (rate / course.factor).max(RATE_MIN)
        } else {
            rate * course.factor
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVE: Objective = Objective { p99_us: 5000 };

    /// A server that carries so much.
    fn model(capacity: f64) -> impl FnMut(f64) -> anyhow::Result<Tried> {
        move |rate| {
            let p99_us = if rate <= capacity { 900 } else { 90_000 };
            let summary = Summary { due: 100, right: 100, p99_us, ..Summary::default() };
            Ok(Tried { summary, generator: Generator::default() })
        }
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above() {
        for capacity in [11.0, 100.0, 777.0, 25_000.0, 3_000_000.0] {
            for (first, factor) in [(10.0, 2.0), (1000.0, 1.5), (50_000.0, 1.1)] {
                let mut steps = Vec::new();
                let course = Course { first, factor };
                let found = search(OBJECTIVE, course, &mut steps, &mut model(capacity)).unwrap();
                if steps.len() >= STEPS_MAX {
                    continue;
                }
                assert!(found.held <= capacity && capacity < found.broke, "{capacity}: {found:?}");
                assert!(found.broke - found.held <= GAP * found.broke, "{capacity}: {found:?}");
                assert_eq!(found.miss.unwrap().by, "p99");
                assert!(steps.iter().all(|step| step.held == (step.rate <= capacity)));
            }
        }
    }

    #[test]
    fn one_bad_step_is_tried_again() {
        let mut capacity = model(1000.0);
        let mut calls = 0;
        let mut steps = Vec::new();
        let course = Course { first: 100.0, factor: 2.0 };
        let found = search(OBJECTIVE, course, &mut steps, &mut |rate| {
            calls += 1;
            if calls == 2 { model(0.0)(rate) } else { capacity(rate) }
        })
        .unwrap();
        assert!((950.0..=1000.0).contains(&found.held), "{found:?}");
        assert!(!steps[1].held && steps[2].held && steps[1].rate == steps[2].rate);
    }

    #[test]
    fn a_server_that_carries_nothing_has_no_knee() {
        let mut steps = Vec::new();
        let course = Course { first: 1000.0, factor: 3.0 };
        let found = search(OBJECTIVE, course, &mut steps, &mut model(0.0)).unwrap();
        assert_eq!((found.held, found.broke), (0.0, RATE_MIN));
    }
}
