//! Batches that are accepted and belong to no generation yet.

use super::{BatchRow, Ledger, append_audit, insert_batch, look};
use anyhow::Context;
use rusqlite::params;
use std::path::Path;
use zhengcha_engine::manifest::ManifestBatch;

/// Of the table of batches: those that no generation goes with and that nobody settled.
const UNFINISHED: &str = "state = 'prepared' AND name NOT IN \
     (SELECT batch FROM generations WHERE batch IS NOT NULL)";

impl Ledger {
    /// Writes down a batch that no generation goes with, before it is in its place; a
    /// [`Ledger::let_wait`] must follow.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn prepare_waiting(&mut self, batch: &BatchRow) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        insert_batch(&transaction, batch)?;
        transaction.commit()?;
        Ok(())
    }

    /// Every batch written down by [`Ledger::prepare_waiting`] is accepted and waits from now on.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn let_wait(
        &mut self,
        at: &str,
        action: &str,
        detail: &serde_json::Value,
    ) -> anyhow::Result<()> {
        self.settle_unnamed("waiting", at, action, detail)
    }

    /// Gives up every batch that [`Ledger::unfinished_batches`] lists.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn abandon_unfinished(
        &mut self,
        at: &str,
        action: &str,
        detail: &serde_json::Value,
    ) -> anyhow::Result<()> {
        self.settle_unnamed("abandoned", at, action, detail)
    }

    fn settle_unnamed(
        &mut self,
        state: &str,
        at: &str,
        action: &str,
        detail: &serde_json::Value,
    ) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            &format!("UPDATE batches SET state = ?1 WHERE {UNFINISHED}"),
            params![state],
        )?;
        append_audit(&transaction, at, action, detail)?;
        transaction.commit()?;
        Ok(())
    }

    /// Batches that were to wait, but were never said to; by name.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn unfinished_batches(&self) -> anyhow::Result<Vec<String>> {
        let sql = format!("SELECT name FROM batches WHERE {UNFINISHED} ORDER BY name");
        let mut statement = self.connection.prepare(&sql)?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Batches that wait for a generation, by name, with their records.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn waiting(&self) -> anyhow::Result<Vec<ManifestBatch>> {
        let mut statement = self.connection.prepare(
            "SELECT name, accepted, segment FROM batches WHERE state = 'waiting' ORDER BY name",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(ManifestBatch {
                name: row.get(0)?,
                records: row.get::<_, i64>(1)?.unsigned_abs(),
                segment: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Batches and records that wait in a ledger that may be in use, looking only; none where there
    /// is no ledger, or one from before batches could wait.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look_for_waiting(path: &Path) -> anyhow::Result<(u64, u64)> {
        let Some((connection, _)) = look(path)? else { return Ok((0, 0)) };
        let (batches, records): (i64, i64) = connection
            .query_row(
                "SELECT count(*), coalesce(sum(accepted), 0) FROM batches WHERE state = 'waiting'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .with_context(|| format!("{}: cannot read the ledger", path.display()))?;
        Ok((batches.unsigned_abs(), records.unsigned_abs()))
    }

    /// Of these batches, those that waited are accepted: a generation that names them is live.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn accept_waiting(&mut self, batches: &[ManifestBatch]) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        {
            let mut accept = transaction.prepare(
                "UPDATE batches SET state = 'accepted' WHERE name = ?1 AND state = 'waiting'",
            )?;
            for batch in batches {
                accept.execute(params![batch.name])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn batch(number: u64) -> BatchRow {
        BatchRow {
            name: format!("b{number:06}"),
            org: "all".to_owned(),
            received: "2026-11-24T13:00:00+08:00".to_owned(),
            counts: [number, number, 0, 0],
            segment: format!("{number:032x}"),
            files: Vec::new(),
        }
    }

    fn waiting(ledger: &Ledger) -> Vec<String> {
        ledger.waiting().unwrap().into_iter().map(|batch| batch.name).collect()
    }

    #[test]
    fn batches_wait_together_and_are_accepted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let mut ledger = Ledger::open(&path).unwrap();
        for number in 1..=3 {
            ledger.prepare_waiting(&batch(number)).unwrap();
        }
        // An upload on its way to a generation is none of them.
        ledger.prepare(Some(&batch(4)), 1, "00").unwrap();
        assert_eq!(ledger.unfinished_batches().unwrap(), ["b000001", "b000002", "b000003"]);
        assert!(waiting(&ledger).is_empty());
        ledger.let_wait("t", "synth", &json!({})).unwrap();
        assert!(ledger.unfinished_batches().unwrap().is_empty());
        assert_eq!(waiting(&ledger), ["b000001", "b000002", "b000003"]);
        assert_eq!(Ledger::look_for_waiting(&path).unwrap(), (3, 6));
        let all = ledger.waiting().unwrap();
        ledger.accept_waiting(&all[..2]).unwrap();
        ledger.accept_waiting(&all[..2]).unwrap();
        assert_eq!(waiting(&ledger), ["b000003"]);
        assert_eq!(ledger.batches().unwrap().len(), 4);
        ledger.verify().unwrap();
    }

    #[test]
    fn unfinished_batches_are_given_up_and_their_names_stay_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        ledger.prepare_waiting(&batch(1)).unwrap();
        ledger.abandon_unfinished("t", "recover", &json!({})).unwrap();
        assert!(ledger.unfinished_batches().unwrap().is_empty());
        assert!(ledger.batches().unwrap().is_empty() && waiting(&ledger).is_empty());
        assert_eq!(ledger.next_batch_number().unwrap(), 2);
    }
}
