//! Faults of a builder, under right sums: each is found by the look-up of every record.

use super::{plain, rows_of, written};
use crate::build::merge::Source;
use crate::build::segment::Plan;
use crate::build::{Silent, check_records};
use crate::checksum::sum_of_section;
use crate::format::header::Header;
use crate::format::section::SectionKind;
use crate::format::{HASHED_BLOCK_ENTRIES, PAGE_BYTES};
use crate::index::block;
use crate::key::Mode;
use crate::segment::Segment;
use std::fs;
use std::path::PathBuf;

const RECORDS: u32 = 500;

struct Whole {
    folder: tempfile::TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn whole() -> Whole {
    let folder = tempfile::tempdir().unwrap();
    let certificates: Vec<_> = (0..RECORDS).map(|n| plain(&format!("{:016}", n * 13), n)).collect();
    let (rows, order) = rows_of(&certificates);
    let path = folder.path().join("whole.seg");
    let sources = [Source::Rows(&rows, &order)];
    let bytes = written(&path, &Plan::base(&sources), 100, 2);
    Whole { folder, path, bytes }
}

impl Whole {
    /// What the check says once the blocks of one index were changed, with the sums put right.
    fn after(&self, mode: Mode, change: impl FnOnce(&mut [u8])) -> String {
        let mut bytes = self.bytes.clone();
        let mut header = Header::parse(&self.path, &bytes, bytes.len() as u64).unwrap();
        let kind = SectionKind::Blocks(mode);
        let blocks = header.sections.iter_mut().find(|section| section.kind == kind).unwrap();
        let range = blocks.offset as usize..(blocks.offset + blocks.length) as usize;
        change(&mut bytes[range.clone()]);
        blocks.sum = sum_of_section(&bytes[range]);
        bytes[..PAGE_BYTES].copy_from_slice(&header.emit());
        let path = self.folder.path().join("wrong.seg");
        let _ = fs::remove_file(&path);
        fs::write(&path, &bytes).unwrap();
        let segment = Segment::open(&path).unwrap();
        let found: Vec<String> = [1, 2, 7]
            .map(|threads| check_records(&segment, threads, &Silent).unwrap_err().to_string())
            .into();
        assert!(found.iter().all(|error| *error == found[0]), "{found:?}");
        assert!(found[0].contains(mode.index_name()), "{}", found[0]);
        found[0].clone()
    }
}

/// The entries of a hashed block: hash bits with record.
fn entries_of(line: &block::Line, bits: u32) -> Vec<(u64, u32)> {
    (0..HASHED_BLOCK_ENTRIES)
        .filter_map(|entry| {
            let byte = u64::from(line[64 - HASHED_BLOCK_ENTRIES + entry]);
            let record = block::any_hashed_record(line, entry, bits)?;
            let tag = u64::from(block::hashed_record(line, entry, 0) >> bits);
            Some((tag << 8 | byte, record))
        })
        .collect()
}

/// Changes the entries of the fourth hashed block.
fn with_entries(blocks: &mut [u8], change: impl FnOnce(&mut Vec<(u64, u32)>)) {
    let bits = block::number_bits(u64::from(RECORDS));
    let line = &mut blocks.as_chunks_mut::<64>().0[3];
    let mut entries = entries_of(line, bits);
    assert_eq!(*line, block::hashed_line(&entries, bits));
    change(&mut entries);
    *line = block::hashed_line(&entries, bits);
}

#[test]
fn a_wrong_fingerprint_is_found_in_every_index() {
    let whole = whole();
    for mode in [Mode::IC, Mode::CT, Mode::CN] {
        let error = whole.after(mode, |blocks| blocks[65] ^= 0x40);
        assert!(error.contains("is not found through it"), "{error}");
    }
    for (mode, bit) in [Mode::IT, Mode::IN, Mode::TN].into_iter().zip([0, 7, 8]) {
        let error = whole.after(mode, |blocks| with_entries(blocks, |them| them[4].0 ^= 1 << bit));
        assert!(error.contains("is not found through it"), "{error}");
    }
}

#[test]
fn a_wrong_record_number_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            with_entries(blocks, |them| them[4].1 = (them[4].1 + 1) % RECORDS);
        });
        assert!(error.contains("is not found through it"), "{error}");
    }
}

#[test]
fn a_record_that_is_missing_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            with_entries(blocks, |them| {
                them.remove(4);
            });
        });
        assert!(error.contains("499 entries for 500 records"), "{error}");
    }
}

/// The count is right and every entry is found: only the sum over the numbers tells.
#[test]
fn a_record_that_stands_in_for_another_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| with_entries(blocks, |them| them[0] = them[1]));
        assert!(error.contains("stand in it twice"), "{error}");
    }
}

#[test]
fn an_entry_in_the_wrong_block_is_found() {
    let whole = whole();
    for mode in Mode::ALL {
        let error = whole.after(mode, |blocks| {
            let (first, rest) = blocks.split_at_mut(64);
            first.swap_with_slice(&mut rest[..64]);
        });
        assert!(error.contains("is not found through it"), "{error}");
    }
}
