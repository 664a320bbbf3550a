//! PtrHash, a minimal perfect hash: a record number for every pair of fields, without the pair.
//!
//! A key that is not there gets some other key's number, so that the record decides.

use super::hash::Records;
use super::input::composite;
use super::{Ask, Candidate, Input, Peer, Questions, Session, weight};
use ptr_hash::{DefaultPtrHash, PtrHashParams};
use std::path::Path;
use zhengcha_engine::Mode;
use zhengcha_engine::testing::PackedKey;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "perfect-six",
    name: "perfect hash (PtrHash) in memory, six",
    setup: "six PtrHash of 3 bits a key over 8-byte hashes of both fields, 4-byte record numbers, \
            64-byte records; no fingerprints; huge pages where the system gives them",
    batch: "streams of 32 prefetched hashes, then numbers, then records",
    remote: false,
    build,
};

/// Set in a slot that names a group of several records.
const GROUP: u32 = 1 << 31;
/// Questions in flight in a batch: their lines fit the cache.
const BATCH: usize = 256;

struct Perfect {
    records: Records,
    indexes: Vec<Index>,
}

struct Index {
    hash: DefaultPtrHash,
    /// A record number, or with [`GROUP`] a place in `groups`.
    slots: Vec<u32>,
    /// Groups of equal keys: their length, then record numbers.
    groups: Vec<u32>,
}

impl Index {
    fn build(input: &Input, mode: Mode) -> Self {
        let pairs = input.postings(|packed| composite(packed, mode));
        let groups_of = || pairs.chunk_by(|one, other| one.0 == other.0);
        let keys: Vec<u64> = groups_of().map(|group| group[0].0).collect();
        let hash = DefaultPtrHash::new(&keys, PtrHashParams::default_fast());
        let mut slots = vec![0; keys.len()];
        let mut groups = Vec::new();
        for group in groups_of() {
            slots[hash.index(&group[0].0)] = match group {
                [(_, number)] => *number,
                _ => {
                    let place = groups.len() as u32;
                    groups.push(group.len() as u32);
                    groups.extend(group.iter().map(|&(_, number)| number));
                    GROUP | place
                }
            };
        }
        Self { hash, slots, groups }
    }

    fn bytes(&self) -> u64 {
        let (pilots, remap) = self.hash.bits_per_element();
        let hash = (pilots + remap) / 8.0 * self.slots.len() as f64;
        hash as u64 + 4 * (self.slots.len() + self.groups.len()) as u64
    }

    #[inline]
    fn answer(&self, records: &Records, key: &PackedKey<'_>, slot: u32) -> u64 {
        if slot & GROUP == 0 {
            return records.answer(key, slot);
        }
        let at = (slot & !GROUP) as usize;
        let numbers = &self.groups[at + 1..][..self.groups[at] as usize];
        numbers.iter().fold(0, |sum, &number| sum.wrapping_add(records.answer(key, number)))
    }
}

fn build(input: &Input, _: &Path) -> anyhow::Result<Box<dyn Peer>> {
    anyhow::ensure!(input.len() < GROUP as usize, "record numbers take 31 bits");
    let indexes = Mode::ALL.into_iter().map(|mode| Index::build(input, mode)).collect();
    Ok(Box::new(Perfect { records: Records::new(input)?, indexes }))
}

impl Peer for Perfect {
    fn bytes(&self) -> u64 {
        self.records.bytes() + self.indexes.iter().map(Index::bytes).sum::<u64>()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(Hashes(self)))
    }
}

struct Hashes<'p>(&'p Perfect);

impl Session for Hashes<'_> {
    #[inline]
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let Perfect { records, indexes } = self.0;
        let key = ask.key();
        let index = &indexes[ask.mode as usize];
        let slot = index.slots[index.hash.index(&key.hash())];
        Ok(index.answer(records, &key, slot))
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let Perfect { records, indexes } = self.0;
        let mut by_mode = [const { Vec::new() }; 6];
        for (ordinal, ask) in questions.iter() {
            by_mode[ask.mode as usize].push((ordinal, ask.key()));
        }
        let mut digest = 0u64;
        let mut slots = Vec::with_capacity(BATCH);
        for (index, keys) in indexes.iter().zip(&by_mode) {
            for part in keys.chunks(BATCH) {
                slots.clear();
                let hashes = part.iter().map(|(_, key)| key.hash());
                // Loops without a branch between them: the processor has many loads in flight.
                index
                    .hash
                    .index_stream::<32, u64>(hashes)
                    .for_each(|place| slots.push(place as u32));
                for slot in &mut slots {
                    *slot = index.slots[*slot as usize];
                }
                for ((ordinal, key), &slot) in part.iter().zip(&slots) {
                    let answer = index.answer(records, key, slot);
                    digest = digest.wrapping_add(answer.wrapping_mul(weight(*ordinal)));
                }
            }
        }
        Ok(digest)
    }
}
