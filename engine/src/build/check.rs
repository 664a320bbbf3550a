//! After a segment is written: every record must be found through all six indexes, by the very search
//! that will serve it.
//!
//! A lookup asks the filter. By certificate number it then goes to the record that the stretch tells, and on
//! as long as the number is the same; so every record is held against its number's stretch. In a hashed
//! index it asks directory and tree for the blocks that may hold its key, tests the bits of the hash there
//! and goes back through blocks that stand in `runs`: a record is found exactly when some block carries its
//! bits beside its number and the search arrives at that block. There every entry is held against its record
//! in the order of the index: its bits, and the way from where the search begins to the entry's block. That
//! no record is missing follows from the count and the sum over the numbers met.

use super::hashed::hash_for;
use super::parallel;
use super::progress::Progress;
use crate::error::OpenError;
use crate::format::{HASHED_BLOCK_ENTRIES, INDEX_BLOCK_BYTES};
use crate::index::stretches::{self, Place, Stretches};
use crate::index::tree::Candidates;
use crate::index::walk::Walk;
use crate::index::{Probe, block};
use crate::key::Mode;
use crate::record::Record;
use crate::segment::{CERTIFICATE_FIRST_MODES, HASHED_MODES, HashedIndex, Segment};
use std::ops::Range;

/// Index blocks checked at a time by one thread.
const PIECE_BLOCKS: usize = 1 << 13;
/// Records of so many hashed blocks further on are fetched while one is checked.
const BLOCKS_AHEAD: usize = 3;
/// Records checked at a time by one thread, and those whose filter lines are asked for together.
const PIECE_RECORDS: u32 = 1 << 17;
const RECORDS_AHEAD: usize = 64;

/// Looks up every record of a verified segment through all six indexes.
///
/// # Errors
/// `Corrupt`, when a record is not found where it must be.
pub fn check_records(
    segment: &Segment,
    threads: usize,
    progress: &dyn Progress,
) -> Result<(), OpenError> {
    check_numbers(segment, &CERTIFICATE_FIRST_MODES, threads, progress)?;
    HASHED_MODES.into_iter().try_for_each(|mode| check_hashed(segment, mode, threads, progress))
}

/// Looks up every record of a verified segment through one index.
///
/// # Errors
/// `Corrupt`, when a record is not found where it must be.
pub fn check_indexes(segment: &Segment, mode: Mode) -> Result<(), OpenError> {
    let progress = super::progress::Silent;
    if mode.is_certificate_first() {
        check_numbers(segment, &[mode], 1, &progress)
    } else {
        check_hashed(segment, mode, 1, &progress)
    }
}

fn corrupt(segment: &Segment, mode: Mode, detail: String) -> OpenError {
    OpenError::corrupt(segment.path(), mode.index_name(), detail)
}

fn lost(segment: &Segment, mode: Mode, record: u32) -> OpenError {
    corrupt(segment, mode, format!("record {record} is not found through it"))
}

fn no_index(segment: &Segment, mode: Mode) -> OpenError {
    corrupt(segment, mode, "there is no such index".to_owned())
}

/// Looks up every record through the index of certificate numbers and the filters of these modes.
fn check_numbers(
    segment: &Segment,
    modes: &[Mode],
    threads: usize,
    progress: &dyn Progress,
) -> Result<(), OpenError> {
    let stretches = segment.stretches().ok_or_else(|| no_index(segment, Mode::IC))?;
    let records = segment.records() as u32;
    progress.begin("looking up every record", segment.records());
    let mut done = 0;
    parallel::in_order(
        threads,
        records.div_ceil(PIECE_RECORDS) as usize,
        || (),
        |(), piece| {
            let first = piece as u32 * PIECE_RECORDS;
            let piece = first..records.min(first.saturating_add(PIECE_RECORDS));
            check_piece(segment, stretches, modes, piece.clone()).map(|()| piece.len() as u64)
        },
        |checked| {
            done += checked;
            progress.advance(done);
            Ok(())
        },
    )
}

/// Every one of these records passes the filter and is where its number's stretch tells.
fn check_piece(
    segment: &Segment,
    stretches: &Stretches,
    modes: &[Mode],
    records: Range<u32>,
) -> Result<(), OpenError> {
    let record = |number| segment.stored(number).to_native();
    let number_of = |record: &Record| stretches::number(record.certificate);
    for first in records.clone().step_by(RECORDS_AHEAD) {
        let numbers = first..records.end.min(first.saturating_add(RECORDS_AHEAD as u32));
        for number in numbers.clone() {
            let here = record(number);
            let is_first = number == 0 || number_of(&record(number - 1)) != number_of(&here);
            let is_told = |place: Place| {
                if is_first {
                    place.record == number
                } else {
                    // The search comes by, as each record in between has the number.
                    place.repeated && place.record < number
                }
            };
            if !stretches.find(here.certificate).is_some_and(is_told) {
                return Err(lost(segment, modes[0], number));
            }
        }
        for &mode in modes {
            let mut hashes = [None; RECORDS_AHEAD];
            for (number, hash) in numbers.clone().zip(&mut hashes) {
                *hash = hash_for(mode, &record(number));
                if let Some(hash) = *hash {
                    segment.prefetch_filter(mode, hash);
                }
            }
            for (number, hash) in numbers.clone().zip(hashes) {
                if hash.is_some_and(|hash| !segment.may_hold(mode, hash)) {
                    return Err(lost(segment, mode, number));
                }
            }
        }
    }
    Ok(())
}

fn check_hashed(
    segment: &Segment,
    mode: Mode,
    threads: usize,
    progress: &dyn Progress,
) -> Result<(), OpenError> {
    let index = segment.index_of_hashes(mode).ok_or_else(|| no_index(segment, mode))?;
    let check = Check { segment, mode, index, lines: segment.lines(index).as_chunks().0 };
    let entries = |blocks: usize| (blocks * HASHED_BLOCK_ENTRIES) as u64;
    progress.begin("looking up every record", entries(check.lines.len()));
    let mut found = Met::default();
    let mut blocks = 0;
    parallel::in_order(
        threads,
        check.lines.len().div_ceil(PIECE_BLOCKS),
        || (),
        |(), piece| {
            let first = piece * PIECE_BLOCKS;
            check.blocks(first..check.lines.len().min(first + PIECE_BLOCKS))
        },
        |met| {
            found.add_all(met);
            blocks += PIECE_BLOCKS;
            progress.advance(entries(blocks.min(check.lines.len())));
            Ok(())
        },
    )?;
    let expected = check.expected(threads)?;
    if found != expected {
        return Err(check.corrupt(if found.entries == expected.entries {
            format!("some of the {} records stand in it twice, others never", expected.entries)
        } else {
            format!("{} entries for {} records", found.entries, expected.entries)
        }));
    }
    Ok(())
}
/// How many records were met, and a sum over their numbers that other records do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Met {
    entries: u64,
    sum: u64,
}

impl Met {
    #[inline]
    fn add(&mut self, number: u32) {
        self.entries += 1;
        // A bijection of 64 bits that leaves nothing of the order of the numbers (splitmix64).
        let mut mixed = u64::from(number).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.sum = self.sum.wrapping_add(mixed ^ mixed >> 31);
    }

    fn add_all(&mut self, other: Self) {
        self.entries += other.entries;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

struct Check<'s> {
    segment: &'s Segment,
    mode: Mode,
    index: &'s HashedIndex,
    lines: &'s [block::Line],
}

impl Check<'_> {
    fn corrupt(&self, detail: String) -> OpenError {
        corrupt(self.segment, self.mode, detail)
    }

    fn lost(&self, record: u32) -> OpenError {
        lost(self.segment, self.mode, record)
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&self.index.tree, &self.segment.bytes()[self.index.tree_range.clone()])
    }

    /// Whether a search that looks at these blocks first comes by block `at`.
    #[inline]
    fn comes_by(&self, first: Candidates, at: u32) -> bool {
        (first.low <= at && at <= first.high) || self.comes_back(first, at)
    }

    #[cold]
    fn comes_back(&self, first: Candidates, at: u32) -> bool {
        at < first.low
            && first.low_within_run
            && (at + 1..first.low).all(|block| self.index.tree.begins_within_run(block))
    }

    /// The probe of a record, and whether a lookup would look for it in this segment at all.
    #[inline]
    fn probe(&self, number: u32) -> Option<Probe> {
        let record = self.segment.stored(number).to_native();
        let probe = Probe::new(self.mode, record.pair_words(self.mode));
        self.segment.may_hold(self.mode, probe.hash).then_some(probe)
    }

    /// Proves that the search for a record comes by block `at` and that what stands there names the
    /// record to whoever asks with this hash.
    #[inline]
    fn meet(
        &self,
        walk: &mut Walk<'_>,
        at: u32,
        number: u32,
        is_named: impl FnOnce(u64) -> bool,
    ) -> Result<(), OpenError> {
        let probe = self.probe(number).ok_or_else(|| self.lost(number))?;
        if !is_named(probe.hash) || !self.comes_by(walk.candidates(probe.sort_key), at) {
            return Err(self.lost(number));
        }
        Ok(())
    }

    fn blocks(&self, blocks: Range<usize>) -> Result<Met, OpenError> {
        let mut walk = self.walk();
        let mut met = Met::default();
        for at in blocks.clone().take(BLOCKS_AHEAD) {
            self.fetch_records(at);
        }
        for at in blocks.clone() {
            if at + BLOCKS_AHEAD < blocks.end {
                self.fetch_records(at + BLOCKS_AHEAD);
            }
            let line = &self.lines[at];
            for slot in 0..HASHED_BLOCK_ENTRIES {
                let Some(number) = block::any_hashed_record(line, slot, self.index.number_bits)
                else {
                    continue;
                };
                self.meet(&mut walk, at as u32, number, |hash| {
                    let tag = block::tag(hash, self.index.number_bits);
                    block::hashed_matches(line, hash) >> slot & 1 != 0
                        && block::hashed_record(line, slot, tag) == number
                })?;
                met.add(number);
            }
        }
        Ok(met)
    }

    #[inline]
    fn fetch_records(&self, at: usize) {
        for slot in 0..HASHED_BLOCK_ENTRIES {
            if let Some(number) =
                block::any_hashed_record(&self.lines[at], slot, self.index.number_bits)
            {
                self.segment.prefetch_record(number);
            }
        }
    }

    /// What must be met: every record, in an index of ticket numbers those that have one.
    fn expected(&self, threads: usize) -> Result<Met, OpenError> {
        let with_ticket = self.mode.asks_for_ticket();
        let shares = parallel::shares(self.segment.records() as usize, threads);
        let parts = parallel::each(shares, |numbers| {
            let mut met = Met::default();
            for number in numbers.start as u32..numbers.end as u32 {
                if !with_ticket || self.segment.stored(number).ticket.to_native() != 0 {
                    met.add(number);
                }
            }
            Ok::<_, OpenError>(met)
        })?;
        Ok(parts.into_iter().fold(Met::default(), |mut all, part| {
            all.add_all(part);
            all
        }))
    }
}

const _: () = assert!(INDEX_BLOCK_BYTES == size_of::<block::Line>());
