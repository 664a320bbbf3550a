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
    equal_lanes::<{ ORDERED_BLOCK_ENTRIES / 4 }>(line, fingerprint)
}

/// Bit `i` is set when entry `i` of a hashed block has this fingerprint.
#[inline]
pub(crate) fn hashed_matches(line: &Line, fingerprint: u16) -> u32 {
    equal_lanes::<{ HASHED_BLOCK_ENTRIES.div_ceil(4) }>(line, fingerprint)
        & ((1 << HASHED_BLOCK_ENTRIES) - 1)
}

/// Bit `i` is set when the 16-bit lane `i` of the first `4 * WORDS` is this one; four lanes at a time
/// within one word.
#[inline]
fn equal_lanes<const WORDS: usize>(line: &Line, wanted: u16) -> u32 {
    const LOW: u64 = 0x0001_0001_0001_0001;
    const ALL_BUT_HIGH: u64 = LOW * 0x7FFF;
    // Brings the lowest bits of four lanes together, above all others.
    const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
    let wanted = LOW * u64::from(wanted);
    let (words, _) = line.as_chunks::<8>();
    let mut mask = 0;
    for (at, word) in words[..WORDS].iter().enumerate() {
        let difference = u64::from_le_bytes(*word) ^ wanted;
        // The highest bit of a lane is left where all its bits are zero.
        let equal = !(((difference & ALL_BUT_HIGH) + ALL_BUT_HIGH) | difference | ALL_BUT_HIGH);
        mask |= ((equal >> 15).wrapping_mul(GATHER) >> 48) << (4 * at);
    }
    mask as u32
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
    fn lanes_are_compared_at_once_as_one_by_one() {
        let one_by_one = |line: &Line, wanted: u16| {
            let (lanes, _) = line.as_chunks::<2>();
            lanes.iter().enumerate().fold(0, |mask, (bit, lane)| {
                mask | u32::from(u16::from_le_bytes(*lane) == wanted) << bit
            })
        };
        let mut random = 1u64;
        for _ in 0..10_000 {
            let line: Line = std::array::from_fn(|_| {
                random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                // Few values, so that lanes agree.
                [0x00, 0x7F, 0x80, 0xFF][(random >> 62) as usize]
            });
            for wanted in [0x0000, 0x7F7F, 0x8000, 0xFFFF, 0x80FF] {
                assert_eq!(equal_lanes::<8>(&line, wanted), one_by_one(&line, wanted));
            }
        }
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
