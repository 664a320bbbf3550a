//! Latencies as seen by clients that ask at a fixed rate, sorted by what happened meanwhile.

use std::time::{Duration, Instant};

use zhengcha_benches::latencies::Latencies;

/// One answered question. It was due at `due`, whenever it could be sent: a stalled server is not
/// excused from the questions that it kept waiting.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) due: Instant,
    pub(crate) took: Duration,
}

/// From one moment to another.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Span {
    fn meets(&self, sample: &Sample) -> bool {
        sample.due <= self.to && sample.due + sample.took >= self.from
    }
}

/// What happened during a run.
#[derive(Default)]
pub(crate) struct Spans {
    /// A loader was at work.
    pub(crate) loads: Vec<Span>,
    /// From the rename of CURRENT until the generation before was let go of.
    pub(crate) swaps: Vec<Span>,
}

/// The answers in the three kinds of time.
pub(crate) struct Report {
    pub(crate) steady: Latencies,
    pub(crate) loading: Latencies,
    pub(crate) swapping: Latencies,
}

impl Report {
    /// A sample that meets a swap counts for that; one that meets a load besides for the load.
    pub(crate) fn new(samples: &[Sample], spans: &Spans) -> Self {
        let meets = |list: &[Span], sample: &Sample| list.iter().any(|span| span.meets(sample));
        let of = |wanted: (bool, bool)| {
            let is = move |sample: &&Sample| {
                let swapping = meets(&spans.swaps, sample);
                (swapping, !swapping && meets(&spans.loads, sample)) == wanted
            };
            Latencies::of(samples.iter().filter(is).map(|sample| sample.took))
        };
        Self { steady: of((false, false)), loading: of((false, true)), swapping: of((true, false)) }
    }

    /// p99.9 during swaps over p99.9 in steady times.
    pub(crate) fn ratio(&self) -> f64 {
        self.swapping.at(999).as_secs_f64() / self.steady.at(999).as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sorted_by_what_they_meet() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let sample = |ms, took| Sample { due: at(ms), took: Duration::from_millis(took) };
        let spans = Spans {
            loads: vec![Span { from: at(10), to: at(30) }],
            swaps: vec![Span { from: at(20), to: at(22) }],
        };
        let samples = [sample(1, 1), sample(9, 2), sample(19, 3), sample(22, 4), sample(23, 5)];
        let report = Report::new(&samples, &spans);
        let ms = |latencies: &Latencies| {
            latencies.rising().iter().map(Duration::as_millis).collect::<Vec<_>>()
        };
        assert_eq!(ms(&report.steady), [1]);
        assert_eq!(ms(&report.loading), [2, 5]);
        assert_eq!(ms(&report.swapping), [3, 4]);
        assert!((report.ratio() - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_percentile_is_the_latency_that_many_kept() {
        let all = Latencies::of((1..=2000).map(Duration::from_micros));
        assert_eq!(all.at(500), Duration::from_micros(1000));
        assert_eq!(all.at(999), Duration::from_micros(1998));
        assert_eq!(all.at(1000), Duration::from_micros(2000));
        assert_eq!(Latencies::of(std::iter::empty()).at(999), Duration::ZERO);
    }
}
