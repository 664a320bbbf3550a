//! One stream of claims, from its body to the verdicts.
//!
//! One task reads, cuts, and puts verdicts in order; chunks are judged by tasks of their own, a few at
//! a time. Promises that nothing is read while the client does not take what it has, that all verdicts
//! come from the generation of the beginning, and that the body ends cleanly only when every claim has
//! its verdict.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use zhengcha_engine::claims::{Chunk, Closing, Cutter, Format, Judge, Judged, StreamError};
use zhengcha_engine::tables::Catalogue;

use super::account::{Moment, StreamPlace};
use super::body::{Piece, StreamBody};
use super::cut::Cut;
use super::gzip::Deflater;
use super::listen::Connection;
use super::service::{Desk, Guest};
use super::source::{Source, SourceError};
use super::verify::{Plan, SUMMARY_TRAILER};
use super::watch::{Held, Standing, Watch};
use crate::problem::{Kind, Problem};
use crate::wire::Wire;

/// Pieces of the answer that wait for the connection. Each is some 60 KiB.
const PIECES_WAITING_MAX: usize = 2;

/// Why a stream ended before its end.
enum End {
    /// It is wrong as a whole: said before any verdict was given.
    Wrong(StreamError),
    /// It was broken off.
    Cut(Cut),
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> Self {
        Self::Wrong(error)
    }
}

impl From<Cut> for End {
    fn from(cut: Cut) -> Self {
        Self::Cut(cut)
    }
}

impl From<SourceError> for End {
    fn from(error: SourceError) -> Self {
        Self::Cut(match error {
            SourceError::Gone => Cut::Client,
            SourceError::Gzip => Cut::Gzip,
        })
    }
}

/// What is wrong with a stream before its first verdict, and what is left of its body.
pub(crate) type Refused = (Problem, Option<Incoming>);

/// Begins a stream and waits for its first verdicts, or for what is wrong with it.
pub(crate) async fn begin(
    connection: &Arc<Connection>,
    guest: Guest,
    plan: Plan,
    place: StreamPlace,
    id: String,
    body: Incoming,
) -> Result<StreamBody, Refused> {
    let desk = &connection.desk;
    let held = match hold(desk, plan) {
        Ok(held) => Arc::new(held),
        Err(problem) => return Err((problem, Some(body))),
    };
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    let (started, has_started) = oneshot::channel();
    let stream = Stream {
        source: Source::new(body, plan.is_gzip),
        cutter: Cutter::new(plan.format, plan.charset),
        closing: Closing::new(plan.output(), &std::env::temp_dir()),
        deflater: plan.answers_gzip.then(Deflater::new),
        judging: VecDeque::new(),
        watch: Watch::new(Arc::clone(desk), guest, Arc::clone(&held), id),
        held,
        desk: Arc::clone(desk),
        wire: Arc::clone(&connection.wire),
        plan,
        pieces,
        started: Some(started),
        quota_is_used_up: false,
        _place: place,
    };
    tokio::spawn(stream.run());
    has_started.await.unwrap_or_else(|_| Err((Kind::Internal.into(), None)))?;
    Ok(StreamBody::new(waiting, Arc::clone(&connection.wire)))
}

/// The generation of the moment, with the catalogue of the moment.
fn hold(desk: &Desk, plan: Plan) -> Result<Held, Problem> {
    let state = desk.app.live.hold();
    let serving = state.serving().ok_or(Kind::NotReady)?;
    let tables = desk.tables.is_dir().then_some(desk.tables.as_path());
    let catalogue = Catalogue::load(tables).map_err(|error| {
        tracing::error!(error = %error, "claims cannot be judged until this is mended");
        Kind::NotReady
    })?;
    let judge = Judge::new(Arc::clone(&serving.snapshot), Arc::new(catalogue), plan.output());
    Ok(Held::new(judge, state))
}

/// A chunk at work, and how many claims of the quota it has.
struct Judging {
    task: JoinHandle<Judged>,
    taken: u64,
    is_limited: bool,
}

struct Stream {
    source: Source,
    cutter: Cutter,
    closing: Closing,
    deflater: Option<Deflater>,
    /// In the order of the stream.
    judging: VecDeque<Judging>,
    watch: Watch,
    held: Arc<Held>,
    desk: Arc<Desk>,
    wire: Arc<Wire>,
    plan: Plan,
    pieces: mpsc::Sender<Piece>,
    /// Until the answer begins: where to say whether it does.
    started: Option<oneshot::Sender<Result<(), Refused>>>,
    quota_is_used_up: bool,
    _place: StreamPlace,
}

impl Stream {
    async fn run(mut self) {
        let outcome = self.go().await;
        let now = Moment::now();
        for judging in self.judging.drain(..) {
            judging.task.abort();
            self.watch.guest.account.give_back(judging.taken, now);
        }
        let end = match outcome {
            Ok(()) => return self.finish().await,
            Err(end) => end,
        };
        let problem = match end {
            End::Wrong(error) => {
                self.watch.end(Standing::Refused);
                Problem::with_detail(Kind::InvalidClaims, super::wrong::in_chinese(&error))
            }
            End::Cut(cut) => {
                self.watch.end(Standing::Cut(cut));
                problem_of(cut)
            }
        };
        if let Some(started) = self.started.take() {
            let Self { source, .. } = self;
            let _gone = started.send(Err((problem, Some(source.into_body()))));
        }
        // `pieces` goes without an end: the connection breaks.
    }

    /// Everything up to the last verdict.
    async fn go(&mut self) -> Result<(), End> {
        let head = self.closing.head();
        let mut head = Some(head);
        while self.step(&mut head).await? {}
        while let Some(chunk) = self.cutter.finish()? {
            self.judge(&mut head, chunk).await?;
        }
        while !self.judging.is_empty() {
            self.give_next(&mut head).await?;
        }
        match head {
            Some(head) => Ok(self.send(head).await?),
            None => Ok(()),
        }
    }

    /// One step; `false` when the source has nothing more.
    async fn step(&mut self, head: &mut Option<Vec<u8>>) -> Result<bool, End> {
        while self.judging.len() < self.desk.chunks_in_flight {
            let Some(chunk) = self.cutter.next_chunk()? else { break };
            self.judge(head, chunk).await?;
        }
        if self.judging.len() >= self.desk.chunks_in_flight {
            self.give_next(head).await?;
            return Ok(true);
        }
        if self.source.is_ended() {
            return Ok(false);
        }
        let front = self.judging.front_mut().map(|judging| &mut judging.task);
        let judged = async {
            match front {
                Some(task) => task.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A look now and then comes before what may always be ready.
            biased;
            checked = self.watch.tick() => {
                checked?;
                // Who sends slowly is answered as well.
                if self.judging.is_empty() && let Some(chunk) = self.cutter.flush()? {
                    self.judge(head, chunk).await?;
                }
            }
            judged = judged => {
                let judging = self.judging.pop_front();
                self.give(head, judged.map_err(|_| Cut::Fault), judging).await?;
            }
            bytes = self.source.next() => {
                let bytes = bytes?;
                self.watch.progress.bytes_in += bytes.len() as u64;
                self.cutter.push(&bytes);
            }
        }
        Ok(true)
    }

    /// Sets a task to work on a chunk, within the quota and with the holds of the moment.
    async fn judge(&mut self, head: &mut Option<Vec<u8>>, mut chunk: Chunk) -> Result<(), End> {
        let wanted = chunk.claims_max();
        let taken = self.take(head, wanted).await?;
        let is_limited = taken < wanted;
        if is_limited {
            chunk.allow(taken);
        }
        let lease = self.desk.app.live.lease();
        let Some(serving) = lease.serving() else {
            self.watch.give_back(taken);
            return Err(Cut::Holds.into());
        };
        let (held, holds) = (Arc::clone(&self.held), Arc::clone(&serving.holds));
        let task = tokio::spawn(async move { held.judge().judge(&chunk, &holds) });
        self.judging.push_back(Judging { task, taken, is_limited });
        Ok(())
    }

    /// Takes so many claims out of the quota, or what is left.
    async fn take(&mut self, head: &mut Option<Vec<u8>>, wanted: u64) -> Result<u64, End> {
        if self.quota_is_used_up {
            return Ok(0);
        }
        let taken = self.watch.take(wanted);
        if taken == wanted {
            return Ok(taken);
        }
        // Chunks at work may give something back.
        while !self.judging.is_empty() {
            if let Err(end) = self.give_next(head).await {
                self.watch.give_back(taken);
                return Err(end);
            }
        }
        Ok(taken + self.watch.take(wanted - taken))
    }

    /// Waits for the oldest chunk at work and gives out its verdicts.
    async fn give_next(&mut self, head: &mut Option<Vec<u8>>) -> Result<(), End> {
        let Some(mut judging) = self.judging.pop_front() else { return Ok(()) };
        let judged = loop {
            tokio::select! {
                biased;
                checked = self.watch.tick() => {
                    if let Err(cut) = checked {
                        self.judging.push_front(judging);
                        return Err(cut.into());
                    }
                }
                judged = &mut judging.task => break judged.map_err(|_| Cut::Fault),
            }
        };
        self.give(head, judged, Some(judging)).await
    }

    async fn give(
        &mut self,
        head: &mut Option<Vec<u8>>,
        judged: Result<Judged, Cut>,
        judging: Option<Judging>,
    ) -> Result<(), End> {
        let (taken, is_limited) =
            judging.map_or((0, false), |judging| (judging.taken, judging.is_limited));
        let judged = match judged {
            Ok(judged) => judged,
            Err(cut) => {
                self.desk.app.metrics.count_panic();
                self.watch.give_back(taken);
                return Err(cut.into());
            }
        };
        let counts = judged.counts();
        self.watch.give_back(taken - taken.min(counts.claims()));
        self.quota_is_used_up |= is_limited && counts.claims() > taken;
        let verdicts = self.closing.take(judged).map_err(|error| {
            tracing::error!(error = %error, "a stream of claims cannot use its temporary files");
            Cut::Fault
        })?;
        let bytes = match head.take() {
            Some(mut bytes) => {
                bytes.extend_from_slice(&verdicts);
                bytes
            }
            None => verdicts,
        };
        self.send(bytes).await?;
        self.watch.count(&counts);
        Ok(())
    }

    /// Hands bytes to the connection as soon as it takes them, folded when asked.
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Cut> {
        let bytes = match &mut self.deflater {
            Some(deflater) => deflater.fold(&bytes).map_err(|_| Cut::Fault)?,
            None => bytes,
        };
        if let Some(started) = self.started.take() {
            started.send(Ok(())).map_err(|_| Cut::Client)?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.wire.stream_moves(Instant::now());
        let permit = loop {
            tokio::select! {
                biased;
                checked = self.watch.tick() => checked?,
                permit = self.pieces.reserve() => break permit.map_err(|_| Cut::Client)?,
            }
        };
        self.watch.progress.bytes_out += bytes.len() as u64;
        permit.send(Piece::Data(Bytes::from(bytes)));
        Ok(())
    }

    /// The summary and the clean end.
    async fn finish(mut self) {
        let generation = self.held.judge().snapshot().generation();
        let (last, summary) = self.closing.end(generation);
        let mut trailers = HeaderMap::new();
        if self.plan.format == Format::Csv
            && let Ok(value) = HeaderValue::from_str(&summary.to_json())
        {
            trailers.insert(SUMMARY_TRAILER, value);
        }
        let mut sent = self.send(last).await;
        if let (Ok(()), Some(deflater)) = (&sent, self.deflater.take()) {
            sent = match deflater.finish() {
                Ok(bytes) => self.send(bytes).await,
                Err(_) => Err(Cut::Fault),
            };
        }
        let ended = match sent {
            Ok(()) => self.pieces.send(Piece::End(trailers)).await.map_err(|_| Cut::Client),
            Err(cut) => Err(cut),
        };
        self.watch.end(match ended {
            Ok(()) => Standing::Complete(&summary.digest),
            Err(cut) => Standing::Cut(cut),
        });
    }
}

/// What is said when a stream breaks off before its first verdict.
fn problem_of(cut: Cut) -> Problem {
    match cut {
        Cut::Client => Kind::InvalidBody.into(),
        Cut::Gzip => Problem::with_detail(Kind::InvalidClaims, "请求体不是完好的 gzip 数据。"),
        Cut::Holds | Cut::Generation => Kind::NotReady.into(),
        Cut::Partner => Kind::Forbidden.into(),
        Cut::Stop | Cut::Fault => Kind::Internal.into(),
    }
}
