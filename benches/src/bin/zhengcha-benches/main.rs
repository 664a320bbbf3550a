//! The load testing kit on the command line.

use clap::{Parser, Subcommand};

/// Finds out what a server of certificate queries can carry, and what machines it takes.
#[derive(Debug, Parser)]
#[command(name = "zhengcha-benches", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says whether this address may be driven
    #[command(hide = true)]
    MayDrive {
        /// Host and port
        address: String,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::MayDrive { address } => zhengcha_benches::load::target::may_drive(&address, None),
    }
}
