//! Six composite-key indexes.
//!
//! The certificate-first modes share one, of [`stretches`]: an FST from the first of consecutive numbers to
//! its record tells where the records of a number lie. Each of the others is *hashed*: an FST over block
//! separators, cache-line blocks of entries beside it. A key is reduced to a 56-bit *sort key*, the highest
//! bits of its hash; the tree finds the last block that may hold it, and the block's line tells which entries
//! have more bits of the hash. Equal sort keys may run over several blocks: the numbers of blocks that begin
//! inside such a run stand in a list, and a search reads backwards through them.
//!
//! Whether a key is there at all a filter tells first (`crate::filter`), one for each mode of a base.

pub(crate) mod block;
pub(crate) mod directory;
mod node;
pub(crate) mod stretches;
mod top;
pub(crate) mod tree;
#[cfg(feature = "build")]
pub(crate) mod tree_builder;
#[cfg(feature = "build")]
pub(crate) mod walk;

use crate::key::Mode;
use crate::key::encode::{self, PairWords};

/// What an index is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Where in the index: the packed certificate number, or the highest bits of the hash.
    pub(crate) sort_key: u64,
    /// Its lowest bits tell which entries there; filters take all of it.
    pub(crate) hash: u64,
}

impl Probe {
    /// The probe for two packed fields.
    #[inline]
    pub(crate) fn new(mode: Mode, words: PairWords) -> Self {
        let hash = encode::pair_hash(mode, words);
        let sort_key = match mode {
            Mode::IC => words.second[0],
            Mode::CT | Mode::CN => words.first,
            Mode::IT | Mode::IN | Mode::TN => hash >> 8,
        };
        Self { sort_key, hash }
    }
}
