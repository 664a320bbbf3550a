//! PostgreSQL: a private server on a unix socket, prepared statements, batches by COPY and join.

use super::input::Dictionaries;
use super::service::{self, Server};
use super::three::{column, from_columns, rest};
use super::{Ask, Candidate, Input, Peer, Questions, Session, weight};
use anyhow::Context;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, NoTls, Row, Statement};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zhengcha_engine::testing::Packed;
use zhengcha_engine::{Field, Mode};

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "postgres-three",
    name: "PostgreSQL, three",
    setup: "bigint numbers, text name, bytea rest; full index pages, VACUUM FREEZE, 2 GiB of shared \
            buffers, unix socket, prepared statements with generic plans and plain index scans",
    batch: "COPY BINARY into a temporary table, ANALYZE, one join a mode",
    remote: true,
    build,
};

struct Postgres {
    bytes: u64,
    folder: PathBuf,
    dictionaries: Arc<Dictionaries>,
    _server: Server,
}

/// Where distributions keep the server's programs, newest version first.
fn program_folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn connect(folder: &Path) -> anyhow::Result<Client> {
    let mut config = Config::new();
    config.host_path(folder).user("postgres").dbname("postgres");
    let mut client = config.connect(NoTls)?;
    client.batch_execute(
        "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; \
         SET enable_seqscan = off; SET jit = off; SET max_parallel_workers_per_gather = 0;",
    )?;
    Ok(client)
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let folder = folder.canonicalize()?;
    let account = service::account("postgres")?;
    service::hand_over(&folder, account)?;
    let folders = program_folders();
    let status = service::command(&service::program("initdb", &folders)?, account, &folder)?
        .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        .status()?;
    anyhow::ensure!(status.success(), "initdb ended with {status}; see {}/log", folder.display());
    let mut command = service::command(&service::program("postgres", &folders)?, account, &folder)?;
    command.args(["-D", "data", "-k"]).arg(&folder);
    for setting in [
        "listen_addresses=",
        "shared_buffers=2GB",
        "huge_pages=try",
        "dynamic_shared_memory_type=mmap",
        "maintenance_work_mem=512MB",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_wal_size=8GB",
        "fsync=off",
        "autovacuum=off",
        "log_min_messages=fatal",
    ] {
        command.args(["-c", setting]);
    }
    let (server, mut client) = Server::start(command, || connect(&folder))?;
    load(&mut client, input)?;
    let bytes: i64 =
        client.query_one("SELECT pg_total_relation_size('certificates')", &[])?.try_get(0)?;
    let dictionaries = Arc::clone(&input.dictionaries);
    let bytes = bytes as u64 + dictionaries.bytes();
    Ok(Box::new(Postgres { bytes, folder, dictionaries, _server: server }))
}

fn load(client: &mut Client, input: &Input) -> anyhow::Result<()> {
    // Created in the transaction that fills it, so that no log is written.
    let mut load = client.transaction()?;
    load.batch_execute(
        "CREATE TABLE certificates (id bigint NOT NULL, certificate bigint NOT NULL, \
         ticket bigint, name text NOT NULL, rest bytea NOT NULL)",
    )?;
    let types = [Type::INT8, Type::INT8, Type::INT8, Type::TEXT, Type::BYTEA];
    let sink = load.copy_in("COPY certificates FROM STDIN (FORMAT binary, FREEZE)")?;
    let mut writer = BinaryCopyInWriter::new(sink, &types);
    let mut bytes = Vec::new();
    for (number, packed) in input.all() {
        rest(&packed, &mut bytes);
        let [id, certificate, ticket] = [0, 1, 2].map(|word| packed.words[word] as i64);
        let ticket = (ticket != 0).then_some(ticket);
        let view = input.view(number);
        let name = view.name_key();
        writer.write(&[&id, &certificate, &ticket, &name.as_str(), &bytes])?;
    }
    writer.finish()?;
    load.commit()?;
    for field in [Field::CertificateNumber, Field::IdNumber, Field::TicketNumber] {
        let column = column(field);
        client.batch_execute(&format!(
            "CREATE INDEX by_{column} ON certificates ({column}) WITH (fillfactor = 100)"
        ))?;
    }
    // Two calls: statements of one call share a transaction, in which there is no vacuum.
    client.batch_execute("VACUUM (FREEZE, ANALYZE) certificates")?;
    Ok(client.batch_execute("CHECKPOINT")?)
}

impl Peer for Postgres {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let mut client = connect(&self.folder)?;
        let mut statements = Vec::new();
        for mode in Mode::ALL {
            let (first, second) = mode.fields();
            statements.push(client.prepare(&format!(
                "SELECT id, certificate, ticket, name, rest FROM certificates \
                 WHERE {} = $1 AND {} = $2",
                column(first),
                column(second)
            ))?);
        }
        let dictionaries = &*self.dictionaries;
        Ok(Box::new(Connection { client, statements, dictionaries }))
    }
}

struct Connection<'p> {
    client: Client,
    statements: Vec<Statement>,
    dictionaries: &'p Dictionaries,
}

fn read(row: &Row, from: usize) -> anyhow::Result<Packed<'_>> {
    let ticket: Option<i64> = row.try_get(from + 2)?;
    let numbers = [row.try_get(from)?, row.try_get(from + 1)?, ticket.unwrap_or(0)];
    from_columns(numbers, row.try_get(from + 3)?, row.try_get(from + 4)?)
}

impl Session for Connection<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let key = ask.key();
        let (first, second) = ask.mode.fields();
        let number = |field| key.field(field)[0] as i64;
        let (one, other) = (number(first), number(second));
        let second: &(dyn ToSql + Sync) = if second == Field::Name { &ask.second } else { &other };
        let rows = self.client.query(&self.statements[ask.mode as usize], &[&one, second])?;
        let mut digest = 0u64;
        for row in &rows {
            digest = digest.wrapping_add(self.dictionaries.answer(&key, &read(row, 0)?));
        }
        Ok(digest)
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let asks: Vec<(u32, Ask<'_>)> = questions.iter().collect();
        let start = asks.first().map_or(0, |(ordinal, _)| *ordinal);
        let mut batch = self.client.transaction()?;
        batch.batch_execute(
            "CREATE TEMP TABLE claims (mode smallint, ordinal int, a bigint, b bigint, name text) \
             ON COMMIT DROP",
        )?;
        let types = [Type::INT2, Type::INT4, Type::INT8, Type::INT8, Type::TEXT];
        let sink = batch.copy_in("COPY claims FROM STDIN (FORMAT binary)")?;
        let mut writer = BinaryCopyInWriter::new(sink, &types);
        for (ordinal, ask) in &asks {
            let (first, second) = ask.mode.fields();
            let key = ask.key();
            let number = |field| key.field(field)[0] as i64;
            let named = second == Field::Name;
            let (b, name) = ((!named).then(|| number(second)), named.then_some(ask.second));
            writer.write(&[&(ask.mode as i16), &(*ordinal as i32), &number(first), &b, &name])?;
        }
        writer.finish()?;
        batch.batch_execute("ANALYZE claims")?;
        let mut digest = 0u64;
        for mode in Mode::ALL {
            let (first, second) = mode.fields();
            let (one, other) = (column(first), column(second));
            let theirs = if second == Field::Name { "claims.name" } else { "claims.b" };
            let join = format!(
                "SELECT claims.ordinal, c.id, c.certificate, c.ticket, c.name, c.rest FROM claims \
                 JOIN certificates c ON c.{one} = claims.a AND c.{other} = {theirs} \
                 WHERE claims.mode = {}",
                mode as u8
            );
            for row in batch.query(&join[..], &[])? {
                let ordinal: i32 = row.try_get(0)?;
                let (_, ask) =
                    asks.get((ordinal as u32 - start) as usize).context("no such question")?;
                let answer = self.dictionaries.answer(&ask.key(), &read(&row, 1)?);
                digest = digest.wrapping_add(answer.wrapping_mul(weight(ordinal as u32)));
            }
        }
        batch.commit()?;
        Ok(digest)
    }
}
