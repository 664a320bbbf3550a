//! The tables of the ledger and their versions.

use anyhow::{Context, bail};
use rusqlite::Connection;
use std::path::Path;

/// Version of the tables; stands in `PRAGMA user_version`.
const LEDGER_VERSION: i64 = 3;

/// Columns of the table of batches.
const BATCH_COLUMNS: &str = "(
    name     TEXT PRIMARY KEY,
    org      TEXT NOT NULL,
    received TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('prepared', 'waiting', 'accepted', 'abandoned')),
    rows     INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    warned   INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    segment  TEXT NOT NULL
) STRICT";

/// The other tables.
const TABLES: &str = "
CREATE TABLE files (
    batch    TEXT NOT NULL REFERENCES batches (name),
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    PRIMARY KEY (batch, position)
) STRICT;
CREATE TABLE generations (
    number       INTEGER PRIMARY KEY,
    manifest_sum TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('prepared', 'kept', 'abandoned', 'pruned')),
    batch        TEXT REFERENCES batches (name)
) STRICT;
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    action   TEXT NOT NULL,
    detail   TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
";

/// What people decided about certificate numbers; each decision is an entry of the audit too.
const DECISIONS: &str = "
CREATE TABLE decisions (
    audit      INTEGER PRIMARY KEY REFERENCES audit (seq),
    kind       TEXT NOT NULL CHECK (kind IN ('hold', 'release')),
    reason     TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    at         TEXT NOT NULL
) STRICT;
CREATE TABLE decided (
    certificate_number TEXT NOT NULL,
    decision           INTEGER NOT NULL REFERENCES decisions (audit),
    PRIMARY KEY (certificate_number, decision)
) STRICT, WITHOUT ROWID;
";

/// Makes the tables in a new file and brings older ones up to date.
pub(super) fn bring_up(connection: &Connection, path: &Path) -> anyhow::Result<()> {
    let context = || format!("{}: cannot open the ledger", path.display());
    loop {
        let found = version(connection).with_context(context)?;
        let step = match found {
            0 => format!("CREATE TABLE batches {BATCH_COLUMNS}; {TABLES} {DECISIONS}"),
            1 => with_waiting(),
            2 => DECISIONS.to_owned(),
            LEDGER_VERSION => return Ok(()),
            other => bail!(
                "{}: ledger version {other}, this program knows {LEDGER_VERSION}; use the matching \
                 release",
                path.display()
            ),
        };
        let reached = if found == 0 { LEDGER_VERSION } else { found + 1 };
        take(connection, found, &step, reached).with_context(context)?;
    }
}

/// Takes one step whole, unless another program has taken it meanwhile.
fn take(connection: &Connection, from: i64, step: &str, to: i64) -> rusqlite::Result<()> {
    // A table that others refer to is made anew: that asks for the rules between tables to rest.
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE;")?;
    if version(connection)? == from {
        connection.execute_batch(step)?;
        connection.pragma_update(None, "user_version", to)?;
    }
    connection.execute_batch("COMMIT; PRAGMA foreign_keys = ON;")
}

/// The version of the tables; 0 without any.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Version 1 knew no waiting batches. The rule of a column cannot be changed in place: the table is
/// made anew and takes over the name, to which the other tables refer.
fn with_waiting() -> String {
    format!(
        "CREATE TABLE batches_new {BATCH_COLUMNS};
         INSERT INTO batches_new SELECT * FROM batches;
         DROP TABLE batches;
         ALTER TABLE batches_new RENAME TO batches;"
    )
}

#[cfg(test)]
mod tests {
    use super::super::{BatchRow, Decision, DecisionKind, Ledger};
    use super::*;
    use serde_json::json;

    /// A ledger as the first release made it, with an upload that is settled and one that is not.
    const VERSION_1: &str = "
CREATE TABLE batches (
    name     TEXT PRIMARY KEY,
    org      TEXT NOT NULL,
    received TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('prepared', 'accepted', 'abandoned')),
    rows     INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    warned   INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    segment  TEXT NOT NULL
) STRICT;
CREATE TABLE files (
    batch    TEXT NOT NULL REFERENCES batches (name),
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    PRIMARY KEY (batch, position)
) STRICT;
CREATE TABLE generations (
    number       INTEGER PRIMARY KEY,
    manifest_sum TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('prepared', 'kept', 'abandoned', 'pruned')),
    batch        TEXT REFERENCES batches (name)
) STRICT;
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    action   TEXT NOT NULL,
    detail   TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
INSERT INTO batches VALUES ('b000001', '10', '2026-11-24T13:00:00+08:00', 'accepted', 9, 8, 1, 1, '01');
INSERT INTO batches VALUES ('b000002', 'all', '2026-11-24T14:00:00+08:00', 'prepared', 5, 5, 0, 0, '02');
INSERT INTO files VALUES ('b000001', 0, '1-a.csv', 'ab'), ('b000001', 1, '2-b.csv', 'cd');
INSERT INTO generations VALUES (1, '00', 'kept', 'b000001'), (2, '11', 'prepared', 'b000002');
PRAGMA user_version = 1;
";

    fn version_1(path: &Path) {
        Connection::open(path).unwrap().execute_batch(VERSION_1).unwrap();
    }

    #[test]
    fn a_ledger_of_version_1_is_brought_up_with_all_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        version_1(&path);
        assert_eq!(Ledger::look_for_waiting(&path).unwrap(), (0, 0), "and looking changes nothing");
        let before = std::fs::read(&path).unwrap();
        assert_eq!(Ledger::look_for_waiting(&path).unwrap(), (0, 0));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(version(&ledger.connection).unwrap(), LEDGER_VERSION);
        let batches = ledger.batches().unwrap();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].counts, [9, 8, 1, 1]);
        assert_eq!(batches[0].files, [("1-a.csv", "ab"), ("2-b.csv", "cd")].map(owned));
        assert_eq!(ledger.generations().unwrap()[1].batch.as_deref(), Some("b000002"));
        assert!(ledger.unfinished_batches().unwrap().is_empty(), "generation 2 goes with it");
        // The old rows still obey the rules between the tables, and new ones may wait.
        let wrong = "INSERT INTO files VALUES ('b000009', 0, 'a', 'b')";
        assert!(ledger.connection.execute_batch(wrong).is_err());
        ledger.settle(2, false, "t", "recover", &json!({})).unwrap();
        assert!(ledger.held().unwrap().is_empty());
        let batch = BatchRow { name: "b000003".to_owned(), ..batches[0].clone() };
        ledger.prepare_waiting(&batch).unwrap();
        ledger.let_wait("t", "synth", &json!({})).unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.waiting().unwrap().len(), 1);
        assert_eq!(ledger.next_batch_number().unwrap(), 4);
        ledger.verify().unwrap();
    }

    #[test]
    fn a_ledger_of_version_2_learns_to_keep_decisions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let version_2 = VERSION_1
            .replace(
                "'prepared', 'accepted', 'abandoned'",
                "'prepared', 'waiting', 'accepted', 'abandoned'",
            )
            .replace("user_version = 1", "user_version = 2");
        Connection::open(&path).unwrap().execute_batch(&version_2).unwrap();
        assert!(
            Ledger::look_under_review(&path).unwrap().is_empty(),
            "and looking changes nothing"
        );
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(version(&ledger.connection).unwrap(), LEDGER_VERSION);
        assert_eq!(ledger.batches().unwrap().len(), 2);
        let numbers = ["0101120201100058".to_owned()];
        let kind = DecisionKind::Hold;
        let decision = Decision { kind, numbers: &numbers, reason: "r", by: "b", at: "t" };
        ledger.decide(&decision).unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.held().unwrap(), numbers);
        ledger.verify().unwrap();
    }

    #[test]
    fn two_programs_bring_a_ledger_up_at_once() {
        for start in ["", VERSION_1] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.sqlite");
            Connection::open(&path).unwrap().execute_batch(start).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| Ledger::open(&path).unwrap().verify().unwrap());
                }
            });
        }
    }

    #[test]
    fn a_ledger_of_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 4").unwrap();
        assert!(Ledger::open(&path).unwrap_err().to_string().contains("version 4"));
    }

    fn owned((name, sha256): (&str, &str)) -> (String, String) {
        (name.to_owned(), sha256.to_owned())
    }
}
