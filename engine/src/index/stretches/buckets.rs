//! The stretches of nearly all numbers, one cache line each.
//!
//! Numbers are cut into *chunks* of 65,536; the stretches of a chunk, and the rest of one that began before
//! it, stand in the bucket to which the chunk hashes. An entry has, from the highest bits on, a tag of the
//! chunk, its first number within the chunk, and record and mark; so the entry wanted is the largest not above
//! tag and number. A bucket that would hold more than eight, or two chunks of one tag, tells nothing.

use super::{Place, REPEATED, Stretch};
use crate::format::INDEX_BLOCK_BYTES;
use crate::map::{Table, prefetch};
use std::io;

const CHUNK_BITS: u32 = 16;
const TAG_BITS: u32 = 16;
/// Entries of a bucket by the mean, of eight it has room for.
const ENTRIES_MEAN: usize = 4;
/// The first entry of a bucket that tells nothing: no record has this number.
const CROWDED: u64 = u64::MAX;
/// Numbers from here on stand for texts: each is a stretch, and they are rarely asked for.
const ESCAPES: u64 = 1 << 54;
/// Entries whose buckets are asked for together.
const ENTRIES_AHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Buckets {
    entries: Table,
    buckets: usize,
}

/// What a bucket tells.
pub(super) enum Told {
    Place(Option<Place>),
    /// Others have to be asked.
    Nothing,
}

/// Where a chunk belongs: its bucket, of so many, and its tag.
#[inline]
fn bucket_and_tag(number: u64, buckets: usize) -> (usize, u64) {
    let mut hash = (number >> CHUNK_BITS).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ hash >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let bucket = ((u128::from(hash) * buckets as u128) >> 64) as usize;
    // Never zero, as in an entry that is free.
    (bucket, hash & ((1 << TAG_BITS) - 1) | 1 << (TAG_BITS - 1))
}

/// The upper half of the entry of a number.
#[inline]
fn upper(number: u64, tag: u64) -> u64 {
    tag << CHUNK_BITS | number & ((1 << CHUNK_BITS) - 1)
}

/// An entry on its way to its bucket.
struct Pending {
    bucket: usize,
    entry: u64,
    /// Whether no entry of the chunk came before.
    begins_chunk: bool,
}

impl Buckets {
    /// Of stretches in order, the last of which ends with the last of so many records.
    pub(super) fn build(stretches: &[Stretch], records: u32) -> io::Result<Self> {
        let digits = stretches.partition_point(|stretch| stretch.number < ESCAPES);
        let buckets = digits.div_ceil(ENTRIES_MEAN).max(1);
        let mut this = Self { entries: Table::new(buckets * INDEX_BLOCK_BYTES / 4)?, buckets };
        let mut pending = Vec::with_capacity(ENTRIES_AHEAD);
        let mut chunk = None;
        for (at, stretch) in stretches[..digits].iter().enumerate() {
            let Stretch { mut number, mut marked } = *stretch;
            let next = stretches.get(at + 1).map_or(records, |next| next.marked & !REPEATED);
            let mut left = next - (marked & !REPEATED);
            loop {
                let (bucket, tag) = bucket_and_tag(number, buckets);
                let entry = upper(number, tag) << 32 | u64::from(marked);
                let begins_chunk = chunk.replace(number >> CHUNK_BITS) != chunk;
                pending.push(Pending { bucket, entry, begins_chunk });
                prefetch(this.entries.words().as_flattened(), bucket * INDEX_BLOCK_BYTES);
                if pending.len() == ENTRIES_AHEAD {
                    pending.drain(..).for_each(|it| this.put(&it));
                }
                // The rest of the stretch, in the next chunk.
                let here = (1 << CHUNK_BITS) - (number as u32 & ((1 << CHUNK_BITS) - 1));
                if marked & REPEATED != 0 || left <= here {
                    break;
                }
                number += u64::from(here);
                marked += here;
                left -= here;
            }
        }
        pending.iter().for_each(|it| this.put(it));
        Ok(this)
    }

    fn put(&mut self, &Pending { bucket, entry, begins_chunk }: &Pending) {
        let (lines, _) = self.entries.words_mut().as_chunks_mut::<{ INDEX_BLOCK_BYTES / 4 }>();
        let entries = lines[bucket].as_flattened_mut().as_chunks_mut::<8>().0;
        if u64::from_le_bytes(entries[0]) == CROWDED {
            return;
        }
        let tag = |entry: u64| entry >> (64 - TAG_BITS);
        let has_tag = |other: &[u8; 8]| tag(u64::from_le_bytes(*other)) == tag(entry);
        let same_tag = begins_chunk && entries.iter().any(has_tag);
        match entries.iter_mut().find(|other| **other == [0; 8]) {
            Some(free) if !same_tag => *free = entry.to_le_bytes(),
            _ => entries[0] = CROWDED.to_le_bytes(),
        }
    }

    #[inline]
    pub(super) fn prefetch(&self, number: u64) {
        let (bucket, _) = bucket_and_tag(number, self.buckets);
        prefetch(self.entries.words().as_flattened(), bucket * INDEX_BLOCK_BYTES);
    }

    /// Where the records of a number lie.
    #[inline]
    pub(super) fn find(&self, number: u64) -> Told {
        let (bucket, tag) = bucket_and_tag(number, self.buckets);
        let (lines, _) = self.entries.words().as_chunks::<{ INDEX_BLOCK_BYTES / 4 }>();
        let entries = lines[bucket].as_flattened().as_chunks::<8>().0;
        let wanted = upper(number, tag);
        let mut found = 0;
        for entry in entries {
            let entry = u64::from_le_bytes(*entry);
            found = found.max(if entry >> 32 <= wanted { entry } else { 0 });
        }
        if (u64::from_le_bytes(entries[0]) == CROWDED) | (number >= ESCAPES) {
            return Told::Nothing;
        }
        if found >> (64 - TAG_BITS) != tag {
            return Told::Place(None);
        }
        Told::Place(Place::within(found as u32, (wanted - (found >> 32)) as u32))
    }
}
