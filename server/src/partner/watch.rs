//! What a running stream is watched for: its generation, its partner, its account, and the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};
use zhengcha_engine::claims::{Counts, Judge, Verdict};

use super::account::Moment;
use super::cut::Cut;
use super::service::{Desk, Guest};
use crate::live::State;

/// Between two looks.
const TICK: Duration = Duration::from_millis(250);
/// Between two lines of log about a running stream.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A generation that a stream judges by. The judge goes first, so that the snapshot is unmapped by
/// whoever reaps replaced states and never here.
pub(crate) struct Held {
    judge: Judge,
    state: Arc<State>,
}

impl Held {
    /// A judge over the snapshot of this state.
    pub(crate) fn new(judge: Judge, state: Arc<State>) -> Self {
        Self { judge, state }
    }

    pub(crate) fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Whether this is what serves now.
    fn is_current(&self, now: &State) -> bool {
        match (self.state.snapshot(), now.snapshot()) {
            (Some(held), Some(now)) => Arc::ptr_eq(held, now),
            _ => false,
        }
    }
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) counts: Counts,
    /// Of claims, unfolded.
    pub(crate) bytes_in: u64,
    /// Of verdicts, as sent.
    pub(crate) bytes_out: u64,
}

/// Watches one stream.
pub(crate) struct Watch {
    desk: Arc<Desk>,
    pub(crate) guest: Guest,
    held: Arc<Held>,
    id: String,
    pub(crate) progress: Progress,
    began: Instant,
    logged: Instant,
    replaced: Option<Instant>,
    is_ended: bool,
    ticks: Interval,
}

/// How a stream stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing<'d> {
    /// It goes on.
    Running,
    /// Every claim has its verdict; the digest.
    Complete(&'d str),
    /// It was wrong as a whole.
    Refused,
    /// It was broken off.
    Cut(Cut),
}

impl Watch {
    pub(crate) fn new(desk: Arc<Desk>, guest: Guest, held: Arc<Held>, id: String) -> Self {
        let now = Instant::now();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let progress = Progress::default();
        Self {
            desk,
            guest,
            held,
            id,
            progress,
            began: now,
            logged: now,
            replaced: None,
            is_ended: false,
            ticks,
        }
    }

    /// Waits for the next look and takes it. May be dropped and called again.
    pub(crate) async fn tick(&mut self) -> Result<(), Cut> {
        self.ticks.tick().await;
        let now = Instant::now();
        if now - self.logged >= LOG_INTERVAL {
            self.logged = now;
            self.log(Standing::Running);
        }
        let today = Moment::now().date();
        // With the quota that it has now.
        let partner = self.desk.door.still_in(&self.guest.partner, today).ok_or(Cut::Partner)?;
        self.guest.partner = partner;
        if self.held.is_current(&self.desk.app.live.lease()) {
            self.replaced = None;
            return Ok(());
        }
        let since = *self.replaced.get_or_insert(now);
        let longest = Duration::from_millis(self.desk.limits.stream_old_generation_ms_max);
        if now - since >= longest { Err(Cut::Generation) } else { Ok(()) }
    }

    /// Takes up to so many claims out of the quota.
    pub(crate) fn take(&self, wanted: u64) -> u64 {
        self.guest.account.take(wanted, self.guest.partner.daily_quota, Moment::now())
    }

    /// Gives back what was not used.
    pub(crate) fn give_back(&self, claims: u64) {
        if claims > 0 {
            self.guest.account.give_back(claims, Moment::now());
        }
    }

    /// Notes verdicts that went out.
    pub(crate) fn count(&mut self, counts: &Counts) {
        self.progress.counts.add(counts);
        self.guest.account.count(counts, Moment::now());
    }

    /// The stream is over.
    pub(crate) fn end(&mut self, standing: Standing<'_>) {
        self.is_ended = true;
        if let Standing::Cut(cut) = standing {
            self.desk.cuts.count(cut);
        }
        self.log(standing);
    }

    /// One line of log: whose stream, how far, from what, and how it stands; nothing about a person.
    fn log(&self, standing: Standing<'_>) {
        let (state, cut, digest) = match standing {
            Standing::Running => ("running", None, None),
            Standing::Complete(digest) => ("complete", None, Some(digest)),
            Standing::Refused => ("refused", None, None),
            Standing::Cut(cut) => ("broken off", Some(cut.name()), None),
        };
        let counts = &self.progress.counts;
        tracing::info!(
            target: "partner",
            partner = self.guest.partner.name.as_str(),
            stream = self.id,
            state,
            cut,
            claims = counts.claims(),
            matched = counts.of(Verdict::Match),
            mismatch = counts.of(Verdict::Mismatch),
            not_found = counts.of(Verdict::NotFound),
            under_review = counts.of(Verdict::UnderReview),
            invalid = counts.of(Verdict::Invalid),
            generation = self.held.judge.snapshot().generation(),
            digest,
            bytes_in = self.progress.bytes_in,
            bytes_out = self.progress.bytes_out,
            took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "stream"
        );
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Its task was ended with the runtime, or by a panic.
        if !self.is_ended {
            self.end(Standing::Cut(if std::thread::panicking() { Cut::Fault } else { Cut::Stop }));
        }
    }
}
