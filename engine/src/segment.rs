//! One immutable segment file: opened as a handle that cannot answer, verified in full, then read.

use crate::archive::{self, Shadows};
use crate::checksum::{hex128, sum128};
use crate::date::Date;
use crate::error::OpenError;
use crate::filter;
use crate::format::PAGE_BYTES;
use crate::format::header::{Header, SectionEntry};
use crate::format::section::{SectionKind, SegmentKind};
use crate::index::stretches::Stretches;
use crate::index::tree::Tree;
use crate::key::Mode;
use crate::map::{MappedFile, Table, prefetch};
use crate::opening::Opening;
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
    pub(crate) path: PathBuf,
    pub(crate) file: MappedFile,
    pub(crate) header: Header,
    pub(crate) id: String,
}

impl UnverifiedSegment {
    /// Maps the file and checks its header.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, &Opening::default())
    }

    /// Brings the file into memory as `opening` says and checks its header.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open_with(path: &Path, opening: &Opening) -> Result<Self, OpenError> {
        let file = MappedFile::open(path, opening.memory, opening.threads)?;
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

pub(crate) fn entry_range(entry: &SectionEntry) -> Range<usize> {
    entry.offset as usize..(entry.offset + entry.length) as usize
}

pub(crate) fn section_range(header: &Header, kind: SectionKind) -> Range<usize> {
    header.section(kind).map_or(0..0, entry_range)
}

/// Where the sections a lookup reads lie in the file.
#[derive(Debug)]
pub(crate) struct Sections {
    pub(crate) records: Range<usize>,
    pub(crate) heap: Range<usize>,
    pub(crate) occupations: Range<usize>,
    pub(crate) bodies: Range<usize>,
}

/// The verified indexes of a segment.
#[derive(Debug)]
pub(crate) struct Indexes {
    /// Of the certificate-first modes.
    pub(crate) stretches: Stretches,
    pub(crate) hashed: [HashedIndex; HASHED_MODES.len()],
    pub(crate) filters: Filters,
}

/// Which composite keys may be in a segment.
#[derive(Debug)]
pub(crate) enum Filters {
    /// Of a base: by mode, where in the file.
    ByMode([Range<usize>; Mode::ALL.len()]),
    /// Of a delta: one for all modes, in memory of its own since every lookup asks it.
    OfAll(Table),
}

/// The modes that share the index of certificate numbers.
#[cfg(feature = "build")]
pub(crate) const CERTIFICATE_FIRST_MODES: [Mode; 3] = [Mode::IC, Mode::CT, Mode::CN];
/// The modes with an index of hashes.
pub(crate) const HASHED_MODES: [Mode; 3] = [Mode::IT, Mode::IN, Mode::TN];

/// One verified index of hashes.
#[derive(Debug)]
pub(crate) struct HashedIndex {
    pub(crate) tree: Tree,
    pub(crate) tree_range: Range<usize>,
    pub(crate) blocks_range: Range<usize>,
    /// See [`block::number_bits`](crate::index::block::number_bits).
    pub(crate) number_bits: u32,
}

/// A verified segment: every byte was read, and lookups touch nothing else.
#[derive(Debug)]
pub struct Segment {
    pub(crate) inner: UnverifiedSegment,
    pub(crate) sections: Sections,
    pub(crate) dictionary_entries: (u32, u32),
    /// Not in a batch.
    pub(crate) indexes: Option<Indexes>,
    pub(crate) shadows: Vec<Shadows>,
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
        archive::record(self.records_section(), number)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.inner.file.bytes()
    }

    /// The index of certificate numbers.
    #[inline]
    pub(crate) fn stretches(&self) -> Option<&Stretches> {
        self.indexes.as_ref().map(|indexes| &indexes.stretches)
    }

    /// The index of a hashed mode.
    #[inline]
    pub(crate) fn index_of_hashes(&self, mode: Mode) -> Option<&HashedIndex> {
        let at = match mode {
            Mode::IT => 0,
            Mode::IN => 1,
            Mode::TN => 2,
            Mode::IC | Mode::CT | Mode::CN => return None,
        };
        Some(&self.indexes.as_ref()?.hashed[at])
    }

    /// The index of a hashed mode, if it has entries to look at.
    #[inline]
    pub(crate) fn hashed(&self, mode: Mode) -> Option<&HashedIndex> {
        self.index_of_hashes(mode).filter(|index| !index.blocks_range.is_empty())
    }

    /// The blocks of an index.
    #[inline]
    pub(crate) fn lines(&self, index: &HashedIndex) -> &[u8] {
        &self.bytes()[index.blocks_range.clone()]
    }

    #[inline]
    fn records_section(&self) -> &[u8] {
        &self.bytes()[self.sections.records.clone()]
    }

    /// Asks for the memory of a record, if there is such a one.
    #[inline]
    pub(crate) fn prefetch_record(&self, number: u32) {
        prefetch(self.records_section(), archive::record_at(number));
    }

    /// The filter over the keys of all modes, of a delta.
    pub(crate) fn filter_of_all(&self) -> Option<&Table> {
        match &self.indexes.as_ref()?.filters {
            Filters::OfAll(filter) => Some(filter),
            Filters::ByMode(_) => None,
        }
    }

    /// The lines of the filter that tells of this mode.
    #[inline]
    fn filter(&self, mode: Mode) -> &[u8] {
        match self.indexes.as_ref().map(|indexes| &indexes.filters) {
            Some(Filters::ByMode(ranges)) => &self.bytes()[ranges[mode as usize].clone()],
            Some(Filters::OfAll(filter)) => filter.words().as_flattened(),
            None => &[],
        }
    }

    /// Asks for the memory that [`may_hold`](Self::may_hold) will read.
    #[inline]
    pub(crate) fn prefetch_filter(&self, mode: Mode, hash: u64) {
        filter::prefetch_line(self.filter(mode), hash);
    }

    /// Whether a composite key of this mode with this hash may be in the segment.
    #[inline]
    pub(crate) fn may_hold(&self, mode: Mode, hash: u64) -> bool {
        filter::may_hold(self.filter(mode), hash)
    }

    /// Makes ready for lookups, by the memory policy.
    pub(crate) fn warm(&self) {
        self.inner.file.warm();
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
