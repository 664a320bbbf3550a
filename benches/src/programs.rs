//! The programs under test.

use anyhow::{Context, ensure};
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The word in front of the arguments of the loader, for a program that is the loader too.
const LOADER: &str = "loader";

/// The program and first words that make the loader of the running program.
///
/// # Errors
/// When the system does not say which program runs.
pub fn own_loader() -> anyhow::Result<Vec<OsString>> {
    Ok(vec![std::env::current_exe()?.into_os_string(), LOADER.into()])
}

/// Runs a program that, asked by its first argument, is the loader instead: so that what is tried is what was
/// built with it.
#[must_use]
pub fn loader_or<A: Parser>(run: impl FnOnce(A) -> anyhow::Result<()>) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == LOADER) {
        let cli = zhengcha_loader::cli::Cli::parse_from(&arguments[1..]);
        return zhengcha_loader::cmd::exit_code(&cli);
    }
    match run(A::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The program given, or the one of this name beside the running one.
///
/// # Errors
/// When there is none.
pub fn beside(given: Option<PathBuf>, name: &str) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path,
        None => std::env::current_exe()?.parent().context("no folder")?.join(name),
    };
    ensure!(path.is_file(), "{}: no such program; build {name} first", path.display());
    Ok(path)
}
