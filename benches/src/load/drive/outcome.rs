//! What came of a stretch of load, as the figures of a run.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use zhengcha_engine::key::Mode;

use super::record::{Record, Sightings, Stretch};
use crate::load::questions::Kind;
use crate::load::run::{Bar, Generator, Percentile, Phase, Summary, Window};

/// Equal parts whose spread is the noise of a phase.
const SLICES: usize = 5;
/// Points of the percentile curve for each halving of the distance to 100 %.
const POINTS_PER_HALVING: u32 = 5;
/// Bars of the histogram for each doubling of the latency.
const BARS_PER_DOUBLING: f64 = 6.0;
/// A sending thread that used more of its core than this may have been the limit.
const THREAD_SHARE_MAX: f64 = 0.9;
/// Sent later than this, questions are not sent as people would.
const LATE_P99_US_MAX: u64 = 1000;

/// What came of one stretch of load.
#[derive(Debug)]
pub struct Outcome {
    record: Record,
    time: Duration,
}

impl Outcome {
    pub(super) fn new(record: Record, time: Duration) -> Self {
        Self { record, time }
    }

    /// When the clock started.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.record.began()
    }

    /// Bytes of requests and answers, heads included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.record.bytes
    }

    /// What was first or last seen when.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.record.sightings
    }

    /// All of it together.
    #[must_use]
    pub fn total(&self) -> Summary {
        summary(&self.record.total(), self.time.as_secs_f64())
    }

    /// Questions due in windows that one of these spans touches.
    pub(crate) fn inside(&self, spans: &[(Duration, Duration)]) -> Summary {
        self.of_windows(|from, until| touches(spans, from, until))
    }

    /// Questions due in windows that none of these spans touches.
    pub(crate) fn outside(&self, spans: &[(Duration, Duration)]) -> Summary {
        self.of_windows(|from, until| !touches(spans, from, until))
    }

    /// Questions due in the windows of which this is true.
    fn of_windows(&self, belongs: impl Fn(Duration, Duration) -> bool) -> Summary {
        let chosen: Vec<&Stretch> = self
            .windows_at()
            .filter(|(at, _)| belongs(*at, *at + self.record.window))
            .map(|(_, window)| window)
            .collect();
        let seconds = self.record.window.as_secs_f64() * chosen.len() as f64;
        summary(&Stretch::of(chosen), seconds)
    }

    fn windows_at(&self) -> impl Iterator<Item = (Duration, &Stretch)> {
        self.record
            .windows
            .iter()
            .enumerate()
            .map(|(at, window)| (self.record.window * at as u32, window))
    }

    /// How the generator fared.
    #[must_use]
    pub fn generator(&self) -> Generator {
        let record = &self.record;
        let share =
            |(cpu, lived): &(Duration, Duration)| cpu.as_secs_f64() / lived.as_secs_f64().max(1e-9);
        let shares = record.threads.iter().map(share);
        let late = |share: f64| record.late.value_at_quantile(share);
        let mut generator = Generator {
            threads: record.threads.len(),
            cpu: shares.clone().sum(),
            busiest_thread: shares.fold(0.0, f64::max),
            late_p50_us: late(0.5),
            late_p99_us: late(0.99),
            late_max_us: record.late.max(),
            waited: record.waited,
            opened: record.opened,
            connections_max: record.connections_max,
            bottleneck: None,
        };
        generator.bottleneck = bottleneck(&generator);
        generator
    }

    /// The figures of a phase; what only its maker knows is left at its default.
    #[must_use]
    pub fn phase(&self, origin: Instant) -> Phase {
        let total = self.record.total();
        let began_s = self.began().saturating_duration_since(origin).as_secs_f64();
        let window_s = self.record.window.as_secs_f64();
        let end_s = self.time.as_secs_f64();
        let windows = self
            .windows_at()
            .map(|(at, window)| {
                let at = at.as_secs_f64();
                let seconds = window_s.min(end_s - at);
                Window { at_s: began_s + at, summary: summary(window, seconds) }
            })
            .collect();
        let named = |counts: &[u64], names: &[&str]| {
            names.iter().zip(counts).map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        Phase {
            began_s,
            seconds: end_s,
            windows,
            total: summary(&total, end_s),
            slices: self.slices(),
            percentiles: percentiles(&total.latencies),
            histogram: bars(&total.latencies),
            hdr: encoded(&total.latencies),
            failures: self.record.failures.clone(),
            wrong: self.record.wrong.clone(),
            by_mode: named(&self.record.by_mode, &Mode::ALL.map(Mode::name)),
            by_kind: named(&self.record.by_kind, &Kind::ALL.map(Kind::name)),
            generator: self.generator(),
            ..Phase::default()
        }
    }

    /// The whole cut into equal parts of whole windows; what is left over belongs to none.
    fn slices(&self) -> Vec<Summary> {
        let each = self.record.windows.len() / SLICES;
        if each == 0 {
            return Vec::new();
        }
        let seconds = self.record.window.as_secs_f64() * each as f64;
        let slices = self.record.windows.chunks_exact(each).take(SLICES);
        slices.map(|windows| summary(&Stretch::of(windows), seconds)).collect()
    }
}

fn touches(spans: &[(Duration, Duration)], from: Duration, until: Duration) -> bool {
    spans.iter().any(|span| span.0 < until && from < span.1)
}

/// Why the generator may have been the limit.
fn bottleneck(generator: &Generator) -> Option<String> {
    if generator.busiest_thread > THREAD_SHARE_MAX {
        let percent = 100.0 * generator.busiest_thread;
        return Some(format!("a sending thread used {percent:.0} % of a core"));
    }
    (generator.late_p99_us > LATE_P99_US_MAX).then(|| {
        let late_ms = generator.late_p99_us as f64 / 1e3;
        format!("1 of 100 questions was sent {late_ms:.1} ms late or later")
    })
}

fn summary(stretch: &Stretch, seconds: f64) -> Summary {
    let latencies = &stretch.latencies;
    let at = |share: f64| latencies.value_at_quantile(share);
    let is_empty = latencies.is_empty();
    Summary {
        seconds,
        due: stretch.due,
        right: stretch.right,
        in_time: stretch.in_time,
        failed: stretch.failed,
        wrong: stretch.wrong,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: latencies.max(),
        mean_us: if is_empty { 0.0 } else { latencies.mean() },
    }
}

fn percentiles(latencies: &Histogram<u64>) -> Vec<Percentile> {
    let steps = latencies.iter_quantiles(POINTS_PER_HALVING);
    steps
        .map(|step| Percentile { share: step.quantile_iterated_to(), us: step.value_iterated_to() })
        .collect()
}

fn bars(latencies: &Histogram<u64>) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    if latencies.is_empty() {
        return bars;
    }
    let bound = |step: i32| 2f64.powf(f64::from(step) / BARS_PER_DOUBLING).ceil() as u64;
    let first = (latencies.min().max(1) as f64).log2() * BARS_PER_DOUBLING;
    let mut step = first.floor() as i32 - 1;
    // The bounds of small latencies fall together: those bars are skipped.
    while bars.last().is_none_or(|bar| bar.to_us <= latencies.max()) {
        let (from_us, to_us) = (bound(step), bound(step + 1));
        step += 1;
        if to_us > from_us {
            bars.push(Bar { from_us, to_us, count: latencies.count_between(from_us, to_us - 1) });
        }
    }
    bars
}

/// V2, deflated, base64; empty when it cannot be written, which nothing here causes.
fn encoded(latencies: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(latencies, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}
