//! Progress of long work: a bar on a terminal, a line now and then elsewhere.

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use zhengcha_engine::build;

/// Redraw interval of a spinner.
const TICK_MS: u64 = 120;
/// Time between lines where there is no terminal; what is done sooner says nothing.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Told how far a step has come.
pub trait Progress: Sync {
    /// A step begins; `total` is 0 when its length is not known.
    fn begin(&self, step: &'static str, total: u64);
    /// So much of the step is done.
    fn advance(&self, done: u64);
    /// Nothing more follows.
    fn finish(&self);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// What the engine tells of its steps, told on.
pub struct Told<'p>(pub &'p dyn Progress);

impl build::Progress for Told<'_> {
    fn begin(&self, step: &'static str, total: u64) {
        self.0.begin(step, total);
    }

    fn advance(&self, done: u64) {
        self.0.advance(done);
    }
}

/// A bar on stderr, or lines when stderr is no terminal.
#[derive(Default)]
pub struct Bar {
    shown: Mutex<Option<Shown>>,
}

enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
}

impl Bar {
    fn with(&self, use_shown: impl FnOnce(&mut Option<Shown>)) {
        if let Ok(mut shown) = self.shown.lock() {
            use_shown(&mut shown);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, step: &'static str, total: u64) {
        self.with(|slot| {
            if let Some(old) = slot.take() {
                old.end();
            }
            *slot = Some(if io::stderr().is_terminal() {
                Shown::Bar(bar(step, total))
            } else {
                let now = Instant::now();
                Shown::Lines(Lines { step, total, done: 0, began: now, said: now })
            });
        });
    }

    fn advance(&self, done: u64) {
        self.with(|slot| match slot {
            Some(Shown::Bar(bar)) => bar.set_position(done),
            Some(Shown::Lines(lines)) => lines.advance(done),
            None => {}
        });
    }

    fn finish(&self) {
        self.with(|slot| {
            if let Some(shown) = slot.take() {
                shown.end();
            }
        });
    }
}

impl Shown {
    fn end(self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines(lines) => lines.end(),
        }
    }
}

fn bar(step: &'static str, total: u64) -> ProgressBar {
    let (bar, template) = if total == 0 {
        (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
    } else {
        (ProgressBar::new(total), "{msg} {bar:30} {human_pos}/{human_len} {per_sec} {eta}")
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(step);
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    bar
}

/// One step told in lines.
struct Lines {
    step: &'static str,
    total: u64,
    done: u64,
    began: Instant,
    said: Instant,
}

impl Lines {
    fn advance(&mut self, done: u64) {
        self.done = done;
        if self.said.elapsed() >= LINE_INTERVAL {
            self.said = Instant::now();
            say(&under_way(self.step, done, self.total, self.began.elapsed()));
        }
    }

    fn end(self) {
        let took = self.began.elapsed();
        if took >= LINE_INTERVAL {
            say(&format!("{}: done in {}", self.step, HumanDuration(took)));
        }
    }
}

fn under_way(step: &str, done: u64, total: u64, took: Duration) -> String {
    let per_second = done as f64 / took.as_secs_f64().max(f64::EPSILON);
    let left = total.saturating_sub(done) as f64 / per_second.max(1.0);
    format!(
        "{step}: {} of {}, {} a second, {} left",
        HumanCount(done),
        HumanCount(total),
        HumanCount(per_second as u64),
        HumanDuration(Duration::from_secs_f64(left))
    )
}

fn say(line: &str) {
    // Where nobody listens any more the work goes on.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rate_and_remaining_time() {
        assert_eq!(
            under_way("merging records", 50_000_000, 200_000_000, Duration::from_secs(10)),
            "merging records: 50,000,000 of 200,000,000, 5,000,000 a second, 30 seconds left"
        );
        assert_eq!(
            under_way("verifying", 0, 0, Duration::ZERO),
            "verifying: 0 of 0, 0 a second, 0 seconds left"
        );
    }
}
