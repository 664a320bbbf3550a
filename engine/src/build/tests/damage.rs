//! Faults of a builder, under right sums: each is found by the look-up of every record.

use super::{plain, rows_of, written};
use crate::build::merge::Source;
use crate::build::segment::Plan;
use crate::build::{Silent, check_records};
use crate::checksum::sum_of_section;
use crate::format::PAGE_BYTES;
use crate::format::header::Header;
use crate::format::section::SectionKind;
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

const RECORD_AT: usize = 20;

#[test]
fn a_wrong_fingerprint_is_found_in_every_index() {
    let whole = whole();
    for mode in Mode::ALL {
        let error = whole.after(mode, |blocks| blocks[65] ^= 0x40);
        assert!(error.contains("is not found through it"), "{error}");
    }
}

#[test]
fn a_wrong_record_number_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            let line = block::line(blocks, 3);
            let other = (block::hashed_record(line, 4) + 1) % RECORDS;
            let at = 3 * 64 + RECORD_AT + 4 * 4;
            blocks[at..at + 4].copy_from_slice(&other.to_le_bytes());
        });
        assert!(error.contains("is not found through it"), "{error}");
    }
}

#[test]
fn a_record_that_is_missing_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            let at = 3 * 64 + RECORD_AT + 4 * 4;
            blocks[at..at + 4].copy_from_slice(&block::NO_RECORD.to_le_bytes());
        });
        assert!(error.contains("499 entries for 500 records"), "{error}");
    }
}

/// The count is right and every entry is found: only the sum over the numbers tells.
#[test]
fn a_record_that_stands_in_for_another_is_found() {
    let whole = whole();
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            let line = 3 * 64;
            blocks.copy_within(line + 2..line + 4, line);
            blocks.copy_within(line + RECORD_AT + 4..line + RECORD_AT + 8, line + RECORD_AT);
        });
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
