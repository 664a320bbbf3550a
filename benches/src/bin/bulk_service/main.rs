//! Bulk verification over HTTP: claims a second over loopback, memory of the server, and what a full-speed
//! stream does to the public listener's p99 at a fixed rate.
//!
//! Client and server share the machine. The stream's own threads stand back (idle policy) like the server's
//! partner side, so that what is measured of the public side is the public side.

mod probe;
mod service;
mod stream;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use zhengcha_benches::programs;

use probe::Probe;
use service::Service;

/// Measures bulk verification over HTTP.
#[derive(Debug, Parser)]
struct Cli {
    /// Store to serve
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Claims to send, ndjson without bad lines, such as `zhengcha-loader claims --out` writes
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    /// How often they are sent in one stream
    #[arg(long, default_value_t = 1)]
    repeat: u64,
    /// Streams, one after the other
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Queries a second at the public listener, with and without a stream; 0 leaves that out
    #[arg(long, default_value_t = 5000)]
    probe_rate: u64,
    /// Seconds of each such measurement
    #[arg(long, default_value_t = 10)]
    probe_seconds: u64,
    /// Program to measure
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let server = programs::beside(cli.server.clone(), "zhengcha-server")?;
    let folder = tempfile::tempdir()?;
    let service = Service::start(&server, &cli.store, folder.path())?;
    let body = std::fs::read(&cli.claims)?;
    ensure!(body.ends_with(b"\n"), "{}: the last line has no end", cli.claims.display());

    let warm = stream::run(&service, &body, 1)?;
    println!("{} claims of {} bytes", warm.claims, body.len() as u64 / warm.claims.max(1));
    let before = service.anonymous_bytes()?;
    let mut rates = Vec::new();
    for round in 1..=cli.rounds {
        let sent = stream::run(&service, &body, cli.repeat)?;
        ensure!(sent.claims == warm.claims * cli.repeat, "claims were lost: {sent:?}");
        let rate = sent.claims as f64 / sent.took.as_secs_f64();
        let grown = service.peak_anonymous_bytes().saturating_sub(before);
        println!(
            "round {round}: {} claims in {:.2} s, {:.0} a second, server memory grown by {:.1} MB at most",
            sent.claims,
            sent.took.as_secs_f64(),
            rate,
            grown as f64 / 1e6
        );
        rates.push(rate);
    }
    rates.sort_by(f64::total_cmp);
    println!("median {:.0} claims a second", rates[rates.len() / 2]);
    if cli.probe_rate > 0 {
        compare_probes(&cli, &service, &body)?;
    }
    Ok(())
}

/// Latencies at the public listener, without and with a stream, by turns.
fn compare_probes(cli: &Cli, service: &Service, body: &[u8]) -> anyhow::Result<()> {
    const TURNS: usize = 3;
    /// In thousandths.
    const P99: usize = 990;
    let probe = Probe::new(service.public, &cli.store, cli.probe_rate)?;
    let time = Duration::from_secs(cli.probe_seconds);
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let alone = probe.run(time)?;
        let stop = AtomicBool::new(false);
        let beside = std::thread::scope(|scope| {
            let streams = scope.spawn(|| stream::until(service, body, &stop));
            let beside = probe.run(time);
            stop.store(true, Relaxed);
            match streams.join() {
                Ok(claims) => Ok::<_, anyhow::Error>((beside?, claims?)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        println!("alone        {alone}");
        println!("with stream  {} ({} claims a second)", beside.0, beside.1 / cli.probe_seconds);
        ratios.push(beside.0.at(P99).as_secs_f64() / alone.at(P99).as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("p99 with a stream, times that without: {:.2} (median of {TURNS})", ratios[TURNS / 2]);
    Ok(())
}
