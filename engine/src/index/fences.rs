//! The separators of a large certificate-first tree, unfolded when it is opened: where keys crowd in
//! runs, a walk down the tree takes many steps; here a search takes three, each one cache line or so.
//!
//! The key space is cut into slots of 2³³ keys. A slot says where its separators begin; of these every
//! sixteenth stands also among the *samples*, few enough to stay in the caches; the samples lead to
//! the sixteen separators, *fences*, among which the block is found: the same as by the tree. Numbers
//! of 16 digits only: their keys leave the lowest bit alone, so that a fence takes 32 bits.

use super::top::{Visit, walk_all};
use crate::key::encode;
use crate::map::{Table, prefetch};
use std::io;

/// Key bits within a slot.
const SLOT_KEY_BITS: u32 = 33;
const SLOTS: usize = 1 << (56 - SLOT_KEY_BITS);
/// Fences for each sample.
const SAMPLED: usize = 16;
/// Trees of fewer blocks fit the caches as they are.
pub(super) const FENCED_BLOCKS_MIN: u32 = 1 << 16;

/// A key within its slot, without its lowest bit.
const fn fence(key: u64) -> u32 {
    ((key & ((1 << SLOT_KEY_BITS) - 1)) >> 1) as u32
}

#[derive(Debug)]
pub(super) struct Fences {
    /// By slot: the first block whose separator lies in it or above.
    slots: Table,
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
        let mut slots = Table::new(SLOTS + 1)?;
        let mut fences = Table::new(blocks as usize)?;
        let mut samples = Table::new((blocks as usize).div_ceil(SAMPLED))?;
        {
            let (slots, fences) = (slots.words_mut(), fences.words_mut());
            // The first block has no separator: it begins at key 0.
            let (mut begun, mut filled, mut last) = (1usize, 0usize, 0u32);
            walk_all(section, root, &mut |Visit { key, first, .. }| {
                let slot = (key >> SLOT_KEY_BITS) as usize;
                while begun <= slot {
                    slots[begun] = first.to_le_bytes();
                    begun += 1;
                }
                while filled < (first as usize).min(fences.len()) {
                    fences[filled] = last.to_le_bytes();
                    filled += 1;
                }
                last = fence(key);
            });
            slots[begun..].fill(blocks.to_le_bytes());
            fences[filled..].fill(last.to_le_bytes());
        }
        for (sample, fence) in
            samples.words_mut().iter_mut().zip(fences.words().iter().step_by(SAMPLED))
        {
            *sample = *fence;
        }
        Ok(Self { slots, fences, samples })
    }

    /// Whether a key is a number's, and not an escape's.
    #[inline]
    pub(super) fn tell(sort_key: u64) -> bool {
        !encode::certificate_is_escape(sort_key)
    }

    #[inline]
    pub(super) fn prefetch(&self, sort_key: u64) {
        prefetch(self.slots.words().as_flattened(), (sort_key >> SLOT_KEY_BITS) as usize * 4);
    }

    /// Reads the slot, and asks for its samples.
    #[inline]
    pub(super) fn begin(&self, sort_key: u64) -> Slot {
        let slots = &self.slots.words()[(sort_key >> SLOT_KEY_BITS) as usize..];
        let (from, to) = (u32::from_le_bytes(slots[0]), u32::from_le_bytes(slots[1]));
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
