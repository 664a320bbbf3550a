//! SQLite through rusqlite: one table, the whole file mapped.

use super::input::{Dictionaries, disk_bytes};
use super::three::{column, from_columns, index_field, rest};
use super::{Ask, Candidate, Input, Peer, Questions, Session, weight};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OpenFlags, Row, Statement, params};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::testing::{Packed, PackedKey};
use zhengcha_engine::{Field, Mode};

const SETUP: &str = "integers for the numbers, text for the name, a blob for the rest; indexes made after \
                     loading; opened immutable, whole file mapped, one transaction, prepared statements, \
                     INDEXED BY, QPSG";

pub(super) const CANDIDATES: [Candidate; 2] = [
    Candidate {
        key: "sqlite-three",
        name: "SQLite, three",
        setup: SETUP,
        batch: "claims into a temporary table, one join a mode",
        remote: false,
        build: |input, folder| build(input, folder, Indexes::Three),
    },
    Candidate {
        key: "sqlite-six",
        name: "SQLite, six",
        setup: SETUP,
        batch: "claims into a temporary table, one join a mode",
        remote: false,
        build: |input, folder| build(input, folder, Indexes::Six),
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Indexes {
    Three,
    Six,
}

struct Sqlite {
    folder: PathBuf,
    indexes: Indexes,
    dictionaries: Arc<Dictionaries>,
}

fn index_name(indexes: Indexes, mode: Mode) -> String {
    match indexes {
        Indexes::Three => format!("by_{}", column(index_field(mode))),
        Indexes::Six => mode.index_name().to_owned(),
    }
}

fn build(input: &Input, folder: &Path, indexes: Indexes) -> anyhow::Result<Box<dyn Peer>> {
    let mut connection = Connection::open(folder.join("peer.sqlite"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; \
         PRAGMA cache_size = -262144; PRAGMA temp_store = MEMORY; PRAGMA threads = 2; \
         CREATE TABLE certificates (id INTEGER NOT NULL, certificate INTEGER NOT NULL, \
         ticket INTEGER, name TEXT NOT NULL, rest BLOB NOT NULL);",
    )?;
    let load = connection.transaction()?;
    {
        let mut insert = load.prepare("INSERT INTO certificates VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut bytes = Vec::new();
        for number in 0..input.len() as u32 {
            let (view, packed) = (input.view(number), input.packed(number));
            rest(&packed, &mut bytes);
            let [id, certificate, ticket] = [0, 1, 2].map(|word| packed.words[word] as i64);
            let ticket = (ticket != 0).then_some(ticket);
            insert.execute(params![id, certificate, ticket, view.name_key().as_str(), &bytes])?;
        }
    }
    load.commit()?;
    connection.execute_batch(&create_indexes(indexes))?;
    connection.execute_batch("PRAGMA synchronous = FULL;")?;
    connection.close().map_err(|(_, error)| error)?;
    std::fs::File::open(folder.join("peer.sqlite"))?.sync_all()?;
    let dictionaries = Arc::clone(&input.dictionaries);
    Ok(Box::new(Sqlite { folder: folder.to_owned(), indexes, dictionaries }))
}

fn create_indexes(indexes: Indexes) -> String {
    let mut statements = String::new();
    for mode in Mode::ALL {
        let name = index_name(indexes, mode);
        let (first, second) = mode.fields();
        let columns = match indexes {
            Indexes::Three => column(index_field(mode)).to_owned(),
            Indexes::Six => format!("{}, {}", column(first), column(second)),
        };
        let _ =
            writeln!(statements, "CREATE INDEX IF NOT EXISTS {name} ON certificates ({columns});");
    }
    statements
}

impl Peer for Sqlite {
    fn bytes(&self) -> u64 {
        disk_bytes(&self.folder).unwrap_or(u64::MAX) + self.dictionaries.bytes()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let uri = format!("file:{}?immutable=1", self.folder.join("peer.sqlite").display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri, flags)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch(
            "PRAGMA mmap_size = 1099511627776; PRAGMA temp_store = MEMORY; BEGIN;",
        )?;
        Ok(Box::new(Statements { connection, peer: self }))
    }
}

struct Statements<'p> {
    connection: Connection,
    peer: &'p Sqlite,
}

impl Statements<'_> {
    fn prepare(&self, mode: Mode) -> anyhow::Result<CachedStatement<'_>> {
        let index = index_name(self.peer.indexes, mode);
        let (first, second) = mode.fields();
        let (first, second) = (column(first), column(second));
        Ok(self.connection.prepare_cached(&format!(
            "SELECT id, certificate, ticket, name, rest FROM certificates INDEXED BY {index} \
             WHERE {first} = ?1 AND {second} = ?2"
        ))?)
    }
}

/// The digest of the rows of a bound statement that answer the question.
fn answers(
    dictionaries: &Dictionaries,
    key: &PackedKey<'_>,
    statement: &mut Statement<'_>,
) -> anyhow::Result<u64> {
    let mut digest = 0u64;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        digest = digest.wrapping_add(dictionaries.answer(key, &read(row, 0)?));
    }
    Ok(digest)
}

fn read<'r>(row: &'r Row<'_>, from: usize) -> anyhow::Result<Packed<'r>> {
    let ticket = match row.get_ref(from + 2)? {
        ValueRef::Null => 0,
        ticket => ticket.as_i64()?,
    };
    let numbers = [row.get_ref(from)?.as_i64()?, row.get_ref(from + 1)?.as_i64()?, ticket];
    from_columns(numbers, row.get_ref(from + 3)?.as_str()?, row.get_ref(from + 4)?.as_blob()?)
}

fn bind(statement: &mut Statement<'_>, ask: &Ask<'_>, key: &PackedKey<'_>) -> anyhow::Result<()> {
    let (first, second) = ask.mode.fields();
    for (place, field, text) in [(1, first, ask.first), (2, second, ask.second)] {
        match field {
            Field::Name => statement.raw_bind_parameter(place, text)?,
            number => statement.raw_bind_parameter(place, key.field(number)[0] as i64)?,
        }
    }
    Ok(())
}

impl Session for Statements<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let key = ask.key();
        let mut statement = self.prepare(ask.mode)?;
        bind(&mut statement, &ask, &key)?;
        answers(&self.peer.dictionaries, &key, &mut statement)
    }

    fn pass(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let mut statements = Vec::with_capacity(Mode::ALL.len());
        for mode in Mode::ALL {
            statements.push(self.prepare(mode)?);
        }
        let mut digest = 0u64;
        for (ordinal, ask) in questions.iter() {
            let (key, statement) = (ask.key(), &mut statements[ask.mode as usize]);
            bind(statement, &ask, &key)?;
            let answer = answers(&self.peer.dictionaries, &key, statement)?;
            digest = digest.wrapping_add(answer.wrapping_mul(weight(ordinal)));
        }
        Ok(digest)
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let asks: Vec<Ask<'_>> = questions.iter().map(|(_, ask)| ask).collect();
        let start = questions.first_ordinal();
        self.fill_claims(questions)?;
        let mut digest = 0u64;
        for mode in Mode::ALL {
            let index = index_name(self.peer.indexes, mode);
            let (first, second) = mode.fields();
            let (first, second) = (column(first), column(second));
            // CROSS JOIN keeps the claims in the outer loop.
            let mut join = self.connection.prepare_cached(&format!(
                "SELECT ordinal, id, certificate, ticket, name, rest FROM claims CROSS JOIN \
                 certificates INDEXED BY {index} ON {first} = a AND {second} = b WHERE mode = {}",
                mode as u8
            ))?;
            let mut rows = join.query([])?;
            while let Some(row) = rows.next()? {
                let ordinal = row.get_ref(0)?.as_i64()? as u32;
                let key = asks[(ordinal - start) as usize].key();
                let answer = self.peer.dictionaries.answer(&key, &read(row, 1)?);
                digest = digest.wrapping_add(answer.wrapping_mul(weight(ordinal)));
            }
        }
        Ok(digest)
    }
}

impl Statements<'_> {
    fn fill_claims(&self, questions: Questions<'_>) -> anyhow::Result<()> {
        self.connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS claims (mode INTEGER, ordinal INTEGER, a INTEGER, b, \
             PRIMARY KEY (mode, ordinal)) WITHOUT ROWID; DELETE FROM claims;",
        )?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO claims (a, b, mode, ordinal) VALUES (?1, ?2, ?3, ?4)")?;
        for (ordinal, ask) in questions.iter() {
            bind(&mut insert, &ask, &ask.key())?;
            insert.raw_bind_parameter(3, ask.mode as u8)?;
            insert.raw_bind_parameter(4, ordinal)?;
            insert.raw_execute()?;
        }
        Ok(())
    }
}
