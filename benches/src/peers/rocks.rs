//! RocksDB: everything in one sorted run, bloom filters, files mapped.

use super::input::{
    Dictionaries, composite, decode_numbers, decode_value, disk_bytes, encode_numbers, encode_value,
};
use super::{Ask, Candidate, Input, Peer, Session};
use anyhow::Context;
use rocksdb::{
    BlockBasedOptions, DB, DBCompressionType, DataBlockIndexType, IngestExternalFileOptions,
    Options, ReadOptions, SstFileWriter,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::Mode;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "rocksdb-six",
    name: "RocksDB, six",
    setup: "8-byte hashes of both fields name record numbers; sorted files ingested into one level, \
            bloom filters of 10 bits, 4 KiB blocks with hash index, no compression, mapped reads \
            without checksums or block cache; the library of Debian, built with assertions, unless \
            compiled by ROCKSDB_COMPILE=1",
    batch: "loop of single lookups",
    remote: false,
    build,
};

/// First byte of the keys of records; below it the modes.
const RECORD: u8 = 6;
/// Keys of one sorted file at most.
const FILE_KEYS: usize = 1 << 22;

struct Rocks {
    database: DB,
    folder: PathBuf,
    dictionaries: Arc<Dictionaries>,
}

fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    // Mapped blocks need no second copy, nor the upkeep of one.
    table.disable_cache();
    table.set_bloom_filter(10.0, false);
    table.set_whole_key_filtering(true);
    table.set_block_size(4096);
    table.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    table.set_data_block_hash_ratio(0.75);
    table.set_format_version(5);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::None);
    options.set_allow_mmap_reads(true);
    options.set_max_open_files(-1);
    options
}

fn index_key(mode: Mode, hash: u64) -> [u8; 9] {
    let mut key = [mode as u8; 9];
    key[1..].copy_from_slice(&hash.to_le_bytes());
    key
}

fn record_key(number: u32) -> [u8; 5] {
    let mut key = [RECORD; 5];
    // Most significant byte first, so that keys rise with numbers.
    key[1..].copy_from_slice(&number.swap_bytes().to_le_bytes());
    key
}

/// Sorted files, one after another.
struct Files<'o> {
    folder: PathBuf,
    options: &'o Options,
    writer: Option<SstFileWriter<'o>>,
    keys: usize,
    paths: Vec<PathBuf>,
}

impl Files<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> anyhow::Result<()> {
        if self.writer.is_none() {
            let path = self.folder.join(format!("{}.sst", self.paths.len()));
            let writer = SstFileWriter::create(self.options);
            writer.open(&path)?;
            self.paths.push(path);
            self.writer = Some(writer);
        }
        let writer = self.writer.as_mut().context("no file is open")?;
        writer.put(key, value)?;
        self.keys += 1;
        if self.keys == FILE_KEYS { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if let Some(mut writer) = self.writer.take() {
            writer.finish()?;
        }
        self.keys = 0;
        Ok(())
    }
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let options = options();
    let database = DB::open(&options, folder.join("database"))?;
    let mut files = Files {
        folder: folder.to_owned(),
        options: &options,
        writer: None,
        keys: 0,
        paths: Vec::new(),
    };
    let mut value = Vec::new();
    for mode in Mode::ALL {
        // In the order of the key's bytes.
        let pairs = input.postings(|packed| composite(packed, mode).map(u64::swap_bytes));
        for group in pairs.chunk_by(|one, other| one.0 == other.0) {
            encode_numbers(group, &mut value);
            files.put(&index_key(mode, group[0].0.swap_bytes()), &value)?;
        }
    }
    for (number, packed) in input.all() {
        encode_value(&packed, &mut value);
        files.put(&record_key(number), &value)?;
    }
    files.finish()?;
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(true);
    database.ingest_external_file_opts(&ingest, files.paths)?;
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Rocks { database, folder: folder.to_owned(), dictionaries }))
}

impl Peer for Rocks {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let mut options = ReadOptions::default();
        options.set_verify_checksums(false);
        Ok(Box::new(Reads { peer: self, options }))
    }
}

struct Reads<'p> {
    peer: &'p Rocks,
    options: ReadOptions,
}

impl Session for Reads<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let Rocks { database, dictionaries, .. } = self.peer;
        let key = ask.key();
        let mut digest = 0u64;
        let place = index_key(ask.mode, key.hash());
        let Some(numbers) = database.get_pinned_opt(place, &self.options)? else { return Ok(0) };
        for number in decode_numbers(&numbers) {
            let value = database
                .get_pinned_opt(record_key(number), &self.options)?
                .context("a record is missing")?;
            digest = digest.wrapping_add(dictionaries.answer(&key, &decode_value(&value)?));
        }
        Ok(digest)
    }
}
