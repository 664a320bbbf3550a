//! What the server may serve at which moment: generations and reviews.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

/// Within this time after the command has ended a review begins, or ends, in every answer.
pub const GRACE: Duration = Duration::from_secs(1);

/// Words of the bits that tell numbers that were never held.
const WORDS: usize = 1_024;
/// No answer of this generation has come.
const NEVER: u64 = u64::MAX;

/// Shared by those who make events and those who judge answers.
pub struct Timeline {
    base: u64,
    /// Uploads that each generation serves, from the base generation on.
    uploads: Vec<u32>,
    began: Instant,
    /// When the first answer of each generation had come, in nanoseconds since the beginning.
    first_seen: Vec<AtomicU64>,
    is_held: AtomicBool,
    bits: Vec<AtomicU64>,
    changes: RwLock<HashMap<Box<str>, Vec<Change>>>,
}

/// A decision about one number.
#[derive(Clone, Copy, Debug)]
struct Change {
    holds: bool,
    /// From here on it may count.
    begins: Instant,
    /// From here on it must.
    counts: Option<Instant>,
}

/// How a certificate may stand in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) valid: bool,
    pub(super) under_review: bool,
}

impl Allowed {
    pub(super) const VALID: Self = Self { valid: true, under_review: false };
}

impl Timeline {
    /// The base generation, and one more for each upload.
    #[must_use]
    pub fn new(base: u64, uploads: u32) -> Self {
        Self::with_levels(base, (0..=uploads).collect())
    }

    /// Generation `base + n` serves `uploads[n]` uploads: for runs in which generations come that bring
    /// nothing, such as a merge.
    #[must_use]
    pub fn with_levels(base: u64, uploads: Vec<u32>) -> Self {
        Self {
            base,
            began: Instant::now(),
            first_seen: uploads.iter().map(|_| AtomicU64::new(NEVER)).collect(),
            uploads,
            is_held: AtomicBool::new(false),
            bits: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            changes: RwLock::default(),
        }
    }

    /// The generation before any upload.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// A command to hold these numbers is given; to be called before it can have any effect.
    pub fn hold_begins<S: AsRef<str>>(&self, numbers: &[S], at: Instant) {
        self.begin(numbers, at, true);
    }

    /// The command to hold these numbers has ended well. One that failed is never done: whether it
    /// counted stays open.
    pub fn hold_done<S: AsRef<str>>(&self, numbers: &[S], at: Instant) {
        self.done(numbers, at, true);
    }

    /// A command to release these numbers is given; to be called before it can have any effect.
    pub fn release_begins<S: AsRef<str>>(&self, numbers: &[S], at: Instant) {
        self.begin(numbers, at, false);
    }

    /// The command to release these numbers has ended well.
    pub fn release_done<S: AsRef<str>>(&self, numbers: &[S], at: Instant) {
        self.done(numbers, at, false);
    }

    fn begin<S: AsRef<str>>(&self, numbers: &[S], at: Instant, holds: bool) {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            let number = number.as_ref();
            let change = Change { holds, begins: at, counts: None };
            changes.entry(number.into()).or_default().push(change);
            let (word, bit) = place(number);
            self.bits[word].fetch_or(bit, Ordering::Release);
        }
        self.is_held.store(true, Ordering::Release);
    }

    fn done<S: AsRef<str>>(&self, numbers: &[S], at: Instant, holds: bool) {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            let mut all = changes.get_mut(number.as_ref()).into_iter().flatten().rev();
            if let Some(open) = all.find(|one| one.holds == holds && one.counts.is_none()) {
                open.counts = Some(at + GRACE);
            }
        }
    }

    /// How the certificate of this number may stand in an answer to a question sent and received then.
    #[inline]
    pub(super) fn allowed(&self, number: &str, sent: Instant, received: Instant) -> Allowed {
        if !self.is_held.load(Ordering::Acquire) {
            return Allowed::VALID;
        }
        let (word, bit) = place(number);
        if self.bits[word].load(Ordering::Acquire) & bit == 0 {
            return Allowed::VALID;
        }
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        changes.get(number).map_or(Allowed::VALID, |all| allowed(all, sent, received))
    }

    /// Uploads that a generation serves; `None` for one that is not to be.
    #[inline]
    pub(super) fn uploads_in(&self, generation: u64) -> Option<u32> {
        let at = usize::try_from(generation.checked_sub(self.base)?).ok()?;
        self.uploads.get(at).copied()
    }

    /// The first generation that serves so many uploads.
    pub(super) fn first_with(&self, uploads: u32) -> Option<u64> {
        let at = self.uploads.iter().position(|&served| served == uploads)?;
        Some(self.base + at as u64)
    }

    /// Notes that an answer of this generation came; gives a later generation when one had come before the
    /// question was sent.
    #[inline]
    pub(super) fn see(&self, generation: u64, sent: Instant, received: Instant) -> Result<(), u64> {
        let nanos = |at: Instant| at.saturating_duration_since(self.began).as_nanos() as u64;
        let at = generation.saturating_sub(self.base) as usize;
        let Some(seen) = self.first_seen.get(at) else { return Ok(()) };
        let received = nanos(received);
        if seen.load(Ordering::Relaxed) > received {
            seen.fetch_min(received, Ordering::Relaxed);
        }
        let sent = nanos(sent);
        let later = self
            .first_seen
            .iter()
            .skip(at + 1)
            .position(|seen| seen.load(Ordering::Relaxed) < sent);
        later.map_or(Ok(()), |steps| Err(generation + 1 + steps as u64))
    }
}

/// A state is possible when there is a moment between sending and receiving at which it had begun and
/// nothing later had to count.
fn allowed(changes: &[Change], sent: Instant, received: Instant) -> Allowed {
    let mut allowed = Allowed { valid: false, under_review: false };
    // When, seen from the last change back, something later must count.
    let mut replaced: Option<Instant> = None;
    let mut note = |holds: bool, begins: Option<Instant>, replaced: Option<Instant>| {
        let from = begins.map_or(sent, |begins| begins.max(sent));
        if from <= received && replaced.is_none_or(|replaced| from < replaced) {
            if holds {
                allowed.under_review = true;
            } else {
                allowed.valid = true;
            }
        }
    };
    for change in changes.iter().rev() {
        note(change.holds, Some(change.begins), replaced);
        replaced = match (replaced, change.counts) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    note(false, None, replaced);
    allowed
}

fn place(number: &str) -> (usize, u64) {
    let hash = xxh3_64(number.as_bytes());
    ((hash >> 6) as usize % WORDS, 1 << (hash & 63))
}
