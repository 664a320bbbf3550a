//! A batch segment from records that come one by one, already in order: for who judges as he writes.

use super::file::SectionFile;
use super::records::Blocks;
use super::segment::{self, Unsynced};
use crate::error::BuildError;
use crate::format::section::SegmentKind;
use crate::record::{self, View};
use std::path::Path;

/// By number of a dictionary entry in one source, its number here, or [`UNKNOWN`].
type Translation = Vec<u32>;
const UNKNOWN: u32 = u32::MAX;
/// More entries than any dictionary has room for.
const TRANSLATED_MAX: usize = 1 << 25;

/// Writes a batch segment. Memory: a block, the heap and the dictionaries.
pub struct BatchWriter {
    file: SectionFile,
    blocks: Blocks,
    last_certificate: u64,
    /// By source: occupations, bodies.
    translations: Vec<[Translation; 2]>,
}

impl BatchWriter {
    /// Starts a segment in a new file.
    ///
    /// # Errors
    /// `Io`, also when the file is already there.
    pub fn create(path: &Path) -> Result<Self, BuildError> {
        let mut file = SectionFile::create(path)?;
        let blocks = Blocks::begin(&mut file, SegmentKind::Batch)?;
        Ok(Self { file, blocks, last_certificate: 0, translations: Vec::new() })
    }

    /// Adds a record. `source` numbers where it comes from (0, 1, …): records of one source share
    /// their dictionaries.
    ///
    /// # Errors
    /// `Invalid` when certificate numbers do not rise, `LimitExceeded`, `Io`.
    pub fn push(&mut self, view: &View<'_>, source: usize) -> Result<(), BuildError> {
        let mut record = view.record;
        let invalid =
            |place, detail: &str| BuildError::Invalid { place, detail: detail.to_owned() };
        if record.certificate < self.last_certificate {
            return Err(invalid("records", "certificate numbers do not rise"));
        }
        if !record.is_canonical() {
            return Err(invalid("records", "a record uses bits outside the format"));
        }
        self.last_certificate = record.certificate;
        self.blocks.reserve(1)?;
        if self.translations.len() <= source {
            self.translations.resize_with(source + 1, Default::default);
        }
        for (field, number) in [&mut record.occupation, &mut record.body].into_iter().enumerate() {
            let known = &mut self.translations[source][field];
            let there = *number as usize;
            *number = match known.get(there) {
                Some(&here) if here != UNKNOWN => here,
                _ => {
                    let here = self.blocks.intern(field, view.texts, *number)?;
                    // A number that no dictionary reaches would be a fault of the source.
                    if there < TRANSLATED_MAX {
                        known.resize(known.len().max(there + 1), UNKNOWN);
                        known[there] = here;
                    }
                    here
                }
            };
        }
        if record.flags() != 0 {
            let extension = record::extension_bytes(view.texts.heap(), &view.record)
                .ok_or_else(|| invalid("heap", "an extension runs over its end"))?;
            record.extension = self.blocks.push_heap(extension)?;
        }
        self.blocks.push(&mut self.file, &record)
    }

    /// Writes what is left. The file is whole then; whoever needs it after a crash has it synced.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<Unsynced, BuildError> {
        let written = self.blocks.finish(&mut self.file)?;
        segment::close(self.file, SegmentKind::Batch, &written)
    }
}
