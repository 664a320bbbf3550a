//! Counters of the service, and how Prometheus reads them.
//!
//! Workers count into a shard of their own, in memory that no other thread writes, and a scrape adds
//! the shards up: a request costs a few uncontended additions. Labels come from fixed lists only, so
//! nothing a client sends can become one.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use zhengcha_engine::{Mode, Snapshot};

use crate::route::Route;

/// The statuses that are counted apart; the last stands for every other.
const STATUSES: [u16; 14] = [200, 304, 400, 404, 405, 408, 411, 413, 415, 429, 431, 500, 503, 0];
/// Upper ends of the latency buckets, in microseconds.
const LATENCY_BOUNDS_US: [u64; 16] = [
    5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 200_000, 1_000_000,
    5_000_000, 15_000_000,
];

/// Why something was turned away before it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Too many connections in total.
    Connections,
    /// Too many connections from one address.
    AddressConnections,
    /// Too many queries from one address.
    AddressQueries,
    /// Too many wrong guesses at one number.
    TargetMisses,
    /// Too many requests waiting for their bodies.
    Waiting,
    /// A deadline of the connection passed.
    Timeout,
}

impl Rejection {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Connections, "connections"),
        (Self::AddressConnections, "address_connections"),
        (Self::AddressQueries, "address_queries"),
        (Self::TargetMisses, "target_misses"),
        (Self::Waiting, "waiting"),
        (Self::Timeout, "timeout"),
    ];
}

/// The counters of one worker.
#[derive(Debug)]
#[repr(align(128))] // two cache lines: neighbours are fetched in pairs
pub struct Shard {
    requests: [[AtomicU64; STATUSES.len()]; Route::ALL.len()],
    /// By mode: found nothing, found something.
    queries: [[AtomicU64; 2]; Mode::ALL.len()],
    latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    latency_sum_us: AtomicU64,
    rejections: [AtomicU64; Rejection::ALL.len()],
}

impl Shard {
    fn new() -> Self {
        let counters = || std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            requests: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            queries: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            latency_sum_us: AtomicU64::new(0),
            rejections: counters(),
        }
    }

    /// Counts an answered request.
    pub fn count_request(&self, route: Route, status: StatusCode, took: Duration) {
        let status = status.as_u16();
        let last = STATUSES.len() - 1;
        let index = STATUSES.iter().position(|&known| known == status).unwrap_or(last);
        self.requests[route as usize][index].fetch_add(1, Relaxed);
        let took_us = microseconds(took);
        let bucket = LATENCY_BOUNDS_US.iter().position(|&bound| took_us <= bound);
        self.latency[bucket.unwrap_or(LATENCY_BOUNDS_US.len())].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(took_us, Relaxed);
    }

    /// Counts a query that was looked up.
    pub fn count_query(&self, mode: Mode, found: bool) {
        self.queries[mode as usize][usize::from(found)].fetch_add(1, Relaxed);
    }

    /// Counts something turned away.
    pub fn count_rejection(&self, rejection: Rejection) {
        self.rejections[rejection as usize].fetch_add(1, Relaxed);
    }
}

/// When the serving generation was built, for its age.
#[derive(Clone, Copy, Debug, Default)]
struct BuiltAt(Option<jiff::Timestamp>);

/// All counters and gauges.
#[derive(Debug)]
pub struct Metrics {
    shards: Vec<Arc<Shard>>,
    connections: AtomicI64,
    panics: AtomicU64,
    accept_errors: AtomicU64,
    handshake_failures: AtomicU64,
    swaps: AtomicU64,
    refused_snapshots: AtomicU64,
    refused_holds: AtomicU64,
    generation: AtomicU64,
    records: AtomicU64,
    holds: AtomicU64,
    snapshots_mapped: AtomicU64,
    serving: AtomicU64,
    swap_open_us: AtomicU64,
    swap_warm_us: AtomicU64,
    swap_release_us: AtomicU64,
    built_at: Mutex<BuiltAt>,
}

impl Metrics {
    /// Counters for this many workers, and one more shard for everything else.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            shards: (0..=workers).map(|_| Arc::new(Shard::new())).collect(),
            connections: AtomicI64::new(0),
            panics: zero(),
            accept_errors: zero(),
            handshake_failures: zero(),
            swaps: zero(),
            refused_snapshots: zero(),
            refused_holds: zero(),
            generation: zero(),
            records: zero(),
            holds: zero(),
            snapshots_mapped: zero(),
            serving: zero(),
            swap_open_us: zero(),
            swap_warm_us: zero(),
            swap_release_us: zero(),
            built_at: Mutex::default(),
        }
    }

    /// The shard of a worker; those beyond the last share the last.
    #[must_use]
    pub fn shard(&self, worker: usize) -> Arc<Shard> {
        Arc::clone(&self.shards[worker.min(self.shards.len() - 1)])
    }

    /// The shard of whatever is no worker.
    #[must_use]
    pub fn common(&self) -> &Shard {
        &self.shards[self.shards.len() - 1]
    }

    /// One connection more (1) or less (-1).
    pub fn add_connections(&self, change: i64) {
        self.connections.fetch_add(change, Relaxed);
    }

    /// A handler panicked.
    pub fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// A connection could not be accepted.
    pub fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }

    /// A TLS handshake of the public came to nothing.
    pub fn count_handshake_failure(&self) {
        self.handshake_failures.fetch_add(1, Relaxed);
    }

    /// Another generation was taken up.
    pub fn count_swap(&self) {
        self.swaps.fetch_add(1, Relaxed);
    }

    /// A generation was refused.
    pub fn count_refused_snapshot(&self) {
        self.refused_snapshots.fetch_add(1, Relaxed);
    }

    /// The holds were refused.
    pub fn count_refused_holds(&self) {
        self.refused_holds.fetch_add(1, Relaxed);
    }

    /// How many snapshots are mapped.
    pub fn set_snapshots_mapped(&self, count: u64) {
        self.snapshots_mapped.store(count, Relaxed);
    }

    /// What the last generation taken up cost until it served.
    pub fn set_swap(&self, open: Duration, warm: Duration) {
        self.swap_open_us.store(microseconds(open), Relaxed);
        self.swap_warm_us.store(microseconds(warm), Relaxed);
    }

    /// How long the last replaced generation stayed mapped, its unmapping included.
    pub fn set_release(&self, took: Duration) {
        self.swap_release_us.store(microseconds(took), Relaxed);
    }

    /// What serves now.
    pub fn set_serving(&self, snapshot: &Snapshot, holds: u64) {
        self.generation.store(snapshot.generation(), Relaxed);
        self.records.store(snapshot.records(), Relaxed);
        self.holds.store(holds, Relaxed);
        self.serving.store(1, Relaxed);
        let built_at = snapshot.built_at().parse::<jiff::Timestamp>().ok();
        *self.built_at.lock().unwrap_or_else(PoisonError::into_inner) = BuiltAt(built_at);
    }

    /// Nothing serves now.
    pub fn set_not_serving(&self) {
        self.serving.store(0, Relaxed);
    }

    fn data_age_seconds(&self) -> Option<f64> {
        let BuiltAt(built_at) = *self.built_at.lock().unwrap_or_else(PoisonError::into_inner);
        Some(jiff::Timestamp::now().duration_since(built_at?).as_secs_f64().max(0.0))
    }

    fn sum(&self, counter: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| counter(shard).load(Relaxed)).sum()
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The page that Prometheus reads.
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// Shows these metrics.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let mut registry = Registry::with_prefix("zhengcha");
        registry.register_collector(Box::new(Scrape { metrics }));
        Self { registry }
    }

    /// Shows more.
    #[must_use]
    pub fn with(mut self, more: Box<dyn Collector>) -> Self {
        self.registry.register_collector(more);
        self
    }

    /// The text of the moment.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

/// The content type of [`Exposition::text`].
pub const EXPOSITION_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug)]
struct Scrape {
    metrics: Arc<Metrics>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    mode: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        self.encode_latency(&mut encoder)?;
        let metrics = &self.metrics;
        for (name, help, counter) in [
            ("panics", "Requests that failed inside the server", &metrics.panics),
            ("accept_errors", "Connections that could not be accepted", &metrics.accept_errors),
            (
                "handshake_failures",
                "TLS handshakes of the public that failed",
                &metrics.handshake_failures,
            ),
            ("swaps", "Generations taken up", &metrics.swaps),
            ("refused_snapshots", "Generations refused", &metrics.refused_snapshots),
            ("refused_holds", "Lists of holds refused", &metrics.refused_holds),
        ] {
            let counter = ConstCounter::new(counter.load(Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        for (name, help, gauge) in [
            ("generation", "Generation being served", &metrics.generation),
            ("records", "Certificates being served", &metrics.records),
            ("holds", "Certificates under review", &metrics.holds),
            (
                "snapshots_mapped",
                "Generations mapped, leased ones included",
                &metrics.snapshots_mapped,
            ),
            ("serving", "1 while queries are answered from data", &metrics.serving),
        ] {
            let value = i64::try_from(gauge.load(Relaxed)).unwrap_or(i64::MAX);
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(descriptor)?;
        }
        for (name, help, us) in [
            (
                "swap_open",
                "Time to open the last generation taken up, verification included",
                &metrics.swap_open_us,
            ),
            (
                "swap_warm",
                "Time to read what was new in the last generation taken up",
                &metrics.swap_warm_us,
            ),
            (
                "swap_release",
                "Time from the last swap until the generation before was let go of",
                &metrics.swap_release_us,
            ),
        ] {
            let unit = Some(&Unit::Seconds);
            let descriptor = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            ConstGauge::new(us.load(Relaxed) as f64 / 1e6).encode(descriptor)?;
        }
        let connections = ConstGauge::new(metrics.connections.load(Relaxed));
        let help = "Open public connections";
        let descriptor = encoder.encode_descriptor("connections", help, None, MetricType::Gauge)?;
        connections.encode(descriptor)?;
        if let Some(age_seconds) = metrics.data_age_seconds() {
            let help = "Time since the serving generation was built";
            let unit = Some(&Unit::Seconds);
            let descriptor =
                encoder.encode_descriptor("data_age", help, unit, MetricType::Gauge)?;
            ConstGauge::new(age_seconds).encode(descriptor)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let metrics = &self.metrics;
        let help = "Requests answered";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for route in Route::ALL {
            for (index, status) in STATUSES.into_iter().enumerate() {
                let count = metrics.sum(|shard| &shard.requests[route as usize][index]);
                if count > 0 {
                    let labels = RequestLabels { route: route.name(), status };
                    ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Queries looked up";
        let mut family = encoder.encode_descriptor("queries", help, None, MetricType::Counter)?;
        for mode in Mode::ALL {
            for (index, outcome) in ["not_found", "found"].into_iter().enumerate() {
                let count = metrics.sum(|shard| &shard.queries[mode as usize][index]);
                let labels = QueryLabels { mode: mode.name(), outcome };
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Connections and requests turned away";
        let mut family = encoder.encode_descriptor("rejected", help, None, MetricType::Counter)?;
        for (rejection, reason) in Rejection::ALL {
            let count = metrics.sum(|shard| &shard.rejections[rejection as usize]);
            let labels = ReasonLabels { reason };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_latency(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let metrics = &self.metrics;
        let seconds = |microseconds: u64| microseconds as f64 / 1e6;
        let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(LATENCY_BOUNDS_US.len() + 1);
        for index in 0..=LATENCY_BOUNDS_US.len() {
            let bound = LATENCY_BOUNDS_US.get(index).map_or(f64::MAX, |&bound| seconds(bound));
            buckets.push((bound, metrics.sum(|shard| &shard.latency[index])));
        }
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(metrics.sum(|shard| &shard.latency_sum_us));
        let help = "Time from a complete head to the answer";
        let unit = Some(&Unit::Seconds);
        encoder
            .encode_descriptor("request_duration", help, unit, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_added_up() {
        let metrics = Arc::new(Metrics::new(2));
        for worker in 0..2 {
            let shard = metrics.shard(worker);
            shard.count_request(Route::Query, StatusCode::OK, Duration::from_micros(7));
            shard.count_query(Mode::CN, true);
        }
        metrics.common().count_rejection(Rejection::Connections);
        metrics.set_swap(Duration::from_millis(1500), Duration::from_millis(250));
        metrics.set_release(Duration::from_micros(40));
        metrics.common().count_request(Route::Unknown, StatusCode::IM_A_TEAPOT, Duration::ZERO);
        let page = Exposition::new(Arc::clone(&metrics)).text().unwrap();
        for line in [
            "zhengcha_requests_total{route=\"query\",status=\"200\"} 2\n",
            "zhengcha_requests_total{route=\"unknown\",status=\"0\"} 1\n",
            "zhengcha_queries_total{mode=\"CN\",outcome=\"found\"} 2\n",
            "zhengcha_queries_total{mode=\"IC\",outcome=\"not_found\"} 0\n",
            "zhengcha_rejected_total{reason=\"connections\"} 1\n",
            "zhengcha_request_duration_seconds_bucket{le=\"0.00001\"} 3\n",
            "zhengcha_request_duration_seconds_count 3\n",
            "zhengcha_serving 0\n",
            "zhengcha_swap_open_seconds 1.5\n",
            "zhengcha_swap_warm_seconds 0.25\n",
            "zhengcha_swap_release_seconds 0.00004\n",
            "# EOF\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
        assert!(!page.contains("data_age"), "no generation, no age");
    }

    #[test]
    fn reasons_are_numbered_in_order() {
        for (index, (rejection, _)) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(rejection as usize, index);
        }
    }
}
