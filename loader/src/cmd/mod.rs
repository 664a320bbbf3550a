//! One file for each subcommand.

mod claims;
mod compile;
mod fsck;
mod hold;
mod holds;
mod inspect;
mod load;
mod merge;
mod prune;
mod publish;
mod query;
mod snapshots;
mod synth;
mod verify;

use crate::cli::{Cli, Command, UsageError};
use crate::ledger::DecisionKind;
use crate::output::Output;
use std::io::{self, Write};
use std::process::ExitCode;
use zhengcha_engine::Store;
use zhengcha_engine::key::normalize::QueryError;

/// How a command ended; see `--help` for the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 3: done, but some rows were rejected.
    SomeRejected,
    /// Exit code 1: something in the store is damaged, as already reported.
    Damaged,
}

/// Runs the command and says on stderr what went wrong.
#[must_use]
pub fn exit_code(cli: &Cli) -> ExitCode {
    match run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeRejected) => ExitCode::from(3),
        Ok(Outcome::Damaged) => ExitCode::FAILURE,
        Err(error) => {
            // Where nobody listens any more the exit code must do.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            let usage = error.is::<QueryError>() || error.is::<UsageError>();
            if usage { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Exit code 1: nothing changed.
pub fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    let store = Store::new(&cli.store);
    let output = Output { json: cli.json };
    match &cli.command {
        Command::Compile { publish, memory } => compile::run(&store, *publish, *memory, &output),
        Command::Merge { into, memory } => merge::run(&store, *into, *memory, &output),
        Command::Publish { generation } => publish::publish(&store, *generation, &output),
        Command::Rollback => publish::rollback(&store, &output),
        Command::Snapshots => snapshots::run(&store, &output),
        Command::Inspect { generation } => inspect::run(&store, *generation, &output),
        Command::Prune { keep } => prune::run(&store, *keep, &output),
        Command::Fsck => fsck::run(&store, &output),
        Command::Query(args) => query::run(&store, args, &output),
        Command::Load(args) => load::load(&store, args, &output),
        Command::Check(args) => load::check(&store, args, &output),
        Command::Hold(args) => hold::run(&store, DecisionKind::Hold, args, &output),
        Command::Release(args) => hold::run(&store, DecisionKind::Release, args, &output),
        Command::Holds { rewrite: false } => holds::list(&store, &output),
        Command::Holds { rewrite: true } => holds::rewrite(&store, &output),
        Command::Claims(args) => claims::run(&store, args, &output),
        Command::Verify(args) => verify::run(&store, args, &output),
        Command::Synth(args) => synth::run(&store, args, &output),
    }
}
