//! LMDB through heed: integer keys, loaded in key order, one read transaction a thread.

use super::input::{
    Dictionaries, composite, decode_numbers, decode_value, disk_bytes, encode_numbers, encode_value,
};
use super::three::index_field;
use super::{Ask, Candidate, Input, Peer, Session};
use anyhow::Context;
use heed::byteorder::NativeEndian;
use heed::types::{Bytes, U32, U64};
use heed::{Database, DatabaseFlags, Env, EnvOpenOptions, PutFlags, RoTxn};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::{Field, Mode};

pub(super) const CANDIDATES: [Candidate; 2] = [
    Candidate {
        key: "lmdb-three",
        name: "LMDB, three",
        setup: "MDB_INTEGERKEY, appended in order; certificates lie under their numbers, IDs and \
                tickets name certificate numbers; one read transaction a thread",
        batch: "loop of single lookups",
        remote: false,
        build: build_three,
    },
    Candidate {
        key: "lmdb-six",
        name: "LMDB, six",
        setup: "MDB_INTEGERKEY, appended in order; 8-byte hashes of both fields name record numbers; \
                one read transaction a thread",
        batch: "loop of single lookups",
        remote: false,
        build: build_six,
    },
];

/// More than any run needs: address space only, the file grows as it is written.
const MAP_BYTES: usize = 1 << 39;

type Longs<'e> = Database<'e, U64<NativeEndian>, Bytes>;
type Ints<'e> = Database<'e, U32<NativeEndian>, Bytes>;

struct Lmdb {
    folder: PathBuf,
    env: Env,
    six: bool,
    dictionaries: Arc<Dictionaries>,
}

#[expect(unsafe_code)]
fn open(folder: &Path) -> anyhow::Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_dbs(8);
    // SAFETY: the folder is this run's own temporary one, so no one else changes the file under the map,
    // and it is opened once in this process.
    Ok(unsafe { options.open(folder)? })
}

fn store_longs(
    env: &Env,
    name: &str,
    pairs: &[(u64, u32)],
    mut value: impl FnMut(&[(u64, u32)], &mut Vec<u8>),
) -> anyhow::Result<()> {
    let mut txn = env.write_txn()?;
    let database: Longs<'_> = env
        .database_options()
        .types()
        .flags(DatabaseFlags::INTEGER_KEY)
        .name(name)
        .create(&mut txn)?;
    let mut bytes = Vec::new();
    for group in pairs.chunk_by(|one, other| one.0 == other.0) {
        value(group, &mut bytes);
        database.put_with_flags(&mut txn, PutFlags::APPEND, &group[0].0, &bytes)?;
    }
    Ok(txn.commit()?)
}

fn build_three(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let env = open(folder)?;
    for field in [Field::CertificateNumber, Field::IdNumber, Field::TicketNumber] {
        let pairs = input.postings(|packed| Some(packed.field(field)[0]).filter(|&word| word != 0));
        store_longs(&env, field.name(), &pairs, |group, bytes| {
            bytes.clear();
            let mut one = Vec::new();
            for &(_, number) in group {
                let packed = input.packed(number);
                if field == Field::CertificateNumber {
                    encode_value(&packed, &mut one);
                    bytes.extend_from_slice(&(one.len() as u16).to_le_bytes());
                    bytes.extend_from_slice(&one);
                } else {
                    bytes.extend_from_slice(&packed.words[1].to_le_bytes());
                }
            }
        })?;
    }
    finish(env, folder, input, false)
}

fn build_six(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let env = open(folder)?;
    for mode in Mode::ALL {
        let pairs = input.postings(|packed| composite(packed, mode));
        store_longs(&env, mode.name(), &pairs, encode_numbers)?;
    }
    let mut txn = env.write_txn()?;
    let records: Ints<'_> = env
        .database_options()
        .types()
        .flags(DatabaseFlags::INTEGER_KEY)
        .name("records")
        .create(&mut txn)?;
    let mut value = Vec::new();
    for (number, packed) in input.all() {
        encode_value(&packed, &mut value);
        records.put_with_flags(&mut txn, PutFlags::APPEND, &number, &value)?;
    }
    txn.commit()?;
    finish(env, folder, input, true)
}

fn finish(env: Env, folder: &Path, input: &Input, six: bool) -> anyhow::Result<Box<dyn Peer>> {
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Lmdb { folder: folder.to_owned(), env, six, dictionaries }))
}

impl Lmdb {
    fn longs<'e>(&'e self, txn: &RoTxn<'_>, name: &str) -> anyhow::Result<Longs<'e>> {
        self.env.open_database(txn, Some(name))?.context("a database is missing")
    }
}

impl Peer for Lmdb {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let txn = self.env.read_txn()?;
        let dictionaries = &*self.dictionaries;
        if self.six {
            let mut indexes = Vec::new();
            for mode in Mode::ALL {
                indexes.push(self.longs(&txn, mode.name())?);
            }
            let records = self.env.open_database(&txn, Some("records"))?.context("no records")?;
            return Ok(Box::new(Six { txn, indexes, records, dictionaries }));
        }
        let certificates = self.longs(&txn, Field::CertificateNumber.name())?;
        let ids = self.longs(&txn, Field::IdNumber.name())?;
        let tickets = self.longs(&txn, Field::TicketNumber.name())?;
        Ok(Box::new(Three { txn, certificates, ids, tickets, dictionaries }))
    }
}

struct Three<'p> {
    txn: RoTxn<'p>,
    certificates: Longs<'p>,
    ids: Longs<'p>,
    tickets: Longs<'p>,
    dictionaries: &'p Dictionaries,
}

impl Three<'_> {
    fn of_certificate(&self, ask: &Ask<'_>, word: u64) -> anyhow::Result<u64> {
        let key = ask.key();
        let mut digest = 0u64;
        let mut rest = self.certificates.get(&self.txn, &word)?.unwrap_or_default();
        while let Some((len, tail)) = rest.split_first_chunk::<2>() {
            let (value, tail) = tail
                .split_at_checked(usize::from(u16::from_le_bytes(*len)))
                .context("a value is cut short")?;
            digest = digest.wrapping_add(self.dictionaries.answer(&key, &decode_value(value)?));
            rest = tail;
        }
        Ok(digest)
    }
}

impl Session for Three<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let field = index_field(ask.mode);
        let [word, _] = ask.key().field(field);
        let index = match field {
            Field::CertificateNumber => return self.of_certificate(&ask, word),
            Field::IdNumber => &self.ids,
            _ => &self.tickets,
        };
        let mut digest = 0u64;
        let certificates = index.get(&self.txn, &word)?.unwrap_or_default();
        for bytes in certificates.as_chunks::<8>().0 {
            let certificate = u64::from_le_bytes(*bytes);
            digest = digest.wrapping_add(self.of_certificate(&ask, certificate)?);
        }
        Ok(digest)
    }
}

struct Six<'p> {
    txn: RoTxn<'p>,
    indexes: Vec<Longs<'p>>,
    records: Ints<'p>,
    dictionaries: &'p Dictionaries,
}

impl Session for Six<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let key = ask.key();
        let numbers = self.indexes[ask.mode as usize].get(&self.txn, &key.hash())?;
        let mut digest = 0u64;
        for number in decode_numbers(numbers.unwrap_or_default()) {
            let value = self.records.get(&self.txn, &number)?.context("a record is missing")?;
            digest = digest.wrapping_add(self.dictionaries.answer(&key, &decode_value(value)?));
        }
        Ok(digest)
    }
}
