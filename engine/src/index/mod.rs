//! One composite-key index: an FST over block separators, cache-line blocks of entries beside it.
//!
//! A key is reduced to a 56-bit *sort key* and a *fingerprint*, low bits of its hash. The tree finds the
//! last block that may hold the sort key; the block's line tells which entries carry the fingerprint.
//! Equal sort keys may run over several blocks: the numbers of blocks that begin inside such a run stand
//! in a list, and a search reads backwards through them. The certificate-first modes divide the same
//! records in the same way and share one tree.

pub(crate) mod block;
pub(crate) mod directory;
mod fences;
mod node;
mod top;
pub(crate) mod tree;
#[cfg(feature = "build")]
pub(crate) mod tree_builder;
#[cfg(feature = "build")]
pub(crate) mod walk;

use crate::format::{HASHED_BLOCK_ENTRIES, ORDERED_BLOCK_ENTRIES};
use crate::key::Mode;
use crate::key::encode::{self, PairWords};

/// What an index is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Where in the index.
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

/// Entries of one block of this mode's index.
pub(crate) fn block_entries(mode: Mode) -> usize {
    if mode.is_certificate_first() { ORDERED_BLOCK_ENTRIES } else { HASHED_BLOCK_ENTRIES }
}
