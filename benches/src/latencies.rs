//! Latencies and the shares of them that reports state.

use std::fmt;
use std::time::Duration;

/// Latencies, rising.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Of these, in any order.
    pub fn of(samples: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = samples.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// All of them, rising.
    #[must_use]
    pub fn rising(&self) -> &[Duration] {
        &self.0
    }

    /// The latency that this share of the answers (in thousandths) kept; zero when there are none.
    #[must_use]
    pub fn at(&self, thousandths: usize) -> Duration {
        let rank = (self.0.len() * thousandths).div_ceil(1000).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |thousandths| self.at(thousandths).as_micros();
        let [half, most, nearly, all] = [us(500), us(990), us(999), us(1000)];
        write!(f, "p50 {half} p99 {most} p99.9 {nearly} max {all} µs ({} answers)", self.0.len())
    }
}
