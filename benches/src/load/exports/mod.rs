//! The drawn questions, ready to run in other tools: wrk, oha, k6 and JMeter.
//!
//! All of them ask the same questions. wrk, k6 and JMeter keep the drawn order; oha draws lines of its
//! file anew, each draw being a line, so that often asked ones are asked as often.

mod address;
mod drawn;
#[cfg(test)]
mod tests;
pub mod wrk;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::address::Address;
use self::drawn::{Drawn, to_file};
use super::questions::QuestionSet;

/// What the exported commands and scripts say where nothing else is said on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server, as `http://host:port` or `https://host:port`.
    pub url: String,
    /// Uploads that its store took in after the base: they decide what is the right answer.
    pub uploads: u32,
    /// Questions a second, for the tools that keep a rate.
    pub rate: u64,
    /// Length of a run.
    pub seconds: u64,
    /// Connections at one time.
    pub connections: u64,
    /// Threads of wrk.
    pub threads: u64,
    /// Bound on p99.
    pub objective_p99_us: u64,
}

impl Settings {
    /// Moderate figures for this server.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            uploads: 0,
            rate: 1000,
            seconds: 30,
            connections: 64,
            threads: 2,
            objective_p99_us: 10_000,
        }
    }
}

/// Writes the questions of a set in this order for all tools, with a README that has the commands.
///
/// # Errors
/// When the address cannot be used, nothing was drawn, a question cannot be a line, or a file cannot be
/// written.
pub fn write(
    set: &QuestionSet,
    order: &[u32],
    settings: &Settings,
    folder: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let address = Address::parse(&settings.url)?;
    let drawn = Drawn::new(set, order, settings.uploads)?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut files = Vec::from(drawn.write_lines_and_order(folder)?);
    files.push(drawn.write_bodies(folder)?);
    files.push(drawn.write_counts_and_bodies(folder)?);
    files.extend(wrk::write_scripts(folder)?);
    let filled = [
        ("k6.js", include_str!("templates/k6.js")),
        ("jmeter.jmx", include_str!("templates/jmeter.jmx")),
        ("README.md", include_str!("templates/README.md")),
    ];
    for (name, template) in filled {
        let text = fill(template, settings, &address, drawn.sizes());
        files.push(to_file(folder.join(name), |out| out.write_all(text.as_bytes()))?);
    }
    Ok(files)
}

/// Puts the settings in. None of them can hold a character that means something in one of the languages.
fn fill(
    template: &str,
    settings: &Settings,
    address: &Address,
    (lines, draws): (usize, usize),
) -> String {
    let objective_ms = settings.objective_p99_us as f64 / 1000.0;
    template
        .replace("@URL@", &address.url())
        .replace("@SCHEME@", address.scheme)
        .replace("@HOST@", &address.host)
        .replace("@PORT@", &address.port.to_string())
        .replace("@RATE@", &settings.rate.to_string())
        .replace("@PER_MINUTE@", &settings.rate.saturating_mul(60).to_string())
        .replace("@SECONDS@", &settings.seconds.to_string())
        .replace("@CONNECTIONS@", &settings.connections.to_string())
        .replace("@THREADS@", &settings.threads.to_string())
        .replace("@OBJECTIVE_MS@", &objective_ms.to_string())
        .replace("@QUESTIONS@", &lines.to_string())
        .replace("@DRAWS@", &draws.to_string())
}
