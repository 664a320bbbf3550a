//! From an opened segment to one that answers: every section checked, on several threads.
//!
//! A segment whose mark holds ([`crate::verified`]) was read before; then only what a lookup relies
//! on without checking it again is read: dictionaries, shadows, runs, stretches of numbers and the filter
//! of a delta.

use crate::archive::{self, Shadows};
use crate::checksum::{PIECE_BYTES, section_sum, sum64};
use crate::error::OpenError;
use crate::filter;
use crate::format::header::SectionEntry;
use crate::format::section::{SectionKind, SegmentKind};
use crate::format::{HASHED_BLOCK_ENTRIES, INDEX_BLOCK_BYTES, PAGE_BYTES};
use crate::index::stretches::Stretches;
use crate::index::{block, tree::Tree};
use crate::key::Mode;
use crate::map::Table;
use crate::opening::Opening;
use crate::parallel;
use crate::segment::{
    Filters, HASHED_MODES, HashedIndex, Indexes, Sections, Segment, UnverifiedSegment, entry_range,
    section_range,
};

/// What checking one section gave.
enum Checked {
    /// Nothing but that it is sound.
    Sound,
    Entries(u32),
    Shadows(Vec<Shadows>),
    Filter(Table),
    Stretches(Stretches),
    Tree(Mode, Tree),
}

/// Whether a mark stands for the bytes of such a section: they are many, and lookups bound what they
/// read of them.
fn is_read_by_lookups_alone(kind: SectionKind) -> bool {
    match kind {
        SectionKind::Records
        | SectionKind::Heap
        | SectionKind::Blocks(_)
        | SectionKind::KeyFilter(_) => true,
        SectionKind::Tree(mode) => !mode.is_certificate_first(),
        _ => false,
    }
}

impl UnverifiedSegment {
    /// Reads every byte: sums, padding, archives, index structure.
    ///
    /// # Errors
    /// `Corrupt`, naming the section.
    pub fn verify(self) -> Result<Segment, OpenError> {
        self.verify_with(&Opening::default(), false)
    }

    /// [`verify`](Self::verify) on the threads of `opening`; of a `marked` segment, only what a lookup
    /// does not check itself.
    pub(crate) fn verify_with(self, opening: &Opening, marked: bool) -> Result<Segment, OpenError> {
        self.verify_sums(opening.threads, marked)?;
        let entries = &self.header.sections;
        let checked = parallel::tasks(opening.threads, entries.len(), |number| {
            self.check_section(&entries[number], marked)
        })?;
        let mut dictionary_entries = Vec::with_capacity(2);
        let mut trees = Vec::with_capacity(HASHED_MODES.len());
        let mut stretches = None;
        let mut shadows = Vec::new();
        let mut filter = None;
        for checked in checked {
            match checked {
                Checked::Sound => {}
                Checked::Entries(count) => dictionary_entries.push(count),
                Checked::Shadows(found) => shadows = found,
                Checked::Filter(found) => filter = Some(found),
                Checked::Stretches(found) => stretches = Some(found),
                Checked::Tree(mode, tree) => trees.push(self.hashed(mode, tree)),
            }
        }
        let missing = |what| OpenError::corrupt(&self.path, what, "not there");
        let &[occupations, bodies] = dictionary_entries.as_slice() else {
            return Err(missing("dictionaries"));
        };
        let range = |kind| section_range(&self.header, kind);
        let sections = Sections {
            records: range(SectionKind::Records),
            heap: range(SectionKind::Heap),
            occupations: range(SectionKind::Occupations),
            bodies: range(SectionKind::Bodies),
        };
        let by_mode = || Mode::ALL.map(|mode| range(SectionKind::KeyFilter(mode)));
        let indexes = if self.header.kind == SegmentKind::Batch {
            None
        } else {
            Some(Indexes {
                stretches: stretches.ok_or_else(|| missing("stretches"))?,
                hashed: trees.try_into().map_err(|_| missing("indexes"))?,
                filters: filter.map_or_else(|| Filters::ByMode(by_mode()), Filters::OfAll),
            })
        };
        let dictionary_entries = (occupations, bodies);
        Ok(Segment { inner: self, sections, dictionary_entries, indexes, shadows })
    }

    fn hashed(&self, mode: Mode, tree: Tree) -> HashedIndex {
        HashedIndex {
            tree,
            tree_range: section_range(&self.header, SectionKind::Tree(mode)),
            blocks_range: section_range(&self.header, SectionKind::Blocks(mode)),
            number_bits: block::number_bits(self.header.records),
        }
    }

    pub(crate) fn section(&self, kind: SectionKind) -> &[u8] {
        &self.file.bytes()[section_range(&self.header, kind)]
    }

    /// What a section holds, once its sum is right.
    fn check_section(&self, entry: &SectionEntry, marked: bool) -> Result<Checked, OpenError> {
        let kind = entry.kind;
        let path = self.path.as_path();
        let section = self.section(kind);
        match kind {
            SectionKind::Records if !marked => {
                archive::verify_records(path, section, self.header.records)?;
            }
            SectionKind::Records => {
                archive::check_records_length(path, section, self.header.records)?;
            }
            // Runs and directories are checked with their trees.
            SectionKind::Heap | SectionKind::Runs(_) | SectionKind::Directory(_) => {}
            SectionKind::Occupations | SectionKind::Bodies => {
                return archive::verify_dictionary(path, &kind.name(), section)
                    .map(Checked::Entries);
            }
            SectionKind::Tree(mode) if mode.is_certificate_first() => {
                return Stretches::open(path, &kind.name(), section, self.header.records)
                    .map(Checked::Stretches);
            }
            SectionKind::Tree(mode) => {
                return self.verify_tree(mode, marked).map(|tree| Checked::Tree(mode, tree));
            }
            SectionKind::Blocks(mode) => self.verify_blocks(mode, marked)?,
            SectionKind::KeyFilter(_) => filter::check(path, &kind.name(), section)?,
            SectionKind::Shadows => {
                return archive::read_shadows(path, section).map(Checked::Shadows);
            }
            SectionKind::Filter => return filter::open(path, section).map(Checked::Filter),
        }
        Ok(Checked::Sound)
    }

    /// Compares the sums of all sections, or of the small ones of a marked segment, with those in the
    /// header, piece by piece on all threads.
    fn verify_sums(&self, threads: usize, marked: bool) -> Result<(), OpenError> {
        let bytes = self.file.bytes();
        let entries: Vec<&SectionEntry> = self
            .header
            .sections
            .iter()
            .filter(|entry| !(marked && is_read_by_lookups_alone(entry.kind)))
            .collect();
        let pieces: Vec<&[u8]> = entries
            .iter()
            .flat_map(|entry| bytes[entry_range(entry)].chunks(PIECE_BYTES))
            .collect();
        let sums = parallel::tasks(threads, pieces.len(), |number| {
            Ok::<_, OpenError>(sum64(pieces[number]))
        })?;
        let mut sums = sums.as_slice();
        for entry in entries {
            let corrupt = |detail| OpenError::corrupt(&self.path, entry.kind.name(), detail);
            let range = entry_range(entry);
            let (own, others) = sums.split_at(range.len().div_ceil(PIECE_BYTES));
            sums = others;
            let found = section_sum(own);
            if found != entry.sum {
                return Err(corrupt(format!("sum is {found:016x}, expected {:016x}", entry.sum)));
            }
            let padding = range.end..range.end.next_multiple_of(PAGE_BYTES);
            if bytes[padding].iter().any(|&byte| byte != 0) {
                return Err(corrupt("padding is not zero".to_owned()));
            }
        }
        Ok(())
    }

    fn verify_tree(&self, mode: Mode, marked: bool) -> Result<Tree, OpenError> {
        let kind = SectionKind::Tree(mode);
        let blocks = (self.section(SectionKind::Blocks(mode)).len() / INDEX_BLOCK_BYTES) as u32;
        let directory = self.section(SectionKind::Directory(mode));
        let runs = self.section(SectionKind::Runs(mode));
        let read = if marked { Tree::open } else { Tree::verify };
        read(&self.path, &kind.name(), self.section(kind), (blocks, runs), directory)
    }

    fn verify_blocks(&self, mode: Mode, marked: bool) -> Result<(), OpenError> {
        let kind = SectionKind::Blocks(mode);
        let corrupt = |detail| OpenError::corrupt(&self.path, kind.name(), detail);
        let section = self.section(kind);
        let blocks = (section.len() / INDEX_BLOCK_BYTES) as u32;
        // Certificates without a ticket number are in no index of tickets.
        let most = self.header.records.div_ceil(HASHED_BLOCK_ENTRIES as u64);
        if !section.len().is_multiple_of(INDEX_BLOCK_BYTES) || u64::from(blocks) > most {
            return Err(corrupt(format!("{} bytes", section.len())));
        }
        if marked {
            return Ok(());
        }
        let number_bits = block::number_bits(self.header.records);
        let (lines, _) = section.as_chunks::<INDEX_BLOCK_BYTES>();
        for (number, line) in lines.iter().enumerate() {
            let past_the_end = (0..HASHED_BLOCK_ENTRIES)
                .filter_map(|entry| block::any_hashed_record(line, entry, number_bits))
                .any(|record| u64::from(record) >= self.header.records);
            if past_the_end {
                return Err(corrupt(format!("block {number} names a record past the end")));
            }
        }
        Ok(())
    }
}
