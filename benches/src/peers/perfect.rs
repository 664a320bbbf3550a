//! PHast, a minimal perfect hash: a record number for every pair of fields, without the pair.
//!
//! A key that is not there gets some other key's number, so that the record decides.

use super::hash::{Records, spread};
use super::input::composite;
use super::{Ask, Candidate, Input, Peer, Questions, Session, weight};
use ph::phast::{
    DefaultCompressedArray, Function2, Params, ShiftOnlyWrapped, bits_per_seed_to_100_bucket_size,
};
use ph::seeds::Bits8;
use ph::{BuildSeededHasher, GetSize};
use std::hash::Hasher;
use std::hint::black_box;
use std::path::Path;
use zhengcha_engine::Mode;
use zhengcha_engine::testing::PackedKey;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "perfect-six",
    name: "perfect hash, six",
    setup: "in memory; six PHast+ (crate ph) of 2 bits a key over 8-byte hashes of both fields, 4-byte record \
            numbers, 64-byte records; no fingerprints; huge pages where the system gives them",
    batch: "by mode, 256 at a time: all hashes, then all numbers, then all records",
    remote: false,
    build,
};

/// Set in a slot that names a group of several records.
const GROUP: u32 = 1 << 31;
/// Questions in flight in a batch: their lines fit the cache.
const BATCH: usize = 256;

/// Keys are hashes already: the first level takes them as they are, the others mix in their seed.
#[derive(Clone, Copy, Default)]
struct Kept(u64);

impl BuildSeededHasher for Kept {
    type Hasher = Self;

    #[inline]
    fn build_hasher(&self, seed: u64) -> Self {
        Self(seed)
    }
}

impl Hasher for Kept {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = if self.0 == 0 {
            word
        } else {
            spread(word ^ self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        };
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

struct Perfect {
    records: Records,
    indexes: Vec<Index>,
}

struct Index {
    hash: Function2<Bits8, ShiftOnlyWrapped, DefaultCompressedArray, Kept>,
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
        let params = Params::new(Bits8, bits_per_seed_to_100_bucket_size(8));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let hash = Function2::with_slice_p_threads_hash_sc(
            &keys,
            &params,
            threads,
            Kept::default(),
            ShiftOnlyWrapped,
        );
        let mut slots = vec![0; keys.len()];
        let mut groups = Vec::new();
        for group in groups_of() {
            slots[hash.get(&group[0].0)] = match group {
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
        (self.hash.size_bytes() + 4 * (self.slots.len() + self.groups.len())) as u64
    }

    /// The slot at the place of a hash.
    #[inline]
    fn slot(&self, place: usize) -> u32 {
        // A key that is not there may get a place past the end.
        self.slots[if place < self.slots.len() { place } else { 0 }]
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
        let slot = index.slot(index.hash.get(&key.hash()));
        Ok(index.answer(records, &key, slot))
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let Perfect { records, indexes } = self.0;
        let mut by_mode = [const { Vec::new() }; 6];
        for (ordinal, ask) in questions.iter() {
            by_mode[ask.mode as usize].push((ordinal, ask.key()));
        }
        let mut digest = 0u64;
        let (mut places, mut slots) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for (index, keys) in indexes.iter().zip(&by_mode) {
            for part in keys.chunks(BATCH) {
                // Loops with few branches between them: the processor has many loads in flight.
                places.clear();
                places.extend(part.iter().map(|(_, key)| index.hash.get(&key.hash())));
                slots.clear();
                slots.extend(places.iter().map(|&place| index.slot(place)));
                black_box(slots.iter().fold(0, |all, &slot| all ^ records.touch(slot & !GROUP)));
                for ((ordinal, key), &slot) in part.iter().zip(&slots) {
                    let answer = index.answer(records, key, slot);
                    digest = digest.wrapping_add(answer.wrapping_mul(weight(*ordinal)));
                }
            }
        }
        Ok(digest)
    }
}
