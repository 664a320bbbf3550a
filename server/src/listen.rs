//! Sockets: accepting, counting, handing to workers, watching deadlines, draining.
//!
//! One loop accepts and hands each connection to the worker with the fewest. A worker is a thread
//! with a runtime of its own: a request never moves between threads and never wakes another one.
//! Usual queries are answered by `lane`; the rest of a connection that brings anything else by hyper.
//! Where TLS is spoken its handshake comes first, on the worker, and the rest goes the same ways over it.
//! Promises that no accept error ends the loop, that there are never more connections than allowed
//! and that every connection ends: by itself, by a deadline, or at the end of the drain.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use crate::cidr::limit_unit;
use crate::client::is_trusted;
use crate::lane::{self, Lane, Prefixed};
use crate::limits::{
    BACKLOG_CONNECTIONS, HEAD_BYTES_MAX, HEADERS_MAX, Limits, READ_BUFFER_BYTES_MAX, Timeouts,
};
use crate::metrics::{Metrics, Rejection, Shard};
use crate::problem::{Kind, Problem, RETRY_AFTER_SECONDS, made_request_id};
use crate::service::{self, App};
use crate::tls::{Failure, Tls};
use crate::wire::{Overdue, Watched, Wire};

/// First pause after an accept error that is not about one connection, such as too many open files.
const ACCEPT_PAUSE_FIRST: Duration = Duration::from_millis(10);
/// Longest such pause.
const ACCEPT_PAUSE_LONGEST: Duration = Duration::from_millis(500);
/// Between two lines of log about accept errors.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Connections turned away in a row before a pause. While the server is full, those that knock wait in the
/// queue of the kernel, where they cost nothing: turning all away at once would take the time of those
/// that are in, and who is turned away comes again.
const REFUSALS_IN_A_ROW: u32 = 16;
/// That pause.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);
/// Longest time between two looks at the deadlines of a connection.
const TICK_LONGEST: Duration = Duration::from_millis(500);
/// Shortest such time.
const TICK_SHORTEST: Duration = Duration::from_millis(10);
/// Between two looks at whether all connections have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// Opens a listening socket.
pub fn bind(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last connections of the process before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    Ok(socket.into())
}

/// Counts the open connections, in total and per address.
pub struct Gate {
    total_max: u64,
    per_address_max: u64,
    total: AtomicU64,
    per_address: Mutex<HashMap<IpAddr, u64>>,
    /// Where the number is shown as it changes.
    metrics: Option<Arc<Metrics>>,
}

/// A connection that was let in; counts until dropped.
pub struct Admission {
    gate: Arc<Gate>,
    counted: Option<IpAddr>,
}

impl Gate {
    /// The gate of the public listener.
    #[must_use]
    pub fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let (total_max, per_address_max) =
            (limits.connections_max, limits.connections_per_address_max);
        Self { metrics: Some(metrics), ..Self::apart(total_max, per_address_max) }
    }

    /// A gate whose connections are not those of the public.
    #[must_use]
    pub fn apart(total_max: u64, per_address_max: u64) -> Self {
        Self {
            total_max,
            per_address_max,
            total: AtomicU64::new(0),
            per_address: Mutex::default(),
            metrics: None,
        }
    }

    fn show(&self, change: i64) {
        if let Some(metrics) = &self.metrics {
            metrics.add_connections(change);
        }
    }

    /// Lets a connection in, or says which limit it is above. Only one thread lets in.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: IpAddr,
        exempt: bool,
    ) -> Result<Admission, Rejection> {
        if self.total.load(Relaxed) >= self.total_max {
            return Err(Rejection::Connections);
        }
        let counted = (!exempt).then(|| limit_unit(peer));
        if let Some(unit) = counted {
            let mut per_address = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = per_address.entry(unit).or_insert(0);
            if *count >= self.per_address_max {
                return Err(Rejection::AddressConnections);
            }
            *count += 1;
        }
        self.total.fetch_add(1, Relaxed);
        self.show(1);
        Ok(Admission { gate: Arc::clone(self), counted })
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(unit) = self.counted {
            let mut per_address =
                self.gate.per_address.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = per_address.get_mut(&unit) {
                *count -= 1;
                if *count == 0 {
                    per_address.remove(&unit);
                }
            }
        }
        self.gate.show(-1);
        self.gate.total.fetch_sub(1, Relaxed);
    }
}

/// A connection on its way to a worker.
struct Accepted {
    stream: StdStream,
    peer: IpAddr,
    _admission: Admission,
    _load: Load,
}

/// One connection in the load of a worker.
struct Load(Arc<AtomicU64>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The threads that answer.
pub struct Workers {
    workers: Vec<Worker>,
    speaks_tls: bool,
    stop: watch::Sender<bool>,
}

struct Worker {
    connections: mpsc::UnboundedSender<Accepted>, // bounded by the gate
    load: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts this many; they speak TLS when they are given any.
    pub fn start(
        count: usize,
        app: &Arc<App>,
        timeouts: Timeouts,
        tls: Option<&Arc<Tls>>,
    ) -> io::Result<Self> {
        let (stop, _) = watch::channel(false);
        let mut workers = Vec::with_capacity(count);
        for index in 0..count {
            let (connections, inbox) = mpsc::unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (app, tls) = (Arc::clone(app), tls.cloned());
            let shard = app.metrics.shard(index);
            let stop = stop.subscribe();
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || runtime.block_on(work(inbox, stop, app, shard, timeouts, tls)))?;
            workers.push(Worker { connections, load: Arc::default(), thread });
        }
        Ok(Self { workers, speaks_tls: tls.is_some(), stop })
    }

    /// Gives a connection to the worker with the fewest.
    fn give(&self, stream: StdStream, peer: IpAddr, admission: Admission) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load.load(Relaxed))
        else {
            return;
        };
        worker.load.fetch_add(1, Relaxed);
        let load = Load(Arc::clone(&worker.load));
        let accepted = Accepted { stream, peer, _admission: admission, _load: load };
        let _ended = worker.connections.send(accepted);
    }

    /// Ends the workers and whatever they still serve.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a worker ended in a panic");
            }
        }
    }
}

/// hyper with every limit armed but the deadlines, which a [`Watch`] looks at.
pub(crate) fn http_within_limits(read_buffer_bytes_max: usize) -> http1::Builder {
    let mut http = http1::Builder::new();
    // hyper's own timeout would arm a timer per request; the ticker of `Watch` covers the head too.
    http.timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(read_buffer_bytes_max)
        .half_close(false)
        .keep_alive(true);
    http
}

async fn work(
    mut inbox: mpsc::UnboundedReceiver<Accepted>,
    mut stop: watch::Receiver<bool>,
    app: Arc<App>,
    shard: Arc<Shard>,
    timeouts: Timeouts,
    tls: Option<Arc<Tls>>,
) {
    let http = Arc::new(http_within_limits(READ_BUFFER_BYTES_MAX));
    loop {
        tokio::select! {
            accepted = inbox.recv() => {
                let Some(accepted) = accepted else { break };
                let (http, app, shard) = (Arc::clone(&http), Arc::clone(&app), Arc::clone(&shard));
                // Two tasks of two types: one without TLS has no room for it.
                match &tls {
                    None => tokio::spawn(serve(http, app, shard, accepted, timeouts)),
                    Some(tls) => {
                        let tls = Arc::clone(tls);
                        tokio::spawn(serve_tls(tls, http, app, shard, accepted, timeouts))
                    }
                };
            }
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
    let _sender_gone = stop.wait_for(|stop| *stop).await;
}

/// Serves one connection without TLS.
async fn serve(
    http: Arc<http1::Builder>,
    app: Arc<App>,
    shard: Arc<Shard>,
    accepted: Accepted,
    timeouts: Timeouts,
) {
    let Accepted { stream, peer, _admission, _load } = accepted;
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    converse(http, app, shard, stream, peer, timeouts).await;
}

/// Takes one connection through its handshake and serves it.
async fn serve_tls(
    tls: Arc<Tls>,
    http: Arc<http1::Builder>,
    app: Arc<App>,
    shard: Arc<Shard>,
    accepted: Accepted,
    timeouts: Timeouts,
) {
    let Accepted { stream, peer, _admission, _load } = accepted;
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    match tls.handshake(stream, timeouts.header).await {
        Ok(stream) => converse(http, app, shard, stream, peer, timeouts).await,
        Err(Failure::Refused(error)) => {
            app.metrics.count_handshake_failure();
            tracing::debug!(error = %error, "handshake failed");
        }
        Err(Failure::Late) => {
            app.metrics.count_handshake_failure();
            shard.count_rejection(Rejection::Timeout);
        }
    }
}

/// Answers what comes over one stream and watches its deadlines.
async fn converse(
    http: Arc<http1::Builder>,
    app: Arc<App>,
    shard: Arc<Shard>,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: IpAddr,
    timeouts: Timeouts,
) {
    let wire = Arc::new(Wire::new());
    let connection = Arc::new(service::Connection { app, wire: Arc::clone(&wire), peer, shard });
    let mut watch = Watch::new(Arc::clone(&wire), timeouts);
    let draining = || connection.app.draining.load(Relaxed);
    let overdue = || connection.shard.count_rejection(Rejection::Timeout);
    let mut lane = Lane::default();
    let end = poll_fn(|context| {
        match watch.look(context, draining) {
            Look::Overdue => {
                overdue();
                return Poll::Ready(lane::End::Closed);
            }
            Look::Draining => lane.close(),
            Look::Nothing => {}
        }
        lane.poll(&mut stream, context, &connection)
    })
    .await;
    let lane::End::Handed(prefix) = end else { return };

    let handler = Arc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(service::serve(connection, request).await) }
    });
    let io = TokioIo::new(Watched::new(Prefixed::new(prefix, stream), wire));
    let mut conversation = pin!(http.serve_connection(io, service));
    poll_fn(|context| {
        match watch.look(context, draining) {
            Look::Overdue => {
                overdue();
                return Poll::Ready(());
            }
            Look::Draining => conversation.as_mut().graceful_shutdown(),
            Look::Nothing => {}
        }
        // A client that goes away in the middle is no event.
        conversation.as_mut().poll(context).map(drop)
    })
    .await;
}

/// Looks at the deadlines of a connection from time to time.
pub(crate) struct Watch {
    wire: Arc<Wire>,
    timeouts: Timeouts,
    ticker: Pin<Box<Sleep>>,
    draining: bool,
}

/// What a look at the deadlines came to.
pub(crate) enum Look {
    /// All is well.
    Nothing,
    /// The server is stopping; said once.
    Draining,
    /// Close without a word.
    Overdue,
}

impl Watch {
    /// Watches the connection of this wire.
    pub(crate) fn new(wire: Arc<Wire>, timeouts: Timeouts) -> Self {
        let ticker = Box::pin(tokio::time::sleep(tick(&timeouts)));
        Self { wire, timeouts, ticker, draining: false }
    }

    /// Looks, when it is time to.
    pub(crate) fn look(&mut self, context: &mut Context<'_>, draining: impl Fn() -> bool) -> Look {
        while self.ticker.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if self.wire.overdue(now, &self.timeouts) == Overdue::Close {
                return Look::Overdue;
            }
            self.ticker.as_mut().reset((now + tick(&self.timeouts)).into());
            if !self.draining && draining() {
                self.draining = true;
                return Look::Draining;
            }
        }
        Look::Nothing
    }
}

/// How often deadlines are looked at: often enough for the shortest of them.
fn tick(timeouts: &Timeouts) -> Duration {
    let Timeouts { header, body, request, idle, write } = *timeouts;
    let shortest = [header, body, request, idle, write].into_iter().min().unwrap_or(header);
    (shortest / 4).clamp(TICK_SHORTEST, TICK_LONGEST)
}

/// Accepts the public until told to stop, and closes the socket.
pub async fn accept(
    listener: TcpListener,
    gate: Arc<Gate>,
    workers: &Workers,
    app: &App,
    stop: watch::Receiver<bool>,
) {
    accept_each(listener, &app.metrics, stop, |stream, peer| {
        let exempt = is_trusted(peer, &app.trusted_proxies);
        let rejection = match gate.admit(peer, exempt) {
            Ok(admission) => {
                workers.give(stream, peer, admission);
                return Ok(());
            }
            Err(rejection) => rejection,
        };
        app.metrics.common().count_rejection(rejection);
        // Over TLS without a word: what could be said would have to go through a handshake first.
        if !workers.speaks_tls {
            refuse(stream);
        }
        Err(rejection)
    })
    .await;
}

/// Accepts until told to stop, whatever goes wrong in between; slower while there is no room at all.
pub(crate) async fn accept_each(
    listener: TcpListener,
    metrics: &Metrics,
    mut stop: watch::Receiver<bool>,
    mut take: impl FnMut(StdStream, IpAddr) -> Result<(), Rejection>,
) {
    let mut pause = ACCEPT_PAUSE_FIRST;
    let mut refusals = 0;
    let mut logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let error = match accepted.and_then(|(stream, peer)| {
            stream.set_nodelay(true)?;
            Ok((stream.into_std()?, peer.ip()))
        }) {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE_FIRST;
                // One address that is above its own limit must not keep the others waiting.
                let is_full = take(stream, peer) == Err(Rejection::Connections);
                refusals = if is_full { refusals + 1 } else { 0 };
                if refusals == REFUSALS_IN_A_ROW {
                    refusals = 0;
                    tokio::time::sleep(REFUSAL_PAUSE).await;
                }
                continue;
            }
            Err(error) => error,
        };
        metrics.count_accept_error();
        if concerns_one_connection(&error) {
            continue;
        }
        if logged.is_none_or(|at| at.elapsed() >= ACCEPT_LOG_INTERVAL) {
            logged = Some(Instant::now());
            tracing::error!(error = %error, "connections cannot be accepted; going on");
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(ACCEPT_PAUSE_LONGEST);
    }
}

/// Errors that say nothing about the next connection.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, InvalidInput,
        NotConnected,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | Interrupted
            | InvalidInput
            | NotConnected
    )
}

/// What a connection above the limits is told before it is closed.
fn refusal() -> Vec<u8> {
    let problem = Problem::from(Kind::Overloaded);
    let id = made_request_id();
    let body = problem.body(&id);
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {id}\r\n\
         retry-after: {RETRY_AFTER_SECONDS}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Says why, if the socket takes it at once, and closes.
fn refuse(mut stream: StdStream) {
    let _written = stream.write(&refusal());
    let _shut = stream.shutdown(std::net::Shutdown::Write);
}

/// Waits until every connection has ended; `false` when the time was not enough.
pub async fn drain(gates: &[Arc<Gate>], timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while gates.iter().any(|gate| gate.open() > 0) {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(DRAIN_LOOK).await;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_gate_holds_at_the_limit_and_lets_in_after_an_end() {
        let limits =
            Limits { connections_max: 3, connections_per_address_max: 2, ..Limits::default() };
        let gate = Arc::new(Gate::new(&limits, Arc::new(Metrics::new(1))));
        let (one, two) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = gate.admit(one, false);
        let second = gate.admit(one, false);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(gate.admit(one, false).err(), Some(Rejection::AddressConnections));
        let exempt = gate.admit(one, true);
        assert!(exempt.is_ok(), "a trusted proxy carries many clients");
        assert_eq!(gate.admit(two, false).err(), Some(Rejection::Connections));
        drop(first);
        assert!(gate.admit(two, false).is_ok());
        drop((second, exempt));
        assert_eq!(gate.open(), 0);
        assert!(gate.per_address.lock().unwrap().is_empty(), "no address is remembered");
    }

    #[test]
    fn the_refusal_is_a_whole_answer() {
        let text = String::from_utf8(refusal()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(document["code"], "overloaded");
    }

    #[test]
    fn deadlines_are_looked_at_often_enough() {
        let limits = Limits { header_timeout_ms: 100, ..Limits::default() };
        assert_eq!(tick(&limits.timeouts()), Duration::from_millis(25));
        assert_eq!(tick(&Limits::default().timeouts()), TICK_LONGEST);
    }
}
