//! A set of keys that grows beyond memory: exact, and bounded in what it holds in memory.
//!
//! The newest keys lie in a hash set. When it is full they are sorted and written as a run to a
//! temporary file without a name, with every 512th key kept here; a Bloom filter over all runs saves
//! nearly every look into them while they hold less than some tens of millions.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Keys of a run between two that are kept in memory: 4 KiB of the shorter kind.
const PAGE_KEYS: usize = 512;
/// Runs before they are merged into one.
const RUNS_MAX: usize = 8;
/// Bits of the filter: 16 MiB.
const FILTER_BITS: u64 = 1 << 27;
/// Bits set for each key.
const FILTER_HASHES: u64 = 4;

/// A key of fixed width.
pub(super) trait Key: Copy + Ord + Hash {
    /// Its bytes.
    const BYTES: usize;
    fn put(self, out: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Self;
    /// Well mixed.
    fn mixed(self) -> u64;
}

impl Key for u64 {
    const BYTES: usize = 8;

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        Self::from_le_bytes(word)
    }

    fn mixed(self) -> u64 {
        // The finaliser of MurmurHash3: neighbours part in every bit.
        let mut mixed = self ^ self >> 33;
        mixed = mixed.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        mixed ^= mixed >> 33;
        mixed = mixed.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        mixed ^ mixed >> 33
    }
}

impl Key for u128 {
    const BYTES: usize = 16;

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        let mut word = [0; 16];
        word.copy_from_slice(bytes);
        Self::from_le_bytes(word)
    }

    fn mixed(self) -> u64 {
        (self as u64).mixed() ^ ((self >> 64) as u64).wrapping_add(1).mixed()
    }
}

/// Mixes what [`Key`] hands to it.
#[derive(Clone, Copy, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).mixed();
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }
}

/// A sorted run on disk.
struct Run<K> {
    file: File,
    keys: usize,
    /// The first key of each page.
    fences: Vec<K>,
}

impl<K: Key> Run<K> {
    fn contains(&self, key: K) -> io::Result<bool> {
        let page = self.fences.partition_point(|&fence| fence <= key);
        let Some(page) = page.checked_sub(1) else { return Ok(false) };
        let first = page * PAGE_KEYS;
        let mut bytes = vec![0; (self.keys - first).min(PAGE_KEYS) * K::BYTES];
        self.file.read_exact_at(&mut bytes, (first * K::BYTES) as u64)?;
        let keys: Vec<K> = bytes.chunks_exact(K::BYTES).map(K::get).collect();
        Ok(keys.binary_search(&key).is_ok())
    }
}

/// Writes rising keys.
struct RunWriter<K> {
    file: File,
    keys: usize,
    fences: Vec<K>,
    buffer: Vec<u8>,
}

impl<K: Key> RunWriter<K> {
    const BUFFER_BYTES: usize = 1 << 18;

    fn new(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self { file, keys: 0, fences: Vec::new(), buffer: Vec::new() })
    }

    fn push(&mut self, key: K) -> io::Result<()> {
        if self.keys.is_multiple_of(PAGE_KEYS) {
            self.fences.push(key);
        }
        self.keys += 1;
        key.put(&mut self.buffer);
        if self.buffer.len() >= Self::BUFFER_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        let written = (self.keys * K::BYTES - self.buffer.len()) as u64;
        self.file.write_all_at(&self.buffer, written)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Run<K>> {
        self.write()?;
        Ok(Run { file: self.file, keys: self.keys, fences: self.fences })
    }
}

/// Reads a run from its beginning.
struct RunReader<'r, K> {
    run: &'r Run<K>,
    page: std::vec::IntoIter<K>,
    read: usize,
}

impl<'r, K: Key> RunReader<'r, K> {
    fn new(run: &'r Run<K>) -> Self {
        Self { run, page: Vec::new().into_iter(), read: 0 }
    }

    fn next(&mut self) -> io::Result<Option<K>> {
        const PAGES: usize = 16;
        if let Some(key) = self.page.next() {
            return Ok(Some(key));
        }
        let count = (self.run.keys - self.read).min(PAGE_KEYS * PAGES);
        let mut bytes = vec![0; count * K::BYTES];
        self.run.file.read_exact_at(&mut bytes, (self.read * K::BYTES) as u64)?;
        self.read += count;
        self.page = bytes.chunks_exact(K::BYTES).map(K::get).collect::<Vec<_>>().into_iter();
        Ok(self.page.next())
    }
}

/// The set.
pub(super) struct SpillSet<K> {
    newest: HashSet<K, BuildHasherDefault<KeyHasher>>,
    /// Keys in memory before they are written.
    keys_max: usize,
    runs: Vec<Run<K>>,
    filter: Vec<u64>,
    folder: PathBuf,
}

impl<K: Key> SpillSet<K> {
    /// An empty set that keeps at most so many keys in memory, the others in `folder`.
    pub(super) fn new(keys_max: usize, folder: &Path) -> Self {
        Self {
            newest: HashSet::default(),
            keys_max,
            runs: Vec::new(),
            filter: Vec::new(),
            folder: folder.to_owned(),
        }
    }

    /// Adds a key; `false` when it was there.
    pub(super) fn insert(&mut self, key: K) -> io::Result<bool> {
        if self.newest.contains(&key) || self.is_in_runs(key)? {
            return Ok(false);
        }
        if self.newest.len() >= self.keys_max {
            self.spill()?;
        }
        self.newest.insert(key);
        Ok(true)
    }

    fn is_in_runs(&self, key: K) -> io::Result<bool> {
        if self.runs.is_empty()
            || !self.filter_bits(key).all(|bit| self.filter[word(bit)] & mask(bit) != 0)
        {
            return Ok(false);
        }
        for run in &self.runs {
            if run.contains(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn filter_bits(&self, key: K) -> impl Iterator<Item = u64> + use<K> {
        let hash = BuildHasherDefault::<KeyHasher>::default().hash_one(key);
        let (first, step) = (hash, hash >> 32 | 1);
        (0..FILTER_HASHES).map(move |at| first.wrapping_add(at.wrapping_mul(step)) % FILTER_BITS)
    }

    fn spill(&mut self) -> io::Result<()> {
        self.filter.resize(word(FILTER_BITS), 0);
        let mut keys: Vec<K> = self.newest.drain().collect();
        keys.sort_unstable();
        let mut run = RunWriter::new(&self.folder)?;
        for key in keys {
            run.push(key)?;
            for bit in self.filter_bits(key) {
                self.filter[word(bit)] |= mask(bit);
            }
        }
        self.runs.push(run.finish()?);
        if self.runs.len() > RUNS_MAX { self.merge() } else { Ok(()) }
    }

    /// Makes one run of all: no key is in two of them.
    fn merge(&mut self) -> io::Result<()> {
        let mut merged = RunWriter::new(&self.folder)?;
        let mut readers: Vec<RunReader<'_, K>> = self.runs.iter().map(RunReader::new).collect();
        let mut heads = Vec::with_capacity(readers.len());
        for reader in &mut readers {
            heads.push(reader.next()?);
        }
        while let Some((at, key)) = heads
            .iter()
            .enumerate()
            .filter_map(|(at, head)| head.map(|key| (at, key)))
            .min_by_key(|&(_, key)| key)
        {
            merged.push(key)?;
            heads[at] = readers[at].next()?;
        }
        self.runs = vec![merged.finish()?];
        Ok(())
    }
}

fn word(bit: u64) -> usize {
    (bit / 64) as usize
}

fn mask(bit: u64) -> u64 {
    1 << (bit % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_far_beyond_its_memory_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let mut set = SpillSet::new(1000, folder.path());
        // Twelve runs and more: merged at least once.
        for round in 0..2 {
            for number in 0..13_500u64 {
                let is_new = set.insert(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).unwrap();
                assert_eq!(is_new, round == 0, "{number}");
            }
        }
        assert!(set.runs.len() <= RUNS_MAX && set.newest.len() <= 1000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let mut set = SpillSet::new(1, Path::new("/nonexistent"));
        assert!(set.insert(1u64).unwrap());
        assert!(set.insert(2u64).is_err());
    }

    proptest! {
        #[test]
        fn as_a_plain_set(keys in prop::collection::vec(0u128..200, 0..600), keys_max in 1usize..40) {
            let folder = tempfile::tempdir().unwrap();
            let mut set = SpillSet::new(keys_max, folder.path());
            let mut model = HashSet::new();
            for key in keys {
                let key = key << 70 | key;
                prop_assert_eq!(set.insert(key).unwrap(), model.insert(key));
            }
        }
    }
}
