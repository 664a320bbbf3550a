//! What is unfolded of a tree when it is opened, so that a search need not begin at the root.
//!
//! [`Top`] holds the search's state after the first symbols, for every value of these. [`Directory`],
//! for keys that spread evenly, cuts the key space into about as many slots as there are blocks and
//! notes which block comes first in each: a slot then leaves one to three blocks, whose cache lines
//! are read side by side, and the tree is only walked where more fall into one slot.

use super::node;
use super::tree::{Candidates, Descent, SYMBOLS, State};
use crate::map::{Table, prefetch};
use std::io;

/// Blocks of one index: 2³² records in tens, so that the bits above are free in a table word.
pub(super) const BLOCKS_MAX: u32 = (1 << FIRST_BITS) - 1;
const FIRST_BITS: u32 = 29;

/// Indexes of fewer blocks have no directory.
pub(super) const DIRECTORY_BLOCKS_MIN: u32 = 16;
/// Key bits a directory may tell apart: what four symbols spell.
const DIRECTORY_BITS_MAX: u32 = 26;
/// A directory answers as long as it leaves at most this many blocks.
const CANDIDATES_MAX: u32 = 4;

/// Trees of fewer blocks unfold one symbol, others two.
const ONE_SYMBOL_BLOCKS: u32 = 2048;

/// Key bits of the first `symbols` symbols.
const fn symbol_bits(symbols: usize) -> u32 {
    match symbols {
        0 => 0,
        1 => 8,
        more => 16 + 5 * (more as u32 - 2),
    }
}
const KEY_BITS: u32 = symbol_bits(SYMBOLS);
const _: () = assert!(KEY_BITS == 56);

/// One step of a walk over the top of a tree.
pub(super) struct Visit {
    /// The symbols so far as the highest bits of a key.
    pub(super) key: u64,
    /// The node there when it lies at the depth asked for; 0 for a separator that ends earlier or
    /// has nothing below.
    pub(super) node: u32,
    /// The smallest block number at or below.
    pub(super) first: u32,
}

/// Visits every separator in key order.
pub(super) fn walk_all(section: &[u8], root: u32, visit: &mut impl FnMut(Visit)) {
    walk(section, root, (0, 0), (0, SYMBOLS + 1), visit);
}

/// Visits, in key order, every separator and every node at `depth` symbols that lies under a node.
fn walk(
    section: &[u8],
    address: u32,
    (key, output): (u64, u32),
    (level, depth): (usize, usize),
    visit: &mut impl FnMut(Visit),
) {
    let Some(here) = node::node(section, address) else { return };
    if let Some(last) = here.final_output(section) {
        visit(Visit { key, node: 0, first: output.saturating_add(last) });
    }
    for index in 0..here.transitions() {
        let Some((symbol, more, child)) = here.transition(section, index) else { return };
        if level >= 2 && symbol > 31 {
            return; // no spelling has it
        }
        let key = key | u64::from(symbol) << (KEY_BITS - symbol_bits(level + 1));
        let first = output.saturating_add(more);
        if level + 1 == depth || child == 0 {
            visit(Visit { key, node: child, first });
        } else {
            walk(section, child, (key, first), (level + 1, depth), visit);
        }
    }
}

/// States after the first symbols. Two words a slot: the first block at or above the slot's first key
/// (29 bits; above them how many separators end before the node), and the node.
#[derive(Debug)]
pub(super) struct Top {
    slots: Table,
    symbols: usize,
}

impl Top {
    /// How many symbols to unfold.
    pub(super) fn symbols(blocks: u32) -> usize {
        if blocks < ONE_SYMBOL_BLOCKS { 1 } else { 2 }
    }

    pub(super) fn build(
        section: &[u8],
        root: u32,
        blocks: u32,
        symbols: usize,
    ) -> io::Result<Self> {
        let count = 1usize << symbol_bits(symbols);
        let shift = KEY_BITS - symbol_bits(symbols);
        let mut slots = Table::new(2 * (count + 1))?;
        {
            let words = slots.words_mut();
            let mut begun = 0usize;
            walk(section, root, (0, 0), (0, symbols), &mut |visit| {
                let slot = (visit.key >> shift) as usize;
                while begun <= slot {
                    words[2 * begun] = visit.first.to_le_bytes();
                    begun += 1;
                }
                if visit.node != 0 {
                    let first = u32::from_le_bytes(words[2 * slot]);
                    let before = visit.first.wrapping_sub(first);
                    words[2 * slot] = (first | before << FIRST_BITS).to_le_bytes();
                    words[2 * slot + 1] = visit.node.to_le_bytes();
                }
            });
            for slot in words[2 * begun..].chunks_exact_mut(2) {
                slot[0] = blocks.to_le_bytes();
            }
        }
        Ok(Self { slots, symbols })
    }

    #[inline]
    fn slot(&self, sort_key: u64) -> usize {
        (sort_key >> (KEY_BITS - symbol_bits(self.symbols))) as usize
    }

    #[inline]
    pub(super) fn prefetch(&self, sort_key: u64) {
        let words = self.slots.words();
        prefetch(words.as_flattened(), self.slot(sort_key) * 8);
    }

    #[inline]
    pub(super) fn descent(&self, sort_key: u64) -> Descent {
        let words = &self.slots.words()[2 * self.slot(sort_key)..];
        let word = |at: usize| u32::from_le_bytes(words[at]);
        let first = word(0) & BLOCKS_MAX;
        let output = first + (word(0) >> FIRST_BITS);
        let state = State { node: word(1), output, above: word(2) & BLOCKS_MAX };
        Descent::at(state, self.symbols as u8)
    }
}

/// The first block of every slot of evenly spread keys, and in the bit above its number whether the
/// block before begins within a run of equal keys.
#[derive(Debug)]
pub(super) struct Directory {
    firsts: Table,
    shift: u32,
}

impl Directory {
    pub(super) fn build(section: &[u8], root: u32, blocks: u32, runs: &Runs) -> io::Result<Self> {
        let bits = blocks.ilog2().min(DIRECTORY_BITS_MAX);
        let depth = (1..SYMBOLS).find(|&depth| symbol_bits(depth) >= bits).unwrap_or(SYMBOLS);
        let shift = KEY_BITS - bits;
        let word = |first: u32| {
            let within = runs.contains(first.saturating_sub(1));
            (first | u32::from(within) << FIRST_BITS).to_le_bytes()
        };
        let mut firsts = Table::new((1usize << bits) + 1)?;
        {
            let words = firsts.words_mut();
            let mut begun = 0usize;
            walk(section, root, (0, 0), (0, depth), &mut |visit| {
                let slot = (visit.key >> shift) as usize;
                while begun <= slot {
                    words[begun] = word(visit.first);
                    begun += 1;
                }
            });
            words[begun..].fill(word(blocks));
        }
        Ok(Self { firsts, shift })
    }

    #[inline]
    pub(super) fn prefetch(&self, sort_key: u64) {
        prefetch(self.firsts.words().as_flattened(), (sort_key >> self.shift) as usize * 4);
    }

    #[inline]
    pub(super) fn candidates(&self, sort_key: u64) -> Option<Candidates> {
        let words = &self.firsts.words()[(sort_key >> self.shift) as usize..];
        let first = u32::from_le_bytes(words[0]);
        let low = (first & BLOCKS_MAX).saturating_sub(1);
        let high = (u32::from_le_bytes(words[1]) & BLOCKS_MAX).saturating_sub(1);
        let low_within_run = first > BLOCKS_MAX;
        let few = high.wrapping_sub(low) < CANDIDATES_MAX;
        few.then_some(Candidates { low, high, low_within_run, likely_entry: u32::MAX })
    }
}

/// The blocks that begin within a run of equal keys: a bit for each block, nothing when there are none.
#[derive(Debug, Default)]
pub(super) struct Runs {
    bits: Box<[u64]>,
}

impl Runs {
    /// From a runs section; numbers past the end count for nothing.
    pub(super) fn new(section: &[u8], blocks: u32) -> Self {
        if section.is_empty() {
            return Self::default();
        }
        let mut bits = vec![0u64; blocks as usize / 64 + 1].into_boxed_slice();
        for word in section.as_chunks::<4>().0 {
            let block = u32::from_le_bytes(*word);
            if let Some(word) = bits.get_mut(block as usize / 64) {
                *word |= 1 << (block % 64);
            }
        }
        Self { bits }
    }

    #[inline]
    pub(super) fn contains(&self, block: u32) -> bool {
        self.bits.get(block as usize / 64).is_some_and(|word| word >> (block % 64) & 1 == 1)
    }
}
