//! Making files current, step by step, so that a kill or a full disk at any step leaves the old
//! generation or the new one.
//!
//! Every file is written under a temporary name in its own folder, synced, renamed, and the folder
//! synced. CURRENT comes last: its rename is the one moment at which a generation becomes live.

use crate::checksum::sum128;
use crate::current::Current;
use crate::error::BuildError;
use crate::holds::{HOLDS_BYTES_MAX, Holds};
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest};
use crate::store::Store;
use crate::verified;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Files under construction end with this.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Makes the folders of a store and an empty list of holds, where they are missing.
///
/// # Errors
/// `Io`.
pub fn create_folders(store: &Store) -> Result<(), BuildError> {
    for folder in
        [store.batches_dir(), store.segments_dir(), store.generations_dir(), store.verified_dir()]
    {
        fs::create_dir_all(&folder).map_err(|error| BuildError::io(&folder, error))?;
    }
    sync_folder(store.root())?;
    // Only a store that never served may lack the list: a lost list must not read as "nothing held".
    if !store.holds_path().exists() && !store.current_path().exists() {
        write_holds(store, &Holds::default())?;
    }
    Ok(())
}

/// Removes what an interrupted command left under temporary names.
///
/// # Errors
/// `Io`.
pub fn remove_temporaries(store: &Store) -> Result<(), BuildError> {
    let folders = [
        store.root().to_owned(),
        store.batches_dir(),
        store.segments_dir(),
        store.generations_dir(),
        store.verified_dir(),
    ];
    for folder in folders {
        let io = |error| BuildError::io(&folder, error);
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.file_name().to_string_lossy().ends_with(TEMPORARY_SUFFIX) {
                let path = entry.path();
                let removed =
                    if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(|error| BuildError::io(&path, error))?;
            }
        }
    }
    Ok(())
}

/// A small file written whole and synced under its temporary name; removed again unless put in place.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    path: PathBuf,
    in_place: bool,
}

impl Staged {
    /// Writes the bytes beside `path`, which stays as it is.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<Self, BuildError> {
        Self::write_with(path, |file| file.write_all(bytes))
    }

    /// The same of what `write` writes.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_with(
        path: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<Self, BuildError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(TEMPORARY_SUFFIX);
        let temporary = path.with_file_name(name);
        let staged = Self { temporary, path: path.to_owned(), in_place: false };
        File::create(&staged.temporary)
            .and_then(|mut file| write(&mut file).and_then(|()| file.sync_all()))
            .map_err(|error| BuildError::io(path, error))?;
        Ok(staged)
    }

    /// Gives the file its name, in place of what had it, durably.
    ///
    /// # Errors
    /// `Io`.
    pub fn put(mut self) -> Result<(), BuildError> {
        fs::rename(&self.temporary, &self.path)
            .map_err(|error| BuildError::io(&self.path, error))?;
        self.in_place = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or_else(|| Path::new(".")))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.in_place {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a small file whole: temporary name, sync, rename, sync of the folder.
///
/// # Errors
/// `Io`; the old content is then still in place.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    Staged::write(path, bytes)?.put()
}

/// Makes names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), BuildError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| BuildError::io(folder, error))
}

/// Writes the list of numbers under review beside the one in place.
///
/// # Errors
/// `LimitExceeded` when it would be too long to be read, `Io`.
pub fn stage_holds(store: &Store, holds: &Holds) -> Result<Staged, BuildError> {
    let text = holds.emit();
    if text.len() as u64 > HOLDS_BYTES_MAX {
        return Err(BuildError::LimitExceeded {
            what: "bytes of the list of holds",
            found: text.len() as u64,
            limit: HOLDS_BYTES_MAX,
        });
    }
    Staged::write(&store.holds_path(), text.as_bytes())
}

/// Writes the list of numbers under review.
///
/// # Errors
/// As [`stage_holds`].
pub fn write_holds(store: &Store, holds: &Holds) -> Result<(), BuildError> {
    stage_holds(store, holds)?.put()
}

/// Gives a finished, verified segment its final name, read-only.
///
/// # Errors
/// `Io`.
pub fn adopt_segment(temporary: &Path, path: &Path) -> Result<(), BuildError> {
    let io = |error| BuildError::io(path, error);
    let mut permissions = fs::metadata(temporary).map_err(io)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(temporary, permissions).map_err(io)?;
    fs::rename(temporary, path).map_err(io)?;
    sync_folder(path.parent().unwrap_or_else(|| Path::new(".")))
}

/// Marks a segment of the store as verified: whoever opens it in this boot of the machine need not
/// read it again. To be called once its file has its final name and every byte was read.
///
/// # Errors
/// `Io`.
pub fn mark_verified(store: &Store, id: &str) -> Result<(), BuildError> {
    let path = store.segment_path(id);
    let mark = verified::mark_of(id, &path).map_err(|error| BuildError::io(&path, error))?;
    match mark {
        Some(mark) => write_atomically(&store.verified_path(id), mark.as_bytes()),
        None => Ok(()),
    }
}

/// Whether a segment of the store is marked as verified and its file is still the one that was.
#[must_use]
pub fn is_marked(store: &Store, id: &str) -> bool {
    fs::metadata(store.segment_path(id)).is_ok_and(|file| verified::is_marked(store, id, &file))
}

/// Takes back the mark of a segment, if it has one.
///
/// # Errors
/// `Io`.
pub fn unmark(store: &Store, id: &str) -> Result<(), BuildError> {
    let path = store.verified_path(id);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BuildError::io(&path, error)),
        _ => Ok(()),
    }
}

/// Writes a manifest; the generation exists then but is not live.
///
/// # Errors
/// `LimitExceeded` when it would be too long to be read, `Io`.
pub fn write_manifest(store: &Store, manifest: &Manifest) -> Result<Current, BuildError> {
    let text = manifest.emit();
    if text.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(BuildError::LimitExceeded {
            what: "bytes of a manifest",
            found: text.len() as u64,
            limit: MANIFEST_BYTES_MAX,
        });
    }
    write_atomically(&store.manifest_path(manifest.generation), text.as_bytes())?;
    Ok(Current { generation: manifest.generation, manifest_sum: sum128(text.as_bytes()) })
}

/// Makes a generation live.
///
/// # Errors
/// `Io`; the old generation is then still live.
pub fn publish(store: &Store, current: Current) -> Result<(), BuildError> {
    write_atomically(&store.current_path(), current.emit().as_bytes())
}
