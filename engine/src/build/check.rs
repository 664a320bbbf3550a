//! After a segment is written: every record must be found through all six indexes, by the very
//! lookups that will serve it.

use super::writer::pair_words;
use crate::error::OpenError;
use crate::format::HASHED_BLOCK_ENTRIES;
use crate::format::INDEX_BLOCK_BYTES;
use crate::index::{Probe, block};
use crate::key::Mode;
use crate::segment::Segment;

/// Looks up every record of a verified segment through one index, in the order of the index, so that
/// neighbouring probes share their cache lines.
///
/// # Errors
/// `Corrupt`, when a record is not found where it must be.
pub fn check_indexes(segment: &Segment, mode: Mode) -> Result<(), OpenError> {
    let lost = |record: u32| {
        OpenError::corrupt(
            segment.path(),
            mode.index_name(),
            format!("record {record} is not found through it"),
        )
    };
    let Some(index) = segment.index(mode) else {
        return Err(OpenError::corrupt(
            segment.path(),
            mode.index_name(),
            "there is no such index",
        ));
    };
    let tree = &segment.bytes()[index.tree_range.clone()];
    let lines = &segment.bytes()[index.blocks_range.clone()];
    let found = |number: u32| -> bool {
        let record = segment.stored(number).to_native();
        let probe = Probe::new(mode, pair_words(&record, mode));
        // A delta is asked only for what its filter lets through.
        if !segment.may_hold(probe.hash) {
            return false;
        }
        let mut at = index.tree.floor(tree, probe.sort_key);
        loop {
            let line = block::line(lines, at);
            let hit = if mode.is_certificate_first() {
                let first = at * crate::format::ORDERED_BLOCK_ENTRIES as u32;
                number.checked_sub(first).is_some_and(|slot| {
                    slot < 32 && block::ordered_matches(line, probe.fingerprint) >> slot & 1 == 1
                })
            } else {
                let mask = block::hashed_matches(line, probe.fingerprint);
                (0..HASHED_BLOCK_ENTRIES)
                    .any(|slot| mask >> slot & 1 == 1 && block::hashed_record(line, slot) == number)
            };
            if hit {
                return true;
            }
            if index.runs.binary_search(&at).is_err() {
                return false;
            }
            at -= 1;
        }
    };
    if mode.is_certificate_first() {
        return (0..segment.records() as u32)
            .find(|&number| !found(number))
            .map_or(Ok(()), |number| Err(lost(number)));
    }
    let mut seen = 0u64;
    for (line, _) in lines.as_chunks::<INDEX_BLOCK_BYTES>().0.iter().zip(0u32..) {
        for slot in 0..HASHED_BLOCK_ENTRIES {
            let number = block::hashed_record(line, slot);
            if number == block::NO_RECORD {
                continue;
            }
            seen += 1;
            if !found(number) {
                return Err(lost(number));
            }
        }
    }
    let with_ticket = |number: &u32| segment.stored(*number).ticket.to_native() != 0;
    let expected = if mode == Mode::IN {
        segment.records()
    } else {
        (0..segment.records() as u32).filter(with_ticket).count() as u64
    };
    if seen != expected {
        return Err(OpenError::corrupt(
            segment.path(),
            mode.index_name(),
            format!("{seen} entries for {expected} records"),
        ));
    }
    Ok(())
}
