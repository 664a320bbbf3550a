//! Charts over time.

use super::super::super::run::{Event, Phase, ServerSample, Window};
use super::super::chart::scale::Scale;
use super::super::chart::{Axis, Chart, Frame};
use super::super::number;
use super::Drawing;

/// Columns that can be pointed at.
const COLUMNS: usize = 60;

/// What is drawn over the same stretch of time.
pub(super) struct Stretch<'a> {
    /// Begin of the names of the charts on the page.
    pub(super) id: String,
    pub(super) name: &'a str,
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) windows: Vec<&'a Window>,
    pub(super) events: Vec<&'a Event>,
    pub(super) is_wide: bool,
    /// Names set at moments beside the events, such as where a phase begins.
    pub(super) names: Vec<(f64, String)>,
}

impl<'a> Stretch<'a> {
    /// A phase.
    pub(super) fn of(phase: &'a Phase, id: &str) -> Self {
        let last = phase.windows.last().map_or(0.0, |last| last.at_s + last.summary.seconds);
        Self {
            id: id.to_owned(),
            name: &phase.name,
            from: phase.began_s,
            until: (phase.began_s + phase.seconds).max(last),
            windows: phase.windows.iter().collect(),
            events: phase.events.iter().collect(),
            is_wide: false,
            names: Vec::new(),
        }
    }

    fn time(&self) -> Axis {
        Axis {
            scale: Scale::time(self.from, self.until),
            name: "minutes:seconds since the run began",
            write: number::clock,
        }
    }

    fn chart(&self, part: &str, title: &str, description: String, y: Axis) -> Chart {
        let title = format!("{}: {title}", self.name);
        let rows = match (self.events.len() + self.names.len(), self.is_wide) {
            (0, _) => 0,
            (1, _) => 1,
            (_, false) => 2,
            (_, true) => 3,
        };
        let id = format!("{}-{part}", self.id);
        let frame = Frame { id, title: &title, description, is_wide: self.is_wide, rows };
        let mut chart = Chart::new(frame, self.time(), y);
        for event in &self.events {
            chart.mark(
                event.began_s,
                event.seen_s.unwrap_or(event.done_s),
                &event.what,
                &says(event),
            );
        }
        for (at, name) in &self.names {
            chart.mark(*at, *at, name, &format!("{name} begins at {}", number::clock(*at)));
        }
        chart
    }

    fn drawing(&self, caption: &str, chart: Chart) -> Drawing {
        Drawing { caption: caption.to_owned(), svg: chart.draw(), is_wide: self.is_wide }
    }

    /// Right answers a second and what was asked.
    pub(super) fn throughput(&self) -> Drawing {
        let offered = |window: &Window| {
            let seconds = window.summary.seconds;
            if seconds > 0.0 { window.summary.due as f64 / seconds } else { 0.0 }
        };
        let failed = |window: &Window| (offered(window) - window.summary.rate()).max(0.0);
        let rates = self.windows.iter().flat_map(|w| [offered(w), w.summary.rate()]);
        let y = Axis {
            scale: Scale::from_nought(rates),
            name: "questions a second",
            write: number::round,
        };
        let description = "Offered rate, right answers and failures a second over time.".to_owned();
        let mut chart = self.chart("rate", "throughput", description, y);
        chart.line(
            "offered",
            "offered",
            self.windows.iter().map(|w| (middle(w), Some(offered(w)))),
        );
        chart.line(
            "main",
            "right",
            self.windows.iter().map(|w| (middle(w), Some(w.summary.rate()))),
        );
        let has_failures = self.windows.iter().any(|w| w.summary.failed + w.summary.wrong > 0);
        if has_failures {
            chart.line(
                "fault",
                "failed",
                self.windows.iter().map(|w| (middle(w), Some(failed(w)))),
            );
        }
        chart.hover(self.columns(|some| {
            let sum = |figure: fn(&Window) -> f64| some.iter().map(|w| figure(w)).sum::<f64>();
            let seconds = sum(|w| w.summary.seconds).max(f64::MIN_POSITIVE);
            format!(
                "offered {}, right {}",
                number::rate(sum(|w| w.summary.due as f64) / seconds),
                number::rate(sum(|w| w.summary.right as f64) / seconds)
            )
        }));
        self.drawing("Throughput and the offered rate", chart)
    }

    /// p50, p99 and p99.9, on a log scale.
    pub(super) fn latency(&self, objective_us: u64) -> Drawing {
        let of = |figure: fn(&Window) -> u64| {
            self.windows.iter().map(move |w| (middle(w), Some(figure(w) as f64)))
        };
        let all = self.windows.iter().flat_map(|w| [w.summary.p50_us, w.summary.p999_us]);
        let highest = self.windows.iter().map(|w| w.summary.p999_us).max().unwrap_or(0);
        // The objective is drawn where it is near; far above it would only flatten the lines.
        let is_near = objective_us > 0 && objective_us <= highest.saturating_mul(20);
        let shown = all.chain(is_near.then_some(objective_us)).map(|us| us as f64);
        let y = Axis {
            scale: Scale::log(shown),
            name: "latency, log scale",
            write: number::round_micros,
        };
        let description = "p50, p99 and p99.9 of right answers, window by window.".to_owned();
        let mut chart = self.chart("latency", "latency", description, y);
        if is_near {
            chart.level("objective", objective_us as f64);
        }
        chart.line("low", "p50", of(|w| w.summary.p50_us));
        chart.line("high", "p99.9", of(|w| w.summary.p999_us));
        chart.line("main", "p99", of(|w| w.summary.p99_us));
        chart.hover(self.columns(|some| {
            let most = |figure: fn(&Window) -> u64| {
                number::latency(some.iter().map(|w| figure(w)).max().unwrap_or(0))
            };
            let (p50, p99) = (most(|w| w.summary.p50_us), most(|w| w.summary.p99_us));
            format!("p50 {p50}, p99 {p99}, p99.9 {}", most(|w| w.summary.p999_us))
        }));
        self.drawing("Latency from the moment a question was due", chart)
    }

    fn columns(
        &self,
        says: impl Fn(&[&Window]) -> String,
    ) -> impl Iterator<Item = (f64, f64, String)> {
        let each = self.windows.len().div_ceil(COLUMNS).max(1);
        self.windows.chunks(each).filter_map(move |some| {
            let (first, last) = (some.first()?, some.last()?);
            let until = last.at_s + last.summary.seconds;
            let moment = format!("{} to {}", number::clock(first.at_s), number::clock(until));
            Some((first.at_s, until, format!("{moment}: {}", says(some))))
        })
    }

    /// Cores in use by the server, and by the generator on the whole.
    pub(super) fn cpu(&self, samples: &[ServerSample], generator: f64) -> Drawing {
        let y = Axis {
            scale: Scale::from_nought(samples.iter().map(|s| s.cpu).chain([generator])),
            name: "cores in use",
            write: number::round,
        };
        let description = "Cores in use by the server over time, and by the generator.".to_owned();
        let mut chart = self.chart("cpu", "processor", description, y);
        if generator > 0.0 {
            chart.level("generator", generator);
        }
        chart.line("main", "server", samples.iter().map(|s| (s.at_s, Some(s.cpu))));
        self.drawing("Processor: server over time, generator on average", chart)
    }

    /// Memory of the server.
    pub(super) fn memory(&self, samples: &[ServerSample]) -> Drawing {
        let y = Axis {
            scale: Scale::bytes(samples.iter().map(|s| s.resident_bytes as f64)),
            name: "memory of the server",
            write: number::round_bytes,
        };
        let description = "All memory of the server, and the part that is no file.".to_owned();
        let mut chart = self.chart("memory", "memory", description, y);
        let resident = samples.iter().map(|s| (s.at_s, Some(s.resident_bytes as f64)));
        chart.line("high", "resident", resident);
        let anonymous = samples.iter().map(|s| (s.at_s, Some(s.anonymous_bytes as f64)));
        chart.line("main", "anonymous", anonymous);
        self.drawing("Memory: all, and what is no file", chart)
    }

    /// Faults served from the disk; nothing when there were none.
    pub(super) fn faults(&self, samples: &[ServerSample]) -> Option<Drawing> {
        samples.iter().any(|sample| sample.major_faults > 0).then(|| {
            let y = Axis {
                scale: Scale::from_nought(samples.iter().map(|s| s.major_faults as f64)),
                name: "major faults between samples",
                write: number::round,
            };
            let description = "Page faults that had to wait for the disk.".to_owned();
            let mut chart = self.chart("faults", "major faults", description, y);
            let faults = samples.iter().map(|s| (s.at_s, Some(s.major_faults as f64)));
            chart.line("main", "faults", faults);
            self.drawing("Page faults served from the disk", chart)
        })
    }

    /// p99 as the server sees it, which is a bound, beside that of the client.
    pub(super) fn sides(&self, bounds: &[(f64, Option<f64>)]) -> Drawing {
        let client = || self.windows.iter().map(|w| (middle(w), Some(w.summary.p99_us as f64)));
        let all = client().chain(bounds.iter().copied()).filter_map(|point| point.1);
        let y =
            Axis { scale: Scale::log(all), name: "p99, log scale", write: number::round_micros };
        let description =
            "p99 of the client, and the bound below which the server's own p99 lies.".to_owned();
        let mut chart = self.chart("sides", "both sides", description, y);
        chart.line("low", "server ≤", bounds.iter().copied());
        chart.line("main", "client", client());
        self.drawing("p99 by client and server: between them lie network and queue", chart)
    }
}

fn middle(window: &Window) -> f64 {
    window.at_s + window.summary.seconds / 2.0
}

/// An event in words.
fn says(event: &Event) -> String {
    let seen = event.seen_s.map_or("effect not seen".to_owned(), |seen| {
        format!("seen after {}", number::seconds(seen - event.began_s))
    });
    let failed = if event.is_ok { "" } else { " FAILED" };
    let note = if event.note.is_empty() { String::new() } else { format!("; {}", event.note) };
    format!("{}{failed} at {}, {seen}{note}", event.what, number::clock(event.began_s))
}
