//! Bulk verification checked to the byte: made-up claims through the command and through the service, against
//! the reference's verdicts, in quiet and while the generation is swapped every second.
//!
//! Two generations are made: one whose verdicts the reference gives, and one over it. While they are
//! published by turns, streams run that last several swaps. Each must answer as the generation named in
//! its summary does, from its first claim to its last.

pub(crate) mod stream;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use zhengcha_server::cli::Cli;
use zhengcha_server::{Config, Options, Server};

use crate::load::service::http;
use stream::Stream;

/// How long a stream is made to last while generations change.
const SLOW_STREAM: Duration = Duration::from_secs(4);
/// A small store is open by then.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Certificates of the second generation's delta.
const DELTA_RECORDS: u64 = 500;

/// What to check.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The loader: a program and its first words.
    pub loader: Vec<OsString>,
    /// An empty folder to work in.
    pub folder: PathBuf,
    /// Certificates of the register.
    pub records: u64,
    /// Claims.
    pub claims: u64,
    /// Seed of both.
    pub seed: u64,
    /// Time between two swaps.
    pub swap_interval: Duration,
    /// Streams while generations change.
    pub streams: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Streams that were as they must be.
    pub streams: u64,
    /// Verdicts in them.
    pub verdicts: u64,
    /// Generations made live meanwhile.
    pub swaps: u64,
}

struct Driver<'p> {
    plan: &'p Plan,
    store: PathBuf,
}

/// Runs the plan.
///
/// # Errors
/// Naming the stream that was not as it must be.
pub fn run(plan: &Plan) -> anyhow::Result<Tally> {
    let driver = Driver { plan, store: plan.folder.join("store") };
    driver.loader(
        &["synth", "--format", "batch"],
        &[("records", plan.records), ("seed", plan.seed)],
    )?;
    driver.loader(&["compile", "--publish"], &[])?;
    let path = |name: &str| plan.folder.join(name);
    let mut kinds = Vec::new();
    for ending in ["csv", "ndjson"] {
        let (claims, expected) =
            (path(&format!("claims.{ending}")), path(&format!("expected-{ending}.csv")));
        driver.loader_with(
            &[
                "claims".into(),
                "--mix".into(),
                "all".into(),
                "--out".into(),
                claims.clone().into(),
                "--expected".into(),
                expected.clone().into(),
            ],
            &[("claims", plan.claims), ("seed", plan.seed)],
        )?;
        driver.check_command(&claims, &expected)?;
        kinds.push((ending, claims));
    }
    // The second generation: another register over the first, its claims not to be known from it.
    let seed = plan.seed + 1;
    let delta = path("delta");
    driver.loader_with(
        &["synth".into(), "--out".into(), delta.clone().into()],
        &[("records", DELTA_RECORDS), ("seed", seed)],
    )?;
    let mut load: Vec<OsString> =
        vec!["load".into(), "--org".into(), "all".into(), "--into".into(), "delta".into()];
    for file in fs::read_dir(&delta)? {
        load.push(file?.path().into());
    }
    driver.loader_with(&load, &[])?;

    let mut expected = BTreeMap::new();
    for generation in [1, 2] {
        driver.loader_with(&["publish".into(), generation.to_string().into()], &[])?;
        for (ending, claims) in &kinds {
            let out = path(&format!("verdicts-{generation}.{ending}"));
            driver.verify(claims, &out)?;
            expected.insert((generation, *ending), fs::read(&out)?);
        }
    }
    let first = fs::read(path("expected-csv.csv"))?;
    ensure!(expected[&(1, "csv")] == first, "the command forgot generation 1");
    driver.check_service(&kinds, &expected)
}

impl Driver<'_> {
    fn loader(&self, words: &[&str], numbers: &[(&str, u64)]) -> anyhow::Result<()> {
        self.loader_with(&words.iter().map(OsString::from).collect::<Vec<_>>(), numbers)
    }

    fn loader_with(&self, words: &[OsString], numbers: &[(&str, u64)]) -> anyhow::Result<()> {
        let (program, first) = self.plan.loader.split_first().context("no loader")?;
        let mut command = Command::new(program);
        command.args(first).args(words).arg("--store").arg(&self.store);
        for (name, number) in numbers {
            command.arg(format!("--{name}")).arg(number.to_string());
        }
        let output = command.stdin(Stdio::null()).output()?;
        // Some claims are bad lines on purpose, some invented rows are late.
        ensure!(
            matches!(output.status.code(), Some(0 | 3)),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn verify(&self, claims: &Path, out: &Path) -> anyhow::Result<()> {
        self.loader_with(&["verify".into(), claims.into(), "--out".into(), out.into()], &[])
    }

    /// What the command writes, and its summary, must be what the reference says.
    fn check_command(&self, claims: &Path, expected: &Path) -> anyhow::Result<()> {
        let mut out = claims.as_os_str().to_owned();
        out.push(".verdicts.csv");
        let out = PathBuf::from(out);
        self.verify(claims, &out)?;
        let summary = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".summary.json");
            fs::read(name)
        };
        ensure!(fs::read(&out)? == fs::read(expected)?, "{}: not as expected", out.display());
        ensure!(summary(&out)? == summary(expected)?, "{}: another summary", out.display());
        Ok(())
    }

    fn check_service(
        &self,
        kinds: &[(&str, PathBuf)],
        expected: &BTreeMap<(u64, &str), Vec<u8>>,
    ) -> anyhow::Result<Tally> {
        let partner = Partner::start(&self.store, &self.plan.folder)?;
        let mut tally = Tally::default();
        let bodies = kinds
            .iter()
            .map(|(ending, claims)| Ok((*ending, fs::read(claims)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        for (ending, body) in &bodies {
            let stream =
                Stream::run(partner.address, &partner.token, ending, body, Duration::ZERO)?;
            self.compare(&stream, ending, expected, &mut tally)?;
        }
        let (stop, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| self.swap_until(&stop, &swaps));
            let streams = (0..self.plan.streams).try_for_each(|number| {
                let (ending, body) = &bodies[number as usize % bodies.len()];
                let stream =
                    Stream::run(partner.address, &partner.token, ending, body, SLOW_STREAM)?;
                self.compare(&stream, ending, expected, &mut tally)
            });
            stop.store(true, Relaxed);
            let swapped = swapping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            streams.and(swapped)
        })?;
        tally.swaps = swaps.load(Relaxed);
        partner.stop();
        Ok(tally)
    }

    fn swap_until(&self, stop: &AtomicBool, swaps: &AtomicU64) -> anyhow::Result<()> {
        for generation in [1, 2].into_iter().cycle() {
            if stop.load(Relaxed) {
                return Ok(());
            }
            self.loader_with(&["publish".into(), generation.to_string().into()], &[])?;
            swaps.fetch_add(1, Relaxed);
            std::thread::sleep(self.plan.swap_interval);
        }
        Ok(())
    }

    fn compare(
        &self,
        stream: &Stream,
        ending: &str,
        expected: &BTreeMap<(u64, &str), Vec<u8>>,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let generation = stream.summary["generation"].as_u64().context("no generation")?;
        let expected = expected.get(&(generation, ending)).context("an unknown generation")?;
        ensure!(
            stream.body == *expected,
            "a stream of {ending} in generation {generation} is not what the command wrote"
        );
        tally.streams += 1;
        tally.verdicts += stream.summary["claims"].as_u64().context("no count")?;
        Ok(())
    }
}

/// A server with one partner.
pub(crate) struct Partner {
    server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Partner {
    fn start(store: &Path, folder: &Path) -> anyhow::Result<Self> {
        let tokens = folder.join("partners.toml");
        let token = add_partner(&tokens)?;
        let cli = Cli::try_parse_from([
            "zhengcha-server".into(),
            "--store".into(),
            store.as_os_str().to_owned(),
            "--listen=127.0.0.1:0".into(),
            "--admin-listen=127.0.0.1:0".into(),
            "--partner-listen=127.0.0.1:0".into(),
            "--partner-tokens".into(),
            tokens.into_os_string(),
        ])?;
        let server = Server::start(&Config::from_cli(&cli)?, Options::default())?;
        let address = server.partner_address().context("no partner listener")?;
        // It listens before its store is open.
        let deadline = Instant::now() + READY_WITHIN;
        while !matches!(http::get(server.admin_address(), "/readyz", READY_WITHIN), Ok((200, _))) {
            ensure!(Instant::now() < deadline, "the server is not ready in time");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { server, address, token })
    }

    fn stop(self) {
        self.server.stop();
        self.server.join();
    }
}

/// Makes a file of partners and gives the token of its only one.
fn add_partner(tokens: &Path) -> anyhow::Result<String> {
    let words: [OsString; 5] =
        ["zhengcha-server", "token", "add", "check", "--tokens"].map(OsString::from);
    let cli = Cli::try_parse_from(words.into_iter().chain([tokens.into()]))?;
    let Some(zhengcha_server::cli::Command::Token { command }) = &cli.command else {
        anyhow::bail!("no command for tokens");
    };
    let mut out = Vec::new();
    zhengcha_server::partner::command::run(command, &mut out)?;
    Ok(String::from_utf8(out)?.trim().to_owned())
}
