//! What all connections of one sending thread share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::connect::{Connection, Connector};
use super::http::{self, NoAnswer, RequestHead};
use super::record::Record;
use crate::load::questions::{Drawer, Judge, QuestionSet};
use crate::load::run::Failure;

/// What is asked, of whom, and who judges.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) connector: Connector,
    pub(super) head: RequestHead,
    pub(super) set: Arc<QuestionSet>,
    pub(super) drawer: Arc<Drawer>,
    pub(super) judge: Judge,
    /// The longest wait for an answer.
    pub(super) wait_max: Duration,
}

/// A question that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) question: u32,
    pub(super) due: Instant,
    /// Whether it gets a connection of its own.
    pub(super) is_fresh: bool,
}

/// One sending thread.
pub(super) struct Sender {
    pub(super) course: Course,
    pub(super) record: RefCell<Record>,
    pub(super) random: RefCell<ChaCha8Rng>,
    open: Cell<u64>,
}

/// The buffers of one connection.
#[derive(Default)]
pub(super) struct Buffers {
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Sender {
    pub(super) fn new(course: Course, record: Record, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            course,
            record: RefCell::new(record),
            random: RefCell::new(ChaCha8Rng::seed_from_u64(seed)),
            open: Cell::new(0),
        })
    }

    pub(super) fn draw(&self) -> u32 {
        self.course.drawer.next(&mut *self.random.borrow_mut())
    }

    /// Connections that are open or being opened.
    pub(super) fn open(&self) -> u64 {
        self.open.get()
    }

    pub(super) fn begin_connection(&self) {
        self.open.set(self.open.get() + 1);
        let mut record = self.record.borrow_mut();
        record.connections_max = record.connections_max.max(self.open.get());
    }

    pub(super) fn end_connection(&self) {
        self.open.set(self.open.get() - 1);
    }

    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let made =
            tokio::time::timeout(self.course.wait_max, self.course.connector.connect()).await;
        let connection = made.unwrap_or(Err(Failure::Connect))?;
        self.record.borrow_mut().opened += 1;
        Ok(connection)
    }

    /// Asks one question and notes what came of it. The connection is left in its place when it can take
    /// another one; one is made when there is none.
    pub(super) async fn ask(
        &self,
        job: Job,
        connection: &mut Option<Connection>,
        buffers: &mut Buffers,
    ) {
        if job.is_fresh || !connection.as_mut().is_some_and(http::is_fit) {
            *connection = None;
        }
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => match self.connect().await {
                Ok(stream) => stream,
                Err(why) => return self.record.borrow_mut().failed(job.due, why),
            },
        };
        let asked = &self.course.set.questions[job.question as usize];
        self.course.head.write(&asked.body, job.is_fresh, &mut buffers.request);
        let sent = Instant::now();
        let exchange = http::ask(&mut stream, &buffers.request, &mut buffers.answer);
        let answer = match tokio::time::timeout(self.course.wait_max, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => {
                let why = match why {
                    NoAnswer::Broken => Failure::Broken,
                    NoAnswer::Malformed => Failure::Malformed,
                };
                return self.record.borrow_mut().failed(job.due, why);
            }
            Err(_) => return self.record.borrow_mut().failed(job.due, Failure::Timeout),
        };
        let received = Instant::now();
        let record = &mut *self.record.borrow_mut();
        record.bytes += (buffers.request.len() + buffers.answer.len()) as u64;
        match answer.status {
            200 => {
                let body = &buffers.answer[answer.body_at..];
                match self.course.judge.judge(job.question, body, sent, received) {
                    Ok(seen) => record.right(asked, job.due, received, seen),
                    Err(what) => record.wrong(job.due, || what.to_string()),
                }
            }
            429 => record.failed(job.due, Failure::Limited),
            503 => record.failed(job.due, Failure::Overloaded),
            _ => record.failed(job.due, Failure::Status),
        }
        if !answer.closes && !job.is_fresh {
            *connection = Some(stream);
        }
    }
}
