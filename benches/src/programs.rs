//! The programs under test.

use anyhow::{Context, ensure};
use std::path::PathBuf;

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
