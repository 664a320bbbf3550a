//! Redis: a private server on a unix socket, plain string keys.

use super::input::{Dictionaries, decode_value, encode_value};
use super::service::{self, Server};
use super::three::index_field;
use super::{Ask, Candidate, Input, Peer, Questions, Session, weight};
use anyhow::Context;
use redis::{Client, Connection, Pipeline};
use std::path::Path;
use std::sync::Arc;
use zhengcha_engine::Field;
use zhengcha_engine::testing::PackedKey;

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "redis-three",
    name: "Redis, three",
    setup: "9-byte keys; certificates lie under their numbers, IDs and tickets name certificate \
            numbers, which takes a second round trip; unix socket, nothing saved; bytes are used_memory",
    batch: "pipelines of 512",
    remote: true,
    build,
};

/// Commands in one pipeline.
const PIPELINE: usize = 512;

struct Redis {
    bytes: u64,
    client: Client,
    dictionaries: Arc<Dictionaries>,
    _server: Server,
}

fn redis_key(field: Field, word: u64) -> [u8; 9] {
    let mut key = [0; 9];
    key[0] = field.name().as_bytes()[0];
    key[1..].copy_from_slice(&word.to_le_bytes());
    key
}

fn used_memory(connection: &mut Connection) -> anyhow::Result<u64> {
    let info: String = redis::cmd("INFO").arg("memory").query(connection)?;
    let value = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(value.context("no used_memory")?.trim().parse()?)
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let folder = folder.canonicalize()?;
    let socket = folder.join("redis.sock");
    let program = service::program("redis-server", &[])?;
    let mut command = service::command(&program, None, &folder)?;
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    let client = Client::open(format!("redis+unix://{}", socket.display()))?;
    let (server, mut connection) = Server::start(command, || Ok(client.get_connection()?))?;
    let empty = used_memory(&mut connection)?;
    for field in [Field::CertificateNumber, Field::IdNumber, Field::TicketNumber] {
        load(&mut connection, input, field)?;
    }
    let dictionaries = Arc::clone(&input.dictionaries);
    let bytes = used_memory(&mut connection)?.saturating_sub(empty) + dictionaries.bytes();
    Ok(Box::new(Redis { bytes, client, dictionaries, _server: server }))
}

fn load(connection: &mut Connection, input: &Input, field: Field) -> anyhow::Result<()> {
    let pairs = input.postings(|packed| Some(packed.field(field)[0]).filter(|&word| word != 0));
    let (mut value, mut one) = (Vec::new(), Vec::new());
    let mut pipe = Pipeline::new();
    for group in pairs.chunk_by(|one, other| one.0 == other.0) {
        value.clear();
        for &(_, number) in group {
            let packed = input.packed(number);
            if field == Field::CertificateNumber {
                encode_value(&packed, &mut one);
                value.extend_from_slice(&(one.len() as u16).to_le_bytes());
                value.extend_from_slice(&one);
            } else {
                value.extend_from_slice(&packed.words[1].to_le_bytes());
            }
        }
        pipe.cmd("SET").arg(&redis_key(field, group[0].0)[..]).arg(&value[..]).ignore();
        if pipe.len() == PIPELINE {
            pipe.query::<()>(connection)?;
            pipe.clear();
        }
    }
    if !pipe.is_empty() {
        pipe.query::<()>(connection)?;
    }
    Ok(())
}

impl Peer for Redis {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        let connection = self.client.get_connection()?;
        Ok(Box::new(Commands { connection, dictionaries: &self.dictionaries }))
    }
}

struct Commands<'p> {
    connection: Connection,
    dictionaries: &'p Dictionaries,
}

impl Commands<'_> {
    fn get(&mut self, keys: &[[u8; 9]]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = Pipeline::with_capacity(keys.len());
        for key in keys {
            pipe.cmd("GET").arg(&key[..]);
        }
        Ok(pipe.query(&mut self.connection)?)
    }

    /// The digest of the certificates of one number that have both fields.
    fn answer(&self, key: &PackedKey<'_>, value: &[u8]) -> anyhow::Result<u64> {
        let (mut rest, mut digest) = (value, 0u64);
        while let Some((len, tail)) = rest.split_first_chunk::<2>() {
            let (value, tail) = tail
                .split_at_checked(usize::from(u16::from_le_bytes(*len)))
                .context("a value is cut short")?;
            digest = digest.wrapping_add(self.dictionaries.answer(key, &decode_value(value)?));
            rest = tail;
        }
        Ok(digest)
    }

    /// Asks all at once: one round trip, and another for what is found through IDs and tickets.
    fn ask(&mut self, asks: &[(u32, Ask<'_>)]) -> anyhow::Result<u64> {
        let keys: Vec<[u8; 9]> = asks
            .iter()
            .map(|(_, ask)| {
                let field = index_field(ask.mode);
                redis_key(field, ask.key().field(field)[0])
            })
            .collect();
        let (mut digest, mut owners, mut more) = (0u64, Vec::new(), Vec::new());
        for ((ordinal, ask), value) in asks.iter().zip(self.get(&keys)?) {
            let Some(value) = value else { continue };
            if index_field(ask.mode) == Field::CertificateNumber {
                let answer = self.answer(&ask.key(), &value)?;
                digest = digest.wrapping_add(answer.wrapping_mul(weight(*ordinal)));
                continue;
            }
            for bytes in value.as_chunks::<8>().0 {
                owners.push((*ordinal, ask.key()));
                more.push(redis_key(Field::CertificateNumber, u64::from_le_bytes(*bytes)));
            }
        }
        for ((ordinal, key), value) in owners.iter().zip(self.get(&more)?) {
            let answer = self.answer(key, &value.context("a certificate is missing")?)?;
            digest = digest.wrapping_add(answer.wrapping_mul(weight(*ordinal)));
        }
        Ok(digest)
    }
}

impl Session for Commands<'_> {
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        // The first question weighs 1.
        self.ask(&[(0, ask)])
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let mut digest = 0u64;
        for part in questions.chunks(PIPELINE) {
            let asks: Vec<_> = part.iter().collect();
            digest = digest.wrapping_add(self.ask(&asks)?);
        }
        Ok(digest)
    }
}
