//! Puts the parts together, and takes them apart again in order.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use zhengcha_engine::{Opening, Store};

use crate::admin::{self, Admin};
use crate::cli::Switch;
use crate::config::Config;
use crate::limiter::Limiter;
use crate::listen::{self, Gate, Workers};
use crate::live::Live;
use crate::metrics::{Exposition, Metrics};
use crate::partner::Partners;
use crate::partner::metrics::Scrape;
use crate::refresh::{self, Trigger};
use crate::reload::Reloader;
use crate::service::{App, Fault};
use crate::shed::WaitingRoom;
use crate::tls::{Tls, TlsError};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data cannot be locked in memory; the text says how they could.
    #[error("the data cannot be served with --memory locked: {0}")]
    Memory(String),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread, a runtime or a signal handler was refused.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running server.
pub struct Server {
    public: SocketAddr,
    admin: SocketAddr,
    partner: Option<SocketAddr>,
    public_has_tls: bool,
    partner_has_tls: bool,
    stop: watch::Sender<bool>,
    control: JoinHandle<()>,
}

/// What a server does beyond its settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether SIGTERM, SIGINT and SIGHUP of the process are for this server.
    pub signals: bool,
    /// A hook of tests, see [`Fault`].
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

impl Server {
    /// Starts listening. Returns at once; without data yet, queries get 503 until there are. Only data
    /// that are to be locked in memory are waited for, so that a refusal of the system ends the start.
    pub fn start(config: &Config, options: Options) -> Result<Self, StartError> {
        let public_listener = bind(config.listen)?;
        let admin_listener = bind(config.admin_listen)?;
        let partner = match config.partner() {
            Some(settings) => Some((bind(settings.listen)?, settings)),
            None => None,
        };
        let (public, admin) = (public_listener.local_addr()?, admin_listener.local_addr()?);

        let public_tls = config.public_tls_files().map(Tls::new).transpose()?.map(Arc::new);
        let public_has_tls = public_tls.is_some();
        let metrics = Arc::new(Metrics::new(config.workers));
        let live = Arc::new(Live::new());
        let app = Arc::new(App {
            live: Arc::clone(&live),
            limiter: (config.rate_limit == Switch::On).then(|| Limiter::new(&config.limits)),
            waiting: WaitingRoom::new(config.limits.requests_waiting_max),
            trusted_proxies: config.trusted_proxies.clone(),
            metrics: Arc::clone(&metrics),
            draining: AtomicBool::new(false),
            fault: options.fault,
        });
        let workers =
            Workers::start(config.workers, &app, config.limits.timeouts(), public_tls.as_ref())?;
        let interval = Duration::from_millis(config.limits.refresh_interval_ms);
        let store = Store::new(&config.store);
        let opening = Opening { memory: config.memory.into(), ..Opening::default() };
        let (trigger, refresher) =
            refresh::start(store, live, Arc::clone(&metrics), interval, opening)?;

        let (stop, stopped) = watch::channel(false);
        let partner_has_tls = partner.as_ref().is_some_and(|(_, settings)| settings.tls.is_some());
        let partners = partner
            .map(|(listener, settings)| {
                Partners::start(settings, listener, Arc::clone(&app), stopped.clone())
            })
            .transpose()?;
        let partner = partners.as_ref().map(Partners::address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _entered = runtime.enter();
            options.signals.then(Signals::new).transpose()?
        };
        let reloader = Reloader { public_tls, partners: partners.as_ref().map(Partners::reloader) };
        let mut exposition = Exposition::new(Arc::clone(&metrics));
        if let Some(partners) = &partners {
            exposition = exposition.with(Box::new(Scrape { desk: Arc::clone(partners.desk()) }));
        }
        let mut gates = vec![Arc::new(Gate::new(&config.limits, metrics))];
        gates.extend(partners.as_ref().map(|partners| Arc::clone(&partners.desk().gate)));
        let control = Control {
            gates,
            admin: Arc::new(Admin {
                app: Arc::clone(&app),
                exposition,
                trigger: trigger.clone(),
                reloader,
            }),
            app,
            workers,
            drain_timeout: Duration::from_millis(config.limits.drain_timeout_ms),
            stop: stop.clone(),
            stopped,
        };
        let control = std::thread::Builder::new().name("control".to_owned()).spawn(move || {
            runtime.block_on(control.run(public_listener, admin_listener, signals));
            if let Some(partners) = partners {
                partners.end();
            }
            trigger.stop();
            if refresher.join().is_err() {
                tracing::error!("the refresher ended in a panic");
            }
        })?;
        Ok(Self { public, admin, partner, public_has_tls, partner_has_tls, stop, control })
    }

    /// Where the public listener really is.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public
    }

    /// Where the admin listener really is.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Where the partner listener really is, when it is open.
    #[must_use]
    pub fn partner_address(&self) -> Option<SocketAddr> {
        self.partner
    }

    /// Whether the public listener does TLS.
    #[must_use]
    pub fn public_has_tls(&self) -> bool {
        self.public_has_tls
    }

    /// Whether the partner listener does TLS.
    #[must_use]
    pub fn partner_has_tls(&self) -> bool {
        self.partner_has_tls
    }

    /// Begins to stop: no new connections, running requests end, within the drain time.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the end.
    pub fn join(self) {
        if self.control.join().is_err() {
            tracing::error!("the control thread ended in a panic");
        }
    }
}

fn bind(address: SocketAddr) -> Result<StdListener, StartError> {
    listen::bind(address).map_err(|source| StartError::Bind { address, source })
}

/// What the control thread runs on.
struct Control {
    app: Arc<App>,
    /// That of the public, and that of partners where there is one.
    gates: Vec<Arc<Gate>>,
    admin: Arc<Admin>,
    workers: Workers,
    drain_timeout: Duration,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
}

impl Control {
    async fn run(self, public: StdListener, admin: StdListener, signals: Option<Signals>) {
        let (public, admin) = match (TcpListener::from_std(public), TcpListener::from_std(admin)) {
            (Ok(public), Ok(admin)) => (public, admin),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(error = %error, "the listeners cannot be watched");
                return self.workers.stop();
            }
        };
        if let Some(signals) = signals {
            let trigger = self.admin.trigger.clone();
            let reloader = self.admin.reloader.clone();
            tokio::spawn(signals.obey(self.stop.clone(), trigger, reloader));
        }
        // The admin listener goes on while the public one drains: that is when it is asked.
        let (admin_stop, admin_stopped) = watch::channel(false);
        let admin = tokio::spawn(admin::serve(admin, self.admin, admin_stopped));
        let gate = Arc::clone(&self.gates[0]);
        listen::accept(public, gate, &self.workers, &self.app, self.stopped).await;
        self.app.draining.store(true, Relaxed);
        let open = || self.gates.iter().map(|gate| gate.open()).sum::<u64>();
        tracing::info!(connections = open(), "draining");
        if !listen::drain(&self.gates, self.drain_timeout).await {
            tracing::warn!(connections = open(), "drain time is over; closing the rest");
        }
        self.workers.stop();
        admin_stop.send_replace(true);
        let _ended = admin.await;
        tracing::info!("stopped");
    }
}

/// The signals of the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn obey(mut self, stop: watch::Sender<bool>, trigger: Trigger, reloader: Reloader) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => { stop.send_replace(true); }
                _ = self.interrupt.recv() => { stop.send_replace(true); }
                _ = self.hangup.recv() => {
                    trigger.look();
                    reloader.reload();
                }
            }
        }
    }
}
