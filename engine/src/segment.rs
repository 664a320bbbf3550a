//! One immutable segment file: opened as a handle that cannot answer, verified in full, then read.

use crate::archive::{self, Shadows};
use crate::checksum::{hex128, sum64, sum128};
use crate::date::Date;
use crate::error::OpenError;
use crate::filter;
use crate::format::header::{Header, SectionEntry};
use crate::format::section::{SectionKind, SegmentKind};
use crate::format::{INDEX_BLOCK_BYTES, PAGE_BYTES};
use crate::index::{block, block_entries, tree::Tree};
use crate::key::Mode;
use crate::map::MappedFile;
use crate::record::{StoredRecord, Texts, View};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A mapped segment whose header was checked and nothing else. It cannot answer; [`verify`] turns it
/// into one that can.
///
/// [`verify`]: UnverifiedSegment::verify
#[derive(Debug)]
pub struct UnverifiedSegment {
    path: PathBuf,
    file: MappedFile,
    header: Header,
    id: String,
}

impl UnverifiedSegment {
    /// Maps the file and checks its header.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let file = MappedFile::open(path)?;
        let bytes = file.bytes();
        let header = Header::parse(path, bytes, bytes.len() as u64)?;
        let id = hex128(sum128(&bytes[..PAGE_BYTES]));
        Ok(Self { path: path.to_owned(), file, header, id })
    }

    /// The segment's id: the 128-bit sum of its header, and through the header's section sums of
    /// every byte.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads every byte: sums, padding, archives, index structure.
    ///
    /// # Errors
    /// `Corrupt`, naming the section.
    pub fn verify(self) -> Result<Segment, OpenError> {
        self.file.will_need();
        for entry in &self.header.sections {
            self.verify_sum(entry)?;
        }
        let path = self.path.as_path();
        let records = self.header.records;
        archive::verify_records(path, self.section(SectionKind::Records), records)?;
        let dictionary =
            |kind: SectionKind| archive::verify_dictionary(path, &kind.name(), self.section(kind));
        let dictionary_entries =
            (dictionary(SectionKind::Occupations)?, dictionary(SectionKind::Bodies)?);
        let indexes = if self.header.kind == SegmentKind::Batch {
            None
        } else {
            let indexes: Result<Vec<Index>, OpenError> =
                Mode::ALL.into_iter().map(|mode| self.verify_index(mode)).collect();
            Some(indexes?.try_into().map_err(|_| OpenError::corrupt(path, "indexes", "not six"))?)
        };
        let (shadows, has_filter) = if self.header.kind == SegmentKind::Delta {
            let shadows = archive::read_shadows(path, self.section(SectionKind::Shadows))?;
            filter::verify(path, self.section(SectionKind::Filter))?;
            (shadows, true)
        } else {
            (Vec::new(), false)
        };
        self.file.random();
        let range = |kind| section_range(&self.header, kind);
        let sections = Sections {
            records: range(SectionKind::Records),
            heap: range(SectionKind::Heap),
            occupations: range(SectionKind::Occupations),
            bodies: range(SectionKind::Bodies),
            filter: has_filter.then(|| range(SectionKind::Filter)),
        };
        Ok(Segment { inner: self, sections, dictionary_entries, indexes, shadows })
    }

    fn section(&self, kind: SectionKind) -> &[u8] {
        &self.file.bytes()[section_range(&self.header, kind)]
    }

    fn verify_sum(&self, entry: &SectionEntry) -> Result<(), OpenError> {
        let corrupt = |detail| OpenError::corrupt(&self.path, entry.kind.name(), detail);
        let range = entry_range(entry);
        let bytes = self.file.bytes();
        let found = sum64(&bytes[range.clone()]);
        if found != entry.sum {
            return Err(corrupt(format!("sum is {found:016x}, expected {:016x}", entry.sum)));
        }
        let padding = range.end..range.end.next_multiple_of(PAGE_BYTES);
        if bytes[padding].iter().any(|&byte| byte != 0) {
            return Err(corrupt("padding is not zero".to_owned()));
        }
        Ok(())
    }

    fn verify_index(&self, mode: Mode) -> Result<Index, OpenError> {
        let blocks_kind = SectionKind::Blocks(mode);
        let corrupt = |detail| OpenError::corrupt(&self.path, blocks_kind.name(), detail);
        let blocks_section = self.section(blocks_kind);
        let blocks = (blocks_section.len() / INDEX_BLOCK_BYTES) as u32;
        let least = self.header.records.div_ceil(block_entries(mode) as u64);
        // Certificates without a ticket number are in no index of tickets.
        let right = blocks_section.len().is_multiple_of(INDEX_BLOCK_BYTES)
            && if mode.is_certificate_first() {
                u64::from(blocks) == least
            } else {
                u64::from(blocks) <= least
            };
        if !right {
            return Err(corrupt(format!("{} bytes", blocks_section.len())));
        }
        if !mode.is_certificate_first() {
            self.verify_record_numbers(mode, blocks_section, corrupt)?;
        }
        let runs = self.section(SectionKind::Runs(mode));
        let tree_kind = SectionKind::Tree(mode);
        let tree =
            Tree::verify(&self.path, &tree_kind.name(), self.section(tree_kind), blocks, runs)?;
        let (run_words, _) = runs.as_chunks::<4>();
        Ok(Index {
            tree,
            tree_range: section_range(&self.header, tree_kind),
            blocks_range: section_range(&self.header, blocks_kind),
            runs: run_words.iter().map(|word| u32::from_le_bytes(*word)).collect(),
        })
    }

    fn verify_record_numbers(
        &self,
        mode: Mode,
        section: &[u8],
        corrupt: impl Fn(String) -> OpenError,
    ) -> Result<(), OpenError> {
        let (lines, _) = section.as_chunks::<INDEX_BLOCK_BYTES>();
        for (number, line) in lines.iter().enumerate() {
            for entry in 0..block_entries(mode) {
                let record = block::hashed_record(line, entry);
                if record != block::NO_RECORD && u64::from(record) >= self.header.records {
                    return Err(corrupt(format!("block {number} names a record past the end")));
                }
            }
        }
        Ok(())
    }

    /// The layout as text, for people; pinned by a test.
    #[must_use]
    pub fn describe(&self) -> String {
        let header = &self.header;
        let mut text = String::new();
        let as_of = header.as_of.map_or("-".to_owned(), |date| date.to_string());
        let _ = writeln!(text, "segment {}", self.id);
        let _ = writeln!(
            text,
            "  kind {}  format {}",
            header.kind.name(),
            super::format::FORMAT_VERSION
        );
        let _ = writeln!(text, "  records {}  as of {as_of}", header.records);
        let _ = writeln!(text, "  bytes {}", header.file_bytes);
        let _ = writeln!(text, "  {:<29} {:>12} {:>12}  sum", "section", "offset", "bytes");
        for section in &header.sections {
            let _ = writeln!(
                text,
                "  {:<29} {:>12} {:>12}  {:016x}",
                section.kind.name(),
                section.offset,
                section.length,
                section.sum
            );
        }
        text
    }
}

fn entry_range(entry: &SectionEntry) -> Range<usize> {
    entry.offset as usize..(entry.offset + entry.length) as usize
}

fn section_range(header: &Header, kind: SectionKind) -> Range<usize> {
    header.section(kind).map_or(0..0, entry_range)
}

#[derive(Debug)]
struct Sections {
    records: Range<usize>,
    heap: Range<usize>,
    occupations: Range<usize>,
    bodies: Range<usize>,
    filter: Option<Range<usize>>,
}

/// One verified index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) tree: Tree,
    pub(crate) tree_range: Range<usize>,
    pub(crate) blocks_range: Range<usize>,
    /// Blocks that begin inside a run of equal sort keys, rising; nearly always empty.
    pub(crate) runs: Box<[u32]>,
}

/// A verified segment: every byte was read, and lookups touch nothing else.
#[derive(Debug)]
pub struct Segment {
    inner: UnverifiedSegment,
    sections: Sections,
    dictionary_entries: (u32, u32),
    indexes: Option<[Index; 6]>,
    shadows: Vec<Shadows>,
}

impl Segment {
    /// Opens and verifies in one go.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        UnverifiedSegment::open(path)?.verify()
    }

    /// See [`UnverifiedSegment::id`].
    #[must_use]
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// What the segment is for.
    #[must_use]
    pub fn kind(&self) -> SegmentKind {
        self.inner.header.kind
    }

    /// Certificates in the segment.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.inner.header.records
    }

    /// Latest issue date in the segment.
    #[must_use]
    pub fn as_of(&self) -> Option<Date> {
        self.inner.header.as_of
    }

    /// Length of the file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.inner.header.file_bytes
    }

    /// The file this was opened from; it may have been unlinked since.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// See [`UnverifiedSegment::describe`].
    #[must_use]
    pub fn describe(&self) -> String {
        self.inner.describe()
    }

    /// What this segment replaces or withdraws in older ones.
    #[must_use]
    pub fn shadows(&self) -> &[Shadows] {
        &self.shadows
    }

    /// Entries of the two dictionaries: occupations, bodies.
    #[must_use]
    pub fn dictionary_entries(&self) -> (u32, u32) {
        self.dictionary_entries
    }

    /// Record `number`, in certificate-number order.
    #[must_use]
    pub fn view(&self, number: u32) -> Option<View<'_>> {
        (u64::from(number) < self.records())
            .then(|| View { record: self.stored(number).to_native(), texts: self })
    }

    /// Every record, in certificate-number order.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        (0..self.records() as u32).filter_map(|number| self.view(number))
    }

    /// Bytes of the heap and the dictionaries.
    #[cfg(feature = "build")]
    pub(crate) fn text_bytes(&self) -> u64 {
        let Sections { heap, occupations, bodies, .. } = &self.sections;
        (heap.len() + occupations.len() + bodies.len()) as u64
    }

    #[inline]
    pub(crate) fn stored(&self, number: u32) -> &StoredRecord {
        archive::record(&self.bytes()[self.sections.records.clone()], number)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.inner.file.bytes()
    }

    #[inline]
    pub(crate) fn index(&self, mode: Mode) -> Option<&Index> {
        self.indexes.as_ref().map(|indexes| &indexes[mode as usize])
    }

    /// Whether a composite key with this hash may be in the segment.
    #[inline]
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        match &self.sections.filter {
            None => true,
            Some(range) => filter::may_hold(&self.bytes()[range.clone()], hash),
        }
    }

    /// Reads one byte of every page, so that first lookups meet no disk.
    pub(crate) fn warm(&self) -> u64 {
        self.bytes().iter().step_by(PAGE_BYTES).map(|&byte| u64::from(byte)).sum()
    }
}

impl Texts for Segment {
    fn heap(&self) -> &[u8] {
        &self.bytes()[self.sections.heap.clone()]
    }

    fn occupation(&self, index: u32) -> (&str, &str) {
        archive::pair(&self.bytes()[self.sections.occupations.clone()], index)
    }

    fn body(&self, index: u32) -> (&str, &str) {
        archive::pair(&self.bytes()[self.sections.bodies.clone()], index)
    }
}
