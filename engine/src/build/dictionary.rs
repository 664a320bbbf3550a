//! Dictionaries under construction: pairs of texts numbered in order of first appearance.

use crate::archive::{Pair, archive};
use crate::error::BuildError;
use hashbrown::HashTable;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Bytes one dictionary may take: well below the reach of an archive's 32-bit pointers.
const DICTIONARY_BYTES_MAX: u64 = 1 << 30;

#[derive(Default)]
pub(crate) struct Dictionary {
    numbers: HashTable<u32>,
    pairs: Vec<Pair>,
    bytes: u64,
    /// Given out last: rows that follow each other often share it.
    last: u32,
}

impl Dictionary {
    /// The number of this pair, a new one at its first appearance.
    pub(crate) fn intern(&mut self, first: &str, second: &str) -> Result<u32, BuildError> {
        let is_here = |number: u32| {
            let pair = self.pairs.get(number as usize);
            pair.is_some_and(|pair| pair.first == first && pair.second == second)
        };
        if is_here(self.last) {
            return Ok(self.last);
        }
        let hash = hash(first, second);
        if let Some(&number) = self.numbers.find(hash, |&number| is_here(number)) {
            self.last = number;
            return Ok(number);
        }
        self.bytes += (first.len() + second.len() + size_of::<Pair>()) as u64;
        if self.bytes > DICTIONARY_BYTES_MAX {
            return Err(BuildError::LimitExceeded {
                what: "bytes of different occupations or bodies",
                found: self.bytes,
                limit: DICTIONARY_BYTES_MAX,
            });
        }
        let number = self.pairs.len() as u32;
        self.pairs.push(Pair { first: first.to_owned(), second: second.to_owned() });
        let pairs = &self.pairs;
        self.numbers.insert_unique(hash, number, |&number| {
            let pair = &pairs[number as usize];
            self::hash(&pair.first, &pair.second)
        });
        self.last = number;
        Ok(number)
    }

    pub(crate) fn get(&self, index: u32) -> (&str, &str) {
        self.pairs.get(index as usize).map_or(("", ""), |pair| (&pair.first, &pair.second))
    }

    pub(super) fn len(&self) -> u32 {
        self.pairs.len() as u32
    }

    /// Bytes of all texts and what goes with them.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The dictionary section.
    pub(crate) fn archive(&self) -> Result<rkyv::util::AlignedVec, BuildError> {
        archive(&self.pairs)
    }
}

fn hash(first: &str, second: &str) -> u64 {
    xxh3_64_with_seed(second.as_bytes(), xxh3_64(first.as_bytes()))
}
