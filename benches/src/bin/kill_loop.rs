//! Commands killed at random moments, until one breaks a promise of the store.
//!
//! `cargo run --release -p zhengcha-benches --bin kill_loop -- --rounds 200 --seed 1`

use clap::Parser;
use std::path::PathBuf;
use zhengcha_benches::programs;
use zhengcha_loader::testing::{kill, temporary_folder};

/// Progress is told every so many rounds.
const TOLD_ROUNDS: u32 = 20;

/// Kills loads and compiles of a store and checks it after each.
#[derive(Parser)]
struct Arguments {
    /// Commands to kill.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Seed of certificates and moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// New certificates of each upload.
    #[arg(long, default_value_t = 40)]
    records: usize,
    /// The program to kill; by default the one beside this.
    #[arg(long)]
    loader: Option<PathBuf>,
    /// Empty folder to work in, on a real disk for instance; by default one in memory.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let temporary = temporary_folder()?;
    let plan = kill::KillLoop {
        loader: programs::beside(arguments.loader, "zhengcha-loader")?,
        folder: arguments.folder.unwrap_or_else(|| temporary.path().to_owned()),
        rounds: arguments.rounds,
        seed: arguments.seed,
        records: arguments.records,
    };
    let tally = kill::run(&plan, |round, tally| {
        if round % TOLD_ROUNDS == 0 {
            eprintln!("{round} rounds: {tally:?}");
        }
    })?;
    println!(
        "{} rounds: {} killed ({} of them with the new generation live), {} ended before the kill; \
         {} certificates at the end; nothing lost, nothing mixed, nothing left behind",
        plan.rounds,
        tally.killed,
        tally.killed_after_publication,
        tally.acknowledged,
        tally.records
    );
    Ok(())
}
