//! Reports of a run: one page that needs nothing else, its figures as JSON, its latencies for other tools.
//!
//! ```text
//! run ─┬─ view ── chart ── report.html, compare.html
//!      ├─ json ─────────── run.json
//!      └─ hdr ──────────── PHASE.hdr, PHASE.hgrm
//! ```

mod chart;
#[cfg(test)]
mod fixture;
mod hdr;
mod json;
mod noise;
mod number;
#[cfg(test)]
mod page_check;
#[cfg(test)]
mod tests;
mod view;

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::run::Run;

/// The files of a report.
#[derive(Clone, Debug)]
pub struct Written {
    /// The page.
    pub html: PathBuf,
    /// The run, for [`read`] and for other programs.
    pub json: PathBuf,
    /// Latencies of each phase, as `.hdr` and as `.hgrm`.
    pub hdr: Vec<PathBuf>,
}

/// Writes the report of a run into a folder, which is made when it is not there.
///
/// # Errors
/// Writing, and a histogram of the run that is none.
pub fn write(run: &Run, folder: &Path) -> anyhow::Result<Written> {
    write_with_plan(run, &[], folder)
}

/// The same with the machine that the capacity calculator names for the nation: rows of what for and how
/// much.
///
/// # Errors
/// As [`write()`].
pub fn write_with_plan(
    run: &Run,
    plan: &[(String, String)],
    folder: &Path,
) -> anyhow::Result<Written> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let (html, json) = (folder.join("report.html"), folder.join("run.json"));
    // The figures first: they are what cannot be made again.
    json::write(run, &json)?;
    let page = view::report(run, plan)?;
    std::fs::write(&html, page).with_context(|| html.display().to_string())?;
    let hdr = hdr::write(run, folder)?;
    Ok(Written { html, json, hdr })
}

/// Reads the `run.json` of a report.
///
/// # Errors
/// Reading, and anything that is no run: the file and the field are named.
pub fn read(path: &Path) -> anyhow::Result<Run> {
    json::read(path)
}

/// Writes the page that compares run A with run B.
///
/// # Errors
/// Writing.
pub fn compare(a: &Run, b: &Run, out: &Path) -> anyhow::Result<()> {
    let page = view::compare(a, b)?;
    std::fs::write(out, page).with_context(|| out.display().to_string())
}
