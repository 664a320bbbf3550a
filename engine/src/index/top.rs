//! What is unfolded of a tree when it is opened, so that a search need not begin at the root.
//!
//! [`Top`] holds the search's state after the first symbols, for every value of these; [`Runs`] the
//! blocks that begin within a run of equal keys.

use super::node;
use super::tree::{Descent, SYMBOLS, State};
use crate::map::{Table, prefetch};
use std::io;

/// Blocks of one index: 2³² records in tens, so that the bits above are free in a table word.
pub(super) const BLOCKS_MAX: u32 = (1 << 29) - 1;

/// Trees of fewer blocks unfold one symbol, others two.
const ONE_SYMBOL_BLOCKS: u32 = 2048;

/// Key bits of the first `symbols` symbols.
pub(super) const fn symbol_bits(symbols: usize) -> u32 {
    match symbols {
        0 => 0,
        1 => 8,
        more => 16 + 5 * (more as u32 - 2),
    }
}
pub(super) const KEY_BITS: u32 = symbol_bits(SYMBOLS);
const _: () = assert!(KEY_BITS == 56);

/// One step of a walk over a tree.
pub(super) struct Visit {
    /// The symbols so far as the highest bits of a key.
    pub(super) key: u64,
    /// The node there when the walk does not go into it; 0 for a separator that has nothing below.
    pub(super) node: u32,
    /// The smallest block number at or below.
    pub(super) first: u32,
}

/// The first key that begins with so many symbols of this one.
#[cfg(feature = "build")]
pub(super) fn first_key(symbols: usize, key: u64) -> u64 {
    last_key(symbols, key) ^ last_key(symbols, 0)
}

/// The last key below a node of so many symbols and this key.
pub(super) fn last_key(symbols: usize, key: u64) -> u64 {
    key | ((1 << (KEY_BITS - symbol_bits(symbols))) - 1)
}

/// Visits, in key order, every separator on the way to nodes that are taken as a `whole`, by their
/// number of symbols and key, and these nodes.
pub(super) fn walk(
    section: &[u8],
    address: u32,
    (symbols, key, output): (usize, u64, u32),
    whole: &impl Fn(usize, u64) -> bool,
    visit: &mut impl FnMut(Visit),
) {
    let Some(here) = node::node(section, address) else { return };
    if let Some(last) = here.final_output(section) {
        visit(Visit { key, node: 0, first: output.saturating_add(last) });
    }
    if symbols == SYMBOLS {
        return; // no spelling is longer
    }
    for index in 0..here.transitions() {
        let Some((symbol, more, child)) = here.transition(section, index) else { return };
        if symbols >= 2 && symbol > 31 {
            return; // no spelling has it
        }
        let symbols = symbols + 1;
        let key = key | u64::from(symbol) << (KEY_BITS - symbol_bits(symbols));
        let first = output.saturating_add(more);
        if child == 0 || whole(symbols, key) {
            visit(Visit { key, node: child, first });
        } else {
            walk(section, child, (symbols, key, first), whole, visit);
        }
    }
}

/// Words of a slot: the first block at or above its first key, the output of the path to its node, the
/// node.
const SLOT_WORDS: usize = 3;

/// States after the first symbols.
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
        let mut slots = Table::new(SLOT_WORDS * (count + 1))?;
        {
            let words = slots.words_mut();
            let mut begun = 0usize;
            walk(section, root, (0, 0, 0), &|depth, _| depth == symbols, &mut |visit| {
                let slot = (visit.key >> shift) as usize;
                while begun <= slot {
                    words[SLOT_WORDS * begun] = visit.first.to_le_bytes();
                    begun += 1;
                }
                if visit.node != 0 {
                    // Of separators that end before the node there may be blocks in between.
                    words[SLOT_WORDS * slot + 1] = visit.first.to_le_bytes();
                    words[SLOT_WORDS * slot + 2] = visit.node.to_le_bytes();
                }
            });
            for slot in words[SLOT_WORDS * begun..].chunks_exact_mut(SLOT_WORDS) {
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
        prefetch(words.as_flattened(), self.slot(sort_key) * SLOT_WORDS * 4);
    }

    #[inline]
    pub(super) fn descent(&self, sort_key: u64) -> Descent {
        let words = &self.slots.words()[SLOT_WORDS * self.slot(sort_key)..];
        let word = |at: usize| u32::from_le_bytes(words[at]);
        let state = State { node: word(2), output: word(1), above: word(SLOT_WORDS) };
        Descent::at(state, self.symbols as u8)
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
