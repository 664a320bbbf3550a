//! The bytes of one file or archive member: opened once, read through independent cursors.
//!
//! Promises that nothing is read beyond the length seen at opening. Knows no format.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::InputError;
use super::error::{Blame, Place, SPLIT};

/// Bytes taken from the file at a time.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;
/// Bytes taken at a time where all of them are read; fits the second-level cache.
const SURVEY_BYTES: usize = 256 << 10;
/// Bytes from which the kind of content is told.
pub(crate) const HEAD_BYTES: usize = 16 << 10;
/// Entry headers of zip directories that a file may hold, those of stored inner archives included.
/// Keeps the zip reader from building an endless directory.
const ZIP_HEADERS_MAX: u64 = 100_000;

/// A cursor over the bytes; clones start at the beginning and move on their own.
#[derive(Debug)]
pub(crate) struct Source {
    file: Arc<File>,
    len: u64,
    modified: Option<SystemTime>,
    position: u64,
    furthest: Arc<AtomicU64>,
}

impl Clone for Source {
    fn clone(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            len: self.len,
            modified: self.modified,
            position: 0,
            furthest: Arc::clone(&self.furthest),
        }
    }
}

impl Source {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::from_file(File::open(path)?)
    }

    pub(crate) fn from_file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self {
            file: Arc::new(file),
            len: metadata.len(),
            modified: metadata.modified().ok(),
            position: 0,
            furthest: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The furthest byte that any cursor has come to, for progress bars.
    pub(crate) fn furthest(&self) -> u64 {
        self.furthest.load(Ordering::Relaxed)
    }

    /// Starts the count of [`Source::furthest`] again.
    pub(crate) fn restart_progress(&self) {
        self.furthest.store(0, Ordering::Relaxed);
    }

    /// Whether the file was written to since it was opened.
    pub(crate) fn has_changed(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        Ok(metadata.len() != self.len || metadata.modified().ok() != self.modified)
    }

    /// Reads until `buffer` is full or the end is reached.
    pub(crate) fn read_up_to(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(self.position);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = loop {
            match self.file.read_at(&mut buffer[..wanted], self.position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.position += read as u64;
        self.furthest.fetch_max(self.position, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// What one pass over all bytes found.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) head: Vec<u8>,
}

/// Reads the whole content once: its digest, its beginning, and whether it is within bounds; on the
/// way it is copied, if asked for.
pub(crate) fn survey(
    source: &Source,
    blame: Blame<'_>,
    bytes_max: u64,
    mut copy: Option<&File>,
) -> Result<Survey, InputError> {
    if source.len() == 0 {
        return Err(InputError::Empty { file: blame.file.to_owned() });
    }
    if source.len() > bytes_max {
        return Err(blame.limit(Place::File, "the size of the file in bytes", bytes_max, SPLIT));
    }
    let mut cursor = source.clone();
    let mut digest = Sha256::new();
    let mut chunk = vec![0; SURVEY_BYTES];
    let mut head = Vec::new();
    let (mut bytes, mut zip_headers) = (0u64, 0u64);
    let finder = memchr::memmem::Finder::new(b"PK\x01\x02");
    loop {
        let read = cursor.read_up_to(&mut chunk).map_err(|error| blame.io(error))?;
        if read == 0 {
            break;
        }
        if head.is_empty() {
            head.extend_from_slice(&chunk[..read.min(HEAD_BYTES)]);
        }
        digest.update(&chunk[..read]);
        if let Some(copy) = &mut copy {
            copy.write_all(&chunk[..read])
                .map_err(|source| InputError::Copy { file: blame.file.to_owned(), source })?;
        }
        if head.starts_with(b"PK") {
            zip_headers += finder.find_iter(&chunk[..read]).count() as u64;
        }
        bytes += read as u64;
    }
    if bytes != source.len() {
        return Err(InputError::Changed { file: blame.file.to_owned() });
    }
    if zip_headers > ZIP_HEADERS_MAX {
        let what = "the number of members in the archive";
        return Err(blame.limit(Place::File, what, ZIP_HEADERS_MAX, super::error::NO_ARCHIVE));
    }
    source.restart_progress();
    let sha256 = digest.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        hex
    });
    Ok(Survey { bytes, sha256, head })
}
