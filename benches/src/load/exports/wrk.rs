//! For wrk: scripts in Lua beside the lines they read.

use std::path::{Path, PathBuf};

use super::drawn::{Drawn, to_file};
use crate::load::questions::QuestionSet;

const SCRIPTS: [(&str, &str); 3] = [
    ("wrk.lua", include_str!("templates/wrk.lua")),
    ("wrk-checked.lua", include_str!("templates/wrk-checked.lua")),
    ("wrk-questions.lua", include_str!("templates/wrk-questions.lua")),
];

/// Scripts alone.
pub(super) fn write_scripts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let write = |(name, text): &(&str, &str)| {
        to_file(folder.join(name), |out| std::io::Write::write_all(out, text.as_bytes()))
    };
    SCRIPTS.iter().map(write).collect()
}

/// What wrk needs to ask these questions in this order; gives the script.
///
/// # Errors
/// When nothing was drawn, a question cannot be a line, or a file cannot be written.
pub fn write(set: &QuestionSet, order: &[u32], folder: &Path) -> anyhow::Result<PathBuf> {
    write_drawn(&Drawn::new(set, order, 0)?, folder)
}

/// What wrk needs to send these bodies in turn; gives the script, which knows no right answers.
///
/// # Errors
/// When there is no body, one cannot be a line, or a file cannot be written.
pub fn write_bodies(bodies: &[String], folder: &Path) -> anyhow::Result<PathBuf> {
    write_drawn(&Drawn::of_bodies(bodies)?, folder)
}

fn write_drawn(drawn: &Drawn<'_>, folder: &Path) -> anyhow::Result<PathBuf> {
    drawn.write_lines_and_order(folder)?;
    write_scripts(folder)?;
    Ok(folder.join(SCRIPTS[0].0))
}
