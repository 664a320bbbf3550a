//! The tree search for many keys in order: what the last search found out about a common prefix is not
//! found out again.
//!
//! Gives exactly what [`Tree::floor`] gives: the state after a prefix depends on the prefix alone, and
//! both step by the same function from the same jump table.

use super::tree::{SYMBOLS, State, Tree, advance, spell};

/// A search that remembers its way down.
pub(crate) struct Walk<'t> {
    tree: &'t Tree,
    section: &'t [u8],
    last_key: u64,
    /// States after so many symbols of the last key, from `known` to `reached`.
    states: [State; SYMBOLS + 1],
    known: usize,
    /// Where the last search ended; 0 before the first.
    reached: usize,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(tree: &'t Tree, section: &'t [u8]) -> Self {
        let states = [State::default(); SYMBOLS + 1];
        Self { tree, section, last_key: 0, states, known: 0, reached: 0 }
    }

    /// As [`Tree::floor`].
    #[inline]
    pub(crate) fn floor(&mut self, sort_key: u64) -> u32 {
        let same = common_symbols(self.last_key, sort_key);
        self.last_key = sort_key;
        let mut at = same.min(self.reached);
        if self.reached == 0 || at < self.known {
            let (state, known) = self.tree.start(sort_key);
            (self.known, at) = (known, known);
            self.states[at] = state;
        }
        if at < self.reached || self.states[at].node != 0 {
            let symbols = spell(sort_key);
            while at < SYMBOLS && self.states[at].node != 0 {
                self.states[at + 1] = advance(self.section, self.states[at], symbols[at]);
                at += 1;
            }
        }
        self.reached = at;
        self.states[at].block()
    }
}

/// How many leading symbols of two spelt keys agree.
#[inline]
fn common_symbols(a: u64, b: u64) -> usize {
    // Sort keys have 56 bits, spelt 8 + 8 + 8 × 5.
    let bits = ((a ^ b) << 8).leading_zeros() as usize;
    if a == b {
        SYMBOLS
    } else if bits < 16 {
        bits / 8
    } else {
        2 + (bits - 16) / 5
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree_builder::TreeBuilder;
    use super::*;
    use proptest::prelude::*;
    use std::path::{Path, PathBuf};

    proptest! {
        #[test]
        fn common_symbols_are_those_of_the_spelling(a in 0u64..1 << 56, low in 0u32..56, b in any::<u64>()) {
            let b = a ^ (b & ((1 << low) - 1));
            let counted = spell(a).iter().zip(spell(b)).take_while(|&(&a, b)| a == b).count();
            prop_assert_eq!(common_symbols(a, b), counted);
        }

        /// Few blocks and many, keys near each other and far apart, in order and out of it.
        #[test]
        fn a_walk_finds_what_a_search_finds(
            blocks in prop_oneof![1usize..40, 2000usize..2600],
            shift in 0u32..41,
            keys in prop::collection::vec(any::<u64>(), 1..300),
            sorted in any::<bool>(),
        ) {
            let mut tree = TreeBuilder::new(Vec::new(), PathBuf::new()).unwrap();
            for block in 0..blocks as u64 {
                tree.push((block * 7) << shift, (block * 7 + 3) << shift).unwrap();
            }
            let (section, runs) = tree.finish().unwrap();
            let tree = Tree::verify(Path::new("-"), "-", &section, blocks as u32, &runs).unwrap();
            let mut keys: Vec<u64> =
                keys.into_iter().map(|key| key % ((blocks as u64 * 7 + 5) << shift)).collect();
            if sorted {
                keys.sort_unstable();
            }
            let mut walk = Walk::new(&tree, &section);
            for key in keys {
                prop_assert_eq!(walk.floor(key), tree.floor(&section, key), "{:x}", key);
            }
        }
    }
}
