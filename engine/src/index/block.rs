//! Blocks of index entries, one cache line each.
//!
//! 13 words of 31 bits, then 13 bytes. A byte is the lowest of the key's hash; a word is the record number
//! and, in the bits above that no record number of the segment needs, the [`tag`]: more of the hash.
//! Unused entries at the end of the last block have all bits of the word set.

use crate::format::{HASHED_BLOCK_ENTRIES, HASHED_WORD_BITS, INDEX_BLOCK_BYTES};

const WORD_MASK: u32 = (1 << HASHED_WORD_BITS) - 1;
/// Where the bytes of a hashed block begin.
const HASHED_BYTES_AT: usize = INDEX_BLOCK_BYTES - HASHED_BLOCK_ENTRIES;
const _: () = assert!(HASHED_BLOCK_ENTRIES * HASHED_WORD_BITS <= HASHED_BYTES_AT * 8);
/// Eight bytes from where a word begins lie in the block, and hold it.
const _: () = assert!((HASHED_BLOCK_ENTRIES - 1) * HASHED_WORD_BITS / 8 + 8 <= INDEX_BLOCK_BYTES);
/// The bytes lie in the last 16.
const _: () = assert!(HASHED_BLOCK_ENTRIES <= 16);

/// One block.
pub(crate) type Line = [u8; INDEX_BLOCK_BYTES];

/// Block `number` of a blocks section.
#[inline]
pub(crate) fn line(section: &[u8], number: u32) -> &Line {
    let (lines, _) = section.as_chunks::<INDEX_BLOCK_BYTES>();
    &lines[number as usize]
}

/// Bit `i` is set when entry `i` of a hashed block has the lowest byte of this hash.
#[inline]
pub(crate) fn hashed_matches(line: &Line, hash: u64) -> u32 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    // Brings the lowest bits of eight lanes together, above all others.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    const LAST: usize = INDEX_BLOCK_BYTES / 8 - 1;
    let wanted = LOW * (hash & 0xFF);
    let (words, _) = line.as_chunks::<8>();
    let lanes = |at: usize| {
        let equal = zero_lanes(u64::from_le_bytes(words[at]) ^ wanted, LOW * 0x7F);
        (equal >> 7).wrapping_mul(GATHER) >> 56
    };
    (lanes(LAST) << 8 | lanes(LAST - 1)) as u32 >> (16 - HASHED_BLOCK_ENTRIES)
}

/// The highest bit of each lane that is zero; `all_but_high` are the other bits of all lanes.
#[inline]
fn zero_lanes(word: u64, all_but_high: u64) -> u64 {
    // The highest bit of a lane is left where all its bits are zero.
    !(((word & all_but_high) + all_but_high) | word | all_but_high)
}

/// Bits of the record numbers of a segment, of which the highest stands for no record.
#[inline]
pub(crate) fn number_bits(records: u64) -> u32 {
    u64::BITS - records.leading_zeros()
}

/// The bits of a hash that stand above record numbers of so many bits.
#[inline]
pub(crate) fn tag(hash: u64, number_bits: u32) -> u32 {
    ((hash >> 8) as u32) << number_bits & WORD_MASK
}

/// The record number of an entry of a hashed block, if it has this tag; else a number that no record
/// of the segment has, as of an unused entry.
#[inline]
pub(crate) fn hashed_record(line: &Line, entry: usize, tag: u32) -> u32 {
    hashed_word(line, entry) ^ tag
}

/// The record number of an entry of a hashed block, whatever its tag; `None` of an unused one.
#[inline]
pub(crate) fn any_hashed_record(line: &Line, entry: usize, number_bits: u32) -> Option<u32> {
    let word = hashed_word(line, entry);
    (word != WORD_MASK).then_some(word & ((1 << number_bits) - 1))
}

#[inline]
fn hashed_word(line: &Line, entry: usize) -> u32 {
    let bit = entry * HASHED_WORD_BITS;
    let bytes = line[bit / 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (bytes >> (bit % 8)) as u32 & WORD_MASK
}

/// A hashed block of these hashes with their records, at most 13, in a segment with record numbers of
/// so many bits.
#[cfg(feature = "build")]
pub(crate) fn hashed_line(entries: &[(u64, u32)], number_bits: u32) -> Line {
    let mut line = [0; INDEX_BLOCK_BYTES];
    for entry in 0..HASHED_BLOCK_ENTRIES {
        let (byte, word) = entries.get(entry).map_or((0, WORD_MASK), |&(hash, record)| {
            (hash as u8, record | tag(hash, number_bits))
        });
        line[HASHED_BYTES_AT + entry] = byte;
        let bit = entry * HASHED_WORD_BITS;
        let shifted = (u64::from(word) << (bit % 8)).to_le_bytes();
        for (place, byte) in line[bit / 8..].iter_mut().zip(shifted) {
            *place |= byte;
        }
    }
    line
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;
    use crate::format::SEGMENT_RECORDS_MAX;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hashed_round_trip(
            records in 1..=SEGMENT_RECORDS_MAX,
            entries in prop::collection::vec(any::<(u64, u64)>(), 0..=HASHED_BLOCK_ENTRIES),
        ) {
            let bits = number_bits(records);
            let entries: Vec<(u64, u32)> =
                entries.into_iter().map(|(hash, number)| (hash, (number % records) as u32)).collect();
            let line = hashed_line(&entries, bits);
            for (at, &(hash, record)) in entries.iter().enumerate() {
                prop_assert_eq!(any_hashed_record(&line, at, bits), Some(record));
                let expected = entries.iter().rev().fold(0, |mask, other| {
                    mask << 1 | u32::from(other.0 as u8 == hash as u8)
                });
                let used = (1 << entries.len()) - 1;
                prop_assert_eq!(hashed_matches(&line, hash) & used, expected);
                for &(other, number) in &entries {
                    let found = u64::from(hashed_record(&line, at, tag(other, bits)));
                    if tag(other, bits) == tag(hash, bits) {
                        prop_assert_eq!(found, u64::from(record));
                    } else {
                        prop_assert!(found >= records, "{number} by another tag");
                    }
                }
            }
            for at in entries.len()..HASHED_BLOCK_ENTRIES {
                prop_assert_eq!(any_hashed_record(&line, at, bits), None);
                for tag in [0, tag(u64::MAX, bits), tag(0x5A5A_5A5A_5A5A, bits)] {
                    prop_assert!(u64::from(hashed_record(&line, at, tag)) >= records);
                }
            }
        }

        #[test]
        fn lanes_are_compared_at_once_as_one_by_one(choices in any::<[u8; 64]>()) {
            // Few values, so that lanes agree.
            let line: Line = choices.map(|choice| [0x00, 0x7F, 0x80, 0xFF][usize::from(choice) % 4]);
            for wanted in [0x00u8, 0x7F, 0x80, 0xFF] {
                let equal = line[HASHED_BYTES_AT..].iter().enumerate();
                let one_by_one = equal.fold(0u32, |mask, (bit, &byte)| {
                    mask | u32::from(byte == wanted) << bit
                });
                prop_assert_eq!(hashed_matches(&line, u64::from(wanted)), one_by_one);
            }
        }
    }
}
