//! The records section: partitions merged on all cores, numbered in order, written in blocks; and its
//! way back for those who index what was written.

use super::dictionary::Dictionary;
use super::file::SectionFile;
use super::merge::Source;
use super::parallel;
use super::partition::{Cuts, Entry, Merger, Part};
use super::progress::Progress;
use super::rows::heap_push;
use crate::archive;
use crate::date::Date;
use crate::error::BuildError;
use crate::format::section::{SectionKind, SegmentKind};
use crate::format::{BLOCK_RECORDS, PAGE_BYTES, SEGMENT_RECORDS_MAX};
use crate::index::stretches::StretchBuilder;
use crate::record::{RECORD_BYTES, Record, Texts};
use std::fs::File;
use std::path::PathBuf;

/// What is known once the records are written.
pub(super) struct Written {
    pub(super) records: u64,
    pub(super) as_of: Option<Date>,
    /// The index of certificate numbers; empty for a batch.
    pub(super) stretches: Vec<u8>,
}

/// Merges the sources and writes the sections of records, heap and dictionaries.
pub(super) fn write(
    file: &mut SectionFile,
    kind: SegmentKind,
    sources: &[Source<'_>],
    partition_records: u64,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Written, BuildError> {
    progress.begin("merging records", sources.iter().map(Source::len).sum());
    let cuts = Cuts::new(sources, partition_records);
    let mut numbering = Numbering::new(file, kind, sources)?;
    parallel::in_order(
        threads,
        cuts.partitions(),
        || Merger::new(sources, &cuts),
        Merger::merge,
        |part| {
            numbering.add(part)?;
            progress.advance(numbering.blocks.records);
            Ok(())
        },
    )?;
    let Numbering { file, blocks, .. } = numbering;
    blocks.finish(file)
}

/// Records as they go into blocks, with what grows beside them: heap, dictionaries, the index of
/// certificate numbers.
pub(super) struct Blocks {
    /// Bytes of the block under construction.
    block: Vec<u8>,
    records: u64,
    issue: u16,
    heap: Vec<u8>,
    dictionaries: [Dictionary; 2],
    stretches: Option<StretchBuilder>,
}

impl Blocks {
    /// Opens the records section.
    pub(super) fn begin(file: &mut SectionFile, kind: SegmentKind) -> Result<Self, BuildError> {
        file.begin(SectionKind::Records)?;
        let stretches = (kind != SegmentKind::Batch).then(StretchBuilder::new).transpose()?;
        Ok(Self {
            block: Vec::with_capacity((BLOCK_RECORDS + 1) * RECORD_BYTES),
            records: 0,
            issue: 0,
            // Offset 0 means "no extension".
            heap: vec![0],
            dictionaries: Default::default(),
            stretches,
        })
    }

    /// Makes sure that the format has numbers for so many more.
    pub(super) fn reserve(&self, more: u64) -> Result<(), BuildError> {
        let records = self.records + more;
        if records <= SEGMENT_RECORDS_MAX {
            return Ok(());
        }
        Err(BuildError::LimitExceeded {
            what: "records of one segment",
            found: records,
            limit: SEGMENT_RECORDS_MAX,
        })
    }

    /// Appends extensions and returns where they begin.
    pub(super) fn push_heap(&mut self, bytes: &[u8]) -> Result<u32, BuildError> {
        heap_push(&mut self.heap, bytes)
    }

    /// The number of an entry in the dictionary of occupations (0) or bodies (1).
    pub(super) fn intern(
        &mut self,
        field: usize,
        texts: &dyn Texts,
        entry: u32,
    ) -> Result<u32, BuildError> {
        let pair = if field == 0 { texts.occupation(entry) } else { texts.body(entry) };
        self.dictionaries[field].intern(pair.0, pair.1)
    }

    /// Adds a record whose numbers and offsets are those of this file.
    #[inline]
    pub(super) fn push(
        &mut self,
        file: &mut SectionFile,
        record: &Record,
    ) -> Result<(), BuildError> {
        self.block.extend_from_slice(&record.to_bytes());
        self.issue = self.issue.max(record.issue);
        if let Some(stretches) = &mut self.stretches {
            stretches.push(record.certificate, self.records as u32)?;
        }
        self.records += 1;
        if self.block.len() == BLOCK_RECORDS * RECORD_BYTES {
            self.write_block(file)?;
        }
        Ok(())
    }

    fn write_block(&mut self, file: &mut SectionFile) -> Result<(), BuildError> {
        let records = self.block.len() / RECORD_BYTES;
        self.block.extend_from_slice(&archive::block_end(records));
        file.write(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Closes the records and writes heap and dictionaries.
    pub(super) fn finish(mut self, file: &mut SectionFile) -> Result<Written, BuildError> {
        if !self.block.is_empty() {
            self.write_block(file)?;
        }
        file.end()?;
        file.section(SectionKind::Heap, &self.heap)?;
        let kinds = [SectionKind::Occupations, SectionKind::Bodies];
        for (kind, dictionary) in kinds.into_iter().zip(&self.dictionaries) {
            file.section(kind, &dictionary.archive()?)?;
        }
        let stretches = self.stretches.map(StretchBuilder::finish).transpose()?.unwrap_or_default();
        let latest = Record { issue: self.issue, ..Record::default() };
        Ok(Written { records: self.records, as_of: latest.issue_date(), stretches })
    }
}

/// Gives merged records their numbers, their places in the dictionaries and in the heap.
struct Numbering<'a, 's> {
    file: &'a mut SectionFile,
    sources: &'a [Source<'s>],
    blocks: Blocks,
    translations: [Vec<Vec<u32>>; 2],
}

const NO_NUMBER: u32 = u32::MAX;

impl<'a, 's> Numbering<'a, 's> {
    fn new(
        file: &'a mut SectionFile,
        kind: SegmentKind,
        sources: &'a [Source<'s>],
    ) -> Result<Self, BuildError> {
        let translations = [0, 1].map(|field| {
            let entries = |source: &Source<'_>| source.dictionary_entries()[field] as usize + 1;
            sources.iter().map(|source| vec![NO_NUMBER; entries(source)]).collect()
        });
        let blocks = Blocks::begin(file, kind)?;
        Ok(Self { file, sources, blocks, translations })
    }

    fn add(&mut self, part: Part) -> Result<(), BuildError> {
        self.blocks.reserve(part.records.len() as u64)?;
        let occupations = self.translate(0, &part.entries[0])?;
        let bodies = self.translate(1, &part.entries[1])?;
        let heap_base = self.blocks.push_heap(&part.heap)?;
        for mut record in part.records {
            record.occupation = occupations[record.occupation as usize];
            record.body = bodies[record.body as usize];
            if record.flags() != 0 {
                record.extension += heap_base;
            }
            self.blocks.push(self.file, &record)?;
        }
        Ok(())
    }

    /// The dictionary numbers of a partition's entries.
    fn translate(&mut self, field: usize, entries: &[Entry]) -> Result<Vec<u32>, BuildError> {
        let number = |&(source, entry): &Entry| {
            let slot = &mut self.translations[field][source as usize][entry as usize];
            if *slot == NO_NUMBER {
                let texts = self.sources[source as usize].texts();
                *slot = self.blocks.intern(field, texts, entry)?;
            }
            Ok(*slot)
        };
        entries.iter().map(number).collect()
    }
}

/// The records section of a file under construction, read back block by block.
///
/// Reads copy from the page cache, where the records still are; a failing disk is an error here and
/// not the end of the process, as it would be through a map.
pub(super) struct RecordsReader {
    file: File,
    path: PathBuf,
    records: u64,
}

/// Bytes of one record, read back.
pub(super) type RecordBytes = [u8; RECORD_BYTES];

impl RecordsReader {
    pub(super) fn new(file: &SectionFile, records: u64) -> Result<Self, BuildError> {
        Ok(Self { file: file.reader()?, path: file.path().to_owned(), records })
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn blocks(&self) -> usize {
        self.records.div_ceil(BLOCK_RECORDS as u64) as usize
    }

    /// The records of one block.
    pub(super) fn block<'b>(
        &self,
        block: usize,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [RecordBytes], BuildError> {
        let first = (block * BLOCK_RECORDS) as u64;
        let count = (self.records - first).min(BLOCK_RECORDS as u64) as usize;
        buffer.resize(count * RECORD_BYTES, 0);
        let at = PAGE_BYTES as u64 + archive::records_section_bytes(first);
        read_exact_at(&self.file, buffer, at).map_err(|error| BuildError::io(&self.path, error))?;
        Ok(buffer.as_chunks::<RECORD_BYTES>().0)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, at)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        at += read as u64;
    }
    Ok(())
}
