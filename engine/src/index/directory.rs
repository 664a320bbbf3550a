//! Where a search begins among keys that spread evenly: a section of its own, derived from the tree.
//!
//! The key space is cut into as many slots as there are blocks. A slot then leaves one to three blocks,
//! whose cache lines are read side by side; only where more fall into one slot is the tree walked.
//! Slots are counted, two bits each, so that the directory of a national index fits the caches: a
//! *group* of 48 slots takes 16 bytes, the block that comes first in it and the counts. What a slot
//! has above the most that can be counted is counted with the next one, which then leaves more blocks
//! than it has to.

use super::top::{KEY_BITS, Runs, last_key, walk};
use super::tree::Candidates;
use crate::error::OpenError;
use crate::map::{Table, prefetch};
use std::path::Path;

/// Indexes of fewer blocks have no directory.
const DIRECTORY_BLOCKS_MIN: u32 = 16;
/// Slots of a group.
const GROUP_SLOTS: usize = 48;
/// Words of a group: the first block, then three of counts.
const GROUP_WORDS: usize = 4;
/// Bits of a slot's count.
const COUNT_BITS: usize = 2;
/// The count of a slot that may have more blocks.
const CROWDED: u32 = (1 << COUNT_BITS) - 1;
/// Most blocks that begin in a slot of which the directory tells the candidates.
pub(super) const COUNT_MAX: u32 = CROWDED - 1;
const _: () = assert!(GROUP_SLOTS * COUNT_BITS == (GROUP_WORDS - 1) * 32);

#[derive(Debug)]
pub(super) struct Directory {
    groups: Table,
    slots: u64,
}

/// Words of the directory of so many blocks.
fn directory_words(blocks: u32) -> usize {
    if blocks < DIRECTORY_BLOCKS_MIN {
        0
    } else {
        (blocks as usize / GROUP_SLOTS + 1) * GROUP_WORDS
    }
}

/// The directory section that belongs to a tree.
pub(super) fn derive(tree: &[u8], root: u32, blocks: u32) -> Vec<u8> {
    let mut builder = DirectoryBuilder::new(blocks);
    if builder.words.is_empty() {
        return Vec::new();
    }
    let slots = u64::from(blocks);
    let lies_in_one_slot = |symbols, key| slot(key, slots) == slot(last_key(symbols, key), slots);
    walk(tree, root, (0, 0, 0), &lies_in_one_slot, &mut |visit| {
        builder.push(visit.key, visit.first);
    });
    builder.finish()
}

impl Directory {
    /// Reads a directory section into a table; `None` where the index is too small for one.
    pub(super) fn open(
        path: &Path,
        place: &str,
        section: &[u8],
        blocks: u32,
    ) -> Result<Option<Self>, OpenError> {
        let corrupt = |detail: String| Err(OpenError::corrupt(path, place, detail));
        if section.len() != directory_words(blocks) * 4 {
            return corrupt(format!("{} bytes of directory", section.len()));
        }
        if section.is_empty() {
            return Ok(None);
        }
        let (words, _) = section.as_chunks::<4>();
        // No search is led past the last block.
        let leads_outside = words.as_chunks::<GROUP_WORDS>().0.iter().any(|group| {
            let (begin, counts) = unpack(group);
            u64::from(begin) + u64::from(sum_of_pairs(counts)) > u64::from(blocks)
        });
        if leads_outside {
            return corrupt("directory leads past the last block".to_owned());
        }
        let groups = Table::copy_of(words).map_err(|error| OpenError::io(path, error))?;
        Ok(Some(Self { groups, slots: u64::from(blocks) }))
    }

    #[inline]
    fn place(&self, sort_key: u64) -> (usize, usize) {
        let slot = slot(sort_key, self.slots) as u32;
        ((slot / GROUP_SLOTS as u32) as usize, (slot % GROUP_SLOTS as u32) as usize)
    }

    #[inline]
    pub(super) fn prefetch(&self, sort_key: u64) {
        let (group, _) = self.place(sort_key);
        prefetch(self.groups.words().as_flattened(), group * GROUP_WORDS * 4);
    }

    #[inline]
    pub(super) fn candidates(&self, sort_key: u64, runs: &Runs) -> Option<Candidates> {
        let (group, at) = self.place(sort_key);
        let (begin, counts) = unpack(&self.groups.words().as_chunks::<GROUP_WORDS>().0[group]);
        let first = begin + sum_of_pairs(counts & ((1 << (at * COUNT_BITS)) - 1));
        let count = (counts >> (at * COUNT_BITS)) as u32 & CROWDED;
        if count == CROWDED {
            return None;
        }
        // The key may also lie in the block before the first that begins in its slot.
        let before = first.saturating_sub(1);
        let high = (first + count).saturating_sub(1);
        // And where that begins within a run of equal keys, in the one before it.
        let low = before.saturating_sub(u32::from(runs.contains(before)));
        let low_within_run = low < before && runs.contains(low);
        Some(Candidates { low, high, low_within_run })
    }
}

/// The slot of a key below 2⁵⁶.
#[inline]
fn slot(key: u64, slots: u64) -> usize {
    ((u128::from(key) * u128::from(slots)) >> KEY_BITS) as usize
}

/// The first block of a group, and its counts.
#[inline]
fn unpack(group: &[[u8; 4]; GROUP_WORDS]) -> (u32, u128) {
    let [begin, counts @ ..] = group.map(u32::from_le_bytes);
    (begin, counts.iter().rev().fold(0, |all, &word| all << 32 | u128::from(word)))
}

/// A directory being filled, slot after slot.
pub(crate) struct DirectoryBuilder {
    words: Vec<[u8; 4]>,
    blocks: u32,
    begun: usize,
    /// Blocks before the last slot that was begun, as far as they could be counted.
    counted: u32,
}

impl DirectoryBuilder {
    /// For an index of so many blocks.
    pub(crate) fn new(blocks: u32) -> Self {
        Self { words: vec![[0; 4]; directory_words(blocks)], blocks, begun: 0, counted: 0 }
    }

    /// Takes the separators of an index in order, each with its block.
    #[inline]
    pub(crate) fn push(&mut self, separator: u64, block: u32) {
        if self.words.is_empty() {
            return;
        }
        let slot = slot(separator, u64::from(self.blocks));
        while self.begun <= slot {
            self.begin(block);
        }
    }

    /// The directory section.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        while !self.words.is_empty() && self.begun <= self.blocks as usize {
            self.begin(self.blocks);
        }
        self.words.into_flattened()
    }

    /// The next slot, or the end of the last: `first` is the first block at or above it. Whatever a
    /// damaged tree says, no search is led past the last block.
    #[inline]
    fn begin(&mut self, first: u32) {
        let first = first.min(self.blocks);
        if let Some(slot) = self.begun.checked_sub(1) {
            let (group, at) = (slot / GROUP_SLOTS * GROUP_WORDS, slot % GROUP_SLOTS * COUNT_BITS);
            let count = first.saturating_sub(self.counted).min(CROWDED);
            let word = &mut self.words[group + 1 + at / 32];
            *word = (u32::from_le_bytes(*word) | count << (at % 32)).to_le_bytes();
            self.counted += count;
        }
        if self.begun.is_multiple_of(GROUP_SLOTS) {
            self.words[self.begun / GROUP_SLOTS * GROUP_WORDS] = first.to_le_bytes();
            self.counted = first;
        }
        self.begun += 1;
    }
}

/// The sum of the two-bit numbers of a word.
#[inline]
fn sum_of_pairs(word: u128) -> u32 {
    // Pairs to nibbles, nibbles to bytes, both halves together, bytes to one.
    let nibbles = |half: u64| (half & 0x3333_3333_3333_3333) + (half >> 2 & 0x3333_3333_3333_3333);
    let bytes = |half: u64| (half & 0x0F0F_0F0F_0F0F_0F0F) + (half >> 4 & 0x0F0F_0F0F_0F0F_0F0F);
    let both = bytes(nibbles(word as u64)) + bytes(nibbles((word >> 64) as u64));
    (both.wrapping_mul(0x0101_0101_0101_0101) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pairs_add_up(word in any::<u128>()) {
            let word = word & ((1 << (GROUP_SLOTS * COUNT_BITS)) - 1);
            let expected: u128 = (0..GROUP_SLOTS).map(|at| word >> (at * COUNT_BITS) & 3).sum();
            prop_assert_eq!(u128::from(sum_of_pairs(word)), expected);
        }
    }
}
