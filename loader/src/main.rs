//! The command `zhengcha-loader`: parse, run, exit code.

use clap::Parser;
use std::process::ExitCode;
use zhengcha_loader::cli::Cli;
use zhengcha_loader::cmd;

fn main() -> ExitCode {
    cmd::exit_code(&Cli::parse())
}
