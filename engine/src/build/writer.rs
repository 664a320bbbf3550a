//! One segment from records in certificate-number order.

use super::dictionary::Dictionary;
use super::file::SectionFile;
use super::rows::heap_push;
use crate::archive::{Shadows, archive};
use crate::checksum::{hex128, sum128};
use crate::date::Date;
use crate::error::BuildError;
use crate::filter;
use crate::format::header::Header;
use crate::format::section::{SectionKind, SegmentKind};
use crate::format::{
    BLOCK_RECORDS, HASHED_BLOCK_ENTRIES, ORDERED_BLOCK_ENTRIES, SEGMENT_RECORDS_MAX,
};
use crate::index::tree::TreeBuilder;
use crate::index::{Probe, block};
use crate::key::Mode;
use crate::key::encode::PairWords;
use crate::record::{self, RECORD_BYTES, Record, View};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One key of a hashed index: the hash, then the record number. Sort these.
pub type HashedEntry = (u64, u32);

/// The keys of the three hashed indexes, to be sorted by the caller.
#[derive(Default)]
pub struct HashedKeys {
    /// 证件号码 + 准考证号.
    pub it: Vec<HashedEntry>,
    /// 证件号码 + 姓名.
    pub in_: Vec<HashedEntry>,
    /// 准考证号 + 姓名.
    pub tn: Vec<HashedEntry>,
}

impl HashedKeys {
    /// The three lists, for sorting.
    pub fn lists(&mut self) -> [&mut Vec<HashedEntry>; 3] {
        [&mut self.it, &mut self.in_, &mut self.tn]
    }

    fn of(&self, mode: Mode) -> &[HashedEntry] {
        match mode {
            Mode::IT => &self.it,
            Mode::IN => &self.in_,
            Mode::TN => &self.tn,
            _ => &[],
        }
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

/// Dictionary numbers of one source, translated once each.
#[derive(Default)]
struct Translation {
    occupations: HashMap<u32, u32>,
    bodies: HashMap<u32, u32>,
    last: [Option<(u32, u32)>; 2],
}

/// The three sections of one index.
struct IndexSections {
    tree: Vec<u8>,
    blocks: Vec<u8>,
    runs: Vec<u8>,
}

/// Writes one segment. Memory: the heap, the dictionaries and, unless it is a batch, some 60 bytes of
/// index keys a record.
pub struct SegmentWriter {
    kind: SegmentKind,
    file: SectionFile,
    path: PathBuf,
    block: Vec<Record>,
    records: u64,
    last_certificate: u64,
    as_of: Option<Date>,
    heap: Vec<u8>,
    occupations: Dictionary,
    bodies: Dictionary,
    translations: Vec<Translation>,
    /// Fingerprints of the ordered indexes, in record order: IC, CT, CN.
    fingerprints: [Vec<u16>; 3],
    /// Certificate sort keys of block borders: first and last record of each ordered block.
    borders: Vec<(u64, u64)>,
    hashed: HashedKeys,
    /// Hashes of all keys, for the filter of a delta.
    hashes: Vec<u64>,
    shadows: Vec<Shadows>,
}

const ORDERED_MODES: [Mode; 3] = [Mode::IC, Mode::CT, Mode::CN];
const HASHED_MODES: [Mode; 3] = [Mode::IT, Mode::IN, Mode::TN];

impl SegmentWriter {
    /// Starts a segment in a new file.
    ///
    /// # Errors
    /// `Io`, also when the file is already there.
    pub fn create(path: &Path, kind: SegmentKind) -> Result<Self, BuildError> {
        let mut file = SectionFile::create(path)?;
        file.begin(SectionKind::Records);
        Ok(Self {
            kind,
            file,
            path: path.to_owned(),
            block: Vec::with_capacity(BLOCK_RECORDS),
            records: 0,
            last_certificate: 0,
            as_of: None,
            heap: vec![0],
            occupations: Dictionary::default(),
            bodies: Dictionary::default(),
            translations: Vec::new(),
            fingerprints: Default::default(),
            borders: Vec::new(),
            hashed: HashedKeys::default(),
            hashes: Vec::new(),
            shadows: Vec::new(),
        })
    }

    /// Declares which records of older segments this delta replaces or withdraws.
    pub fn set_shadows(&mut self, shadows: Vec<Shadows>) {
        self.shadows = shadows;
    }

    /// Spares the sync of the file: for temporary files that no one looks for after a crash.
    pub fn leave_unsynced(&mut self) {
        self.file.synced = false;
    }

    /// Adds a record. `source` numbers where it comes from (0, 1, …): records of one source share
    /// their dictionaries.
    ///
    /// # Errors
    /// `Invalid` when certificate numbers do not rise, `LimitExceeded`, `Io`.
    pub fn push(&mut self, view: &View<'_>, source: usize) -> Result<(), BuildError> {
        let mut record = view.record;
        if record.certificate < self.last_certificate {
            return Err(BuildError::Invalid {
                place: "records",
                detail: "certificate numbers do not rise".to_owned(),
            });
        }
        if self.records >= SEGMENT_RECORDS_MAX {
            return Err(BuildError::LimitExceeded {
                what: "records of one segment",
                found: self.records + 1,
                limit: SEGMENT_RECORDS_MAX,
            });
        }
        self.last_certificate = record.certificate;
        self.translate(view, source, &mut record)?;
        if record.flags() != 0 {
            let extension = record::extension_bytes(view.texts.heap(), &view.record);
            let extension = extension.ok_or_else(|| BuildError::Invalid {
                place: "heap",
                detail: "an extension runs over its end".to_owned(),
            })?;
            record.extension = heap_push(&mut self.heap, extension)?;
        }
        if !record.is_canonical() {
            return Err(BuildError::Invalid {
                place: "records",
                detail: format!("record {} uses bits outside the format", self.records),
            });
        }
        if self.kind != SegmentKind::Batch {
            self.push_keys(&record);
        }
        self.as_of = self.as_of.max(record.issue_date());
        self.block.push(record);
        self.records += 1;
        if self.block.len() == BLOCK_RECORDS {
            self.flush_block()?;
        }
        Ok(())
    }

    fn translate(
        &mut self,
        view: &View<'_>,
        source: usize,
        record: &mut Record,
    ) -> Result<(), BuildError> {
        while self.translations.len() <= source {
            self.translations.push(Translation::default());
        }
        let translation = &mut self.translations[source];
        let mut number = |field: usize,
                          old: u32,
                          map: &mut HashMap<u32, u32>,
                          dictionary: &mut Dictionary|
         -> Result<u32, BuildError> {
            if let Some((from, to)) = translation.last[field]
                && from == old
            {
                return Ok(to);
            }
            let new = match map.get(&old) {
                Some(&new) => new,
                None => {
                    let pair =
                        if field == 0 { view.texts.occupation(old) } else { view.texts.body(old) };
                    let new = dictionary.intern(pair.0, pair.1)?;
                    map.insert(old, new);
                    new
                }
            };
            translation.last[field] = Some((old, new));
            Ok(new)
        };
        record.occupation =
            number(0, record.occupation, &mut translation.occupations, &mut self.occupations)?;
        record.body = number(1, record.body, &mut translation.bodies, &mut self.bodies)?;
        Ok(())
    }

    fn push_keys(&mut self, record: &Record) {
        let number = self.records as u32;
        if number.is_multiple_of(ORDERED_BLOCK_ENTRIES as u32) {
            self.borders.push((record.certificate, record.certificate));
        } else if let Some(border) = self.borders.last_mut() {
            border.1 = record.certificate;
        }
        for (mode, list) in ORDERED_MODES.into_iter().zip(&mut self.fingerprints) {
            let probe = Probe::new(mode, pair_words(record, mode));
            list.push(probe.fingerprint);
            if self.kind == SegmentKind::Delta {
                self.hashes.push(probe.hash);
            }
        }
        for (mode, list) in HASHED_MODES.into_iter().zip(self.hashed.lists()) {
            // Nobody is found by a ticket number he does not have.
            if mode != Mode::IN && record.ticket == 0 {
                continue;
            }
            let hash = Probe::new(mode, pair_words(record, mode)).hash;
            list.push((hash, number));
            if self.kind == SegmentKind::Delta {
                self.hashes.push(hash);
            }
        }
    }

    fn flush_block(&mut self) -> Result<(), BuildError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let bytes = archive(&self.block)?;
        self.file.write(&bytes)?;
        let padded = self.block.len() * RECORD_BYTES + RECORD_BYTES;
        self.file.write(&[0; RECORD_BYTES][..padded - bytes.len()])?;
        self.block.clear();
        Ok(())
    }

    /// Closes the records and hands out the keys of the hashed indexes, to be sorted.
    ///
    /// # Errors
    /// `Io`, `LimitExceeded`.
    pub fn finish_records(&mut self) -> Result<HashedKeys, BuildError> {
        self.flush_block()?;
        self.file.end()?;
        self.file.section(SectionKind::Heap, &self.heap)?;
        self.heap = Vec::new();
        self.file.section(SectionKind::Occupations, &self.occupations.archive()?)?;
        self.file.section(SectionKind::Bodies, &self.bodies.archive()?)?;
        Ok(std::mem::take(&mut self.hashed))
    }

    /// Writes the indexes and the header and syncs the file. `keys` as [`finish_records`] gave them,
    /// each list sorted.
    ///
    /// # Errors
    /// `Invalid` when a list is not sorted, `Io`.
    ///
    /// [`finish_records`]: Self::finish_records
    pub fn finish(mut self, keys: &HashedKeys) -> Result<Finished, BuildError> {
        if self.kind != SegmentKind::Batch {
            for mode in Mode::ALL {
                let index = self.build_index(mode, keys)?;
                self.file.section(SectionKind::Tree(mode), &index.tree)?;
                self.file.section(SectionKind::Blocks(mode), &index.blocks)?;
                self.file.section(SectionKind::Runs(mode), &index.runs)?;
            }
        }
        if self.kind == SegmentKind::Delta {
            self.shadows.sort_by(|a, b| a.segment.cmp(&b.segment));
            self.file.section(SectionKind::Shadows, &archive(&self.shadows)?)?;
            let filter = filter::build(std::mem::take(&mut self.hashes).into_iter());
            self.file.section(SectionKind::Filter, &filter)?;
        }
        let header = Header {
            kind: self.kind,
            file_bytes: self.file.bytes(),
            records: self.records,
            as_of: self.as_of,
            sections: self.file.sections().to_vec(),
        };
        let page = header.emit();
        self.file.finish(&page)?;
        Ok(Finished {
            path: self.path,
            id: hex128(sum128(&page)),
            kind: self.kind,
            records: self.records,
            bytes: header.file_bytes,
            as_of: self.as_of,
        })
    }

    fn build_index(&self, mode: Mode, keys: &HashedKeys) -> Result<IndexSections, BuildError> {
        let mut tree = TreeBuilder::new();
        let mut blocks = Vec::new();
        if let Some(ordered) = ORDERED_MODES.iter().position(|&candidate| candidate == mode) {
            for &(first, last) in &self.borders {
                tree.push(first, last)?;
            }
            blocks.extend(self.fingerprints[ordered].iter().flat_map(|word| word.to_le_bytes()));
            blocks.resize(blocks.len().next_multiple_of(crate::format::INDEX_BLOCK_BYTES), 0);
        } else {
            let entries = keys.of(mode);
            if !entries.is_sorted() {
                return Err(BuildError::Invalid {
                    place: "index",
                    detail: format!("keys of {} are not sorted", mode.index_name()),
                });
            }
            for chunk in entries.chunks(HASHED_BLOCK_ENTRIES) {
                tree.push(chunk[0].0 >> 8, chunk[chunk.len() - 1].0 >> 8)?;
                let mut line = [(0u16, 0u32); HASHED_BLOCK_ENTRIES];
                for (slot, &(hash, record)) in line.iter_mut().zip(chunk) {
                    *slot = (hash as u16, record);
                }
                blocks.extend_from_slice(&block::hashed_line(&line[..chunk.len()]));
            }
        }
        let (tree, runs) = tree.finish()?;
        Ok(IndexSections { tree, blocks, runs })
    }
}

/// The packed fields of a record's key, in the order of the mode.
pub(super) fn pair_words(record: &Record, mode: Mode) -> PairWords {
    match mode {
        Mode::IC => PairWords { first: record.id, second: [record.certificate, 0] },
        Mode::IT => PairWords { first: record.id, second: [record.ticket, 0] },
        Mode::IN => PairWords { first: record.id, second: record.name },
        Mode::CT => PairWords { first: record.certificate, second: [record.ticket, 0] },
        Mode::CN => PairWords { first: record.certificate, second: record.name },
        Mode::TN => PairWords { first: record.ticket, second: record.name },
    }
}
