//! Phases one after the other, each noted in the run.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::knee::Tried;
use super::settings::Settings;
use super::subject::Subject;
use crate::load::drive::{Driver, Load, Outcome};
use crate::load::run::{Phase, Run};
use crate::load::schedule::Schedule;
use crate::load::service::{self, Process, Sampler};

/// Between two samples of the server.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// Where a server says how it fares.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) admin: SocketAddr,
    /// `None` when it runs on another machine.
    pub(super) process: Option<Process>,
}

/// Drives one server and keeps the run.
pub(super) struct Stage<'r> {
    pub(super) driver: Driver,
    observed: Option<Observed>,
    is_tls: bool,
    rest: Duration,
    pub(super) origin: Instant,
    pub(super) run: &'r mut Run,
}

impl<'r> Stage<'r> {
    /// A stage for this subject; times count from `origin`.
    pub(super) fn new(
        run: &'r mut Run,
        subject: &Subject,
        settings: &Settings,
        origin: Instant,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            driver: subject.driver()?,
            observed: subject.observed(),
            is_tls: subject.target.tls_ca.is_some(),
            rest: settings.rest,
            origin,
            run,
        })
    }

    /// Drives a phase and notes it; `at_begin` is told when its clock started.
    pub(super) fn phase(
        &mut self,
        name: &str,
        purpose: &str,
        load: &Load,
        at_begin: impl FnOnce(Instant),
    ) -> anyhow::Result<Outcome> {
        std::thread::sleep(self.rest);
        eprintln!("{name}: {}", load.schedule);
        let sampler = self.observed.as_ref().map(|observed| {
            Sampler::start(observed.admin, observed.process.clone(), self.origin, SAMPLE_EVERY)
        });
        let outcome = self.driver.open(load, at_begin);
        let server = sampler.map(Sampler::finish).unwrap_or_default();
        let outcome = outcome?;
        let phase = Phase {
            name: name.to_owned(),
            purpose: purpose.to_owned(),
            schedule: load.schedule.to_string(),
            connections: load.connections_max,
            fresh_share: load.fresh_share,
            is_tls: self.is_tls,
            server,
            ..outcome.phase(self.origin)
        };
        tell(&phase);
        self.run.phases.push(phase);
        Ok(outcome)
    }

    /// The phase that was noted last.
    pub(super) fn last(&mut self) -> Option<&mut Phase> {
        self.run.phases.last_mut()
    }

    /// Requests that the server has counted so far, when it says.
    pub(super) fn counted(&self) -> Option<u64> {
        service::requests(self.observed.as_ref()?.admin)
    }

    /// Drives at a rate without noting a phase: one step of a search.
    pub(super) fn step(&self, rate: f64, load: &Load, time: Duration) -> anyhow::Result<Tried> {
        let load = Load { schedule: Schedule::constant(rate, time), ..load.clone() };
        let outcome = self.driver.open(&load, |_| {})?;
        let tried = Tried { summary: outcome.total(), generator: outcome.generator() };
        let summary = &tried.summary;
        eprintln!(
            "  {rate:.0}/s: {:.0} right, p99 {:.2} ms, {} failed",
            summary.rate(),
            summary.p99_us as f64 / 1e3,
            summary.failed
        );
        std::thread::sleep(self.rest);
        Ok(tried)
    }
}

fn tell(phase: &Phase) {
    let total = &phase.total;
    eprintln!(
        "  {:.0} right a second, p50 {:.2} ms, p99 {:.2} ms, {} failed, {} wrong",
        total.rate(),
        total.p50_us as f64 / 1e3,
        total.p99_us as f64 / 1e3,
        total.failed,
        total.wrong
    );
    if let Some(bottleneck) = &phase.generator.bottleneck {
        eprintln!("  the generator may have been the limit: {bottleneck}");
    }
    phase.wrong.iter().for_each(|wrong| eprintln!("  wrong: {wrong}"));
}
