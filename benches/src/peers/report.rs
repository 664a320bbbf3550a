//! What a run found, as a table in Markdown and as JSON with every pass.

use super::measure::{Contestant, Measure};
use crate::passes::median;
use serde::Serialize;
use std::fmt::Write as _;

/// A run.
#[derive(Serialize)]
pub struct Report {
    /// Certificates.
    pub records: usize,
    /// Passes counted.
    pub passes: usize,
    /// Huge pages that held anonymous memory of this process after building, in bytes.
    pub huge_page_bytes: u64,
    /// One row a peer, ours first.
    pub rows: Vec<Row>,
    /// Peers that were asked for and did not run.
    pub not_run: Vec<NotRun>,
}

/// What was measured of one peer.
#[derive(Serialize)]
pub struct Row {
    /// Short name.
    pub key: &'static str,
    /// Name.
    pub name: &'static str,
    /// How it was set up.
    pub setup: &'static str,
    /// How it answers a batch.
    pub batch: &'static str,
    /// Bytes for each certificate.
    pub bytes_each: f64,
    /// Seconds to build.
    pub build_seconds: f64,
    /// Questions of a pass.
    pub calls: usize,
    /// Nanoseconds a question, by [`Measure::ALL`].
    pub measures: Vec<Figures>,
}

/// One measure of one peer.
#[derive(Serialize)]
pub struct Figures {
    /// Which.
    pub measure: Measure,
    /// The median of the passes.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Every pass, in order.
    pub passes: Vec<f64>,
}

/// A peer that did not run.
#[derive(Serialize)]
pub struct NotRun {
    /// Name.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

impl Row {
    /// Sums up a contestant.
    #[must_use]
    pub fn new(candidate: &super::Candidate, contestant: &Contestant, records: usize) -> Self {
        let figures = |(place, measure): (usize, Measure)| {
            let passes = contestant.passes[place].clone();
            let mut sorted = passes.clone();
            let median = median(&mut sorted);
            let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
            let (min, max) = (at(0), at(sorted.len().saturating_sub(1)));
            Figures { measure, median, min, max, passes }
        };
        Self {
            key: candidate.key,
            name: candidate.name,
            setup: candidate.setup,
            batch: candidate.batch,
            bytes_each: contestant.bytes as f64 / records as f64,
            build_seconds: contestant.build_seconds,
            calls: contestant.calls,
            measures: Measure::ALL.into_iter().enumerate().map(figures).collect(),
        }
    }

    /// The median of a measure in nanoseconds.
    #[must_use]
    pub fn median(&self, measure: Measure) -> f64 {
        self.figures(measure).map_or(f64::NAN, |figures| figures.median)
    }

    fn figures(&self, measure: Measure) -> Option<&Figures> {
        self.measures.iter().find(|figures| figures.measure == measure)
    }
}

impl Report {
    /// The table, what did not run, and how each peer was set up.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| peer | B a certificate | build s | hit µs | miss µs | batch M/s | two threads M/s |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let Some(ours) = self.rows.first() else { return text };
        for row in &self.rows {
            let more = |theirs: f64, own: f64| ratio(theirs / own);
            let time = |measure| {
                let figures = row.figures(measure);
                let (low, high) = figures.map_or((f64::NAN, f64::NAN), |all| (all.min, all.max));
                let median = row.median(measure);
                let times = more(median, ours.median(measure));
                format!("{:.3} ({:.3}–{:.3}) {times}", median / 1e3, low / 1e3, high / 1e3)
            };
            let rate = |measure| {
                let figures = row.figures(measure);
                let (low, high) = figures.map_or((f64::NAN, f64::NAN), |all| (all.max, all.min));
                let median = row.median(measure);
                let times = more(median, ours.median(measure));
                format!("{:.3} ({:.3}–{:.3}) {times}", 1e3 / median, 1e3 / low, 1e3 / high)
            };
            let _ = writeln!(
                text,
                "| {} | {:.1} {} | {:.1} {} | {} | {} | {} | {} |",
                row.name,
                row.bytes_each,
                more(row.bytes_each, ours.bytes_each),
                row.build_seconds,
                more(row.build_seconds, ours.build_seconds),
                time(Measure::Hit),
                time(Measure::Miss),
                rate(Measure::Batch),
                rate(Measure::TwoThreads),
            );
        }
        for NotRun { name, reason } in &self.not_run {
            let _ = writeln!(text, "| {name} | not run: {reason} | | | | | |");
        }
        let _ = writeln!(
            text,
            "\n{} certificates, {} passes by turns: median (least–most); ×: how many times ours, in \
             bytes or time. {} MiB of this process in huge pages.\n",
            self.records,
            self.passes,
            self.huge_page_bytes >> 20
        );
        for row in &self.rows {
            let Row { name, setup, batch, calls, .. } = row;
            let _ = writeln!(text, "- {name}: {setup}. Batch: {batch}. {calls} questions a pass.");
        }
        text
    }
}

fn ratio(times: f64) -> String {
    if times >= 10.0 { format!("×{times:.0}") } else { format!("×{times:.2}") }
}
