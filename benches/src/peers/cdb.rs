//! A constant database through cdb64, the whole file mapped.

use super::input::{
    Dictionaries, composite, decode_numbers, decode_value, disk_bytes, encode_numbers, encode_value,
};
use super::{Ask, Candidate, Input, Peer, Session};
use anyhow::Context;
use cdb64::{Cdb, CdbHash, CdbWriter};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::Mode;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "cdb-six",
    name: "constant database, six",
    setup: "crate cdb64; mode and 8-byte hash of both fields name record numbers, record numbers name shared \
            records; file mapped",
    batch: "loop of single lookups",
    remote: false,
    build,
};

/// First byte of the keys of records; below it the modes.
const RECORD: u8 = 6;

struct Constant {
    database: Cdb<File, CdbHash>,
    folder: PathBuf,
    dictionaries: Arc<Dictionaries>,
}

/// A buffered file that does nothing when told to seek where it is: the writer of cdb64 seeks before every
/// key, which would empty the buffer each time.
struct Placed {
    file: BufWriter<File>,
    at: u64,
}

impl Write for Placed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Placed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if to != SeekFrom::Start(self.at) {
            self.at = self.file.seek(to)?;
        }
        Ok(self.at)
    }
}

fn index_key(mode: Mode, hash: u64) -> [u8; 9] {
    let mut key = [mode as u8; 9];
    key[1..].copy_from_slice(&hash.to_le_bytes());
    key
}

fn record_key(number: u32) -> [u8; 5] {
    let mut key = [RECORD; 5];
    key[1..].copy_from_slice(&number.to_le_bytes());
    key
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let path = folder.join("peer.cdb");
    let file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let mut writer = CdbWriter::<_, CdbHash>::new(Placed { file, at: 0 })?;
    let mut value = Vec::new();
    for mode in Mode::ALL {
        let pairs = input.postings(|packed| composite(packed, mode));
        for group in pairs.chunk_by(|one, other| one.0 == other.0) {
            encode_numbers(group, &mut value);
            writer.put(&index_key(mode, group[0].0), &value)?;
        }
    }
    for (number, packed) in input.all() {
        encode_value(&packed, &mut value);
        writer.put(&record_key(number), &value)?;
    }
    writer.finalize()?;
    writer.into_inner()?.file.get_ref().sync_all()?;
    let database = Cdb::open_mmap(&path)?;
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Constant { database, folder: folder.to_owned(), dictionaries }))
}

impl Peer for Constant {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(Gets(self)))
    }
}

struct Gets<'p>(&'p Constant);

impl Session for Gets<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let Constant { database, dictionaries, .. } = self.0;
        let key = ask.key();
        let mut digest = 0u64;
        let numbers = database.get(&index_key(ask.mode, key.hash()))?.unwrap_or_default();
        for number in decode_numbers(&numbers) {
            let value = database.get(&record_key(number))?.context("a record is missing")?;
            digest = digest.wrapping_add(dictionaries.answer(&key, &decode_value(&value)?));
        }
        Ok(digest)
    }
}
