//! The command `zhengcha-loader`: parse, run, exit code.

use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;
use zhengcha_engine::key::normalize::QueryError;
use zhengcha_loader::cli::{Cli, UsageError};
use zhengcha_loader::cmd::{self, Outcome};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cmd::run(&cli) {
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
