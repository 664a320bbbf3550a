//! The load testing kit on the command line.

mod capacity;
mod interrupt;
mod kinds;
mod load_test;
mod number;
mod questions;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zhengcha_benches::programs;

/// Finds out what a server of certificate queries can carry, and what machines it takes.
#[derive(Debug, Parser)]
#[command(
    name = "zhengcha-benches",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        zhengcha-benches load-test --records 1e6\n  \
        zhengcha-benches load-test --records 2e7 --schedule day:5000 --seconds 120 --events swap@60\n  \
        zhengcha-benches load-test --target 192.0.2.7:8080 --i-own-this-target 192.0.2.7:8080 \
        --questions questions.ndjson\n  \
        zhengcha-benches questions --records 2e8 --out questions.ndjson\n  \
        zhengcha-benches export --questions questions.ndjson --url http://127.0.0.1:8080 --out exports\n  \
        zhengcha-benches compare before/run.json after/run.json --out compare.html\n  \
        zhengcha-benches capacity --records 2e8 --rate 10000"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive a server, check every answer, and write a report
    LoadTest(Box<load_test::Arguments>),
    /// Draw questions about an invented register, with every right answer, for another machine
    Questions(questions::Draw),
    /// Write questions for wrk, oha, k6 and JMeter
    Export(questions::Export),
    /// Write a page that compares two runs
    Compare(questions::Compare),
    /// Reckon the machines for so many certificates and queries
    Capacity(capacity::Arguments),
}

/// Asked by its first argument, it is the loader or the server itself: one program is the whole kit.
fn main() -> ExitCode {
    programs::loader_or(run)
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::LoadTest(arguments) => load_test::run(&arguments),
        Command::Questions(arguments) => questions::draw(&arguments),
        Command::Export(arguments) => questions::export(&arguments),
        Command::Compare(arguments) => questions::compare(&arguments),
        Command::Capacity(arguments) => capacity::run(&arguments),
    }
}
