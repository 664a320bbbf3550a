//! Hashed indexes: entries (hash, record) sorted within a bounded memory, without files beside.
//!
//! The records are read once to count the entries of each *bucket*, the leading bits of a hash, and
//! again to put every entry into its bucket; buckets are then sorted on all cores. When the entries of
//! a mode do not fit into the memory allowed, the buckets are done a range at a time, each range with
//! a pass over the records of its own. The order (hash, record) is total: neither the number of threads
//! nor that of passes can be seen in the result.

use super::file::SectionFile;
use super::parallel::{self, shares};
use super::progress::Progress;
use super::records::RecordsReader;
use crate::error::BuildError;
use crate::filter::FilterBuilder;
use crate::format::section::SectionKind;
use crate::format::{BLOCK_RECORDS, HASHED_BLOCK_ENTRIES};
use crate::index::directory::DirectoryBuilder;
use crate::index::tree_builder::TreeBuilder;
use crate::index::{Probe, block};
use crate::key::Mode;
use crate::record::Record;
use crate::segment::HASHED_MODES;
use memmap2::MmapMut;
use std::io::Write;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Entries of a bucket, about: sorted within a core's own cache.
const BUCKET_ENTRIES: u64 = 1 << 15;
const BUCKET_BITS_MIN: u32 = 3;
/// More buckets would thrash the cache when entries are put into them.
const BUCKET_BITS_MAX: u32 = 12;
/// Blocks of an index packed at a time.
const PACKED_BLOCKS: usize = 1 << 14;

/// An entry: hash and record, little-endian. Bytes, so that any memory can hold them.
type Entry = [u8; 12];
const ENTRY_BYTES: u64 = size_of::<Entry>() as u64;

#[inline]
fn entry(hash: u64, record: u32) -> Entry {
    let mut entry = [0; 12];
    entry[..8].copy_from_slice(&hash.to_le_bytes());
    entry[8..].copy_from_slice(&record.to_le_bytes());
    entry
}

#[inline]
fn hash_of(entry: &Entry) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *entry;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[inline]
fn record_of(entry: &Entry) -> u32 {
    let [.., a, b, c, d] = *entry;
    u32::from_le_bytes([a, b, c, d])
}

#[inline]
fn order(entry: &Entry) -> u128 {
    u128::from(hash_of(entry)) << 32 | u128::from(record_of(entry))
}

/// Builds the hashed indexes of one segment, one after the other.
pub(super) struct HashedIndexes<'r> {
    records: &'r RecordsReader,
    /// Blocks of records that each thread reads.
    shares: Vec<Range<usize>>,
    bucket_bits: u32,
    /// Entries by mode, thread and bucket.
    counts: [Vec<Vec<u32>>; 3],
    /// Room for the entries of one pass.
    memory: MmapMut,
    memory_entries: u64,
}

impl<'r> HashedIndexes<'r> {
    /// Counts the entries of every mode and takes the memory they need, at most `memory_bytes`, if
    /// no bucket alone needs more.
    pub(super) fn new(
        records: &'r RecordsReader,
        threads: usize,
        memory_bytes: u64,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        progress.begin("counting keys", 0);
        let shares = shares(records.blocks(), threads);
        let buckets = (records.records() / BUCKET_ENTRIES).max(1);
        let bucket_bits = buckets.ilog2().clamp(BUCKET_BITS_MIN, BUCKET_BITS_MAX);
        let counted = parallel::each(shares.clone(), |blocks| count(records, bucket_bits, blocks))?;
        let mut counts: [Vec<Vec<u32>>; 3] = Default::default();
        for thread in counted {
            for (mode, counted) in counts.iter_mut().zip(thread) {
                mode.push(counted);
            }
        }
        let memory_entries = (memory_bytes / ENTRY_BYTES).max(1);
        let empty = MmapMut::map_anon(1).map_err(|error| BuildError::io(records.path(), error))?;
        let mut this = Self { records, shares, bucket_bits, counts, memory: empty, memory_entries };
        let most = (0..3).flat_map(|mode| this.passes(mode)).map(|(_, entries)| entries).max();
        this.allocate(most.unwrap_or(0))?;
        Ok(this)
    }

    fn allocate(&mut self, entries: u64) -> Result<(), BuildError> {
        let bytes = (entries * ENTRY_BYTES).max(1) as usize;
        self.memory =
            MmapMut::map_anon(bytes).map_err(|error| BuildError::io(self.records.path(), error))?;
        // Entries go to thousands of places at once, each in a page of its own. Only a hint.
        #[cfg(target_os = "linux")]
        let _ = self.memory.advise(memmap2::Advice::HugePage);
        Ok(())
    }

    /// Entries of one bucket.
    fn bucket_entries(&self, mode: usize, bucket: usize) -> u64 {
        self.counts[mode].iter().map(|thread| u64::from(thread[bucket])).sum()
    }

    /// Ranges of buckets that fit into the memory, with their entries.
    fn passes(&self, mode: usize) -> Vec<(Range<usize>, u64)> {
        let mut passes: Vec<(Range<usize>, u64)> = Vec::new();
        for bucket in 0..1 << self.bucket_bits {
            let entries = self.bucket_entries(mode, bucket);
            match passes.last_mut() {
                Some((range, sum)) if *sum + entries <= self.memory_entries => {
                    range.end = bucket + 1;
                    *sum += entries;
                }
                _ => passes.push((bucket..bucket + 1, entries)),
            }
        }
        passes
    }

    /// Writes the sections of one index, the filter over its keys among them if there is to be one.
    pub(super) fn write(
        &mut self,
        mode: Mode,
        file: &mut SectionFile,
        with_filter: bool,
        progress: &dyn Progress,
    ) -> Result<(), BuildError> {
        let Some(which) = HASHED_MODES.iter().position(|&hashed| hashed == mode) else {
            return Ok(());
        };
        let passes = self.passes(which);
        let entries: u64 = passes.iter().map(|(_, entries)| entries).sum();
        progress.begin(mode.index_name(), 2 * entries);
        file.begin(SectionKind::Tree(mode))?;
        let path = file.path().to_owned();
        let mut borders = Borders::new(TreeBuilder::new(&mut *file, path)?, entries);
        for (buckets, _) in &passes {
            self.scatter(which, buckets.clone())?;
            self.sort(which, buckets.clone(), |entries| {
                borders.push(entries)?;
                progress.advance(borders.entries);
                Ok(())
            })?;
        }
        let (runs, directory) = borders.finish()?;
        file.end()?;
        file.begin(SectionKind::Blocks(mode))?;
        let number_bits = block::number_bits(self.records.records());
        let mut filter = with_filter.then(|| FilterBuilder::of_base(entries));
        let mut packer = Packer::new(file, self.shares.len(), number_bits);
        for (buckets, count) in &passes {
            if passes.len() > 1 {
                self.scatter(which, buckets.clone())?;
                self.sort(which, buckets.clone(), |_| Ok(()))?;
            }
            let sorted = &self.memory.as_chunks::<12>().0[..*count as usize];
            packer.push(sorted, |done| progress.advance(entries + done))?;
            if let Some(filter) = &mut filter {
                // In the order of hashes, which is that of lines.
                sorted.iter().for_each(|entry| filter.add(hash_of(entry)));
            }
        }
        packer.finish()?;
        file.end()?;
        file.section(SectionKind::Runs(mode), &runs)?;
        file.section(SectionKind::Directory(mode), &directory)?;
        match filter {
            Some(filter) => file.section(SectionKind::KeyFilter(mode), &filter.finish()),
            None => Ok(()),
        }
    }

    /// Reads all records and puts the entries of these buckets into their places.
    fn scatter(&mut self, mode: usize, buckets: Range<usize>) -> Result<(), BuildError> {
        let (mut rest, _) = self.memory.as_chunks_mut::<12>();
        let threads = self.shares.len();
        let mut places: Vec<Vec<std::slice::IterMut<'_, Entry>>> =
            (0..threads).map(|_| Vec::with_capacity(buckets.len())).collect();
        for bucket in buckets.clone() {
            for (places, counts) in places.iter_mut().zip(&self.counts[mode]) {
                let (mine, others) = rest.split_at_mut(counts[bucket] as usize);
                places.push(mine.iter_mut());
                rest = others;
            }
        }
        let work: Vec<_> = self.shares.iter().cloned().zip(places).collect();
        let (records, bits) = (self.records, self.bucket_bits);
        parallel::each(work, |(blocks, mut places)| {
            each_hash(records, HASHED_MODES[mode], blocks, |hash, record| {
                let bucket = bucket_of(hash, bits).wrapping_sub(buckets.start);
                let Some(place) = places.get_mut(bucket) else { return Ok(()) };
                let Some(slot) = place.next() else { return Err(changed()) };
                *slot = entry(hash, record);
                Ok(())
            })?;
            if places.iter().any(|place| place.len() > 0) { Err(changed()) } else { Ok(()) }
        })?;
        Ok(())
    }

    /// Sorts the buckets that lie in memory and hands them out in order.
    fn sort(
        &mut self,
        mode: usize,
        buckets: Range<usize>,
        take: impl FnMut(&[Entry]) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let mut take = take;
        let sizes: Vec<usize> =
            buckets.map(|bucket| self.bucket_entries(mode, bucket) as usize).collect();
        let (mut rest, _) = self.memory.as_chunks_mut::<12>();
        let mut slices: Vec<Mutex<&mut [Entry]>> = Vec::with_capacity(sizes.len());
        for size in sizes {
            let (slice, others) = rest.split_at_mut(size);
            slices.push(Mutex::new(slice));
            rest = others;
        }
        parallel::in_order(
            self.shares.len(),
            slices.len(),
            || (),
            |(), bucket| {
                let slice = &mut *slices[bucket].lock().unwrap_or_else(PoisonError::into_inner);
                slice.sort_unstable_by_key(order);
                Ok(std::mem::take(slice))
            },
            |slice| take(slice),
        )
    }
}

/// Entries of each mode and bucket in some blocks of records.
fn count(
    records: &RecordsReader,
    bucket_bits: u32,
    blocks: Range<usize>,
) -> Result<[Vec<u32>; 3], BuildError> {
    let mut counts = HASHED_MODES.map(|_| vec![0u32; 1 << bucket_bits]);
    let mut buffer = Vec::new();
    for block in blocks {
        for bytes in records.block(block, &mut buffer)? {
            let record = Record::from_bytes(bytes);
            for (mode, counts) in HASHED_MODES.into_iter().zip(&mut counts) {
                if let Some(hash) = hash_for(mode, &record) {
                    counts[bucket_of(hash, bucket_bits)] += 1;
                }
            }
        }
    }
    Ok(counts)
}

/// The hash of a record's key in this mode, if the record can be asked for in it.
#[inline]
pub(super) fn hash_for(mode: Mode, record: &Record) -> Option<u64> {
    // Nobody is found by a ticket number he does not have.
    (record.ticket != 0 || !mode.asks_for_ticket())
        .then(|| Probe::new(mode, record.pair_words(mode)).hash)
}

#[inline]
fn each_hash(
    records: &RecordsReader,
    mode: Mode,
    blocks: Range<usize>,
    mut take: impl FnMut(u64, u32) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let mut buffer = Vec::new();
    for block in blocks {
        let numbers = (block * BLOCK_RECORDS) as u32..;
        for (bytes, number) in records.block(block, &mut buffer)?.iter().zip(numbers) {
            if let Some(hash) = hash_for(mode, &Record::from_bytes(bytes)) {
                take(hash, number)?;
            }
        }
    }
    Ok(())
}

#[inline]
fn bucket_of(hash: u64, bits: u32) -> usize {
    (hash >> (u64::BITS - bits)) as usize
}

fn changed() -> BuildError {
    BuildError::Invalid {
        place: "index",
        detail: "the records changed while they were read; the disk may be failing".to_owned(),
    }
}

/// Tells tree and directory where the blocks of a stream of sorted entries begin and end.
struct Borders<W: Write> {
    tree: TreeBuilder<W>,
    directory: DirectoryBuilder,
    entries: u64,
    first: u64,
    last: u64,
}

impl<W: Write> Borders<W> {
    /// For so many entries.
    fn new(tree: TreeBuilder<W>, entries: u64) -> Self {
        let directory = DirectoryBuilder::new(entries.div_ceil(HASHED_BLOCK_ENTRIES as u64) as u32);
        Self { tree, directory, entries: 0, first: 0, last: 0 }
    }

    fn push(&mut self, mut entries: &[Entry]) -> Result<(), BuildError> {
        while let Some(first) = entries.first() {
            let slot = (self.entries % HASHED_BLOCK_ENTRIES as u64) as usize;
            let (these, rest) = entries.split_at(entries.len().min(HASHED_BLOCK_ENTRIES - slot));
            if slot == 0 {
                self.first = hash_of(first) >> 8;
            }
            self.last = these.last().map_or(self.last, |last| hash_of(last) >> 8);
            self.entries += these.len() as u64;
            if slot + these.len() == HASHED_BLOCK_ENTRIES {
                self.block()?;
            }
            entries = rest;
        }
        Ok(())
    }

    fn block(&mut self) -> Result<(), BuildError> {
        if let Some((separator, block)) = self.tree.push(self.first, self.last)? {
            self.directory.push(separator, block);
        }
        Ok(())
    }

    /// Ends both; the runs and the directory.
    fn finish(mut self) -> Result<(Vec<u8>, Vec<u8>), BuildError> {
        if !self.entries.is_multiple_of(HASHED_BLOCK_ENTRIES as u64) {
            self.block()?;
        }
        let (_, runs) = self.tree.finish()?;
        Ok((runs, self.directory.finish()))
    }
}

/// Packs a stream of sorted entries into blocks.
struct Packer<'f> {
    file: &'f mut SectionFile,
    threads: usize,
    number_bits: u32,
    /// Entries of a block that is not full yet.
    pending: Vec<Entry>,
    entries: u64,
}

impl<'f> Packer<'f> {
    fn new(file: &'f mut SectionFile, threads: usize, number_bits: u32) -> Self {
        let pending = Vec::with_capacity(HASHED_BLOCK_ENTRIES);
        Self { file, threads, number_bits, pending, entries: 0 }
    }

    fn push(&mut self, sorted: &[Entry], mut advance: impl FnMut(u64)) -> Result<(), BuildError> {
        let before = self.entries;
        self.entries += sorted.len() as u64;
        let missing = (HASHED_BLOCK_ENTRIES - self.pending.len()) % HASHED_BLOCK_ENTRIES;
        let (head, rest) = sorted.split_at(missing.min(sorted.len()));
        self.pending.extend_from_slice(head);
        if self.pending.len() == HASHED_BLOCK_ENTRIES {
            self.file.write(&line(&self.pending, self.number_bits))?;
            self.pending.clear();
        }
        let (blocks, tail) = rest.as_chunks::<HASHED_BLOCK_ENTRIES>();
        let pieces: Vec<_> = blocks.chunks(PACKED_BLOCKS).collect();
        let number_bits = self.number_bits;
        let pack = |piece: &[[Entry; HASHED_BLOCK_ENTRIES]]| {
            piece.iter().flat_map(|block| line(block, number_bits)).collect::<Vec<u8>>()
        };
        let mut done = before;
        parallel::in_order(
            self.threads,
            pieces.len(),
            || (),
            |(), piece| Ok(pack(pieces[piece])),
            |lines| {
                done += (PACKED_BLOCKS * HASHED_BLOCK_ENTRIES) as u64;
                advance(done.min(before + sorted.len() as u64));
                self.file.write(&lines)
            },
        )?;
        self.pending.extend_from_slice(tail);
        Ok(())
    }

    fn finish(self) -> Result<(), BuildError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write(&line(&self.pending, self.number_bits))
    }
}

fn line(entries: &[Entry], number_bits: u32) -> block::Line {
    let mut slots = [(0, 0); HASHED_BLOCK_ENTRIES];
    for (slot, entry) in slots.iter_mut().zip(entries) {
        *slot = (hash_of(entry), record_of(entry));
    }
    block::hashed_line(&slots[..entries.len()], number_bits)
}
