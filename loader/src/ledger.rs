//! `ledger.sqlite`: what was uploaded, compiled and published, and a hash-chained audit of it
//! (人社鉴函〔2019〕20号 第六条: traceable from examination to issue). Never one row a certificate.
//!
//! The ledger follows the files: CURRENT decides what is live. A command writes its intention here
//! first (`prepared`), then publishes, then settles; opening the store for writing settles what a kill left.
//!
//! Who put which certificate numbers under review is decided here alone; the file `holds` follows
//! ([`crate::review`]). Such a decision may come while another command works on the store, so every
//! transaction takes the database at once.
//!
//! A batch may also be accepted without a generation: it is `waiting` until one that names it is
//! live, and `accepted` from then on, whatever is live later.

mod decisions;
mod tables;
mod waiting;

pub use decisions::{Decision, DecisionKind, UnderReview};

use anyhow::{Context, bail};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use sha2::{Digest, Sha256};
use std::path::Path;

/// How long to wait for another program at work on the file, which may enter a long list of numbers.
const BUSY_TIMEOUT_MS: u64 = 30_000;

/// One upload as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Folder name.
    pub name: String,
    /// Uploading unit as given (`all` or a 机构编码 prefix).
    pub org: String,
    /// RFC 3339.
    pub received: String,
    /// Rows read, accepted, accepted with a warning, rejected.
    pub counts: [u64; 4],
    /// Id of the segment with the accepted records.
    pub segment: String,
    /// Delivered files as stored, with their SHA-256.
    pub files: Vec<(String, String)>,
}

/// A generation as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRow {
    /// Its number.
    pub number: u64,
    /// Sum of its manifest, 32 hexadecimal digits.
    pub manifest_sum: String,
    /// `prepared`, `kept`, `abandoned` or `pruned`.
    pub state: String,
    /// The upload that made it, if one did.
    pub batch: Option<String>,
}

/// The open ledger.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
}

impl Ledger {
    /// Opens the ledger, making it if need be.
    ///
    /// # Errors
    /// When the file cannot be opened, is damaged or of another version.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("{}: cannot open the ledger", path.display());
        let connection = Connection::open(path).with_context(context)?;
        connection
            .busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))
            .with_context(context)?;
        // A rollback journal in FULL mode: one durable file, nothing beside it at rest.
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .with_context(context)?;
        tables::bring_up(&connection, path)?;
        Ok(Self { connection })
    }

    /// Begins to write: at once, since whoever reads first may find another writing in between.
    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Whether a file name was ever given to a batch, and the number to give next.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn next_batch_number(&self) -> anyhow::Result<u64> {
        let last: Option<String> =
            self.connection.query_row("SELECT max(name) FROM batches", [], |row| row.get(0))?;
        let number = last.and_then(|name| name.strip_prefix('b')?.parse::<u64>().ok()).unwrap_or(0);
        Ok(number + 1)
    }

    /// The highest generation number ever used.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn last_generation(&self) -> anyhow::Result<u64> {
        let last: Option<i64> =
            self.connection
                .query_row("SELECT max(number) FROM generations", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0).unsigned_abs())
    }

    /// Writes down an upload and the generation it will make, before either is visible.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn prepare(
        &mut self,
        batch: Option<&BatchRow>,
        generation: u64,
        manifest_sum: &str,
    ) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        if let Some(batch) = batch {
            insert_batch(&transaction, batch)?;
        }
        transaction.execute(
            "INSERT INTO generations (number, manifest_sum, state, batch) \
             VALUES (?1, ?2, 'prepared', ?3)",
            params![generation.cast_signed(), manifest_sum, batch.map(|batch| &batch.name)],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Settles a prepared generation and its upload, with an audit entry.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn settle(
        &mut self,
        generation: u64,
        kept: bool,
        at: &str,
        action: &str,
        detail: &serde_json::Value,
    ) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        let (state, batch_state) =
            if kept { ("kept", "accepted") } else { ("abandoned", "abandoned") };
        transaction.execute(
            "UPDATE batches SET state = ?2 WHERE name = \
             (SELECT batch FROM generations WHERE number = ?1)",
            params![generation.cast_signed(), batch_state],
        )?;
        transaction.execute(
            "UPDATE generations SET state = ?2 WHERE number = ?1",
            params![generation.cast_signed(), state],
        )?;
        append_audit(&transaction, at, action, detail)?;
        transaction.commit()?;
        Ok(())
    }

    /// Marks generations as pruned, with an audit entry.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn prune(&mut self, generations: &[u64], at: &str) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        for generation in generations {
            transaction.execute(
                "UPDATE generations SET state = 'pruned' WHERE number = ?1",
                params![generation.cast_signed()],
            )?;
        }
        let detail = serde_json::json!({ "generations": generations });
        append_audit(&transaction, at, "prune", &detail)?;
        transaction.commit()?;
        Ok(())
    }

    /// Adds an entry to the audit chain.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn audit(
        &mut self,
        at: &str,
        action: &str,
        detail: &serde_json::Value,
    ) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        append_audit(&transaction, at, action, detail)?;
        transaction.commit()?;
        Ok(())
    }

    /// Every generation ever prepared, by number.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn generations(&self) -> anyhow::Result<Vec<GenerationRow>> {
        let mut statement = self.connection.prepare(
            "SELECT number, manifest_sum, state, batch FROM generations ORDER BY number",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(GenerationRow {
                number: row.get::<_, i64>(0)?.unsigned_abs(),
                manifest_sum: row.get(1)?,
                state: row.get(2)?,
                batch: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every upload that was accepted or is being settled, with its files, by name.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn batches(&self) -> anyhow::Result<Vec<BatchRow>> {
        let mut statement = self.connection.prepare(
            "SELECT name, org, received, rows, accepted, warned, rejected, segment FROM batches \
             WHERE state <> 'abandoned' ORDER BY name",
        )?;
        let mut files = self
            .connection
            .prepare("SELECT name, sha256 FROM files WHERE batch = ?1 ORDER BY position")?;
        let rows = statement.query_map([], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
            Ok(BatchRow {
                name: row.get(0)?,
                org: row.get(1)?,
                received: row.get(2)?,
                counts: [count(3)?, count(4)?, count(5)?, count(6)?],
                segment: row.get(7)?,
                files: Vec::new(),
            })
        })?;
        let mut batches: Vec<BatchRow> = rows.collect::<Result<_, _>>()?;
        for batch in &mut batches {
            let rows = files.query_map([&batch.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
            batch.files = rows.collect::<Result<_, _>>()?;
        }
        Ok(batches)
    }

    /// Checks the database file and the audit chain.
    ///
    /// # Errors
    /// Naming what is wrong.
    pub fn verify(&self) -> anyhow::Result<()> {
        let verdict: String =
            self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            bail!("the database is damaged: {verdict}");
        }
        let mut statement = self
            .connection
            .prepare("SELECT seq, at, action, detail, previous, hash FROM audit ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut previous = String::new();
        let mut expected_seq = 1i64;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let (at, action, detail): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            let (stored_previous, stored_hash): (String, String) = (row.get(4)?, row.get(5)?);
            let hash = audit_hash(seq, &at, &action, &detail, &previous);
            if seq != expected_seq || stored_previous != previous || stored_hash != hash {
                bail!("the audit chain is broken at entry {expected_seq}");
            }
            previous = hash;
            expected_seq += 1;
        }
        decisions::verify(&self.connection)
    }
}

/// A ledger that may be in use, to look at only, with its version; `None` where there is none.
fn look(path: &Path) -> anyhow::Result<Option<(Connection, i64)>> {
    if !path.exists() {
        return Ok(None);
    }
    let open = |flags| -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
        let version = tables::version(&connection)?;
        Ok((connection, version))
    };
    let opened = match open(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // What a kill left half written must be taken back before anybody can read.
        Err(error) if is_half_written(&error) => open(OpenFlags::SQLITE_OPEN_READ_WRITE),
        opened => opened,
    };
    let (connection, version) =
        opened.with_context(|| format!("{}: cannot read the ledger", path.display()))?;
    Ok((version != 0).then_some((connection, version)))
}

fn is_half_written(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
}

fn insert_batch(connection: &Connection, batch: &BatchRow) -> anyhow::Result<()> {
    let [rows, accepted, warned, rejected] = batch.counts.map(u64::cast_signed);
    connection.execute(
        "INSERT INTO batches (name, org, received, state, rows, accepted, warned, rejected, \
         segment) VALUES (?1, ?2, ?3, 'prepared', ?4, ?5, ?6, ?7, ?8)",
        params![
            batch.name,
            batch.org,
            batch.received,
            rows,
            accepted,
            warned,
            rejected,
            batch.segment
        ],
    )?;
    for (position, (name, sha256)) in batch.files.iter().enumerate() {
        connection.execute(
            "INSERT INTO files (batch, position, name, sha256) VALUES (?1, ?2, ?3, ?4)",
            params![batch.name, position as i64, name, sha256],
        )?;
    }
    Ok(())
}

/// Adds an entry and gives its number.
fn append_audit(
    connection: &Connection,
    at: &str,
    action: &str,
    detail: &serde_json::Value,
) -> anyhow::Result<i64> {
    let last: Option<(i64, String)> = connection
        .query_row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (seq, previous) = last.map_or((1, String::new()), |(seq, hash)| (seq + 1, hash));
    let detail = detail.to_string();
    let hash = audit_hash(seq, at, action, &detail, &previous);
    connection.execute(
        "INSERT INTO audit (seq, at, action, detail, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![seq, at, action, detail, previous, hash],
    )?;
    Ok(seq)
}

/// SHA-256 over the entry and the hash before it, each part behind its length.
fn audit_hash(seq: i64, at: &str, action: &str, detail: &str, previous: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [&seq.to_string(), at, action, detail, previous] {
        hasher.update(format!("{}:", part.len()).as_bytes());
        hasher.update(part.as_bytes());
    }
    hex(hasher)
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ledger(folder: &Path) -> Ledger {
        Ledger::open(&folder.join("ledger.sqlite")).unwrap()
    }

    #[test]
    fn an_upload_is_prepared_then_settled() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        assert_eq!(ledger.next_batch_number().unwrap(), 1);
        let batch = BatchRow {
            name: "b000001".to_owned(),
            org: "10".to_owned(),
            received: "2026-11-24T13:00:00+08:00".to_owned(),
            counts: [10, 8, 1, 2],
            segment: "0".repeat(32),
            files: vec![("1-a.csv".to_owned(), "ab".to_owned())],
        };
        ledger.prepare(Some(&batch), 1, "00").unwrap();
        assert_eq!(ledger.generations().unwrap()[0].state, "prepared");
        ledger.settle(1, true, "t", "load", &json!({"batch": "b000001"})).unwrap();
        assert_eq!(ledger.generations().unwrap()[0].state, "kept");
        assert_eq!(ledger.batches().unwrap(), [batch]);
        assert_eq!(ledger.next_batch_number().unwrap(), 2);
        assert_eq!(ledger.last_generation().unwrap(), 1);
        ledger.verify().unwrap();
    }

    #[test]
    fn an_edited_audit_is_found() {
        for change in [
            "UPDATE audit SET detail = '{}' WHERE seq = 2",
            "DELETE FROM audit WHERE seq = 2",
            "UPDATE audit SET seq = 9 WHERE seq = 3",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut ledger = ledger(folder.path());
            for n in 0..3 {
                ledger.audit("t", "load", &json!({ "n": n })).unwrap();
            }
            ledger.verify().unwrap();
            ledger.connection.execute_batch(change).unwrap();
            assert!(ledger.verify().is_err(), "{change}");
        }
    }
}
