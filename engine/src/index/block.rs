//! Blocks of index entries, one cache line each.
//!
//! *Ordered* (certificate-first modes): 32 fingerprints; entry `i` of block `b` is record `32 b + i`.
//! *Hashed* (the others): 10 fingerprints, 10 record numbers, 4 zero bytes. Unused entries at the
//! end of the last block are zero in ordered blocks (no such record) and [`NO_RECORD`] in hashed ones.

use crate::format::{HASHED_BLOCK_ENTRIES, INDEX_BLOCK_BYTES, ORDERED_BLOCK_ENTRIES};

/// Marks an unused entry of a hashed block.
pub(crate) const NO_RECORD: u32 = u32::MAX;
const HASHED_RECORDS_AT: usize = HASHED_BLOCK_ENTRIES * 2;
const HASHED_END: usize = HASHED_RECORDS_AT + HASHED_BLOCK_ENTRIES * 4;
const _: () = assert!(ORDERED_BLOCK_ENTRIES * 2 == INDEX_BLOCK_BYTES);
const _: () = assert!(HASHED_END <= INDEX_BLOCK_BYTES);

/// One block.
pub(crate) type Line = [u8; INDEX_BLOCK_BYTES];

/// Block `number` of a blocks section.
#[inline]
pub(crate) fn line(section: &[u8], number: u32) -> &Line {
    let (lines, _) = section.as_chunks::<INDEX_BLOCK_BYTES>();
    &lines[number as usize]
}

/// Bit `i` is set when entry `i` of an ordered block has this fingerprint.
#[inline]
pub(crate) fn ordered_matches(line: &Line, fingerprint: u16) -> u32 {
    matches::<ORDERED_BLOCK_ENTRIES>(line, fingerprint)
}

/// Bit `i` is set when entry `i` of a hashed block has this fingerprint.
#[inline]
pub(crate) fn hashed_matches(line: &Line, fingerprint: u16) -> u32 {
    matches::<HASHED_BLOCK_ENTRIES>(line, fingerprint)
}

#[inline]
fn matches<const N: usize>(line: &Line, fingerprint: u16) -> u32 {
    let (words, _) = line.as_chunks::<2>();
    let mut mask = 0;
    for (bit, word) in words[..N].iter().enumerate() {
        mask |= u32::from(u16::from_le_bytes(*word) == fingerprint) << bit;
    }
    mask
}

/// The record number of an entry of a hashed block.
#[inline]
pub(crate) fn hashed_record(line: &Line, entry: usize) -> u32 {
    let at = HASHED_RECORDS_AT + entry * 4;
    u32::from_le_bytes([line[at], line[at + 1], line[at + 2], line[at + 3]])
}

/// A hashed block of these entries, at most ten.
#[cfg(feature = "build")]
pub(crate) fn hashed_line(entries: &[(u16, u32)]) -> Line {
    let mut line = [0u8; INDEX_BLOCK_BYTES];
    for entry in 0..HASHED_BLOCK_ENTRIES {
        let (fingerprint, record) = entries.get(entry).copied().unwrap_or((0, NO_RECORD));
        line[entry * 2..entry * 2 + 2].copy_from_slice(&fingerprint.to_le_bytes());
        let at = HASHED_RECORDS_AT + entry * 4;
        line[at..at + 4].copy_from_slice(&record.to_le_bytes());
    }
    line
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;

    #[test]
    fn hashed_round_trip() {
        let entries = [(7, 70), (9, 90), (7, 71)];
        let line = hashed_line(&entries);
        assert_eq!(hashed_matches(&line, 7), 0b101);
        assert_eq!(hashed_matches(&line, 9), 0b010);
        // The unused entries carry fingerprint 0 and no record.
        assert_eq!(hashed_matches(&line, 0), 0b11_1111_1000);
        assert_eq!(hashed_record(&line, 2), 71);
        assert_eq!(hashed_record(&line, 9), NO_RECORD);
    }

    #[test]
    fn ordered_finds_every_slot() {
        for slot in 0..ORDERED_BLOCK_ENTRIES {
            let mut line = [0u8; INDEX_BLOCK_BYTES];
            line[slot * 2..slot * 2 + 2].copy_from_slice(&0xBEEFu16.to_le_bytes());
            assert_eq!(ordered_matches(&line, 0xBEEF), 1 << slot);
        }
    }
}
