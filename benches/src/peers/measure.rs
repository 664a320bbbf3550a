//! Passes over all peers by turns, so that noise falls on all alike, and every digest compared.

use super::{Peer, QuestionSet, Questions};
use anyhow::Context;
use std::sync::Barrier;
use std::time::Instant;

/// What is measured of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// One question after another, each found.
    Hit,
    /// One question after another, none found.
    Miss,
    /// All the hits handed over at once.
    Batch,
    /// The hits, one after another on each of two threads.
    TwoThreads,
}

impl Measure {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Batch, Self::TwoThreads];
}

/// A peer that was built, and what was seen of it.
pub struct Contestant {
    /// Short name.
    pub key: &'static str,
    /// Questions of a pass.
    pub calls: usize,
    /// Seconds it took to build.
    pub build_seconds: f64,
    /// Bytes it holds.
    pub bytes: u64,
    /// Mean nanoseconds a question in every pass, by [`Measure::ALL`].
    pub passes: [Vec<f64>; 4],
    /// The peer.
    pub peer: Box<dyn Peer>,
}

/// The digests that all must give.
struct Expected {
    calls: usize,
    hits: u64,
}

/// Asks every contestant `passes` times after one pass that is not counted.
///
/// # Errors
/// Errors of peers; an answer that is not the first contestant's, which names the peer.
pub fn run(
    contestants: &mut [Contestant],
    hits: &QuestionSet,
    misses: &QuestionSet,
    passes: usize,
) -> anyhow::Result<()> {
    let mut expected: Vec<Expected> = Vec::new();
    if let Some(first) = contestants.first() {
        for calls in contestants.iter().map(|contestant| contestant.calls) {
            let hits = first.peer.session()?.pass(hits.first(calls))?;
            expected.push(Expected { calls, hits });
        }
    }
    for pass in 0..=passes {
        let count = contestants.len();
        for turn in 0..count {
            // Each pass starts with another peer.
            let contestant = &mut contestants[(turn + pass) % count];
            for (place, measure) in Measure::ALL.into_iter().enumerate() {
                let nanoseconds = time(contestant, measure, hits, misses, &expected)
                    .with_context(|| format!("peer {}, {measure:?}", contestant.key))?;
                if pass > 0 {
                    contestant.passes[place].push(nanoseconds);
                }
            }
        }
    }
    Ok(())
}

fn time(
    contestant: &Contestant,
    measure: Measure,
    hits: &QuestionSet,
    misses: &QuestionSet,
    expected: &[Expected],
) -> anyhow::Result<f64> {
    let set = if measure == Measure::Miss { misses } else { hits };
    let questions = set.first(contestant.calls);
    let (nanoseconds, digest) = match measure {
        Measure::TwoThreads => on_two_threads(&*contestant.peer, questions)?,
        _ => {
            let mut session = contestant.peer.session()?;
            let start = Instant::now();
            let digest = match measure {
                Measure::Batch => session.batch(questions)?,
                _ => session.pass(questions)?,
            };
            (start.elapsed().as_nanos() as f64, digest)
        }
    };
    let wanted = match measure {
        Measure::Miss => 0,
        _ => expected
            .iter()
            .find(|expected| expected.calls == contestant.calls)
            .map(|expected| expected.hits)
            .context("no digest to compare with")?,
    };
    anyhow::ensure!(digest == wanted, "answers differ: digest {digest:016x}, not {wanted:016x}");
    Ok(nanoseconds / questions.len() as f64)
}

/// Half of the questions on each of two threads, timed from when both are ready.
fn on_two_threads(peer: &dyn Peer, questions: Questions<'_>) -> anyhow::Result<(f64, u64)> {
    let ready = Barrier::new(2);
    let work = |part: Questions<'_>| {
        let session = peer.session();
        ready.wait();
        let start = Instant::now();
        let digest = session?.pass(part)?;
        anyhow::Ok((start, Instant::now(), digest))
    };
    let [one, other] = questions.halves();
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| work(other));
        (work(one), other.join())
    });
    let (one, other) = (one?, other.map_err(|_| anyhow::anyhow!("a thread panicked"))??);
    let elapsed = one.1.max(other.1) - one.0.min(other.0);
    Ok((elapsed.as_nanos() as f64, one.2.wrapping_add(other.2)))
}
