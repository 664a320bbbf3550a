//! The server as it sees itself, and as the system sees it, at an interval.

use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::exposition::Exposition;
use super::http;
use super::process::{Process, Usage};
use crate::load::run::ServerSample;

/// For one step of the page of metrics.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests that a server has counted so far, when it says.
#[must_use]
pub fn requests(admin: SocketAddr) -> Option<u64> {
    match http::get(admin, "/metrics", PATIENCE) {
        Ok((200, page)) => Some(Exposition::parse(&page).requests),
        _ => None,
    }
}

/// Takes samples until it is finished.
pub struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<Vec<ServerSample>>,
}

impl Sampler {
    /// Begins with a sample now. `process` is left out when the server runs elsewhere; times count from
    /// `origin`.
    #[must_use]
    pub fn start(
        admin: SocketAddr,
        process: Option<Process>,
        origin: Instant,
        every: Duration,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut series = Series::default();
            loop {
                let at = Instant::now();
                if let Ok((200, page)) = http::get(admin, "/metrics", PATIENCE) {
                    let usage = process.as_ref().and_then(|process| Usage::of(process.pid()?));
                    series.add(origin, at, Exposition::parse(&page), usage.unwrap_or_default());
                }
                match stopped.recv_timeout(every.saturating_sub(at.elapsed())) {
                    Err(RecvTimeoutError::Timeout) => {}
                    // The last one is taken at the end.
                    _ if series.is_last => return series.samples,
                    _ => series.is_last = true,
                }
            }
        });
        Self { stop, thread }
    }

    /// Takes a last sample and gives them all.
    #[must_use]
    pub fn finish(self) -> Vec<ServerSample> {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

#[derive(Default)]
struct Series {
    samples: Vec<ServerSample>,
    before: Option<(Instant, Exposition, Usage)>,
    /// What servers had counted that were replaced.
    replaced: Exposition,
    is_last: bool,
}

impl Series {
    fn add(&mut self, origin: Instant, at: Instant, page: Exposition, usage: Usage) {
        let (mut durations, mut cpu, mut major_faults) = (Vec::new(), 0.0, 0);
        if let Some((before_at, before_page, before)) = &self.before {
            let is_new = page.requests < before_page.requests || usage.cpu < before.cpu;
            if is_new {
                self.replaced.requests += before_page.requests;
                self.replaced.queries += before_page.queries;
                self.replaced.rejected += before_page.rejected;
            }
            let seconds = at.saturating_duration_since(*before_at).as_secs_f64();
            let since = if is_new { Usage::default() } else { *before };
            cpu = usage.cpu.saturating_sub(since.cpu).as_secs_f64() / seconds.max(1e-9);
            major_faults = usage.major_faults.saturating_sub(since.major_faults);
            durations = between(if is_new { &[] } else { &before_page.durations }, &page.durations);
        }
        self.samples.push(ServerSample {
            at_s: at.saturating_duration_since(origin).as_secs_f64(),
            requests: self.replaced.requests + page.requests,
            queries: self.replaced.queries + page.queries,
            rejected: self.replaced.rejected + page.rejected,
            durations,
            connections: page.connections,
            generation: page.generation,
            cpu,
            anonymous_bytes: usage.anonymous_bytes,
            resident_bytes: usage.resident_bytes,
            major_faults,
            threads: usage.threads,
        });
        self.before = Some((at, page, usage));
    }
}

/// Requests of each bucket, not cumulative, since the page before.
fn between(before: &[(u64, u64)], now: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut below = 0;
    now.iter()
        .enumerate()
        .map(|(place, &(bound, count))| {
            let grown = count.saturating_sub(before.get(place).map_or(0, |bucket| bucket.1));
            let own = grown.saturating_sub(below);
            below = grown;
            (bound, own)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(requests: u64) -> Exposition {
        Exposition {
            requests,
            queries: requests,
            durations: vec![(10, requests / 2), (u64::MAX, requests)],
            generation: 3,
            ..Exposition::default()
        }
    }

    fn usage(ms: u64, major_faults: u64) -> Usage {
        Usage { cpu: Duration::from_millis(ms), major_faults, threads: 4, ..Usage::default() }
    }

    #[test]
    fn what_grew_is_told_and_a_new_process_goes_on_counting() {
        let origin = Instant::now();
        let mut series = Series::default();
        for (second, requests, ms, faults) in
            [(1, 100, 500, 1), (2, 300, 1500, 5), (3, 40, 100, 2), (4, 50, 600, 2)]
        {
            let at = origin + Duration::from_secs(second);
            series.add(origin, at, page(requests), usage(ms, faults));
        }
        let told: Vec<_> = series
            .samples
            .iter()
            .map(|sample| (sample.requests, (10.0 * sample.cpu).round(), sample.major_faults))
            .collect();
        assert_eq!(told, [(100, 0.0, 0), (300, 10.0, 4), (340, 1.0, 2), (350, 5.0, 0)]);
        assert_eq!(series.samples[1].durations, [(10, 100), (u64::MAX, 100)]);
        assert_eq!(series.samples[2].durations, [(10, 20), (u64::MAX, 20)]);
    }
}
