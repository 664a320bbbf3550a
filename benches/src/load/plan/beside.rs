//! Phases in which something else happens too: events, streams of claims, slow clients.

use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow};

use super::costs;
use super::stage::Stage;
use super::subject::Subject;
use crate::load::drive::{Load, Outcome};
use crate::load::run::Event;
use crate::load::service::events::{Done, Effect, Planned};
use crate::load::service::{Bulk, Claims, Service, Slow};

/// Claims of one stream.
const CLAIMS: u64 = 200_000;

/// What happens beside the questions; by default nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'p> {
    /// What is done to the server.
    pub planned: &'p [Planned],
    /// Streams of claims at one time.
    pub bulk_streams: u64,
    /// Slow clients of each sort.
    pub slow_clients: u64,
}

/// Drives while it happens, and notes what came of both.
pub(super) fn drive(
    stage: &mut Stage<'_>,
    subject: &mut Subject,
    beside: Beside<'_>,
    load: &Load,
    name: &str,
    purpose: &str,
) -> anyhow::Result<()> {
    let bulk = match beside.bulk_streams {
        0 => None,
        streams => Some(bulk(subject, streams)?),
    };
    let slow = match beside.slow_clients {
        0 => None,
        each => Some(Slow::start(subject.target.public, each)?),
    };
    let came = with_events(stage, subject, beside.planned, load, name, purpose);
    let (bulk, slow) = (bulk.map(Bulk::finish), slow.map(Slow::finish));
    let (outcome, done) = came?;
    let events = events(&outcome, &done, stage.origin);
    let Some(phase) = stage.last() else { return Ok(()) };
    let costs = costs::of(&outcome, &events, phase.began_s);
    if let Some(bulk) = &bulk {
        eprintln!("  {:.0} claims a second, {} wrong", bulk.rate, bulk.wrong);
    }
    (phase.events, phase.bulk, phase.slow) = (events, bulk, slow);
    stage.run.costs.extend(costs);
    Ok(())
}

fn bulk(subject: &Subject, streams: u64) -> anyhow::Result<Bulk> {
    const NEEDS: &str = "streams of claims need a server that the kit brought up";
    let partner = subject.target.partner.as_ref().context(NEEDS)?;
    let service = subject.service.as_ref().context(NEEDS)?;
    let loader = &subject.events.loader;
    let claims = Claims::make(loader, service.store(), CLAIMS, subject.seed, &subject.folder)?;
    Bulk::start(partner, &claims, streams)
}

fn with_events(
    stage: &mut Stage<'_>,
    subject: &mut Subject,
    planned: &[Planned],
    load: &Load,
    name: &str,
    purpose: &str,
) -> anyhow::Result<(Outcome, Vec<Done>)> {
    if planned.is_empty() {
        return Ok((stage.phase(name, purpose, load, |_| {})?, Vec::new()));
    }
    let service: &mut Service =
        subject.service.as_mut().context("events need a server that the kit brought up")?;
    let (events, origin) = (&mut subject.events, stage.origin);
    thread::scope(|scope| {
        let mut doing = None;
        let outcome = stage.phase(name, purpose, load, |began| {
            doing = Some(scope.spawn(move || events.carry_out(planned, service, began, origin)));
        });
        let done = doing.map_or(Ok(Vec::new()), |doing| {
            doing.join().map_err(|_| anyhow!("the thread of the events panicked"))
        });
        Ok((outcome?, done?))
    })
}

/// The events with the moments at which they were seen.
fn events(outcome: &Outcome, done: &[Done], origin: Instant) -> Vec<Event> {
    let with_sight = |done: &Done| {
        let seconds = |at: Instant| at.saturating_duration_since(origin).as_secs_f64();
        let event = Event { seen_s: seen(outcome, done).map(seconds), ..done.event.clone() };
        let after = event.seen_s.map_or("not seen".to_owned(), |seen| {
            format!("seen after {:.2} s", seen - event.began_s)
        });
        eprintln!("  {}: {after}; {}", event.what, event.note);
        event
    };
    done.iter().map(with_sight).collect()
}

/// When what an event changes was first seen, or what it ends was last seen.
fn seen(outcome: &Outcome, done: &Done) -> Option<Instant> {
    let sightings = outcome.sightings();
    match done.effect {
        _ if !done.event.is_ok => None,
        Effect::Generation(generation) => sightings.generations.get(&generation).copied(),
        Effect::UnderReview => sightings.reviews.first_from(done.began),
        Effect::Valid => {
            let until = done.done + crate::load::questions::GRACE;
            sightings.reviews.last_between(done.began, until).or(Some(done.done))
        }
        Effect::Answers => sightings.right.first_from(done.done),
    }
}
