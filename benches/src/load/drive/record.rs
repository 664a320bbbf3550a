//! What one sender notes of its questions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::load::questions::{Question, Seen};
use crate::load::run::Failure;

/// Longest latency that is told apart from longer ones.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Three digits of every latency count.
const DIGITS: u8 = 3;
/// Wrong answers that are described.
const WRONG_TOLD_MAX: usize = 10;
/// Moments nearer than this to the one noted before are not noted.
const MOMENT_GRAIN: Duration = Duration::from_millis(5);

/// Latencies in microseconds.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
        .unwrap_or_else(|_| unreachable!("the bounds and digits are in range"))
}

/// Moments of one kind, thinned out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(pub(crate) Vec<Instant>);

impl Moments {
    fn note(&mut self, at: Instant) {
        if self.0.last().is_none_or(|last| at.saturating_duration_since(*last) >= MOMENT_GRAIN) {
            self.0.push(at);
        }
    }

    /// The first from `since` on.
    pub(crate) fn first_from(&self, since: Instant) -> Option<Instant> {
        self.0.iter().copied().find(|at| *at >= since)
    }

    /// The last from `since` until `until`.
    pub(crate) fn last_between(&self, since: Instant, until: Instant) -> Option<Instant> {
        self.0.iter().copied().rfind(|at| (since..until).contains(at))
    }
}

/// When what was first or last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sightings {
    /// Each generation and its first answer.
    pub(crate) generations: BTreeMap<u64, Instant>,
    /// Answers that show a review.
    pub(crate) reviews: Moments,
    /// Right answers.
    pub(crate) right: Moments,
}

/// Questions that were due in one stretch of time.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) due: u64,
    pub(crate) right: u64,
    pub(crate) in_time: u64,
    pub(crate) failed: u64,
    pub(crate) wrong: u64,
    pub(crate) latencies: Histogram<u64>,
}

impl Default for Stretch {
    fn default() -> Self {
        Self { due: 0, right: 0, in_time: 0, failed: 0, wrong: 0, latencies: latencies() }
    }
}

impl Stretch {
    /// All of these together.
    pub(crate) fn of<'s>(all: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut whole = Self::default();
        all.into_iter().for_each(|one| whole.add(one));
        whole
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.due += other.due;
        self.right += other.right;
        self.in_time += other.in_time;
        self.failed += other.failed;
        self.wrong += other.wrong;
        // Both have the same bounds.
        let _ = self.latencies.add(&other.latencies);
    }
}

/// All that senders note.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    began: Instant,
    pub(crate) window: Duration,
    patience: Duration,
    pub(crate) windows: Vec<Stretch>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    pub(crate) wrong: Vec<String>,
    pub(crate) by_mode: [u64; 6],
    pub(crate) by_kind: [u64; 5],
    /// Microseconds from due to handed out.
    pub(crate) late: Histogram<u64>,
    pub(crate) waited: u64,
    pub(crate) opened: u64,
    pub(crate) connections_max: u64,
    /// Bytes of requests and answers, heads included.
    pub(crate) bytes: u64,
    pub(crate) sightings: Sightings,
    /// Processor time of each thread, and how long it lived.
    pub(crate) threads: Vec<(Duration, Duration)>,
}

impl Record {
    /// Notes of questions due from `began` on, in windows of this length.
    pub(crate) fn new(
        began: Instant,
        window: Duration,
        windows: usize,
        patience: Duration,
    ) -> Self {
        Self {
            began,
            window,
            patience,
            windows: (0..windows.max(1)).map(|_| Stretch::default()).collect(),
            failures: BTreeMap::new(),
            wrong: Vec::new(),
            by_mode: [0; 6],
            by_kind: [0; 5],
            late: latencies(),
            waited: 0,
            opened: 0,
            connections_max: 0,
            bytes: 0,
            sightings: Sightings::default(),
            threads: Vec::new(),
        }
    }

    /// The moment at which the clock started.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Starts the clock.
    pub(crate) fn begin(&mut self, began: Instant) {
        self.began = began;
    }

    /// The stretch that a question belongs to; what is due after the last belongs to the last.
    fn stretch(&mut self, due: Instant) -> &mut Stretch {
        let into = due.saturating_duration_since(self.began).as_nanos();
        let window = (into / self.window.as_nanos().max(1)) as usize;
        let last = self.windows.len() - 1;
        &mut self.windows[window.min(last)]
    }

    /// A question is handed to a connection, or to the queue for one.
    pub(crate) fn handed(&mut self, due: Instant, now: Instant) {
        self.stretch(due).due += 1;
        self.late.saturating_record(micros(due, now));
    }

    /// A right answer came.
    pub(crate) fn right(&mut self, asked: &Question, due: Instant, received: Instant, seen: Seen) {
        let latency = received.saturating_duration_since(due);
        let in_time = latency <= self.patience;
        let stretch = self.stretch(due);
        stretch.right += 1;
        stretch.in_time += u64::from(in_time);
        stretch.latencies.saturating_record(micros(due, received));
        self.by_mode[asked.mode as usize] += 1;
        self.by_kind[asked.kind as usize] += 1;
        self.sightings.right.note(received);
        if seen.under_review {
            self.sightings.reviews.note(received);
        }
        self.sightings.generations.entry(seen.generation).or_insert(received);
    }

    /// No answer, or none that counts.
    pub(crate) fn failed(&mut self, due: Instant, why: Failure) {
        self.stretch(due).failed += 1;
        *self.failures.entry(why).or_default() += 1;
    }

    /// A wrong answer came.
    pub(crate) fn wrong(&mut self, due: Instant, what: impl FnOnce() -> String) {
        self.stretch(due).wrong += 1;
        *self.failures.entry(Failure::Wrong).or_default() += 1;
        if self.wrong.len() < WRONG_TOLD_MAX {
            self.wrong.push(what());
        }
    }

    /// Adds what another sender noted over the same time.
    pub(crate) fn add(&mut self, other: Self) {
        for (mine, theirs) in self.windows.iter_mut().zip(&other.windows) {
            mine.add(theirs);
        }
        for (why, count) in other.failures {
            *self.failures.entry(why).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        self.wrong.truncate(WRONG_TOLD_MAX);
        for (mine, theirs) in self.by_mode.iter_mut().zip(other.by_mode) {
            *mine += theirs;
        }
        for (mine, theirs) in self.by_kind.iter_mut().zip(other.by_kind) {
            *mine += theirs;
        }
        // Both have the same bounds.
        let _ = self.late.add(&other.late);
        self.waited += other.waited;
        self.opened += other.opened;
        self.connections_max += other.connections_max;
        self.bytes += other.bytes;
        self.threads.extend(other.threads);
        let (mine, theirs) = (&mut self.sightings, other.sightings);
        for (generation, at) in theirs.generations {
            mine.generations
                .entry(generation)
                .and_modify(|first| *first = at.min(*first))
                .or_insert(at);
        }
        for (mine, theirs) in [(&mut mine.reviews, theirs.reviews), (&mut mine.right, theirs.right)]
        {
            mine.0.extend(theirs.0);
            mine.0.sort_unstable();
        }
    }

    /// All windows together.
    pub(crate) fn total(&self) -> Stretch {
        Stretch::of(&self.windows)
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    // Rounded up: nothing takes no time.
    to.saturating_duration_since(from).as_nanos().div_ceil(1000).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::questions::Kind;
    use zhengcha_engine::key::Mode;

    fn asked() -> Question {
        Question {
            mode: Mode::CN,
            kind: Kind::Variant,
            subject: 0,
            body: Box::default(),
            shown: Box::default(),
        }
    }

    #[test]
    fn questions_belong_to_the_moment_they_were_due() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let mut record = Record::new(began, second, 3, Duration::from_millis(500));
        let seen = Seen { generation: 4, under_review: true };
        for due in [0, 1, 1, 2, 7] {
            let due = began + second * due;
            record.handed(due, due + Duration::from_micros(30));
            record.right(&asked(), due, due + second, seen);
        }
        record.failed(began + second, Failure::Timeout);
        record.wrong(began + second, || "mixed".to_owned());
        let counts: Vec<_> =
            record.windows.iter().map(|window| (window.due, window.right)).collect();
        assert_eq!(counts, [(1, 1), (2, 2), (2, 2)]);
        let middle = &record.windows[1];
        assert_eq!((middle.failed, middle.wrong, middle.in_time), (1, 1, 0));
        assert!(middle.latencies.max().abs_diff(1_000_000) < 1000);
        assert_eq!(record.failures[&Failure::Wrong], 1);
        assert_eq!((record.by_mode[Mode::CN as usize], record.by_kind[1]), (5, 5));

        let mut both = Record::new(began, second, 3, second);
        both.add(record.clone());
        both.add(record);
        let total = both.total();
        assert_eq!((total.due, total.right, total.failed, total.wrong), (10, 10, 2, 2));
        assert_eq!(both.wrong, ["mixed", "mixed"]);
        assert_eq!(both.sightings.generations[&4], began + second);
        assert_eq!(both.late.len(), 10);
    }

    #[test]
    fn moments_are_thinned_out_and_found() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut moments = Moments::default();
        [0, 1, 2, 6, 8, 30].iter().for_each(|ms| moments.note(at(*ms)));
        assert_eq!(moments.0, [at(0), at(6), at(30)]);
        assert_eq!(moments.first_from(at(1)), Some(at(6)));
        assert_eq!(moments.first_from(at(31)), None);
        assert_eq!(moments.last_between(at(0), at(30)), Some(at(6)));
    }
}
