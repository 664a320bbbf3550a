//! A segment file under construction: sections one after the other, summed as they are written.

use crate::checksum::RunningSum;
use crate::error::BuildError;
use crate::format::PAGE_BYTES;
use crate::format::header::SectionEntry;
use crate::format::section::SectionKind;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 1 << 20;

pub(super) struct SectionFile {
    path: PathBuf,
    writer: BufWriter<File>,
    position: u64,
    sections: Vec<SectionEntry>,
    open: Option<(SectionKind, u64, RunningSum)>,
    /// Whether the file must survive a loss of power.
    pub(super) synced: bool,
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
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            position: 0,
            sections: Vec::new(),
            open: None,
            synced: true,
        };
        this.raw(&[0; PAGE_BYTES])?;
        Ok(this)
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.writer.write_all(bytes).map_err(|error| BuildError::io(&self.path, error))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn begin(&mut self, kind: SectionKind) {
        self.open = Some((kind, self.position, RunningSum::new()));
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        if let Some((_, _, sum)) = &mut self.open {
            sum.update(bytes);
        }
        self.raw(bytes)
    }

    /// Closes the section and pads the file to the next page.
    pub(super) fn end(&mut self) -> Result<(), BuildError> {
        let Some((kind, offset, sum)) = self.open.take() else { return Ok(()) };
        let length = self.position - offset;
        self.sections.push(SectionEntry { kind, offset, length, sum: sum.finish() });
        let padding = self.position.next_multiple_of(PAGE_BYTES as u64) - self.position;
        self.raw(&[0; PAGE_BYTES][..padding as usize])
    }

    pub(super) fn section(&mut self, kind: SectionKind, bytes: &[u8]) -> Result<(), BuildError> {
        self.begin(kind);
        self.write(bytes)?;
        self.end()
    }

    pub(super) fn sections(&self) -> &[SectionEntry] {
        &self.sections
    }

    pub(super) fn bytes(&self) -> u64 {
        self.position
    }

    /// Writes the header page and syncs the file. A failed sync is final: the file is given up.
    pub(super) fn finish(mut self, header: &[u8; PAGE_BYTES]) -> Result<(), BuildError> {
        let path = self.path;
        let io = |error| BuildError::io(&path, error);
        self.writer.flush().map_err(io)?;
        let mut file = self.writer.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(header).map_err(io)?;
        if self.synced { file.sync_all().map_err(io) } else { Ok(()) }
    }
}
