//! The tree search for many keys in order: what the last search found out about a common prefix is not
//! found out again.
//!
//! Gives exactly what [`Tree::candidates`] gives: the state after a prefix depends on the prefix alone,
//! and both begin and step by the same functions.

use super::tree::{Begun, Candidates, Descent, SYMBOLS, Tree};

/// A search that remembers its way down.
pub(crate) struct Walk<'t> {
    tree: &'t Tree,
    section: &'t [u8],
    /// The last key that was searched for down the tree.
    last_key: u64,
    /// The way after so many symbols of that key, from where searches begin to `reached`.
    way: [Descent; SYMBOLS + 1],
    /// Where that search ended; 0 before the first.
    reached: usize,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(tree: &'t Tree, section: &'t [u8]) -> Self {
        let way = [Descent::default(); SYMBOLS + 1];
        Self { tree, section, last_key: 0, way, reached: 0 }
    }

    /// As [`Tree::candidates`].
    #[inline]
    pub(crate) fn candidates(&mut self, sort_key: u64) -> Candidates {
        let begun = match self.tree.begin(sort_key) {
            Begun::Found(candidates) => return candidates,
            Begun::Descending(begun) => begun,
        };
        let same = common_symbols(self.last_key, sort_key);
        self.last_key = sort_key;
        let mut at = begun.depth();
        if self.reached > 0 && same > at {
            at = same.min(self.reached);
        } else {
            self.way[at] = begun;
        }
        while self.way[at].node().is_some() {
            let mut next = self.way[at];
            next.step(self.section, sort_key);
            at += 1;
            self.way[at] = next;
        }
        self.reached = at;
        self.tree.candidate(self.way[at].block())
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
    use super::super::directory;
    use super::super::node::root_address;
    use super::super::tree::spell;
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
            let root = root_address(&section).unwrap();
            let directory = directory::derive(&section, root, blocks as u32);
            let runs = (blocks as u32, &*runs);
            let tree = Tree::verify(Path::new("-"), "-", &section, runs, &directory).unwrap();
            let mut keys: Vec<u64> =
                keys.into_iter().map(|key| key % ((blocks as u64 * 7 + 5) << shift)).collect();
            if sorted {
                keys.sort_unstable();
            }
            let mut walk = Walk::new(&tree, &section);
            for key in keys {
                let expected = tree.candidates(&section, key);
                prop_assert_eq!(walk.candidates(key), expected, "{:x}", key);
            }
        }
    }
}
