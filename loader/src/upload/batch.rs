//! The delivered files in the folder of one upload: untouched, under names that do no harm.

use anyhow::Context;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// Longest part of a delivered file's name that is kept, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Copies of delivered files under construction. Each is synced beside the judgement of its rows.
#[derive(Debug)]
pub(super) struct Copies {
    folder: PathBuf,
    names: Mutex<Vec<String>>,
    whole: Sender<File>,
    syncing: JoinHandle<io::Result<()>>,
}

impl Copies {
    /// Copies will go to `folder/files`.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("files");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot make", folder.display()))?;
        let (whole, files) = mpsc::channel::<File>();
        // A failed sync is final: the upload is given up.
        let syncing = std::thread::spawn(move || files.iter().try_for_each(|file| file.sync_all()));
        Ok(Self { folder, names: Mutex::default(), whole, syncing })
    }

    /// A new file for a copy.
    pub(super) fn create(&self, name: &str) -> anyhow::Result<File> {
        let path = self.folder.join(name);
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path);
        let file = file.with_context(|| format!("{}: cannot make", path.display()))?;
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        Ok(file)
    }

    /// Starts to sync a copy.
    pub(super) fn is_whole(&self, copy: &File) {
        // Whoever does not take it any more has an error to tell of.
        if let Ok(copy) = copy.try_clone() {
            let _ = self.whole.send(copy);
        }
    }

    /// Waits until every copy is safe and gives their names, in the order of delivery.
    pub(super) fn finish(self) -> anyhow::Result<Vec<String>> {
        let context = || format!("{}: cannot sync", self.folder.display());
        drop(self.whole);
        match self.syncing.join() {
            Ok(synced) => synced.with_context(context)?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        File::open(&self.folder).and_then(|folder| folder.sync_all()).with_context(context)?;
        let mut names = self.names.into_inner().unwrap_or_else(PoisonError::into_inner);
        names.sort_by_key(|name| position(name));
        Ok(names)
    }
}

/// The name that a delivered file gets: as far as its own is harmless, behind its position from 1.
pub(super) fn stored_name(position: usize, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let harmless: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(NAME_CHARS_MAX)
        .collect();
    format!("{position}-{harmless}")
}

fn position(stored_name: &str) -> Option<usize> {
    stored_name.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_far_as_they_are_harmless() {
        assert_eq!(stored_name(1, Path::new("/a/江苏 上报;2026.xlsx")), "1-江苏_上报_2026.xlsx");
        assert_eq!(stored_name(2, Path::new("..")), "2-");
        assert!(stored_name(3, Path::new(&"长".repeat(500))).chars().count() <= NAME_CHARS_MAX + 2);
    }

    #[test]
    fn names_come_in_the_order_of_delivery() {
        let folder = tempfile::tempdir().unwrap();
        let copies = Copies::new(folder.path()).unwrap();
        for position in [10, 2, 1, 11] {
            let copy = copies.create(&stored_name(position, Path::new("a.csv"))).unwrap();
            copies.is_whole(&copy);
        }
        assert!(copies.create("2-a.csv").is_err(), "never over another");
        assert_eq!(copies.finish().unwrap(), ["1-a.csv", "2-a.csv", "10-a.csv", "11-a.csv"]);
    }
}
