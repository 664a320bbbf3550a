//! What is being served, behind one pointer: leases for requests, swaps for the refresher.
//!
//! A lease keeps one state whole from the look-up to the last byte of the answer being made; it is
//! never held across a wait, so an idle connection pins nothing. The refresher keeps every state it
//! has replaced until it is its only owner ([`Retired`]), so unmapping never happens on a request's
//! time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use zhengcha_engine::{Holds, Snapshot};

use crate::answer::Template;

/// A snapshot with the holds that go with it.
pub struct Serving {
    /// The records.
    pub snapshot: Arc<Snapshot>,
    /// The numbers under review.
    pub holds: Arc<Holds>,
    /// The ready parts of answers.
    pub template: Template,
}

impl Serving {
    /// Puts both together.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, holds: Arc<Holds>) -> Self {
        let template = Template::new(&snapshot, &holds);
        Self { snapshot, holds, template }
    }
}

/// What there is to answer from.
pub enum State {
    /// No generation has been published yet, or none could be opened.
    Empty,
    /// A generation, but no list of holds: a record under review might be shown as valid, so none is.
    HoldsMissing(Arc<Snapshot>),
    /// Everything.
    Serving(Box<Serving>),
}

impl State {
    /// What to answer from, when there is anything.
    #[must_use]
    pub fn serving(&self) -> Option<&Serving> {
        match self {
            Self::Serving(serving) => Some(serving),
            Self::Empty | Self::HoldsMissing(_) => None,
        }
    }

    /// The snapshot that is mapped, served or not.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        match self {
            Self::Serving(serving) => Some(&serving.snapshot),
            Self::HoldsMissing(snapshot) => Some(snapshot),
            Self::Empty => None,
        }
    }
}

/// A request's hold on a state.
pub type Lease = Guard<Arc<State>>;

/// The state of the moment.
pub struct Live {
    state: ArcSwap<State>,
}

impl Live {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: ArcSwap::from_pointee(State::Empty) }
    }

    /// Takes the state of the moment, without a lock. Not to be held across an `await`.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.state.load()
    }

    /// Takes the state of the moment for longer than a request, such as for a stream.
    #[must_use]
    pub fn hold(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Puts another state in place and gives back the old one.
    #[must_use]
    pub fn swap(&self, state: State) -> Arc<State> {
        self.state.swap(Arc::new(state))
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

/// States that were replaced and may still be leased.
#[derive(Default)]
pub struct Retired {
    states: Vec<(Arc<State>, Instant)>,
}

impl Retired {
    /// Keeps a state, replaced just now, until nobody else has it.
    pub fn keep(&mut self, state: Arc<State>) {
        self.states.push((state, Instant::now()));
    }

    /// How long ago the newest of what is kept was replaced; `None` when nothing is kept.
    #[must_use]
    pub fn newest_age(&self) -> Option<Duration> {
        self.states.iter().map(|(_, replaced)| replaced.elapsed()).min()
    }

    /// Frees what nobody leases any more, and gives the time since the newest of that was replaced.
    pub fn reap(&mut self) -> Option<Duration> {
        let replaced = self
            .states
            .extract_if(.., |(state, _)| Arc::strong_count(state) == 1)
            .map(|(_freed, replaced)| replaced)
            .max();
        replaced.map(|replaced| replaced.elapsed())
    }

    /// How many snapshots are mapped, the current one included.
    #[must_use]
    pub fn snapshots(&self, current: &State) -> u64 {
        let mut known: Vec<*const Snapshot> = self
            .states
            .iter()
            .map(|(state, _)| state.as_ref())
            .chain([current])
            .filter_map(State::snapshot)
            .map(Arc::as_ptr)
            .collect();
        known.sort_unstable();
        known.dedup();
        known.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_state_is_freed_after_its_last_lease_and_by_the_reaper() {
        let live = Live::new();
        let lease = live.lease();
        let mut retired = Retired::default();
        let old = live.swap(State::Empty);
        let watch = Arc::downgrade(&old);
        retired.keep(old);
        assert_eq!(retired.reap(), None);
        assert!(watch.upgrade().is_some(), "leased");
        drop(lease);
        assert!(watch.upgrade().is_some(), "a lease that ends frees nothing itself");
        assert!(retired.reap().is_some());
        assert!(watch.upgrade().is_none() && retired.newest_age().is_none());
    }
}
