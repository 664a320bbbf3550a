//! Parses, runs, and says how it ended: 0 stopped as told, 1 failed, 2 usage.

use std::process::ExitCode;

use clap::Parser;
use zhengcha_server::{cli::Cli, run};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zhengcha-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
