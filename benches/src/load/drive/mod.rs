//! Sends questions and judges every answer.
//!
//! ```text
//! schedule ─ arrivals ─┐                  ┌─ connection ─ http ─┐
//! drawer ──────────────┴─ open (or closed)┴─ connection ─ http ─┴─ judge ─ record ─ outcome
//! ```
//!
//! Each sending thread has a runtime of its own and shares nothing with the others while it sends. No
//! well-kept load generator carries this: those looked at either send in a closed loop and mend latencies
//! afterwards (goose), or count latency from the moment of sending (rlt), or keep one rate and look at no
//! answer (oha, wrk2). Histograms, HTTP parsing, TLS and distributions are libraries.

mod closed;
mod connect;
mod http;
mod open;
mod outcome;
mod record;
mod sender;
mod start;
#[cfg(test)]
mod tests;
mod ticker;

use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::task::LocalSet;

use self::connect::Connector;
use self::http::RequestHead;
use self::open::Limits;
use self::record::Record;
use self::sender::{Course, Sender};
use self::start::{Arrival, Start};
use super::questions::{Drawer, Judge, QuestionSet};
use super::schedule::Schedule;
use super::service::process::thread_cpu;
use super::target::Target;

pub use outcome::Outcome;

/// What is driven, with which questions.
#[derive(Clone)]
pub struct Driver {
    course: Course,
    threads: usize,
    seed: u64,
}

/// One stretch of load.
#[derive(Clone, Debug)]
pub struct Load {
    /// When how many questions are due.
    pub schedule: Schedule,
    /// Opened before it begins, all threads together.
    pub connections: u64,
    /// Never more at one time.
    pub connections_max: u64,
    /// Share of questions that get a connection of their own.
    pub fresh_share: f64,
    /// After which an answer is no use to its asker, and how long one waits for a free connection.
    pub patience: Duration,
    /// Who gets the next free connection.
    pub waiting: Waiting,
    /// Length of a window.
    pub window: Duration,
}

/// Who gets the next free connection of those that wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Whoever has waited longest.
    InLine,
    /// Whoever came last. Where far more ask than can be served, nobody stands in one line for all: most leave
    /// without an answer, and who comes at the right moment is served.
    LatestFirst,
}

impl Load {
    /// Kept connections, those who wait for one in line, a window a second, a patience of a second.
    #[must_use]
    pub fn new(schedule: Schedule, connections: u64, connections_max: u64) -> Self {
        Self {
            schedule,
            connections,
            connections_max,
            fresh_share: 0.0,
            patience: Duration::from_secs(1),
            waiting: Waiting::InLine,
            window: Duration::from_secs(1),
        }
    }
}

impl Driver {
    /// The longest wait for an answer, if nothing else is said.
    pub const WAIT_MAX: Duration = Duration::from_secs(10);

    /// A driver of the public listener of a target.
    ///
    /// # Errors
    /// When the certificate authority of a target over TLS cannot be read.
    pub fn new(
        target: &Target,
        set: Arc<QuestionSet>,
        drawer: Arc<Drawer>,
        judge: Judge,
        threads: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let course = Course {
            connector: Connector::new(target)?,
            head: RequestHead::new(&target.host),
            set,
            drawer,
            judge,
            wait_max: Self::WAIT_MAX,
        };
        Ok(Self { course, threads: threads.max(1), seed })
    }

    /// Threads that send.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// So many questions as they would be drawn, for other tools.
    #[must_use]
    pub fn drawn(&self, count: usize) -> Vec<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        (0..count).map(|_| self.course.drawer.next(&mut random)).collect()
    }

    /// Sends what a schedule says; `at_begin` is told when the clock started.
    ///
    /// # Errors
    /// When the system has no thread, timer or poll for a sender.
    pub fn open(&self, load: &Load, at_begin: impl FnOnce(Instant)) -> anyhow::Result<Outcome> {
        let windows = load.schedule.time().as_secs_f64() / load.window.as_secs_f64();
        let record = Record::new(
            Instant::now(),
            load.window,
            (windows - 1e-6).ceil() as usize,
            load.patience,
        );
        let threads = self.threads as u64;
        let limits = Limits {
            connections: load.connections.div_ceil(threads),
            connections_max: load.connections_max.div_ceil(threads).max(1),
            fresh_share: load.fresh_share,
            patience: load.patience,
            waiting: load.waiting,
        };
        let record =
            self.send(record, at_begin, |thread, sender, start| {
                let random = ChaCha8Rng::seed_from_u64(self.seed_of(thread) ^ 1);
                let due = load.schedule.arrivals(self.threads, random);
                async move {
                    open::run(&sender, limits, due, async || start.begin(&sender.record)).await
                }
            })?;
        Ok(Outcome::new(record, load.schedule.time()))
    }

    /// Asks over so many connections as fast as the answers come.
    ///
    /// # Errors
    /// As [`Driver::open`].
    pub fn closed(&self, connections: u64, time: Duration) -> anyhow::Result<Outcome> {
        let record = Record::new(Instant::now(), time, 1, Self::WAIT_MAX);
        let each = connections.div_ceil(self.threads as u64).max(1);
        let record = self.send(
            record,
            |_| {},
            |_, sender, start| async move {
                closed::run(&sender, each, async || start.begin(&sender.record) + time).await;
                Ok(())
            },
        )?;
        Ok(Outcome::new(record, time))
    }

    fn seed_of(&self, thread: usize) -> u64 {
        self.seed.wrapping_add((thread as u64) << 32)
    }

    /// Runs one sender on each thread and puts together what they noted.
    fn send<F>(
        &self,
        record: Record,
        at_begin: impl FnOnce(Instant),
        run: impl Fn(usize, Rc<Sender>, Arrival) -> F + Sync,
    ) -> anyhow::Result<Record>
    where
        F: Future<Output = std::io::Result<()>>,
    {
        let start = Start::default();
        thread::scope(|scope| {
            let run = &run;
            let mut handles = Vec::new();
            for thread in 0..self.threads {
                let (record, start) = (record.clone(), start.arrival());
                let send = move || -> anyhow::Result<Record> {
                    let born = Instant::now();
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = runtime.context("no runtime for a sender")?;
                    let sender = Sender::new(self.course.clone(), record, self.seed_of(thread));
                    let run = run(thread, Rc::clone(&sender), start);
                    LocalSet::new().block_on(&runtime, run).context("a sender failed")?;
                    // The tasks that shared it went with their set.
                    let sender =
                        Rc::into_inner(sender).context("a connection outlived its sender")?;
                    let mut record = sender.record.into_inner();
                    record.threads = vec![(thread_cpu(), born.elapsed())];
                    Ok(record)
                };
                handles.push(scope.spawn(send));
            }
            at_begin(start.when_all_have_come());
            let mut whole: Option<Record> = None;
            for handle in handles {
                let record = handle.join().map_err(|_| anyhow!("a sender panicked"))??;
                match &mut whole {
                    None => whole = Some(record),
                    Some(whole) => whole.add(record),
                }
            }
            whole.context("no sender ran")
        })
    }
}

/// The generation that a server serves, by its answer to the first question.
///
/// # Errors
/// When it gives no answer.
pub fn generation(target: &Target, set: &QuestionSet) -> anyhow::Result<u64> {
    let question = set.questions.first().context("there is no question")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let connector = Connector::new(target)?;
        let connection = connector.connect().await;
        let mut stream = connection.map_err(|why| anyhow!("no connection: {why:?}"))?;
        let (mut request, mut answer) = (Vec::new(), Vec::new());
        RequestHead::new(&target.host).write(&question.body, true, &mut request);
        let exchange = http::ask(&mut stream, &request, &mut answer);
        let came = tokio::time::timeout(Driver::WAIT_MAX, exchange).await.context("no answer")?;
        let head = came.map_err(|why| anyhow!("no answer: {why:?}"))?;
        anyhow::ensure!(head.status == 200, "its answer has the status {}", head.status);
        Ok(answer.split_off(head.body_at))
    })?;
    let answer: serde_json::Value = serde_json::from_slice(&answer).context("its answer")?;
    answer["generation"].as_u64().context("its answer names no generation")
}
