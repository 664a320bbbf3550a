//! Building, opening and swapping a generation.
//!
//! `cargo run --release -p zhengcha-benches --bin generations -- --records 1000000`

use clap::Parser;
use std::path::PathBuf;
use std::time::Instant;
use zhengcha_benches::passes::median;
use zhengcha_benches::stores::{open_or_publish, publish};
use zhengcha_engine::{Snapshot, Store};

/// Measures build, open and swap of a store of invented certificates.
#[derive(Parser)]
struct Arguments {
    /// Certificates in the store.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Rounds; the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seed of the certificates.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where stores are kept.
    #[arg(long, default_value = "scratch")]
    folder: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let live = open_or_publish(
        &arguments.folder,
        arguments.records,
        arguments.seed,
        &zhengcha_engine::Opening::default(),
    )?;
    let root = arguments.folder.join(format!("store-{}-{}", arguments.records, arguments.seed));
    let store = Store::new(root);
    println!("{} records, median of {} rounds (min–max)", live.records(), arguments.rounds);
    let rebuilt = Store::new(arguments.folder.join("rebuilt"));
    row("invent, pack, compile, verify, publish", arguments.rounds, || {
        let _ = std::fs::remove_dir_all(rebuilt.root());
        publish(&rebuilt, arguments.records, arguments.seed, 1)
    })?;
    row("open and verify, page cache warm", arguments.rounds, || {
        Snapshot::open_current(&store, None).map(|_| ()).map_err(Into::into)
    })?;
    row("swap to a generation of the same segment", arguments.rounds, || {
        Snapshot::open_current(&store, Some(&live)).map(|_| ()).map_err(Into::into)
    })?;
    std::fs::remove_dir_all(rebuilt.root())?;
    Ok(())
}

fn row(
    what: &str,
    rounds: usize,
    mut run: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut milliseconds = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        run()?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let median = median(&mut milliseconds);
    let (low, high) = (milliseconds[0], milliseconds[rounds - 1]);
    println!("{what:<42} {median:>10.2} ms ({low:.2}–{high:.2})");
    Ok(())
}
