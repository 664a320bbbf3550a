//! The programs under test.

use anyhow::{Context, ensure};
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The word in front of the arguments of the loader, for a program that is the loader too.
const LOADER: &str = "loader";

/// The word in front of the arguments of the server, likewise.
const SERVER: &str = "server";

/// The program and first words that make the loader of the running program.
///
/// # Errors
/// When the system does not say which program runs.
pub fn own_loader() -> anyhow::Result<Vec<OsString>> {
    Ok(vec![std::env::current_exe()?.into_os_string(), LOADER.into()])
}

/// The program and first words that make the server of the running program.
///
/// # Errors
/// When the system does not say which program runs.
pub fn own_server() -> anyhow::Result<Vec<OsString>> {
    Ok(vec![std::env::current_exe()?.into_os_string(), SERVER.into()])
}

/// Runs a program that, asked by its first argument, is the loader or the server instead: so that what is
/// tried is what was built with it.
#[must_use]
pub fn loader_or<A: Parser>(run: impl FnOnce(A) -> anyhow::Result<()>) -> ExitCode {
    if let Some(ended) = as_other() {
        return ended;
    }
    ended(run(A::parse()))
}

/// The loader or the server, run to its end, when the first argument asks for one of them.
#[must_use]
pub fn as_other() -> Option<ExitCode> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.first()?.to_str()? {
        LOADER => {
            let cli = zhengcha_loader::cli::Cli::parse_from(arguments);
            Some(zhengcha_loader::cmd::exit_code(&cli))
        }
        SERVER => {
            let cli = zhengcha_server::cli::Cli::parse_from(arguments);
            Some(ended(zhengcha_server::run(&cli)))
        }
        _ => None,
    }
}

/// How a program ends that came to this.
pub fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
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
