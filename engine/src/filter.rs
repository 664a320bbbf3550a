//! Filters: which composite keys may be in a segment; and which numbers in a list of holds.
//!
//! A blocked Bloom filter: one 64-byte line for a key, eight bits in it, one in each word. A delta has one over
//! the keys of all six modes; at 12 bits a key, the least there are, about one absent key in 150 passes. A
//! base has one for each mode, of 8 bits a key: one absent key in 35 passes, and the others cost one read.

use crate::error::OpenError;
use crate::map::{Table, prefetch};
use std::io;
use std::path::Path;

const LINE_BYTES: usize = 64;
const LINE_WORDS: usize = LINE_BYTES / 8;
/// Words of a [`Table`] in a line.
const LINE_NUMBERS: usize = LINE_BYTES / 4;
/// Bits of the filter of a delta for each key, at least: the number of lines is a power of two, so that a line
/// of one filter lies over whole lines of another.
const DELTA_KEY_BITS_MIN: usize = 12;
/// Bits of the filter of a base for each key.
#[cfg(feature = "build")]
const BASE_KEY_BITS: usize = 8;
/// Keys whose lines are asked for while one is added.
#[cfg(feature = "build")]
const KEYS_AHEAD: usize = 24;

/// Refuses a section that is no whole lines.
pub(crate) fn check(path: &Path, place: &str, section: &[u8]) -> Result<(), OpenError> {
    if section.is_empty() || !section.len().is_multiple_of(LINE_BYTES) {
        return Err(OpenError::corrupt(path, place, format!("{} bytes", section.len())));
    }
    Ok(())
}

/// Reads the filter section of a delta into a table: every lookup asks it, wherever in it.
pub(crate) fn open(path: &Path, section: &[u8]) -> Result<Table, OpenError> {
    check(path, "filter", section)?;
    Table::copy_of(section.as_chunks().0).map_err(|error| OpenError::io(path, error))
}

/// The line of a hash, and the bit of each of its words.
#[inline]
fn place(lines: usize, hash: u64) -> (usize, [u64; LINE_WORDS]) {
    let line = ((u128::from(hash) * lines as u128) >> 64) as usize;
    let mixed = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bits = [0u64; LINE_WORDS];
    for (index, bit) in bits.iter_mut().enumerate() {
        *bit = 1 << ((mixed >> (6 * index)) & 63);
    }
    (line, bits)
}

/// Asks for the memory that [`may_hold`] will read.
#[inline]
pub(crate) fn prefetch_line(section: &[u8], hash: u64) {
    prefetch(section, place(section.len() / LINE_BYTES, hash).0 * LINE_BYTES);
}

#[inline]
pub(crate) fn may_hold(section: &[u8], hash: u64) -> bool {
    let (lines, _) = section.as_chunks::<LINE_BYTES>();
    let (line, bits) = place(lines.len(), hash);
    let (words, _) = lines[line].as_chunks::<8>();
    // All words are looked at: which of an absent key's bits is missing first, nobody can guess.
    let missing = |(word, bit): (&[u8; 8], u64)| !u64::from_le_bytes(*word) & bit;
    words.iter().zip(bits).map(missing).fold(0, |all, missing| all | missing) == 0
}

/// One filter, as long as the longest of these, of what may be in any of them: whoever passes it has to
/// ask each, but few do.
pub(crate) fn union(filters: &[&Table]) -> io::Result<Table> {
    let all = || filters.iter().map(|filter| filter.words().as_chunks::<LINE_NUMBERS>().0);
    let count = all().map(<[_]>::len).max().unwrap_or(0);
    let mut union = Table::new(count * LINE_NUMBERS)?;
    let (lines, _) = union.words_mut().as_chunks_mut::<LINE_NUMBERS>();
    for from in all() {
        for (at, line) in lines.iter_mut().enumerate() {
            // All lines that the hashes of this one may have there; filters of earlier builds have any number.
            let same = at * from.len() / count..((at + 1) * from.len()).div_ceil(count);
            for other in &from[same] {
                for (byte, other) in line.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
                    *byte |= other;
                }
            }
        }
    }
    Ok(union)
}

/// A filter under construction.
pub(crate) struct FilterBuilder {
    lines: Vec<[u8; LINE_BYTES]>,
}

impl FilterBuilder {
    /// For so many keys of all modes, or of anything else.
    pub(crate) fn new(keys: usize) -> Self {
        let lines = (keys * DELTA_KEY_BITS_MIN).div_ceil(LINE_BYTES * 8).next_power_of_two();
        Self { lines: vec![[0; LINE_BYTES]; lines] }
    }

    /// For so many keys of one mode of a base.
    #[cfg(feature = "build")]
    pub(crate) fn of_base(keys: u64) -> Self {
        let lines = (keys as usize * BASE_KEY_BITS).div_ceil(LINE_BYTES * 8).max(1);
        Self { lines: vec![[0; LINE_BYTES]; lines] }
    }

    /// Adds a key by its hash; the order of keys does not matter.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64) {
        let (line, bits) = place(self.lines.len(), hash);
        let (words, _) = self.lines[line].as_chunks_mut::<8>();
        for (word, bit) in words.iter_mut().zip(bits) {
            *word = (u64::from_le_bytes(*word) | bit).to_le_bytes();
        }
    }

    /// Adds many keys in any order: the memory of the next ones comes in meanwhile.
    #[cfg(feature = "build")]
    pub(crate) fn add_all(&mut self, hashes: &[u64]) {
        for (at, &hash) in hashes.iter().enumerate() {
            if let Some(&ahead) = hashes.get(at + KEYS_AHEAD) {
                prefetch_line(self.lines.as_flattened(), ahead);
            }
            self.add(hash);
        }
    }

    /// The filter section.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.lines.into_flattened()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in_and_little_else() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        let mut filter = FilterBuilder::new(50_000);
        (0..50_000).for_each(|n| filter.add(hash(n)));
        let filter = filter.finish();
        assert!((0..50_000).all(|n| may_hold(&filter, hash(n))));
        let false_hits = (50_000..150_000).filter(|&n| may_hold(&filter, hash(n))).count();
        assert!(false_hits < 2_000, "{false_hits} of 100000");
        let empty = FilterBuilder::new(0).finish();
        assert!(!may_hold(&empty, 1));
    }

    #[cfg(feature = "build")]
    #[test]
    fn the_smaller_filters_of_a_base_hold_all_and_let_few_others_pass() {
        let hashes = |range: std::ops::Range<u64>| -> Vec<u64> {
            range.map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes())).collect()
        };
        let (present, absent) = (hashes(0..50_000), hashes(50_000..150_000));
        let mut filter = FilterBuilder::of_base(50_000);
        filter.add_all(&present);
        let filter = filter.finish();
        assert_eq!(filter.len(), 50_000usize.next_multiple_of(LINE_BYTES));
        assert!(present.iter().all(|&hash| may_hold(&filter, hash)));
        let passed = absent.iter().filter(|&&hash| may_hold(&filter, hash)).count();
        assert!(passed < 4_000, "{passed} of 100000");
    }

    #[test]
    fn a_union_lets_pass_what_any_of_its_filters_does() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        let ends = [0, 50_000, 50_700, 70_001, 70_001];
        let tables: Vec<Table> = ends
            .windows(2)
            .map(|ends| {
                let mut filter = FilterBuilder::new((ends[1] - ends[0]) as usize);
                (ends[0]..ends[1]).for_each(|n| filter.add(hash(n)));
                Table::copy_of(filter.finish().as_chunks().0).unwrap()
            })
            .collect();
        let union = union(&tables.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(union.words().len(), tables[0].words().len());
        let passes = |n: &u64| may_hold(union.words().as_flattened(), hash(*n));
        assert!((0..70_001).all(|n| passes(&n)));
        let false_hits = (100_000..200_000).filter(passes).count();
        assert!(false_hits < 15_000, "{false_hits} of 100000");
    }

    #[test]
    fn so_does_a_union_of_filters_of_any_length() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        let of = |lines: usize, keys: std::ops::Range<u64>| {
            let mut filter = FilterBuilder { lines: vec![[0; LINE_BYTES]; lines] };
            keys.for_each(|n| filter.add(hash(n)));
            Table::copy_of(filter.finish().as_chunks().0).unwrap()
        };
        let tables = [of(97, 0..1000), of(100, 1000..2000), of(3, 2000..2050)];
        let union = union(&tables.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(union.words().len(), 100 * LINE_NUMBERS);
        assert!((0..2050).all(|n| may_hold(union.words().as_flattened(), hash(n))));
    }
}
