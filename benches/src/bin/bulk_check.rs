//! Bulk verification checked to the byte, by command and by service, also while generations change.
//!
//! `cargo run --release -p zhengcha-benches --bin bulk_check -- --records 1000000 --claims 1000000`
//!
//! As `bulk_check loader …` it is the loader itself, so that what is checked is what was built with it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use zhengcha_benches::bulk_check::{self, Plan};
use zhengcha_benches::programs;
use zhengcha_loader::testing::temporary_folder;

/// Checks the verdicts on made-up claims.
#[derive(Parser)]
struct Arguments {
    /// Certificates of the register.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Claims.
    #[arg(long, default_value_t = 1_000_000)]
    claims: u64,
    /// Seed of both.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Streams while generations change every second.
    #[arg(long, default_value_t = 10)]
    streams: u32,
    /// Empty folder to work in; a temporary one by default.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    programs::loader_or(run)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let temporary = temporary_folder()?;
    let plan = Plan {
        loader: programs::own_loader()?,
        folder: arguments.folder.unwrap_or_else(|| temporary.path().to_owned()),
        records: arguments.records,
        claims: arguments.claims,
        seed: arguments.seed,
        swap_interval: Duration::from_secs(1),
        streams: arguments.streams,
    };
    let tally = bulk_check::run(&plan)?;
    println!(
        "{} claims by command as csv and ndjson: as the reference says. {} streams with {} verdicts during {} \
         swaps: each as its generation says, to the byte",
        plan.claims, tally.streams, tally.verdicts, tally.swaps
    );
    Ok(())
}
