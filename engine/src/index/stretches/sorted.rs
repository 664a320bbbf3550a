//! All stretches in order, found in a few steps whatever the numbers are.
//!
//! The space of numbers is cut into slots; of the few that have stretches is kept where these begin. Every
//! eighth stretch stands also among the *samples*, which lead to a cache line of eight stretches.

use super::{NUMBER_BITS, Place, SLOT_BITS, Stretch};
use crate::map::Table;
use std::io;

const SLOTS: usize = 1 << (NUMBER_BITS - SLOT_BITS);
/// Slots of a group: a word that counts the slots with stretches before it, and two with a bit for each of
/// its own; the fourth is free.
const GROUP_SLOTS: usize = 64;
const GROUP_WORDS: usize = 4;
/// Stretches of a cache line, and for each sample.
const LINE_STRETCHES: usize = 8;
/// Words of a stretch: its first number within the slot; its first record, and the mark above it.
const STRETCH_WORDS: usize = 2;

/// The bits of the slots of a group.
fn slot_bits(&[_, low, high, _]: &[[u8; 4]; GROUP_WORDS]) -> u64 {
    u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << 32
}

#[derive(Debug)]
pub(super) struct Sorted {
    groups: Table,
    /// By slot with stretches: the first of them; then the number of stretches.
    begins: Table,
    stretches: Table,
    samples: Table,
}

impl Sorted {
    pub(super) fn build(from: &[Stretch]) -> io::Result<Self> {
        let mut groups = Table::new(SLOTS / GROUP_SLOTS * GROUP_WORDS)?;
        let mut stretches = Table::new(from.len() * STRETCH_WORDS)?;
        let mut samples = Table::new(from.len().div_ceil(LINE_STRETCHES))?;
        let mut begins = Vec::new();
        {
            let (groups, _) = groups.words_mut().as_chunks_mut::<GROUP_WORDS>();
            let (pairs, _) = stretches.words_mut().as_chunks_mut::<STRETCH_WORDS>();
            let samples = samples.words_mut();
            let mut begun = None;
            for ((at, stretch), pair) in (0u32..).zip(from).zip(pairs) {
                let slot = (stretch.number >> SLOT_BITS) as usize;
                if begun != Some(slot) {
                    begun = Some(slot);
                    begins.push(at.to_le_bytes());
                    let [_, bits @ .., _] = &mut groups[slot / GROUP_SLOTS];
                    let word = &mut bits[slot % GROUP_SLOTS / 32];
                    *word = (u32::from_le_bytes(*word) | 1 << (slot % 32)).to_le_bytes();
                }
                *pair = [(stretch.number as u32).to_le_bytes(), stretch.marked.to_le_bytes()];
                if (at as usize).is_multiple_of(LINE_STRETCHES) {
                    samples[at as usize / LINE_STRETCHES] = pair[0];
                }
            }
            let mut counted = 0u32;
            for group in groups {
                group[0] = counted.to_le_bytes();
                counted += slot_bits(group).count_ones();
            }
        }
        begins.push((from.len() as u32).to_le_bytes());
        Ok(Self { groups, begins: Table::copy_of(&begins)?, stretches, samples })
    }

    /// Where the records of a number lie; `None` where no stretch can hold it.
    #[cold]
    pub(super) fn find(&self, number: u64) -> Option<Place> {
        let (slot, low) = ((number >> SLOT_BITS) as usize, number as u32);
        let group = &self.groups.words().as_chunks::<GROUP_WORDS>().0[slot / GROUP_SLOTS];
        let (bits, at) = (slot_bits(group), slot % GROUP_SLOTS);
        if bits >> at & 1 == 0 {
            return None;
        }
        let counted = u32::from_le_bytes(group[0]) + (bits & ((1 << at) - 1)).count_ones();
        let word = |words: &[[u8; 4]], at: usize| u32::from_le_bytes(words[at]) as usize;
        let begins = self.begins.words();
        let mut from = word(begins, counted as usize);
        let mut to = word(begins, counted as usize + 1);
        if to - from > LINE_STRETCHES {
            // Samples within the slot: they stand for all stretches but those before the first of them.
            let first = from.div_ceil(LINE_STRETCHES);
            let samples = &self.samples.words()[first..to.div_ceil(LINE_STRETCHES)];
            let below = samples.partition_point(|sample| u32::from_le_bytes(*sample) <= low);
            let border = (first + below) * LINE_STRETCHES;
            if below > 0 {
                from = border - LINE_STRETCHES;
            }
            to = border.min(to);
        }
        let pairs = &self.stretches.words().as_chunks::<STRETCH_WORDS>().0[from..to];
        let below = pairs.partition_point(|[first, _]| u32::from_le_bytes(*first) <= low);
        let [first, marked] = pairs[below.checked_sub(1)?].map(u32::from_le_bytes);
        Place::within(marked, low - first)
    }
}
