//! The only place that maps a file.
//!
//! Sound because of the store's first invariant: a published file is never written, truncated or
//! reused, only unlinked. Whoever breaks that from outside can end the process (SIGBUS), so the
//! store belongs to the loader's account alone.
#![allow(unsafe_code)]

use crate::error::OpenError;
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;

/// A whole file, mapped read-only; the map outlives the name of the file.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = File::open(path).map_err(|error| OpenError::io(path, error))?;
        let metadata = file.metadata().map_err(|error| OpenError::io(path, error))?;
        if !metadata.is_file() {
            return Err(OpenError::corrupt(path, "file", "not a regular file"));
        }
        // SAFETY: the store's first invariant (module text): nobody writes or truncates a file
        // under this name once it is there. `File` is closed afterwards; the map keeps the inode.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| OpenError::io(path, error))?;
        Ok(Self { map })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Asks the system to read the file ahead; only a hint.
    pub(crate) fn will_need(&self) {
        #[cfg(unix)]
        let _ = self.map.advise(memmap2::Advice::WillNeed);
    }

    /// Tells the system that reads will be scattered; only a hint.
    pub(crate) fn random(&self) {
        #[cfg(unix)]
        let _ = self.map.advise(memmap2::Advice::Random);
    }
}
