//! The open loop: questions are sent when they are due, however the server fares.
//!
//! Connections that are free wait in a queue and are used in turn, as those of many people are. When none is
//! free another one is opened, up to a bound; beyond it questions wait, and whoever waits longer than the
//! patience leaves; `Waiting` says who is next. A connection that has done its work hands out what has become due meanwhile, so that the
//! timer is only needed while nothing else happens.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::iter::Peekable;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::RngExt;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::Waiting;
use super::connect::Connection;
use super::sender::{Buffers, Job, Sender};
use super::ticker::Ticker;
use crate::load::run::Failure;

/// How often it is looked whether the last answers have come.
const LOOK: Duration = Duration::from_millis(1);

/// How connections are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Opened before the first question is due.
    pub(super) connections: u64,
    /// Never more at one time.
    pub(super) connections_max: u64,
    /// Share of questions that get a connection of their own.
    pub(super) fresh_share: f64,
    /// How long an asker waits for a free connection.
    pub(super) patience: Duration,
    /// Who gets the next free one.
    pub(super) waiting: Waiting,
}

/// A free connection's letter box.
#[derive(Default)]
struct Slot {
    job: Cell<Option<Job>>,
    wake: Notify,
}

struct Pool<D: Iterator<Item = Duration>> {
    sender: Rc<Sender>,
    limits: Limits,
    began: Instant,
    due: RefCell<Peekable<D>>,
    free: RefCell<VecDeque<Rc<Slot>>>,
    waiting: RefCell<VecDeque<Job>>,
    /// Questions handed out that have no end yet.
    outstanding: Cell<u64>,
}

/// Opens the connections that there are from the beginning, calls `begin` for the moment at which the clock
/// starts, and sends what is due. Ends when every question has come to its end.
pub(super) async fn run<D>(
    sender: &Rc<Sender>,
    limits: Limits,
    due: D,
    begin: impl AsyncFnOnce() -> Instant,
) -> std::io::Result<()>
where
    D: Iterator<Item = Duration> + 'static,
{
    let ticker = Ticker::new()?;
    let connections = opened(sender, limits.connections).await;
    let began = begin().await;
    let pool = Rc::new(Pool {
        sender: Rc::clone(sender),
        limits,
        began,
        due: RefCell::new(due.peekable()),
        free: RefCell::default(),
        waiting: RefCell::default(),
        outstanding: Cell::new(0),
    });
    for connection in connections {
        spawn_local(Rc::clone(&pool).serve(Some(connection), None));
    }
    tokio::task::yield_now().await;
    while let Some(next) = pool.hand_out(Instant::now()) {
        ticker.until(next).await?;
    }
    while pool.outstanding.get() > 0 {
        tokio::time::sleep(LOOK).await;
        pool.leave(Instant::now());
    }
    Ok(())
}

/// As many connections as can be had at once.
async fn opened(sender: &Rc<Sender>, count: u64) -> Vec<Connection> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let sender = Rc::clone(sender);
            spawn_local(async move { sender.connect().await })
        })
        .collect();
    let mut connections = Vec::new();
    for task in tasks {
        if let Ok(Ok(connection)) = task.await {
            sender.begin_connection();
            connections.push(connection);
        }
    }
    connections
}

impl<D: Iterator<Item = Duration> + 'static> Pool<D> {
    /// Hands out all that is due now and says when the next is; `None` after the last.
    fn hand_out(self: &Rc<Self>, now: Instant) -> Option<Instant> {
        loop {
            let next = self.began + *self.due.borrow_mut().peek()?;
            if next > now {
                return Some(next);
            }
            self.due.borrow_mut().next();
            self.hand(next, now);
        }
    }

    fn hand(self: &Rc<Self>, due: Instant, now: Instant) {
        let share = self.limits.fresh_share;
        let is_fresh = share > 0.0 && self.sender.random.borrow_mut().random_bool(share.min(1.0));
        let job = Job { question: self.sender.draw(), due, is_fresh };
        self.sender.record.borrow_mut().handed(due, now);
        self.outstanding.set(self.outstanding.get() + 1);
        let free = if is_fresh { None } else { self.free.borrow_mut().pop_front() };
        if let Some(slot) = free {
            slot.job.set(Some(job));
            slot.wake.notify_one();
        } else if self.sender.open() < self.limits.connections_max {
            self.sender.begin_connection();
            spawn_local(Rc::clone(self).serve(None, Some(job)));
        } else {
            self.leave(now);
            self.sender.record.borrow_mut().waited += 1;
            self.waiting.borrow_mut().push_back(job);
        }
    }

    /// Those whose patience is at its end leave.
    fn leave(&self, now: Instant) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(job) = waiting.front() {
            if now.saturating_duration_since(job.due) <= self.limits.patience {
                break;
            }
            self.sender.record.borrow_mut().failed(job.due, Failure::GaveUp);
            waiting.pop_front();
            self.outstanding.set(self.outstanding.get() - 1);
        }
    }

    fn next_waiting(&self) -> Option<Job> {
        let mut waiting = self.waiting.borrow_mut();
        match self.limits.waiting {
            Waiting::InLine => waiting.pop_front(),
            Waiting::LatestFirst => waiting.pop_back(),
        }
    }

    /// One connection. It ends when it has none and nothing is left to ask.
    async fn serve(self: Rc<Self>, mut connection: Option<Connection>, first: Option<Job>) {
        let slot = Rc::new(Slot::default());
        let mut buffers = Buffers::default();
        let mut next = first;
        loop {
            while let Some(job) = next.take() {
                self.sender.ask(job, &mut connection, &mut buffers).await;
                self.outstanding.set(self.outstanding.get() - 1);
                let now = Instant::now();
                self.leave(now);
                next = self.next_waiting();
                self.hand_out(now);
            }
            if connection.is_none() {
                break;
            }
            self.free.borrow_mut().push_back(Rc::clone(&slot));
            slot.wake.notified().await;
            next = slot.job.take();
        }
        self.sender.end_connection();
    }
}
