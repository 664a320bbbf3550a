//! Results on standard output: lines for people, JSON for machines.

use std::io::{self, Write};

/// Where results go and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON instead of lines.
    pub json: bool,
}

impl Output {
    /// Prints one result in the form asked for.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe is no error.
    pub fn print(
        &self,
        json: &serde_json::Value,
        lines: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json { format!("{json:#}\n") } else { lines() };
        match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }
}
