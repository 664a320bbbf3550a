//! The knee of a server: found several times, then confirmed.

use super::constants::query_cpu_us;
use super::knee::{self, Course, Found};
use super::names;
use super::settings::Settings;
use super::stage::Stage;
use crate::load::run::Knee;
use crate::load::schedule::Schedule;

/// The first step, as a share of what a closed loop reached.
const FIRST_SHARE: f64 = 0.3;
/// Rise of the first search.
const FIRST_FACTOR: f64 = 1.5;
/// Later searches begin at this share of the first one's result, and rise by less.
const AGAIN_SHARE: f64 = 0.8;
const AGAIN_FACTOR: f64 = 1.1;
/// A rate that does not hold in the longer run is lowered by this factor, so many times.
const LOWER: f64 = 0.95;
const CONFIRMATIONS_MAX: usize = 6;
/// Microseconds of a second.
const MICROS: f64 = 1e6;

/// Searches, confirms, and notes the knee and its phase. Gives the bytes that the confirming run moved, and
/// `None` when no rate held.
pub(super) fn find(
    stage: &mut Stage<'_>,
    settings: &Settings,
    closed_rate: f64,
) -> anyhow::Result<Option<u64>> {
    let load = settings.load(Schedule::constant(0.0, settings.step));
    let mut steps = Vec::new();
    let mut all: Vec<Found> = Vec::new();
    for _ in 0..settings.searches.max(1) {
        let course = match all.first() {
            None => Course { first: closed_rate * FIRST_SHARE, factor: FIRST_FACTOR },
            Some(first) => Course { first: first.held * AGAIN_SHARE, factor: AGAIN_FACTOR },
        };
        eprintln!("search for the knee, from {:.0}/s", course.first);
        let mut attempt = |rate| stage.step(rate, &load, settings.step);
        let found = knee::search(settings.objective, course, &mut steps, &mut attempt)?;
        let has_none = found.held == 0.0;
        all.push(found);
        if has_none {
            break;
        }
    }
    all.sort_by(|a, b| a.held.total_cmp(&b.held));
    let middle = &all[all.len() / 2];
    let mut knee = Knee {
        steps,
        rate: middle.held,
        spread: (all[0].held, all.iter().map(|found| found.broke).fold(0.0, f64::max)),
        searches: all.iter().map(|found| found.held).collect(),
        breaks_at: middle.broke,
        breaks_by: middle.miss.as_ref().map(|miss| miss.by.to_owned()).unwrap_or_default(),
        ..Knee::default()
    };
    let bytes = if knee.rate > 0.0 { confirm(stage, settings, &mut knee)? } else { None };
    stage.run.knee = Some(knee);
    Ok(bytes)
}

fn confirm(
    stage: &mut Stage<'_>,
    settings: &Settings,
    knee: &mut Knee,
) -> anyhow::Result<Option<u64>> {
    for _ in 0..CONFIRMATIONS_MAX {
        let load = settings.load(Schedule::constant(knee.rate, settings.phase));
        let purpose = "Confirms the highest rate that kept the objective in a longer run.";
        let outcome = stage.phase(names::KNEE, purpose, &load, |_| {})?;
        let total = outcome.total();
        let generator = outcome.generator();
        let Some(miss) = settings.objective.miss(&total, &generator) else {
            knee.p99_us = total.p99_us;
            knee.generator_cpu_us = generator.cpu * MICROS / total.rate().max(1.0);
            knee.server_cpu_us = stage.last().and_then(|phase| query_cpu_us(phase)).unwrap_or(0.0);
            return Ok(Some(outcome.bytes()));
        };
        eprintln!("  not confirmed: {}", miss.reason);
        stage.run.phases.pop();
        knee.breaks_at = knee.rate;
        knee.breaks_by = miss.by.to_owned();
        knee.rate *= LOWER;
        knee.spread.0 = knee.spread.0.min(knee.rate);
    }
    knee.rate = 0.0;
    Ok(None)
}
