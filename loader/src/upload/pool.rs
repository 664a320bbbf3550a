//! The threads of one upload: files side by side, and large csv and dbf files in pieces.
//!
//! A thread takes pieces that wait, else the next file; who reads a file and finds the queue full
//! works pieces off himself, so that nothing waits for room and memory stays bounded. Nothing here
//! depends on order: results carry their places, and of several errors the first in the order of
//! files and rows counts.

use super::Request;
use super::lane::{Counts, Lane};
use super::scratch::Scratch;
use crate::input::{Flow, InputError, Piece, Row, Taker};
use crate::layout::HeaderMap;
use crate::progress::Progress;
use crate::report::Place;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Pieces that may wait for each thread.
const WAITING_PER_THREAD: usize = 2;

/// What the threads share.
pub(super) struct Pool<'a> {
    pub(super) request: &'a Request<'a>,
    progress: &'a dyn Progress,
    state: Mutex<State>,
    changed: Condvar,
    /// Files from this one on need not be read: an earlier one has failed.
    stop: AtomicUsize,
    done_bytes: AtomicU64,
    threads: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    next_file: usize,
    /// Files being read, from which pieces may still come.
    reading: usize,
}

/// A piece and the table it belongs to.
struct Job {
    piece: Piece,
    number: u64,
    table: Arc<Table>,
}

/// A table that is read in pieces.
pub(super) struct Table {
    pub(super) place: Place,
    pub(super) header: HeaderMap,
    tally: Mutex<Tally>,
}

/// What became of the pieces of a table so far.
#[derive(Default)]
pub(super) struct Tally {
    given_out: u64,
    finished: u64,
    /// Records, blank ones too.
    pub(super) records: u64,
    pub(super) counts: Counts,
    /// The error of the first piece that has one.
    pub(super) error: Option<(u64, InputError)>,
}

impl Table {
    pub(super) fn new(place: Place, header: HeaderMap) -> Self {
        Self { place, header, tally: Mutex::default() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Pool<'a> {
    pub(super) fn new(request: &'a Request<'a>, progress: &'a dyn Progress) -> Self {
        Self {
            request,
            progress,
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicUsize::new(usize::MAX),
            done_bytes: AtomicU64::new(0),
            threads: request.threads.max(1),
        }
    }

    /// Runs `read` on every file, on all threads, and gives back what each thread gathered. `read`
    /// says whether the file was read.
    pub(super) fn run(
        &self,
        scratch: &'a Scratch,
        read: impl Fn(usize, &mut Lane<'a>) -> bool + Sync,
    ) -> Vec<Lane<'a>> {
        std::thread::scope(|scope| {
            let work = || {
                let mut lane = Lane::new(self.request, scratch);
                self.work(&mut lane, &read);
                lane.close();
                lane
            };
            let threads: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let mut lanes = vec![work()];
            for thread in threads {
                lanes.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            lanes
        })
    }

    fn work(&self, lane: &mut Lane<'a>, read: &impl Fn(usize, &mut Lane<'a>) -> bool) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                self.finish(job, lane);
                state = lock(&self.state);
            } else if state.next_file < self.request.files.len().min(self.stopped_at()) {
                let file = state.next_file;
                state.next_file += 1;
                state.reading += 1;
                drop(state);
                let is_read = panic::catch_unwind(AssertUnwindSafe(|| read(file, lane)));
                if !matches!(is_read, Ok(true)) {
                    self.stop.fetch_min(file, Ordering::Relaxed);
                }
                state = lock(&self.state);
                state.reading -= 1;
                self.changed.notify_all();
                if let Err(panic) = is_read {
                    drop(state);
                    resume_unwind(panic);
                }
            } else if state.reading > 0 {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return;
            }
        }
    }

    fn stopped_at(&self) -> usize {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether nothing more of this file is wanted.
    pub(super) fn is_stopped(&self, file: usize) -> bool {
        file > self.stopped_at()
    }

    /// Whether there is anyone to share pieces with.
    pub(super) fn is_shared(&self) -> bool {
        self.threads > 1
    }

    /// Gives a piece out, working others off while too many wait.
    pub(super) fn give(&self, table: &Arc<Table>, piece: Piece, lane: &mut Lane<'a>) -> Flow {
        let number = {
            let mut tally = lock(&table.tally);
            if tally.error.is_some() {
                return Flow::SkipTable;
            }
            tally.given_out += 1;
            tally.given_out
        };
        let mut state = lock(&self.state);
        state.waiting.push_back(Job { piece, number, table: Arc::clone(table) });
        self.changed.notify_one();
        while state.waiting.len() > self.threads * WAITING_PER_THREAD {
            let Some(job) = state.waiting.pop_front() else { break };
            drop(state);
            self.finish(job, lane);
            state = lock(&self.state);
        }
        Flow::Continue
    }

    /// Works pieces off until all of the table are finished.
    pub(super) fn settle(&self, table: &Table, lane: &mut Lane<'a>) -> Tally {
        let mut state = lock(&self.state);
        loop {
            let mut tally = lock(&table.tally);
            if tally.finished == tally.given_out {
                return std::mem::take(&mut *tally);
            }
            drop(tally);
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                self.finish(job, lane);
                state = lock(&self.state);
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn finish(&self, job: Job, lane: &mut Lane<'a>) {
        let mut rows = Rows { table: &job.table, lane, records: 0, counts: Counts::default() };
        let read = panic::catch_unwind(AssertUnwindSafe(|| job.piece.read(&mut rows)));
        let Rows { records, counts, .. } = rows;
        drop(job.piece);
        let mut tally = lock(&job.table.tally);
        tally.finished += 1;
        tally.records += records;
        tally.counts.add(counts);
        let error = match &read {
            Ok(Ok(_)) => None,
            Ok(Err(_)) | Err(_) => Some(job.number),
        };
        if let Some(number) = error
            && tally.error.as_ref().is_none_or(|(other, _)| number < *other)
        {
            let lost = || InputError::Sink(anyhow::anyhow!("a thread ended before its time"));
            tally.error =
                Some((number, read.unwrap_or_else(|_| Err(lost())).err().unwrap_or_else(lost)));
        }
        drop(tally);
        // Under the lock, lest someone begins to wait between looking and waiting.
        let _state = lock(&self.state);
        self.changed.notify_all();
    }

    /// Counts bytes that were read.
    pub(super) fn advance(&self, bytes: u64) {
        let before = self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.advance(before + bytes);
    }
}

/// Judges the rows of a piece.
struct Rows<'r, 'a> {
    table: &'r Table,
    lane: &'r mut Lane<'a>,
    records: u64,
    counts: Counts,
}

impl Taker for Rows<'_, '_> {
    fn record(&mut self, _: u64) -> Result<(), InputError> {
        self.records += 1;
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Flow, InputError> {
        let place = super::sink::at_row(self.table.place, row.number)?;
        self.lane.judge(place, &self.table.header, row, &mut self.counts)?;
        Ok(Flow::Continue)
    }
}
