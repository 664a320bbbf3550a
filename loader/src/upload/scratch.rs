//! Temporary files of one upload: made when the first is needed, gone when it is over.
//!
//! Files have no name while they are in use, so that even a kill leaves nothing but a folder.

use anyhow::Context;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Where temporary files go.
#[derive(Debug)]
pub(super) struct Scratch {
    parent: PathBuf,
    folder: OnceLock<TempDir>,
    made: AtomicU32,
}

impl Scratch {
    /// Files will go into a folder of their own within `parent`.
    pub(super) fn new(parent: &Path) -> Self {
        let made = AtomicU32::new(0);
        Self { parent: parent.to_owned(), folder: OnceLock::new(), made }
    }

    fn folder(&self) -> io::Result<&Path> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder.path());
        }
        let made = tempfile::Builder::new().prefix("zhengcha-upload-").tempdir_in(&self.parent)?;
        // Of two threads that come here at once the second drops its folder.
        Ok(self.folder.get_or_init(|| made).path())
    }

    /// An empty file without a name.
    pub(super) fn file(&self) -> io::Result<File> {
        tempfile::tempfile_in(self.folder()?)
    }

    /// A path where no file is yet.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder().with_context(|| self.blame())?;
        Ok(folder.join(format!("run-{number}.seg")))
    }

    /// What an error is about.
    pub(super) fn blame(&self) -> String {
        format!("{}: temporary files cannot be written", self.parent.display())
    }
}
