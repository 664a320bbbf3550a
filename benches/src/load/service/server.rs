//! A server that is brought up for a run, restarted in the middle of it, and stopped at its end.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};

use super::certificate::{self, Files};
use super::{Process, http};
use crate::load::cores::Cores;
use crate::load::target::{Partner, Target};

/// A server opens its store within this time, whatever its size.
const READY_WITHIN: Duration = Duration::from_secs(600);
/// A server ends within this time of being told to; then it is ended.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// For one step of a small page.
const PAGE_PATIENCE: Duration = Duration::from_secs(5);
/// All connections of the kit come from one address: no fewer than the server lets in at all.
const CONNECTIONS_PER_ADDRESS: &str = "1000000";

/// How a server is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A program and its first words, such as [`own_server`](crate::programs::own_server) gives.
    pub words: Vec<OsString>,
    /// The store that it serves.
    pub store: PathBuf,
    /// A folder for its files of partners and certificates.
    pub folder: PathBuf,
    /// Whether the public listener speaks TLS.
    pub is_tls: bool,
    /// Where it runs.
    pub cores: Cores,
    /// More arguments, such as `--memory=huge`.
    pub arguments: Vec<OsString>,
}

/// A running server.
pub struct Service {
    settings: Settings,
    child: Child,
    process: Process,
    addresses: Addresses,
    tls: Option<Files>,
    tokens: PathBuf,
    token: String,
}

#[derive(Clone, Copy, Debug)]
struct Addresses {
    public: SocketAddr,
    admin: SocketAddr,
    partner: SocketAddr,
}

impl Service {
    /// Starts a server and waits until it serves.
    ///
    /// # Errors
    /// When it cannot be started, or ends before it serves: with what it said.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.folder)?;
        let tokens = settings.folder.join("partners.toml");
        // One that an earlier server of this folder had is worth nothing without its token.
        let _ = std::fs::remove_file(&tokens);
        let token = add_partner(&settings.words, &tokens)?;
        let tls = settings.is_tls.then(|| certificate::make(&settings.folder)).transpose()?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let asked = Addresses { public: any, admin: free_port()?, partner: any };
        let (child, addresses) = spawn(&settings, &tokens, tls.as_ref(), asked)?;
        let process = Process::of(child.id());
        let service = Self { settings, child, process, addresses, tls, tokens, token };
        service.wait_until_ready()?;
        Ok(service)
    }

    /// Where it is driven.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            public: self.addresses.public,
            host: self.addresses.public.to_string(),
            tls_ca: self.tls.as_ref().map(|files| files.certificate.clone()),
            admin: Some(self.addresses.admin),
            partner: Some(Partner {
                address: self.addresses.partner,
                token: self.token.clone(),
                has_tls: self.tls.is_some(),
            }),
        }
    }

    /// What the system knows of it, restarts included.
    #[must_use]
    pub fn process(&self) -> Process {
        self.process.clone()
    }

    /// Where it runs.
    #[must_use]
    pub fn cores(&self) -> &Cores {
        &self.settings.cores
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.settings.store
    }

    /// Tells it to end as an operator does, and starts it again at the same addresses.
    ///
    /// # Errors
    /// When it does not end well, or does not serve again.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.end()?;
        let (child, addresses) =
            spawn(&self.settings, &self.tokens, self.tls.as_ref(), self.addresses)?;
        self.process.set(Some(child.id()));
        (self.child, self.addresses) = (child, addresses);
        self.wait_until_ready()
    }

    /// Ends it and starts one over TLS on the same store, at other addresses.
    ///
    /// # Errors
    /// As [`Service::restart`].
    pub fn again_over_tls(mut self) -> anyhow::Result<Self> {
        self.end()?;
        Self::start(Settings { is_tls: true, ..self.settings.clone() })
    }

    /// Tells it to end, and waits.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.process.terminate();
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.process.set(None);
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the server did not end within {} s",
                ENDS_WITHIN.as_secs()
            );
            thread::sleep(LOOK);
        }
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let ready = http::get(self.addresses.admin, "/readyz", PAGE_PATIENCE);
            if matches!(ready, Ok((200, _))) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("the server does not serve after {} s", READY_WITHIN.as_secs());
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already unless something failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.process.set(None);
    }
}

fn add_partner(words: &[OsString], tokens: &Path) -> anyhow::Result<String> {
    let mut command = command(words)?;
    let output = command.args(["token", "add", "load-test", "--tokens"]).arg(tokens).output()?;
    ensure!(
        output.status.success(),
        "no partner could be added: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn command(words: &[OsString]) -> anyhow::Result<Command> {
    let (program, first) = words.split_first().context("no server is named")?;
    let mut command = Command::new(program);
    command.args(first).stdin(Stdio::null());
    Ok(command)
}

/// Starts the program; it has said its addresses when it is there.
fn spawn(
    settings: &Settings,
    tokens: &Path,
    tls: Option<&Files>,
    asked: Addresses,
) -> anyhow::Result<(Child, Addresses)> {
    let mut command = command(&settings.words)?;
    command
        .arg("--store")
        .arg(&settings.store)
        .arg(format!("--listen={}", asked.public))
        .arg(format!("--admin-listen={}", asked.admin))
        .arg(format!("--partner-listen={}", asked.partner))
        .arg("--partner-tokens")
        .arg(tokens)
        .args(["--rate-limit=off", "--log=warn", "--connections-per-address-max"])
        .arg(CONNECTIONS_PER_ADDRESS);
    if let Some(files) = tls {
        command.args(["--public-tls=on".as_ref(), OsStr::new("--tls-cert")]);
        command.arg(&files.certificate).arg("--tls-key").arg(&files.key);
    }
    command.args(&settings.arguments).stdout(Stdio::piped());
    let mut child = spawn_on(&settings.cores, &mut command)?;
    let output = child.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(output).lines();
    let mut address = || -> anyhow::Result<SocketAddr> {
        let line = lines.next().context("the server ended before it served")??;
        let address = line.split("://").nth(1).map(|address| address.trim_end_matches('/'));
        address.and_then(|address| address.parse().ok()).with_context(|| format!("`{line}`"))
    };
    match (address(), address()) {
        (Ok(public), Ok(partner)) => Ok((child, Addresses { public, partner, admin: asked.admin })),
        (Err(error), _) | (_, Err(error)) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error.context("the server did not say where it listens"))
        }
    }
}

/// A process has the cores of the thread that starts it.
fn spawn_on(cores: &Cores, command: &mut Command) -> anyhow::Result<Child> {
    let spawn = || {
        cores.keep_to()?;
        command.spawn().context("the server cannot be started")
    };
    let started = thread::scope(|scope| scope.spawn(spawn).join());
    started.map_err(|_| anyhow!("the thread that starts the server panicked"))?
}

/// A port that is free now: the server does not print that of its admin listener.
fn free_port() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?)
}
