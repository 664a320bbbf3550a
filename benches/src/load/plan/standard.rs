//! The standard plan: what a server carries, where it breaks, what disturbs it.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Context;

use super::beside::{self, Beside};
use super::overload::{self, Spike};
use super::settings::{FINE, Settings};
use super::stage::Stage;
use super::subject::Subject;
use super::{constants, names, search};
use crate::load::drive::{Load, Waiting};
use crate::load::run::Run;
use crate::load::schedule::{Schedule, Shape};
use crate::load::service::Neighbour;
use crate::load::service::events::{Planned, What};
use crate::load::witness::{self, KitRun};

/// Most turns of the warm-up.
const WARM_UP_TURNS_MAX: usize = 20;
/// As long as a turn answers so many times as much as the one before, the server is not warm.
const WARM_GAIN: f64 = 1.2;
/// Share of the knee's rate at which phases run that show what else happens.
const REST_SHARE: f64 = 0.3;
/// The same when no knee was searched for: of what a closed loop reached.
const REST_SHARE_OF_CLOSED: f64 = 0.2;
/// Share of the limit before and after a spike.
const CALM_SHARE: f64 = 0.5;
/// Share of the server's cores that a neighbour takes in overload.
const NEIGHBOUR_SHARE: f64 = 0.7;
/// Connections of the witness.
const WITNESS_CONNECTIONS: u64 = 32;
/// Questions in the script of the witness.
const WITNESS_QUESTIONS: usize = 20_000;
/// Swaps, a hold, its release and a restart: at which share of the phase.
const EVENTS: [(What, f64); 5] = [
    (What::Swap, 0.12),
    (What::Hold, 0.35),
    (What::Release, 0.5),
    (What::Restart, 0.65),
    (What::Swap, 0.8),
];

/// A part of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Part {
    /// wrk asks the same questions, by turns with the kit
    Witness,
    /// The highest rate within the objective
    Knee,
    /// A moderate rate with nothing beside
    Steady,
    /// A share of fresh connections
    Fresh,
    /// Slow clients beside the questions
    Slow,
    /// Streams of claims beside the questions
    Bulk,
    /// Swaps, a hold, a release and a restart
    Events,
    /// Twice and three times what it carries
    Overload,
    /// TLS, connections kept and fresh
    Tls,
}

impl Part {
    /// All of them.
    #[must_use]
    pub fn all() -> BTreeSet<Self> {
        <Self as clap::ValueEnum>::value_variants().iter().copied().collect()
    }
}

/// Swaps that the plan makes.
#[must_use]
pub fn swaps() -> usize {
    EVENTS.iter().filter(|(what, _)| *what == What::Swap).count()
}

/// Carries out these parts and notes all in the run.
///
/// # Errors
/// When the server cannot be driven at all; what fails under load is a figure.
pub fn drive(
    run: &mut Run,
    subject: &mut Subject,
    settings: &Settings,
    parts: &BTreeSet<Part>,
    origin: Instant,
) -> anyhow::Result<()> {
    let mut stage = Stage::new(run, subject, settings, origin)?;
    eprintln!("{}: closed loop over {} connections", names::WARM_UP, settings.connections);
    let mut warm = stage.driver.closed(settings.connections, settings.warm_up)?.total();
    // While a server still brings pages in from the disk, each turn answers much more than the one before.
    for _ in 1..WARM_UP_TURNS_MAX {
        let before = warm.rate();
        warm = stage.driver.closed(settings.connections, settings.warm_up)?.total();
        if warm.rate() <= before * WARM_GAIN {
            break;
        }
    }
    anyhow::ensure!(
        warm.right > 0,
        "{}: no right answer in {:?}; {} failed, {} wrong",
        subject.target.public,
        settings.warm_up,
        warm.failed,
        warm.wrong
    );
    eprintln!("  {:.0} right a second", warm.rate());
    if parts.contains(&Part::Witness)
        && let Err(error) = witness(&mut stage, subject, settings)
    {
        stage.run.warnings.push(format!("No independent witness: {error:#}."));
    }
    let mut bytes = None;
    if parts.contains(&Part::Knee) {
        bytes = search::find(&mut stage, settings, warm.rate())?;
    }
    let knee = stage.run.knee.as_ref().map(|knee| knee.rate).filter(|rate| *rate > 0.0);
    let rest = even(knee.map_or(warm.rate() * REST_SHARE_OF_CLOSED, |knee| knee * REST_SHARE));
    let load = settings.load(Schedule::constant(rest, settings.phase));
    for part in parts {
        match part {
            Part::Witness | Part::Knee | Part::Tls => {}
            Part::Steady => {
                let purpose = "What a moderate rate is like with nothing beside it.";
                stage.phase(names::STEADY, purpose, &load, |_| {})?;
            }
            Part::Fresh => fresh(&mut stage, &load, names::FRESH, settings.fresh_shares.0)?,
            Part::Slow => {
                let beside = Beside { slow_clients: settings.slow_clients, ..Beside::default() };
                let purpose = "What clients that send and read byte by byte do to the others.";
                beside::drive(&mut stage, subject, beside, &load, names::SLOW, purpose)?;
            }
            Part::Bulk => {
                let beside = Beside { bulk_streams: settings.bulk_streams, ..Beside::default() };
                let purpose =
                    "What streams of the tax authority's claims do to the questions of the public.";
                beside::drive(&mut stage, subject, beside, &load, names::BULK, purpose)?;
            }
            Part::Events => {
                let schedule = Schedule::constant(rest, settings.events);
                let load = Load { window: FINE, ..settings.load(schedule) };
                let planned = EVENTS
                    .map(|(what, share)| Planned { what, at: settings.events.mul_f64(share) });
                let purpose =
                    "What swaps, holds, releases and restarts cost those who ask meanwhile.";
                let beside = Beside { planned: &planned, ..Beside::default() };
                beside::drive(&mut stage, subject, beside, &load, names::EVENTS, purpose)?;
            }
            Part::Overload => {
                for factor in &settings.overload_factors {
                    overload(&mut stage, subject, settings, *factor)?;
                }
            }
        }
    }
    if parts.contains(&Part::Tls) {
        over_tls(run, subject, settings, &load, origin)?;
    }
    run.constants = bytes.and_then(|bytes| constants::of(run, bytes));
    Ok(())
}

/// The highest of 1, 2, 5, 10, 20, … that is no higher: two runs whose knees lie near each other then ask by
/// the same schedules and can be compared.
fn even(rate: f64) -> f64 {
    let ten = 10f64.powf(rate.max(1.0).log10().floor());
    let mut steps = [5.0, 2.0, 1.0].into_iter().map(|step| step * ten);
    steps.find(|step| *step <= rate).unwrap_or(ten)
}

fn witness(stage: &mut Stage<'_>, subject: &Subject, settings: &Settings) -> anyhow::Result<()> {
    eprintln!("witness: wrk and the kit by turns, closed loops");
    let order = stage.driver.drawn(WITNESS_QUESTIONS);
    let load = witness::Load {
        connections: WITNESS_CONNECTIONS,
        threads: stage.driver.threads() as u64,
        seconds: settings.witness.as_secs().max(1),
    };
    let mut turns = Vec::new();
    let mut counted = Some(0);
    for _ in 0..settings.witness_turns {
        let before = stage.counted();
        let wrk = witness::wrk(&subject.target, &subject.set, &order, load, &subject.folder)?;
        let grown = stage.counted().zip(before).map(|(after, before)| after.saturating_sub(before));
        counted = counted.zip(grown).map(|(all, grown)| all + grown);
        let outcome = stage.driver.closed(WITNESS_CONNECTIONS, settings.witness)?;
        let total = outcome.total();
        eprintln!("  wrk {:.0}/s, kit {:.0}/s", wrk.rate, total.rate());
        let kit = KitRun {
            rate: total.rate(),
            p50_us: total.p50_us,
            p99_us: total.p99_us,
            requests: total.due,
        };
        turns.push((wrk, kit));
    }
    stage.run.witness = Some(witness::agree(&turns, counted));
    Ok(())
}

fn fresh(stage: &mut Stage<'_>, load: &Load, name: &str, share: f64) -> anyhow::Result<()> {
    let purpose = "What it costs when askers come with a connection of their own.";
    let load = Load { fresh_share: share, ..load.clone() };
    stage.phase(name, purpose, &load, |_| {})?;
    Ok(())
}

fn overload(
    stage: &mut Stage<'_>,
    subject: &Subject,
    settings: &Settings,
    factor: f64,
) -> anyhow::Result<()> {
    let _neighbour =
        subject.service.as_ref().map(|service| Neighbour::start(service.cores(), NEIGHBOUR_SHARE));
    let limit = stage.driver.closed(settings.connections, settings.warm_up)?.total().rate();
    let (calm, rate) = (limit * CALM_SHARE, limit * factor);
    let schedule = Schedule::new(Shape::Spike(calm, rate), settings.overload);
    let spike_at = schedule.spike().context("a spike has a spike")?;
    let load = Load {
        window: FINE,
        waiting: Waiting::LatestFirst,
        connections_max: settings.overload_connections_max,
        ..settings.load(schedule)
    };
    let purpose = "What the server does with more than it can carry, and how soon it is well again. A \
                   neighbour on its cores leaves it so little of them that the generator can ask for more \
                   than it carries.";
    let outcome = stage.phase(&names::overload(factor), purpose, &load, |_| {})?;
    let peak = outcome.inside(&[(spike_at.0 + FINE / 2, spike_at.1 - FINE / 2)]);
    let Some(phase) = stage.last() else { return Ok(()) };
    let spike = Spike { until_s: phase.began_s + spike_at.1.as_secs_f64(), rate, limit };
    let overload = overload::of(phase, &peak, spike, settings.objective);
    eprintln!(
        "  goodput {:.0}/s ({:.0} % of the limit), well again after {:?} s",
        overload.goodput,
        100.0 * overload.share_of_limit,
        overload.recovery_s
    );
    stage.run.overload.push(overload);
    Ok(())
}

/// The same store, served over TLS.
fn over_tls(
    run: &mut Run,
    subject: &mut Subject,
    settings: &Settings,
    load: &Load,
    origin: Instant,
) -> anyhow::Result<()> {
    if let Some(service) = subject.service.take() {
        let service = service.again_over_tls()?;
        subject.target = service.target();
        subject.service = Some(service);
    }
    anyhow::ensure!(subject.target.tls_ca.is_some(), "the target does not speak TLS");
    let mut stage = Stage::new(run, subject, settings, origin)?;
    stage.driver.closed(settings.connections, settings.warm_up)?;
    let purpose = "What TLS costs on kept connections.";
    stage.phase(names::TLS, purpose, load, |_| {})?;
    fresh(&mut stage, load, names::TLS_FRESH, settings.fresh_shares.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_rates_become_the_same_one() {
        let rates = [0.3, 1.0, 4.9, 22_802.0, 25_436.0, 50_000.0, 99_999.0];
        assert_eq!(rates.map(even), [1.0, 1.0, 2.0, 20_000.0, 20_000.0, 50_000.0, 50_000.0]);
    }
}
