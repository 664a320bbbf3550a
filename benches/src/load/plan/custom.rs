//! One schedule that was asked for, with what was asked for beside it.

use std::time::{Duration, Instant};

use super::beside::{self, Beside};
use super::names;
use super::settings::{FINE, Settings};
use super::stage::Stage;
use super::subject::Subject;
use crate::load::drive::Load;
use crate::load::run::Run;
use crate::load::schedule::Schedule;

/// Kept connections are opened, and caches filled, before the clock starts.
const WARM_UP: Duration = Duration::from_secs(2);

/// Drives by this schedule and notes all in the run.
///
/// # Errors
/// When the server cannot be driven at all.
pub fn drive_schedule(
    run: &mut Run,
    subject: &mut Subject,
    settings: &Settings,
    schedule: Schedule,
    fresh_share: f64,
    beside: Beside<'_>,
    origin: Instant,
) -> anyhow::Result<()> {
    let mut stage = Stage::new(run, subject, settings, origin)?;
    stage.driver.closed(settings.connections, WARM_UP)?;
    let mut load = Load { fresh_share, ..settings.load(schedule) };
    if !beside.planned.is_empty() {
        load.window = FINE;
    }
    let purpose = "The schedule that was asked for.";
    beside::drive(&mut stage, subject, beside, &load, names::SCHEDULE, purpose)
}
