//! All senders start their clocks at the same moment.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::record::Record;

/// Between the moment at which every sender has come and the first at which a question may be due.
const HEAD_START: Duration = Duration::from_millis(2);

#[derive(Default)]
struct State {
    expected: usize,
    come: usize,
    began: Option<Instant>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where senders are waited for.
#[derive(Default)]
pub(super) struct Start(Arc<Shared>);

/// What a sender comes with. One that is dropped has come too: nobody waits for a sender that failed.
pub(super) struct Arrival {
    shared: Arc<Shared>,
    has_come: bool,
}

impl Start {
    pub(super) fn arrival(&self) -> Arrival {
        self.0.lock().expected += 1;
        Arrival { shared: Arc::clone(&self.0), has_come: false }
    }

    /// Waits for every sender and gives the moment at which the clock starts.
    pub(super) fn when_all_have_come(&self) -> Instant {
        let state = self.0.lock();
        let mut state = self
            .0
            .changed
            .wait_while(state, |state| state.come < state.expected)
            .unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now() + HEAD_START;
        state.began = Some(began);
        self.0.changed.notify_all();
        began
    }
}

impl Arrival {
    /// Waits for the others and starts the clock of a record.
    pub(super) fn begin(mut self, record: &RefCell<Record>) -> Instant {
        self.come();
        let mut state = self.shared.lock();
        let began = loop {
            match state.began {
                Some(began) => break began,
                None => {
                    state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        record.borrow_mut().begin(began);
        began
    }

    fn come(&mut self) {
        if !self.has_come {
            self.has_come = true;
            self.shared.lock().come += 1;
            self.shared.changed.notify_all();
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.come();
    }
}
