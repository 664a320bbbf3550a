//! A segment file under construction: sections one after the other, summed as they are written, and
//! brought to the disk while more is written.

use super::background::BackgroundSync;
use crate::checksum::RunningSum;
use crate::error::BuildError;
use crate::format::PAGE_BYTES;
use crate::format::header::SectionEntry;
use crate::format::section::SectionKind;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The file is written in pieces of this size, each at a multiple of it: the page cache then holds a
/// piece as one huge page, where the file system can, and maps it as one.
const PIECE_BYTES: usize = 2 << 20;

pub(super) struct SectionFile {
    path: PathBuf,
    file: File,
    /// Bytes not yet summed and written.
    buffer: Vec<u8>,
    position: u64,
    sections: Vec<SectionEntry>,
    open: Option<(SectionKind, u64, RunningSum)>,
    background: BackgroundSync,
}

impl SectionFile {
    /// A new file with room for the header; refuses to touch one that is already there.
    pub(super) fn create(path: &Path) -> Result<Self, BuildError> {
        let file = File::options()
            .write(true)
            .read(true)
            .create_new(true)
            .open(path)
            .map_err(|error| BuildError::io(path, error))?;
        let mut this = Self {
            path: path.to_owned(),
            file,
            buffer: Vec::with_capacity(PIECE_BYTES),
            position: 0,
            sections: Vec::new(),
            open: None,
            background: BackgroundSync::default(),
        };
        this.raw(&[0; PAGE_BYTES]).map_err(|error| this.error(error))?;
        Ok(this)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, error: io::Error) -> BuildError {
        BuildError::io(&self.path, error)
    }

    fn raw(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES - (self.position % PIECE_BYTES as u64) as usize;
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.position += now.len() as u64;
            if now.len() == PIECE_BYTES {
                self.through(now)?;
            } else {
                self.buffer.extend_from_slice(now);
                if now.len() == room {
                    self.drain()?;
                }
            }
            bytes = later;
        }
        Ok(())
    }

    /// Sums and writes what is buffered.
    fn drain(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.through(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }

    fn through(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, _, sum)) = &mut self.open {
            sum.update(bytes);
        }
        self.file.write_all(bytes)?;
        self.background.written(&self.file, bytes.len() as u64)
    }

    pub(super) fn begin(&mut self, kind: SectionKind) -> Result<(), BuildError> {
        self.flush().map_err(|error| self.error(error))?;
        self.open = Some((kind, self.position, RunningSum::new()));
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.raw(bytes).map_err(|error| self.error(error))
    }

    /// Closes the section and pads the file to the next page. Its bytes can then be read back.
    pub(super) fn end(&mut self) -> Result<(), BuildError> {
        self.flush().map_err(|error| self.error(error))?;
        let Some((kind, offset, sum)) = self.open.take() else { return Ok(()) };
        let length = self.position - offset;
        self.sections.push(SectionEntry { kind, offset, length, sum: sum.finish() });
        let padding = self.position.next_multiple_of(PAGE_BYTES as u64) - self.position;
        self.write(&[0; PAGE_BYTES][..padding as usize])
    }

    pub(super) fn section(&mut self, kind: SectionKind, bytes: &[u8]) -> Result<(), BuildError> {
        self.begin(kind)?;
        self.write(bytes)?;
        self.end()
    }

    pub(super) fn sections(&self) -> &[SectionEntry] {
        &self.sections
    }

    pub(super) fn bytes(&self) -> u64 {
        self.position
    }

    /// Another handle, to read closed sections by.
    pub(super) fn reader(&self) -> Result<File, BuildError> {
        self.file.try_clone().map_err(|error| self.error(error))
    }

    /// Writes the header page. The file is whole then, but a crash may still lose it until it is
    /// synced.
    pub(super) fn finish(mut self, header: &[u8; PAGE_BYTES]) -> Result<File, BuildError> {
        let written = (|| {
            self.flush()?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(header)?;
            self.background.finish()
        })();
        written.map_err(|error| self.error(error))?;
        Ok(self.file)
    }
}

/// For writers that produce a section in small pieces.
impl Write for SectionFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.raw(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}
