//! Runs wrk and reads what it says.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::Cli;

/// One measurement.
pub(crate) struct Measured {
    /// Answered requests each second.
    pub(crate) per_second: f64,
    /// Requests that were not answered with 2xx or 3xx, or not at all.
    pub(crate) failed: u64,
}

/// A script that sends these bodies in turn.
pub(crate) fn script(bodies: &[String]) -> String {
    let mut script = String::from(
        "local requests = {}\nlocal headers = { [\"Content-Type\"] = \"application/json\" }\n",
    );
    script.push_str("local bodies = {\n");
    for body in bodies {
        // A long bracket: names may hold quotes.
        let _infallible = writeln!(script, "  [==[{body}]==],");
    }
    script.push_str(
        "}\n\
         local at = 0\n\
         function init(arguments)\n\
         \x20 for i, body in ipairs(bodies) do\n\
         \x20   requests[i] = wrk.format(\"POST\", \"/v1/query\", headers, body)\n\
         \x20 end\n\
         end\n\
         function request()\n\
         \x20 at = at % #requests + 1\n\
         \x20 return requests[at]\n\
         end\n",
    );
    script
}

/// Measures one server.
pub(crate) fn run(cli: &Cli, script: &Path, address: SocketAddr) -> anyhow::Result<Measured> {
    let output = Command::new("wrk")
        .arg(format!("--threads={}", cli.threads))
        .arg(format!("--connections={}", cli.connections))
        .arg(format!("--duration={}s", cli.seconds))
        .arg(format!("--script={}", script.display()))
        .arg(format!("http://{address}/"))
        .output()
        .context("wrk cannot be started: install the Debian package `wrk`")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed: {text}");
    let per_second = after(&text, "Requests/sec:").context("wrk gave no rate")?.parse()?;
    let refused = after(&text, "Non-2xx or 3xx responses:").map_or(Ok(0), str::parse)?;
    // "Socket errors: connect 0, read 0, write 0, timeout 0"
    let broken = text
        .lines()
        .filter(|line| line.contains("Socket errors:"))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_digit()))
        .filter_map(|number| number.parse::<u64>().ok())
        .sum::<u64>();
    Ok(Measured { per_second, failed: refused + broken })
}

fn after<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim)
}
