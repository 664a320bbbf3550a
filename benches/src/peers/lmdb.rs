//! LMDB through heed: integer keys, loaded in key order, one read transaction a thread.

use super::input::{
    Dictionaries, composite, decode_numbers, decode_value, disk_bytes, encode_numbers, encode_value,
};
use super::three::index_field;
use super::{Ask, Candidate, Input, Peer, Session};
use anyhow::Context;
use heed::byteorder::NativeEndian;
use heed::types::{Bytes, U32, U64};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, IntegerComparator, PutFlags};
use heed::{RoTxn, RwTxn, WithTls};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::testing::Packed;
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

type Named<'e, K> = Database<'e, K, Bytes, IntegerComparator>;
type Longs = Named<'static, U64<NativeEndian>>;
type Ints = Named<'static, U32<NativeEndian>>;

struct Lmdb {
    folder: PathBuf,
    env: Env,
    databases: Databases,
    dictionaries: Arc<Dictionaries>,
}

enum Databases {
    /// By certificate, ID and ticket number.
    Three([Longs; 3]),
    Six(Vec<Longs>, Ints),
}

#[expect(unsafe_code, reason = "the library cannot know that the file is ours alone")]
fn open(folder: &Path) -> anyhow::Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES).max_dbs(8);
    // SAFETY: the folder is this run's own temporary one, so no one else changes the file under the map,
    // and it is opened once in this process.
    Ok(unsafe { options.open(folder)? })
}

/// Makes a database and fills it in one transaction.
fn create<K: 'static>(
    env: &Env,
    name: &str,
    fill: impl FnOnce(&Named<'_, K>, &mut RwTxn<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Named<'static, K>> {
    let done = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
        let mut options =
            opener.database_options().types::<K, Bytes>().key_comparator::<IntegerComparator>();
        options.name(name);
        let database = options.create(txn)?;
        fill(&database, txn)?;
        anyhow::Ok(CommitOrAbort::<_, ()>::Commit(database))
    })?;
    done.commit().context("nothing was committed")
}

fn store_longs(
    env: &Env,
    name: &str,
    pairs: &[(u64, u32)],
    mut value: impl FnMut(&[(u64, u32)], &mut Vec<u8>),
) -> anyhow::Result<Longs> {
    create::<U64<NativeEndian>>(env, name, |database, txn| {
        let mut bytes = Vec::new();
        for group in pairs.chunk_by(|one, other| one.0 == other.0) {
            value(group, &mut bytes);
            database.put_with_flags(txn, PutFlags::APPEND, &group[0].0, &bytes)?;
        }
        Ok(())
    })
}

fn build_three(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let env = open(folder)?;
    let [certificates, ids, tickets] =
        [Field::CertificateNumber, Field::IdNumber, Field::TicketNumber].map(|field| {
            let number =
                |packed: &Packed<'_>| Some(packed.field(field)[0]).filter(|&word| word != 0);
            let pairs = input.postings(number);
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
            })
        });
    finish(env, folder, input, Databases::Three([certificates?, ids?, tickets?]))
}

fn build_six(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let env = open(folder)?;
    let mut indexes = Vec::new();
    for mode in Mode::ALL {
        let pairs = input.postings(|packed| composite(packed, mode));
        indexes.push(store_longs(&env, mode.name(), &pairs, encode_numbers)?);
    }
    let records = create::<U32<NativeEndian>>(&env, "records", |database, txn| {
        let mut value = Vec::new();
        for (number, packed) in input.all() {
            encode_value(&packed, &mut value);
            database.put_with_flags(txn, PutFlags::APPEND, &number, &value)?;
        }
        Ok(())
    })?;
    finish(env, folder, input, Databases::Six(indexes, records))
}

fn finish(
    env: Env,
    folder: &Path,
    input: &Input,
    databases: Databases,
) -> anyhow::Result<Box<dyn Peer>> {
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Lmdb { folder: folder.to_owned(), env, databases, dictionaries }))
}

impl Peer for Lmdb {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let txn = self.env.read_txn()?;
        let dictionaries = &*self.dictionaries;
        Ok(match &self.databases {
            Databases::Three(databases) => Box::new(Three { txn, databases, dictionaries }),
            Databases::Six(indexes, records) => {
                Box::new(Six { txn, indexes, records, dictionaries })
            }
        })
    }
}

struct Three<'p> {
    txn: RoTxn<'p, WithTls>,
    databases: &'p [Longs; 3],
    dictionaries: &'p Dictionaries,
}

impl Three<'_> {
    fn of_certificate(&self, ask: &Ask<'_>, word: u64) -> anyhow::Result<u64> {
        let key = ask.key();
        let mut digest = 0u64;
        let mut rest = self.databases[0].get(&self.txn, &word)?.unwrap_or_default();
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
            Field::IdNumber => &self.databases[1],
            _ => &self.databases[2],
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
    txn: RoTxn<'p, WithTls>,
    indexes: &'p [Longs],
    records: &'p Ints,
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
