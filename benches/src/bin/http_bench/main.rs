//! POST rate of `/v1/query`, every limit armed, against bare hyper servers on the same machine.
//!
//! Starts itself three times as a server on one generated store: ours, bare hyper on one tokio
//! multi-thread runtime, and bare hyper on one runtime per thread. Then lets `wrk` (Debian) send the
//! same bodies to each in turn, round after round, and prints the medians and their ratio. The bare
//! ones read and parse the body and answer as many bytes as ours, and do nothing else.

mod bare;
mod ours;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use zhengcha_benches::load::{exports, witness};
use zhengcha_benches::passes::median;
use zhengcha_benches::stores::draw_bodies;

/// Bodies drawn from a store that is there already: enough to touch much of it.
const DRAWN_BODIES: u64 = 20_000;

/// What is being measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The product.
    Ours,
    /// hyper on one tokio multi-thread runtime.
    Bare,
    /// hyper on one single-thread runtime per worker, as ours.
    BarePerThread,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ours, Self::Bare, Self::BarePerThread];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare",
            Self::BarePerThread => "bare-per-thread",
        }
    }
}

/// Compares the POST rate of the server with that of bare hyper.
#[derive(Debug, Parser)]
struct Cli {
    /// Certificates in the store
    #[arg(long, default_value_t = 100_000)]
    records: u32,
    /// Rounds; each measures every server once
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of wrk
    #[arg(long, default_value_t = 64)]
    connections: u64,
    /// Threads of wrk
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Threads of each server
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Share of the bare rate, in percent, below which this fails
    #[arg(long, default_value_t = 0.0)]
    least_percent: f64,
    /// A published store to serve instead of a generated one
    #[arg(long, value_name = "DIR")]
    of: Option<PathBuf>,
    /// Be one of the servers (used by this program itself)
    #[arg(long, hide = true)]
    serve: Option<Kind>,
    /// The store to serve
    #[arg(long, hide = true)]
    store: Option<PathBuf>,
    /// Bytes of a bare answer
    #[arg(long, hide = true, default_value_t = 0)]
    answer_bytes: usize,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.serve {
        Some(Kind::Ours) => ours::serve(cli.store.context("--store")?, cli.workers),
        Some(Kind::Bare) => bare::serve(cli.workers, cli.answer_bytes),
        Some(Kind::BarePerThread) => bare::serve_per_thread(cli.workers, cli.answer_bytes),
        None => compare(&cli),
    }
}

/// A server in a process of its own, ended when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(arguments: &[String]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the server printed no address")?;
        Ok(Self { child, address })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn compare(cli: &Cli) -> anyhow::Result<()> {
    ensure!(cli.rounds > 0 && cli.records > 0, "nothing to measure");
    let folder = tempfile::tempdir()?;
    let (store, bodies) = match &cli.of {
        Some(store) => (store.as_path(), draw_bodies(store, DRAWN_BODIES)?),
        None => (folder.path(), ours::build_store(folder.path(), cli.records)?),
    };
    let script = exports::wrk::write_bodies(&bodies, folder.path())?;
    let load =
        witness::Load { connections: cli.connections, threads: cli.threads, seconds: cli.seconds };

    let arguments = |kind: Kind, answer_bytes: usize| {
        let store = store.display().to_string();
        let workers = cli.workers.to_string();
        let bytes = answer_bytes.to_string();
        ["--serve", kind.name(), "--store", &store, "--workers", &workers, "--answer-bytes", &bytes]
            .map(str::to_owned)
    };
    let ours = Running::start(&arguments(Kind::Ours, 0))?;
    let answer_bytes = ours::check(ours.address, &bodies)?;
    let bare = Running::start(&arguments(Kind::Bare, answer_bytes))?;
    let per_thread = Running::start(&arguments(Kind::BarePerThread, answer_bytes))?;
    let servers = [&ours, &bare, &per_thread];

    println!(
        "{}, {} connections, {} wrk threads, {} workers, {answer_bytes} byte answers, \
         {} rounds of {} s",
        cli.of.as_ref().map_or_else(
            || format!("{} records", cli.records),
            |store| store.display().to_string()
        ),
        cli.connections,
        cli.threads,
        cli.workers,
        cli.rounds,
        cli.seconds
    );
    let mut rates: [Vec<f64>; 3] = Default::default();
    for round in 0..=cli.rounds {
        for turn in 0..servers.len() {
            // Each goes first as often as the others.
            let index = (turn + round) % servers.len();
            let url = format!("http://{}", servers[index].address);
            let measured = witness::run_script(&url, &script, load)?;
            if measured.errors > 0 {
                bail!("{}: {} failed requests", Kind::ALL[index].name(), measured.errors);
            }
            if round > 0 {
                rates[index].push(measured.rate); // the first round warms up
            }
        }
        if round > 0 {
            let [ours, bare, per_thread] = rates.each_ref().map(|rates| rates[round - 1]);
            println!(
                "round {round}: ours {ours:.0}/s, bare {bare:.0}/s, bare per thread \
                 {per_thread:.0}/s"
            );
        }
    }
    let [ours, bare, per_thread] = rates.map(|mut rates| median(&mut rates));
    println!("median: ours {ours:.0}/s, bare {bare:.0}/s, bare per thread {per_thread:.0}/s");
    let percent = 100.0 * ours / bare;
    println!("ours / bare = {percent:.1} %");
    println!("ours / bare per thread = {:.1} %", 100.0 * ours / per_thread);
    ensure!(percent >= cli.least_percent, "below {} %", cli.least_percent);
    Ok(())
}
