//! The listener for partners: other authorities that verify claims in bulk or query with every field.
//!
//! - `tokens` is the file of who may: keyed hashes, expiry, quota, addresses; `command` writes it and
//!   `door` follows it, so that a revoked token is refused within a second and its streams end.
//! - `listen` accepts, with TLS wherever the door is not on loopback, and watches deadlines;
//!   `service` takes a request through `door` and `account` to `query` or `verify`.
//! - `verify` reads what kind of claims come and how the verdicts are to go; `stream` runs them: body,
//!   `gzip`, the engine's cutter, judging on all cores, verdicts in order, body. A few chunks are in
//!   flight; when the client stops reading, nothing more is read from it.
//! - A stream answers from the generation of its beginning and from the holds of the moment. Whatever
//!   goes wrong in it breaks the connection off: a body that ends cleanly is complete.
//! - `account` counts claims by partner and day and tells when misses look like guessing.
//! - All of it runs in a runtime of its own whose threads stand back behind those of the public.
//! - Promises that no log line, metric or error holds personal data, and memory that does not grow
//!   with a stream. Must not know the page or the limits of the public listener.

pub mod account;
mod body;
pub mod command;
pub mod cut;
pub mod door;
mod gzip;
mod listen;
pub mod metrics;
mod query;
pub mod service;
mod source;
mod stream;
pub mod tokens;
mod verify;
mod watch;
mod wrong;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::Runtime;

use crate::limits::Limits;
use crate::listen::Gate;
use crate::server::StartError;
use crate::service::App;
use crate::shed::WaitingRoom;
use crate::tls::{Tls, TlsFiles};
use door::{Door, Follower};
use service::Desk;

/// Enough that no thread waits for the one that puts verdicts in order.
const CHUNKS_IN_FLIGHT_PER_THREAD: usize = 3;
/// For what still runs at the end.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// What the partner listener is given.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The file of partners.
    pub tokens: PathBuf,
    /// Folder of the tables that replace those built in.
    pub tables: PathBuf,
    /// TLS, where there is any.
    pub tls: Option<TlsFiles>,
    /// Threads: as many as there are cores, since they take only what others leave.
    pub threads: usize,
    /// The limits.
    pub limits: Limits,
}

/// The running partner side.
pub struct Partners {
    desk: Arc<Desk>,
    follower: Follower,
    runtime: Runtime,
    address: SocketAddr,
}

impl Partners {
    /// Starts it on this socket.
    pub fn start(
        settings: Settings,
        listener: TcpListener,
        app: Arc<App>,
        stop: tokio::sync::watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let Settings { tokens, tables, tls, threads, limits, .. } = settings;
        let address = listener.local_addr()?;
        let tls = tls.map(Tls::new).transpose()?;
        let door = Arc::new(Door::new(tokens));
        let interval = Duration::from_millis(limits.refresh_interval_ms);
        let follower = Arc::clone(&door).follow(interval)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("partner")
            .on_thread_start(stand_back)
            .enable_all()
            .build()?;
        let gate =
            Gate::apart(limits.partner_connections_max, limits.partner_connections_per_address_max);
        let desk = Arc::new(Desk {
            app,
            door,
            accounts: Arc::default(),
            gate: Arc::new(gate),
            tls,
            timeouts: limits.partner_timeouts(),
            waiting: WaitingRoom::new(limits.partner_connections_max),
            limits,
            tables,
            chunks_in_flight: CHUNKS_IN_FLIGHT_PER_THREAD * threads,
            cuts: cut::Cuts::default(),
            handshake_failures: Default::default(),
        });
        runtime.spawn(listen::accept(listener, Arc::clone(&desk), stop));
        Ok(Self { desk, follower, runtime, address })
    }

    /// Where it really listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its requests share.
    #[must_use]
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// What reads files again when told to.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader { desk: Arc::clone(&self.desk), look: self.follower.trigger() }
    }

    /// Ends what is left, after the drain.
    pub fn end(self) {
        self.runtime.shutdown_timeout(END_TIMEOUT);
        self.follower.stop();
    }
}

/// Reads the partners file and the certificates again.
#[derive(Clone)]
pub struct Reloader {
    desk: Arc<Desk>,
    look: door::Trigger,
}

impl Reloader {
    /// Reads them now.
    pub fn reload(&self) {
        self.look.look();
        if let Some(tls) = &self.desk.tls {
            tls.reload();
        }
    }
}

/// Lets the threads of the public go first, at once whenever one has something to do: claims have time. A
/// thread that is only nice would be let finish its turn of some milliseconds.
pub fn stand_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) =
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
    {
        tracing::warn!(error = %error, "claims are judged at the priority of the public's queries");
    }
}
