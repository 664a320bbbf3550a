//! One segment file from sources: records, then indexes made from what was just written.

use super::file::SectionFile;
use super::hashed::HashedIndexes;
use super::merge::Source;
use super::progress::Progress;
use super::records::{self, RecordsReader, Written};
use super::{estimate, filters};
use crate::archive::{Shadows, archive};
use crate::checksum::{hex128, sum128};
use crate::date::Date;
use crate::error::BuildError;
use crate::format::header::Header;
use crate::format::section::{SectionKind, SegmentKind};
use crate::key::Mode;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Records merged at a time by one thread.
const PARTITION_RECORDS: u64 = 1 << 17;

/// Memory for keys unless told otherwise.
const MEMORY_BYTES: u64 = 1 << 30;

/// What is to be written.
pub struct Plan<'s> {
    /// What the segment is for.
    pub kind: SegmentKind,
    /// Where the records come from, the oldest first.
    pub sources: &'s [Source<'s>],
    /// Records of older segments that a delta replaces or withdraws; empty for other kinds.
    pub shadows: Vec<Shadows>,
    /// Bytes the keys under construction may take. Any number works: with few, the records are read
    /// more often. The heap and the dictionaries of the segment come on top.
    pub memory_bytes: u64,
}

impl<'s> Plan<'s> {
    /// Accepted records of one upload, without indexes.
    #[must_use]
    pub fn batch(sources: &'s [Source<'s>]) -> Self {
        Self { kind: SegmentKind::Batch, sources, shadows: Vec::new(), memory_bytes: MEMORY_BYTES }
    }

    /// A base of these.
    #[must_use]
    pub fn base(sources: &'s [Source<'s>]) -> Self {
        Self { kind: SegmentKind::Base, ..Self::batch(sources) }
    }

    /// A delta of these that shadows records of older segments.
    #[must_use]
    pub fn delta(sources: &'s [Source<'s>], shadows: Vec<Shadows>) -> Self {
        Self { kind: SegmentKind::Delta, shadows, ..Self::batch(sources) }
    }

    /// The same with other [`memory_bytes`](Self::memory_bytes); 1 GiB without.
    #[must_use]
    pub fn within(self, memory_bytes: u64) -> Self {
        Self { memory_bytes, ..self }
    }
}

/// Facts of a finished segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where it was written.
    pub path: PathBuf,
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: SegmentKind,
    /// Certificates in it.
    pub records: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Latest issue date.
    pub as_of: Option<Date>,
}

/// A whole segment file whose bytes may not have reached the disk.
#[must_use = "a crash may still lose the file"]
pub struct Unsynced {
    finished: Finished,
    file: File,
}

impl Unsynced {
    /// The facts, for a look at the file while it is synced.
    #[must_use]
    pub fn finished(&self) -> &Finished {
        &self.finished
    }

    /// Waits until the disk has the file. A failed sync is final: the file is to be given up.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(self) -> Result<Finished, BuildError> {
        self.file.sync_all().map_err(|error| BuildError::io(&self.finished.path, error))?;
        Ok(self.finished)
    }
}

/// Writes a segment to a new file. The bytes depend on the records alone: neither the number of threads
/// nor the memory allowed can be seen in them.
///
/// # Errors
/// `Io`, also when the file is already there; `Invalid` when a source is out of order;
/// `LimitExceeded`.
pub fn write_segment(
    path: &Path,
    plan: &Plan<'_>,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Unsynced, BuildError> {
    write_partitioned(path, plan, PARTITION_RECORDS, threads, progress)
}

/// [`write_segment`] with partitions of about so many records.
pub(super) fn write_partitioned(
    path: &Path,
    plan: &Plan<'_>,
    partition_records: u64,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Unsynced, BuildError> {
    estimate::check_sources(plan.sources)?;
    let mut file = SectionFile::create(path)?;
    let (kind, sources) = (plan.kind, plan.sources);
    let written = records::write(&mut file, kind, sources, partition_records, threads, progress)?;
    let reader = RecordsReader::new(&file, written.records)?;
    if kind != SegmentKind::Batch {
        let is_base = kind == SegmentKind::Base;
        let filters = is_base
            .then(|| filters::of_certificate_first_modes(&reader, threads, progress))
            .transpose()?;
        let mut filters = filters.into_iter().flatten();
        let mut hashed = HashedIndexes::new(&reader, threads, plan.memory_bytes, progress)?;
        for mode in Mode::ALL {
            if !mode.is_certificate_first() {
                hashed.write(mode, &mut file, is_base, progress)?;
                continue;
            }
            if mode.has_tree() {
                file.section(SectionKind::Tree(mode), &written.stretches)?;
            }
            if let Some(filter) = filters.next() {
                file.section(SectionKind::KeyFilter(mode), &filter.finish())?;
            }
        }
    }
    if kind == SegmentKind::Delta {
        let mut shadows = plan.shadows.clone();
        shadows.sort_by(|a, b| a.segment.cmp(&b.segment));
        file.section(SectionKind::Shadows, &archive(&shadows)?)?;
        file.section(SectionKind::Filter, &filters::of_all(&reader)?)?;
    }
    progress.begin("writing the header", 0);
    close(file, kind, &written)
}

/// Writes the header over the sections of a file.
pub(super) fn close(
    file: SectionFile,
    kind: SegmentKind,
    written: &Written,
) -> Result<Unsynced, BuildError> {
    let header = Header {
        kind,
        file_bytes: file.bytes(),
        records: written.records,
        as_of: written.as_of,
        sections: file.sections().to_vec(),
    };
    let page = header.emit();
    let path = file.path().to_owned();
    let file = file.finish(&page)?;
    let finished = Finished {
        path,
        id: hex128(sum128(&page)),
        kind,
        records: written.records,
        bytes: header.file_bytes,
        as_of: written.as_of,
    };
    Ok(Unsynced { finished, file })
}
