//! What a phase with a spike above the limit shows.

use super::objective::Objective;
use crate::load::run::{Failure, Generator, Overload, Phase, Summary};

/// Windows in a row within the objective that count as recovered: one alone may be luck.
const CALM: usize = 2;

/// The spike of a phase: its end in seconds since the run began, and its rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spike {
    pub(super) until_s: f64,
    pub(super) rate: f64,
    /// What a closed loop reached.
    pub(super) limit: f64,
}

/// Reads the phase; `peak` is all of the spike's own windows together.
pub(super) fn of(phase: &Phase, peak: &Summary, spike: Spike, objective: Objective) -> Overload {
    let goodput = per_second(peak.in_time, peak.seconds);
    // Failures are counted by phase, and outside the spike there is next to none.
    let failures = |why| phase.failures.get(&why).copied().unwrap_or(0);
    Overload {
        factor: spike.rate / spike.limit,
        limit: spike.limit,
        rate: spike.rate,
        goodput,
        share_of_limit: goodput / spike.limit,
        shed: per_second(failures(Failure::Overloaded), peak.seconds),
        gave_up: per_second(failures(Failure::GaveUp), peak.seconds),
        p99_us: peak.p99_us,
        recovery_s: recovery(phase, spike.until_s, objective),
    }
}

fn recovery(phase: &Phase, until_s: f64, objective: Objective) -> Option<f64> {
    let after: Vec<_> =
        phase.windows.iter().filter(|window| window.at_s >= until_s - 1e-6).collect();
    let is_calm = |summary: &Summary| objective.miss(summary, &Generator::default()).is_none();
    let calm = after
        .windows(CALM)
        .find(|windows| windows.iter().all(|window| is_calm(&window.summary)))?;
    Some((calm[0].at_s - until_s).max(0.0))
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::Window;

    fn window(at_s: f64, p99_us: u64) -> Window {
        Window { at_s, summary: Summary { due: 10, right: 10, p99_us, ..Summary::default() } }
    }

    #[test]
    fn recovery_is_the_first_calm_that_lasts() {
        let mut phase = Phase {
            windows: [(0.0, 1), (1.0, 90), (2.0, 90), (3.0, 1), (4.0, 90), (5.0, 2), (6.0, 1)]
                .map(|(at_s, ms)| window(at_s, ms * 1000))
                .into(),
            failures: [(Failure::Overloaded, 30), (Failure::GaveUp, 4)].into(),
            ..Phase::default()
        };
        let objective = Objective { p99_us: 5000 };
        let spike = Spike { until_s: 3.0, rate: 200.0, limit: 100.0 };
        let peak = Summary { seconds: 2.0, in_time: 160, p99_us: 80_000, ..Summary::default() };
        let overload = of(&phase, &peak, spike, objective);
        assert_eq!(overload.recovery_s, Some(2.0));
        assert_eq!((overload.factor, overload.goodput, overload.share_of_limit), (2.0, 80.0, 0.8));
        assert_eq!((overload.shed, overload.gave_up), (15.0, 2.0));
        phase.windows.truncate(6);
        assert_eq!(of(&phase, &peak, spike, objective).recovery_s, None);
    }
}
