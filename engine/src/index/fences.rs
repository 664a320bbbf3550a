//! The separators of a large certificate-first tree, unfolded when it is opened: where keys crowd in
//! runs, a walk down the tree takes many steps; here a search takes three, each one cache line or so.
//!
//! The key space is cut into slots of 2³³ keys; of the few that have separators is kept where these
//! begin. Of the separators every sixteenth stands also among the *samples*; all this is small enough to
//! stay in the caches and in few pages. The samples lead to the sixteen separators, *fences*, among which
//! the block is found: the same as by the tree. Numbers of 16 digits only: their keys leave the lowest bit
//! alone, so that a fence takes 32 bits.

use super::top::{KEY_BITS, Visit, walk_all};
use crate::key::encode;
use crate::map::{Table, prefetch};
use std::io;

/// Key bits within a slot.
const SLOT_KEY_BITS: u32 = 33;
const SLOTS: usize = 1 << (KEY_BITS - SLOT_KEY_BITS);
/// Slots of a group: a word that counts the slots with separators before it, and two with a bit for each of
/// its own; the fourth is free.
const GROUP_SLOTS: usize = 64;
const GROUP_WORDS: usize = 4;
/// Fences for each sample.
const SAMPLED: usize = 16;
/// Trees of fewer blocks fit the caches as they are.
pub(super) const FENCED_BLOCKS_MIN: u32 = 1 << 16;

/// A key within its slot, without its lowest bit.
const fn fence(key: u64) -> u32 {
    ((key & ((1 << SLOT_KEY_BITS) - 1)) >> 1) as u32
}

/// The bits of the slots of a group.
#[inline]
fn slot_bits(&[_, low, high, _]: &[[u8; 4]; GROUP_WORDS]) -> u64 {
    u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << 32
}

#[derive(Debug)]
pub(super) struct Fences {
    groups: Table,
    /// By slot with separators: the block of the first; then the number of blocks.
    begins: Table,
    /// By block: its separator within its slot; a block without one has that of the block before.
    fences: Table,
    samples: Table,
}

/// The fences among which a key is searched for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    from: u32,
    to: u32,
    fence: u32,
}

/// Where a search ended: a block, and its entry if the numbers of the block follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) block: u32,
    pub(super) entry: u32,
}

impl Fences {
    pub(super) fn build(section: &[u8], root: u32, blocks: u32) -> io::Result<Self> {
        let mut begins = Vec::new();
        let mut groups = Table::new(SLOTS / GROUP_SLOTS * GROUP_WORDS)?;
        let mut fences = Table::new(blocks as usize)?;
        let mut samples = Table::new((blocks as usize).div_ceil(SAMPLED))?;
        {
            let (groups, _) = groups.words_mut().as_chunks_mut::<GROUP_WORDS>();
            let fences = fences.words_mut();
            // The first block has no separator: it begins at key 0.
            let (mut begun, mut filled, mut last) = (None, 0usize, 0u32);
            walk_all(section, root, &mut |Visit { key, first, .. }| {
                let slot = (key >> SLOT_KEY_BITS) as usize;
                if begun != Some(slot) {
                    begun = Some(slot);
                    begins.push(first.min(blocks).to_le_bytes());
                    let [_, bits @ .., _] = &mut groups[slot / GROUP_SLOTS];
                    let word = &mut bits[slot % GROUP_SLOTS / 32];
                    *word = (u32::from_le_bytes(*word) | 1 << (slot % 32)).to_le_bytes();
                }
                while filled < (first as usize).min(fences.len()) {
                    fences[filled] = last.to_le_bytes();
                    filled += 1;
                }
                last = fence(key);
            });
            fences[filled..].fill(last.to_le_bytes());
            let mut counted = 0u32;
            for group in groups {
                group[0] = counted.to_le_bytes();
                counted += slot_bits(group).count_ones();
            }
            begins.push(blocks.to_le_bytes());
        }
        for (sample, fence) in
            samples.words_mut().iter_mut().zip(fences.words().iter().step_by(SAMPLED))
        {
            *sample = *fence;
        }
        Ok(Self { groups, begins: Table::copy_of(&begins)?, fences, samples })
    }

    /// Whether a key is a number's, and not an escape's.
    #[inline]
    pub(super) fn tell(sort_key: u64) -> bool {
        !encode::certificate_is_escape(sort_key)
    }

    #[inline]
    pub(super) fn prefetch(&self, sort_key: u64) {
        let group = (sort_key >> SLOT_KEY_BITS) as usize / GROUP_SLOTS;
        prefetch(self.groups.words().as_flattened(), group * GROUP_WORDS * 4);
    }

    /// Reads the slot, and asks for its samples.
    #[inline]
    pub(super) fn begin(&self, sort_key: u64) -> Slot {
        let slot = (sort_key >> SLOT_KEY_BITS) as usize;
        let group = &self.groups.words().as_chunks::<GROUP_WORDS>().0[slot / GROUP_SLOTS];
        let (bits, at) = (slot_bits(group), slot % GROUP_SLOTS);
        let number = u32::from_le_bytes(group[0]) + (bits & ((1 << at) - 1)).count_ones();
        // A slot without separators begins and ends where the next one that has some begins.
        let begins = &self.begins.words()[number as usize..];
        let from = u32::from_le_bytes(begins[0]);
        let to = u32::from_le_bytes(begins[(bits >> at & 1) as usize]);
        prefetch(self.samples.words().as_flattened(), (from as usize).div_ceil(SAMPLED) * 4);
        Slot { from, to: to.max(from), fence: fence(sort_key) }
    }

    /// Reads the samples, and asks for the fences that are left.
    #[inline]
    pub(super) fn narrow(&self, Slot { mut from, mut to, fence }: Slot) -> Slot {
        if to - from > SAMPLED as u32 {
            // Samples within the slot: they stand for all fences but those before the first of them.
            let first = (from as usize).div_ceil(SAMPLED);
            let samples = &self.samples.words()[first..(to as usize).div_ceil(SAMPLED)];
            let below = samples.partition_point(|sample| u32::from_le_bytes(*sample) <= fence);
            let boundary = ((first + below) * SAMPLED) as u32;
            if below > 0 {
                from = boundary - SAMPLED as u32;
            }
            to = boundary.min(to);
        }
        prefetch(self.fences.words().as_flattened(), from as usize * 4);
        Slot { from, to, fence }
    }

    /// Reads the fences.
    #[inline]
    pub(super) fn finish(&self, search: Slot) -> Place {
        let fences = &self.fences.words()[search.from as usize..search.to as usize];
        let below: usize = fences
            .iter()
            .map(|fence| usize::from(u32::from_le_bytes(*fence) <= search.fence))
            .sum();
        let entry = match below.checked_sub(1) {
            Some(last) => search.fence - u32::from_le_bytes(fences[last]),
            None => u32::MAX,
        };
        Place { block: (search.from + below as u32).saturating_sub(1), entry }
    }
}
