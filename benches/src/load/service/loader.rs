//! The loader as a command.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use zhengcha_server::partner::stand_back;

use crate::load::cores::Cores;

/// Exit code of a loader that did its work and rejected some rows, as it does with invented registers.
const SOME_ROWS_REJECTED: i32 = 3;

/// A loader: a program and its first words.
#[derive(Clone, Debug)]
pub struct Loader {
    words: Vec<OsString>,
    place: Option<Cores>,
}

impl Loader {
    /// The loader that these words run, such as [`own_loader`](crate::programs::own_loader) gives.
    #[must_use]
    pub fn new(words: Vec<OsString>) -> Self {
        Self { words, place: None }
    }

    /// The same one beside a server: on these cores, and at idle priority, taking only time that nobody
    /// else wants.
    #[must_use]
    pub fn beside(mut self, cores: Cores) -> Self {
        self.place = Some(cores);
        self
    }

    /// Runs it on a store and gives what it said on standard output.
    ///
    /// # Errors
    /// With what it said, when it failed.
    pub fn run<W: AsRef<OsStr>>(
        &self,
        store: &Path,
        words: impl IntoIterator<Item = W>,
    ) -> anyhow::Result<String> {
        let (program, first) = self.words.split_first().context("no loader is named")?;
        let mut command = Command::new(program);
        command.args(first).arg("--store").arg(store).args(words).stdin(Stdio::null());
        let run = || {
            if let Some(cores) = &self.place {
                cores.keep_to().map_err(std::io::Error::other)?;
                stand_back();
            }
            command.output()
        };
        // A process has the cores and the priority of the thread that starts it.
        let output = std::thread::scope(|scope| scope.spawn(run).join())
            .map_err(|_| anyhow!("the loader's thread panicked"))?
            .with_context(|| {
                format!("{}: the loader cannot be started", Path::new(program).display())
            })?;
        ensure!(
            matches!(output.status.code(), Some(0 | SOME_ROWS_REJECTED)),
            "the loader failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
