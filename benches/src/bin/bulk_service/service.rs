//! A server with a partner, and its memory.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context;
use zhengcha_benches::load::service::process::Usage;

const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Service {
    process: Child,
    pub(crate) public: SocketAddr,
    pub(crate) partner: SocketAddr,
    pub(crate) token: String,
    peak: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Service {
    pub(crate) fn start(server: &Path, store: &Path, folder: &Path) -> anyhow::Result<Self> {
        let tokens = folder.join("partners.toml");
        let added = Command::new(server)
            .args(["token", "add", "bench", "--tokens"])
            .arg(&tokens)
            .output()?;
        let token = String::from_utf8(added.stdout)?.trim().to_owned();
        let mut process = Command::new(server)
            .arg("--store")
            .arg(store)
            .args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"])
            .args(["--partner-listen=127.0.0.1:0", "--rate-limit=off", "--log=warn"])
            .arg("--connections-per-address-max=4096")
            .arg("--partner-tokens")
            .arg(&tokens)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("no output")?).lines();
        let mut address = || -> anyhow::Result<SocketAddr> {
            let line = lines.next().context("the server ended")??;
            let address = line.trim_start_matches("http://").trim_end_matches('/');
            address.parse().with_context(|| format!("no address: {line}"))
        };
        let (public, partner) = (address()?, address()?);
        let (peak, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let service = Self {
            process,
            public,
            partner,
            token,
            peak: Arc::clone(&peak),
            stop: Arc::clone(&stop),
        };
        let pid = service.process.id();
        std::thread::spawn(move || {
            while !stop.load(Relaxed) {
                peak.fetch_max(anonymous_bytes(pid).unwrap_or(0), Relaxed);
                std::thread::sleep(SAMPLE_INTERVAL);
            }
        });
        service.wait_until_ready()?;
        Ok(service)
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        const TRIES: usize = 600;
        for _ in 0..TRIES {
            if crate::probe::status(self.public)? == 200 {
                return Ok(());
            }
            std::thread::sleep(SAMPLE_INTERVAL);
        }
        anyhow::bail!("the server is not ready after {:?}", SAMPLE_INTERVAL * TRIES as u32)
    }

    /// Memory of the server that is no mapped file.
    pub(crate) fn anonymous_bytes(&self) -> anyhow::Result<u64> {
        anonymous_bytes(self.process.id()).context("no memory figures")
    }

    pub(crate) fn peak_anonymous_bytes(&self) -> u64 {
        self.peak.load(Relaxed)
    }
}

fn anonymous_bytes(pid: u32) -> Option<u64> {
    Usage::of(pid).map(|usage| usage.anonymous_bytes)
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}
