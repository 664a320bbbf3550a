//! Certificates put under review and released while everything else happens, until an answer is wrong.
//!
//! `cargo run --release -p zhengcha-benches --bin hold_check -- --rounds 300 --others 100000`
//!
//! As `hold_check loader …` it is the loader itself, so that what is killed is what was built with it.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use zhengcha_benches::programs;
use zhengcha_benches::reviews::{self, Plan};
use zhengcha_loader::testing::temporary_folder;

/// Progress is told every so many rounds.
const TOLD_ROUNDS: u32 = 20;

/// Holds and releases under fire.
#[derive(Parser)]
struct Arguments {
    /// Things that happen.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Seed of what happens, and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Certificates of each upload.
    #[arg(long, default_value_t = 200)]
    records: usize,
    /// Other numbers that are under review all the time.
    #[arg(long, default_value_t = 0)]
    others: u32,
    /// Empty folder to work in, on a real disk for instance; by default one in memory.
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
        rounds: arguments.rounds,
        seed: arguments.seed,
        records: arguments.records,
        others: arguments.others,
    };
    let tally = reviews::run(&plan, |round, tally| {
        if round % TOLD_ROUNDS == 0 {
            eprintln!("{round} rounds: {tally:?}");
        }
    })?;
    println!(
        "{} rounds: {} decisions acknowledged, {} killed ({} of them decided), {} swaps, {} servers, \
         {} lists damaged; {} answers and {} refusals, the slowest followed after {} ms; none wrong",
        plan.rounds,
        tally.acknowledged,
        tally.killed,
        tally.killed_and_decided,
        tally.swaps,
        tally.servers,
        tally.damaged,
        tally.asked.answers,
        tally.asked.refusals,
        tally.asked.slowest.as_millis(),
    );
    Ok(())
}
