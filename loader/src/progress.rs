//! Progress of long work: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::time::Duration;

/// Redraw interval of a spinner.
const TICK_MS: u64 = 120;

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

/// A bar on stderr; hidden by itself when stderr is no terminal.
#[derive(Default)]
pub struct Bar {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bar {
    fn with(&self, use_bar: impl FnOnce(&mut Option<ProgressBar>)) {
        if let Ok(mut bar) = self.bar.lock() {
            use_bar(&mut bar);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, step: &'static str, total: u64) {
        self.with(|slot| {
            if let Some(old) = slot.take() {
                old.finish_and_clear();
            }
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
            *slot = Some(bar);
        });
    }

    fn advance(&self, done: u64) {
        self.with(|slot| {
            if let Some(bar) = slot {
                bar.set_position(done);
            }
        });
    }

    fn finish(&self) {
        self.with(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
    }
}
