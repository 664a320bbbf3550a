//! redb: one table an index, one of records, one read transaction a thread.

use super::input::{
    Dictionaries, composite, decode_numbers, decode_value, disk_bytes, encode_numbers, encode_value,
};
use super::{Ask, Candidate, Input, Peer, Session};
use anyhow::Context;
use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::Mode;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "redb-six",
    name: "redb, six",
    setup: "8-byte hashes of both fields name record numbers, inserted in key order, compacted; a \
            cache of 8 GiB holds all; one read transaction a thread",
    batch: "loop of single lookups",
    remote: false,
    build,
};

const CACHE_BYTES: usize = 8 << 30;
const RECORDS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("records");

fn index(mode: Mode) -> TableDefinition<'static, u64, &'static [u8]> {
    TableDefinition::new(mode.index_name())
}

struct Redb {
    database: Database,
    folder: PathBuf,
    dictionaries: Arc<Dictionaries>,
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let mut database =
        Builder::new().set_cache_size(CACHE_BYTES).create(folder.join("peer.redb"))?;
    let mut value = Vec::new();
    for mode in Mode::ALL {
        let pairs = input.postings(|packed| composite(packed, mode));
        let write = database.begin_write()?;
        {
            let mut table = write.open_table(index(mode))?;
            for group in pairs.chunk_by(|one, other| one.0 == other.0) {
                encode_numbers(group, &mut value);
                table.insert(group[0].0, &value[..])?;
            }
        }
        write.commit()?;
    }
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(RECORDS)?;
        for (number, packed) in input.all() {
            encode_value(&packed, &mut value);
            table.insert(number, &value[..])?;
        }
    }
    write.commit()?;
    database.compact()?;
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Redb { database, folder: folder.to_owned(), dictionaries }))
}

impl Peer for Redb {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let read = self.database.begin_read()?;
        let mut indexes = Vec::new();
        for mode in Mode::ALL {
            indexes.push(read.open_table(index(mode))?);
        }
        let records = read.open_table(RECORDS)?;
        Ok(Box::new(Tables { indexes, records, dictionaries: &self.dictionaries }))
    }
}

struct Tables<'p> {
    indexes: Vec<ReadOnlyTable<u64, &'static [u8]>>,
    records: ReadOnlyTable<u32, &'static [u8]>,
    dictionaries: &'p Dictionaries,
}

impl Session for Tables<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let key = ask.key();
        let mut digest = 0u64;
        let Some(numbers) = self.indexes[ask.mode as usize].get(key.hash())? else { return Ok(0) };
        for number in decode_numbers(numbers.value()) {
            let value = self.records.get(number)?.context("a record is missing")?;
            let packed = decode_value(value.value())?;
            digest = digest.wrapping_add(self.dictionaries.answer(&key, &packed));
        }
        Ok(digest)
    }
}
