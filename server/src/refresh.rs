//! Follows the store: looks at CURRENT and the holds, opens, verifies, warms and swaps.
//!
//! Runs on a thread of its own, so that requests never wait for a disk. Promises that a generation or
//! a list of holds that cannot be verified never displaces a good generation: it is logged, counted
//! and tried again with growing pauses; that a new one is looked at within the interval, the holds
//! also while a generation is being opened; and that nothing here ends the process. Must not know HTTP.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use zhengcha_engine::{Current, Holds, Memory, OpenError, Opening, Snapshot, Store};

use crate::live::{Live, Retired, Serving, State};
use crate::metrics::Metrics;
use crate::server::StartError;

/// First pause before a refused generation is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest pause before a refused generation is tried again.
const RETRY_LONGEST: Duration = Duration::from_secs(30);
/// How far the refresher stands back behind the threads that answer.
const NICENESS: i32 = 10;
/// Between two attempts to let go of a replaced generation, at first: requests are done with it soon.
const RELEASE_PAUSE_FIRST: Duration = Duration::from_millis(2);
/// The longest such pause: a stream of claims may keep a generation for minutes.
const RELEASE_PAUSE_LONGEST: Duration = Duration::from_millis(100);
/// A holds file changed this recently is read again, in case the next change shows the same times.
const HOLDS_SETTLED: Duration = Duration::from_secs(2);

/// What came of a look at the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This generation serves; `true` when it was taken up by this very look.
    Serving(u64, bool),
    /// Nothing has been published yet.
    Nothing,
    /// Something was refused; what served before still serves.
    Refused,
}

/// A message to the refresher.
enum Message {
    /// Look now, whatever was refused before; answer when done.
    Look(Option<oneshot::Sender<Outcome>>),
    /// End.
    Stop,
}

/// Wakes the refresher.
#[derive(Clone)]
pub struct Trigger {
    messages: Sender<Message>,
}

impl Trigger {
    /// Asks for a look now.
    pub fn look(&self) {
        let _ended = self.messages.send(Message::Look(None));
    }

    /// Asks for a look now and waits for what comes of it; `None` when the server is stopping.
    pub async fn look_and_wait(&self) -> Option<Outcome> {
        let (answer, outcome) = oneshot::channel();
        self.messages.send(Message::Look(Some(answer))).ok()?;
        outcome.await.ok()
    }

    /// Ends the refresher after what it is doing.
    pub fn stop(&self) {
        let _ended = self.messages.send(Message::Stop);
    }
}

/// Starts the refresher. It looks for the first time before its first pause.
///
/// # Errors
/// When there is no thread for it, or when the data are to be locked in memory and the system refuses.
pub fn start(
    store: Store,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    interval: Duration,
    opening: Opening,
) -> Result<(Trigger, JoinHandle<()>), StartError> {
    let (messages, inbox) = std::sync::mpsc::channel();
    let mut refresher = Refresher {
        store,
        interval,
        live,
        metrics,
        opening,
        without: None,
        retired: Retired::default(),
        refusal: None,
        current: None,
        holds: HoldsFile::default(),
    };
    if opening.memory == Memory::Locked {
        refresher.look(false);
        if let Some(reason) = refresher.without.take() {
            return Err(StartError::Memory(reason));
        }
    }
    let thread = std::thread::Builder::new().name("refresh".to_owned()).spawn(move || {
        stand_back();
        refresher.run(&inbox);
    })?;
    Ok((Trigger { messages }, thread))
}

/// Lets the threads that answer go first: opening has time.
fn stand_back() {
    // Refused only where it is forbidden.
    let _kept = rustix::process::setpriority_process(None, NICENESS);
}

/// Something that was refused, and when it is due again.
struct Refusal {
    /// `None` when CURRENT itself cannot be read.
    current: Option<Current>,
    pause: Duration,
    due: Instant,
}

struct Refresher {
    store: Store,
    /// Between two looks.
    interval: Duration,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    opening: Opening,
    /// What the system did not give for the last generation refused.
    without: Option<String>,
    retired: Retired,
    refusal: Option<Refusal>,
    /// What CURRENT said when the serving snapshot was opened.
    current: Option<Current>,
    holds: HoldsFile,
}

impl Refresher {
    fn run(mut self, inbox: &Receiver<Message>) {
        let mut answer = None;
        let mut forced = false;
        loop {
            let outcome = self.look(forced);
            self.release();
            if let Some(answer) = Option::take(&mut answer) {
                let _gone = oneshot::Sender::send(answer, outcome);
            }
            match self.wait(inbox) {
                Ok(Message::Look(waiting)) => (answer, forced) = (waiting, true),
                Err(RecvTimeoutError::Timeout) => forced = false,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Waits for the next look, and lets go of what was replaced as soon as nobody leases it.
    fn wait(&mut self, inbox: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        let until = Instant::now() + self.interval;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let pause = self
                .retired
                .newest_age()
                .map(|age| (age / 4).clamp(RELEASE_PAUSE_FIRST, RELEASE_PAUSE_LONGEST));
            let Some(pause) = pause.filter(|&pause| pause < left) else {
                return inbox.recv_timeout(left);
            };
            match inbox.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => self.release(),
                received => return received,
            }
        }
    }

    /// Unmaps here, on no request's time, what nobody leases any more.
    fn release(&mut self) {
        if let Some(took) = self.retired.reap() {
            self.metrics.set_release(took);
            tracing::debug!(release_ms = milliseconds(took), "replaced state let go of");
        }
        let mapped = self.retired.snapshots(&self.live.lease());
        self.metrics.set_snapshots_mapped(mapped);
    }

    /// One look at the store.
    fn look(&mut self, forced: bool) -> Outcome {
        let first = self.live.lease().snapshot().is_none();
        let opened = self.look_at_current(forced);
        let snapshot = match &opened {
            Ok(Some(snapshot)) => Some(Arc::clone(snapshot)),
            Ok(None) | Err(Refused) => self.live.lease().snapshot().cloned(),
        };
        let holds_changed = self.holds.look(&self.store, &self.metrics);
        let taken_up = matches!(opened, Ok(Some(_)));
        let Some(snapshot) = snapshot else {
            return if opened.is_err() { Outcome::Refused } else { Outcome::Nothing };
        };
        let generation = snapshot.generation();
        if taken_up || holds_changed {
            self.put(snapshot);
        }
        if taken_up {
            self.metrics.count_swap();
            if first {
                self.warm_beside();
            }
        }
        if opened.is_err() || self.holds.list.is_none() {
            return Outcome::Refused;
        }
        Outcome::Serving(generation, taken_up)
    }

    /// Reads in, on a thread of its own, what serves already: after a start slow answers are better
    /// than none.
    fn warm_beside(&self) {
        let Some(snapshot) = self.live.lease().snapshot().cloned() else { return };
        let warm = move || {
            stand_back();
            snapshot.warm(None);
        };
        if let Err(error) = std::thread::Builder::new().name("warm".to_owned()).spawn(warm) {
            tracing::warn!(error = %error, "no thread to read the data in; queries will");
        }
    }

    fn put(&mut self, snapshot: Arc<Snapshot>) {
        let state = match &self.holds.list {
            Some(holds) => {
                self.metrics.set_serving(&snapshot, holds.len() as u64);
                State::Serving(Box::new(Serving::new(snapshot, Arc::clone(holds))))
            }
            None => {
                self.metrics.set_not_serving();
                State::HoldsMissing(snapshot)
            }
        };
        self.retired.keep(self.live.swap(state));
    }

    /// The snapshot to take up, `None` when there is nothing new.
    fn look_at_current(&mut self, forced: bool) -> Result<Option<Arc<Snapshot>>, Refused> {
        let current = match Current::read(&self.store) {
            Ok(Some(current)) => current,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.refuse(None, &error, forced)),
        };
        if self.current.as_ref() == Some(&current) {
            self.refusal = None;
            return Ok(None);
        }
        if !forced && self.waits_for(&current) {
            return Err(Refused);
        }
        match self.open() {
            Ok(Some(opened)) => {
                self.refusal = None;
                self.current = Some(opened.named);
                Ok(Some(opened.snapshot))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(self.refuse(Some(current), &error, forced)),
        }
    }

    /// Opens what CURRENT names on a thread of its own: that may take long, and a number put under
    /// review meanwhile must not wait for it.
    fn open(&mut self) -> Result<Option<Opened>, OpenError> {
        let previous = self.live.lease().snapshot().cloned();
        let (store, opening, interval) = (self.store.clone(), self.opening, self.interval);
        let open = || open(&store, previous.as_deref(), &opening);
        let opened = std::thread::scope(|scope| {
            let (done, opened) = std::sync::mpsc::channel();
            let work = move || {
                // The receiver outlives this thread.
                let _received = done.send(open());
            };
            let spawned =
                std::thread::Builder::new().name("open".to_owned()).spawn_scoped(scope, work);
            if spawned.is_err() {
                return open();
            }
            loop {
                match opened.recv_timeout(interval) {
                    Ok(opened) => return opened,
                    Err(RecvTimeoutError::Timeout) => self.follow_holds(),
                    // It panicked, and the scope goes on with that.
                    Err(RecvTimeoutError::Disconnected) => return Ok(None),
                }
            }
        })?;
        if let Some(opened) = &opened {
            self.metrics.set_swap(opened.open, opened.warm);
        }
        Ok(opened)
    }

    /// Takes up a changed list of holds with the generation that serves.
    fn follow_holds(&mut self) {
        if self.holds.look(&self.store, &self.metrics)
            && let Some(snapshot) = self.live.lease().snapshot().cloned()
        {
            self.put(snapshot);
        }
    }

    fn waits_for(&self, current: &Current) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| {
            refusal.current.as_ref() == Some(current) && Instant::now() < refusal.due
        })
    }

    fn refuse(&mut self, current: Option<Current>, error: &OpenError, forced: bool) -> Refused {
        let now = Instant::now();
        let pause = match &self.refusal {
            Some(refusal) if refusal.current == current => {
                if now < refusal.due && !forced {
                    return Refused; // CURRENT itself is read at every look; it is reported by the pauses
                }
                refusal.pause.saturating_mul(2).min(RETRY_LONGEST)
            }
            _ => RETRY_FIRST,
        };
        if let OpenError::Io { .. } = error {
            self.without = Some(error.to_string());
        }
        let generation = current.as_ref().map(|current| current.generation);
        tracing::error!(
            generation,
            retry_ms = milliseconds(pause),
            error = %error,
            "generation refused; what served before goes on"
        );
        self.metrics.count_refused_snapshot();
        self.refusal = Some(Refusal { current, pause, due: now + pause });
        Refused
    }
}

/// A generation ready to serve.
struct Opened {
    snapshot: Arc<Snapshot>,
    /// What CURRENT said.
    named: Current,
    open: Duration,
    warm: Duration,
}

/// Opens what CURRENT names, sharing what `previous` has, and reads in what is new: before something
/// serves, that must not take the time of queries.
fn open(
    store: &Store,
    previous: Option<&Snapshot>,
    opening: &Opening,
) -> Result<Option<Opened>, OpenError> {
    // Read before opening: if CURRENT moves in between, the next look sees a difference.
    let Some(named) = Current::read(store)? else { return Ok(None) };
    let began = Instant::now();
    let opened = Snapshot::open_current_with(store, previous, opening)?;
    let Some(snapshot) = opened else { return Ok(None) };
    let open = began.elapsed();
    if previous.is_some() {
        snapshot.warm(previous);
    }
    let warm = began.elapsed() - open;
    tracing::info!(
        generation = snapshot.generation(),
        records = snapshot.records(),
        open_ms = milliseconds(open),
        warm_ms = milliseconds(warm),
        "generation opened"
    );
    Ok(Some(Opened { snapshot: Arc::new(snapshot), named, open, warm }))
}

/// Already logged and counted.
struct Refused;

/// The holds file as last read.
#[derive(Default)]
struct HoldsFile {
    /// Inode, length, change time: when these are as before, so is the file.
    stamp: Option<(u64, u64, i64, i64)>,
    looked: bool,
    list: Option<Arc<Holds>>,
}

impl HoldsFile {
    /// Reads the file when it has changed; `true` when what it says has.
    fn look(&mut self, store: &Store, metrics: &Metrics) -> bool {
        let metadata = fs::metadata(store.holds_path()).ok();
        let stamp = metadata.as_ref().map(|metadata| {
            (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
        });
        let settled = metadata
            .and_then(|metadata| metadata.modified().ok())
            .and_then(|modified| SystemTime::now().duration_since(modified).ok())
            .is_some_and(|age| age > HOLDS_SETTLED);
        if self.looked && stamp == self.stamp && (settled || stamp.is_none()) {
            return false;
        }
        let before = self.list.take();
        let first = !self.looked;
        (self.stamp, self.looked) = (stamp, true);
        match Holds::read(store) {
            Ok(holds) => self.list = Some(Arc::new(holds)),
            Err(error) if before.is_some() || (first && stamp.is_some()) => {
                tracing::error!(error = %error, "holds cannot be read; answers stop until they can");
                metrics.count_refused_holds();
            }
            Err(_) => {}
        }
        before != self.list
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
