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
use crate::index::tree::spell;
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
        self.after_in(SectionKind::Blocks(mode), mode, change)
    }

    /// The same of any section of that index.
    fn after_in(&self, kind: SectionKind, mode: Mode, change: impl FnOnce(&mut [u8])) -> String {
        let mut bytes = self.bytes.clone();
        let mut header = Header::parse(&self.path, &bytes, bytes.len() as u64).unwrap();
        let section = header.sections.iter_mut().find(|section| section.kind == kind).unwrap();
        let range = section.offset as usize..(section.offset + section.length) as usize;
        change(&mut bytes[range.clone()]);
        section.sum = sum_of_section(&bytes[range]);
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
fn a_wrong_bit_of_a_hash_is_found() {
    let whole = whole();
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
    for mode in [Mode::IT, Mode::IN, Mode::TN] {
        let error = whole.after(mode, |blocks| {
            let (first, rest) = blocks.split_at_mut(64);
            first.swap_with_slice(&mut rest[..64]);
        });
        assert!(error.contains("is not found through it"), "{error}");
    }
}

#[test]
fn a_key_that_its_filter_does_not_let_pass_is_found() {
    let whole = whole();
    for mode in Mode::ALL {
        let error = whole.after_in(SectionKind::KeyFilter(mode), mode, |lines| {
            let set = lines.iter_mut().find(|byte| **byte != 0).unwrap();
            *set &= *set - 1;
        });
        assert!(error.contains("is not found through it"), "{error}");
    }
}

/// Stretches that rise as they must and tell a wrong place: the numbers are multiples of 13.
#[test]
fn a_number_whose_place_is_wrong_is_found() {
    let whole = whole();
    let with = |wrong: u64| {
        let mut tree = fst::raw::Builder::memory();
        for at in 0..u64::from(RECORDS) {
            let number = if at == 499 { wrong } else { at * 13 };
            tree.insert(spell(number << 1), at << 1).unwrap();
        }
        tree.into_inner().unwrap()
    };
    let right = with(499 * 13);
    let wrong: Vec<Vec<u8>> = (498 * 13 + 1..520 * 13).map(with).collect();
    let wrong = wrong.into_iter().filter(|tree| *tree != right && tree.len() == right.len());
    let mut tried = 0;
    for tree in wrong {
        let error = whole.after_in(SectionKind::Tree(Mode::IC), Mode::IC, |section| {
            section.copy_from_slice(&tree);
        });
        assert!(error.contains("record 499 is not found through it"), "{error}");
        tried += 1;
    }
    assert!(tried > 0);
}
