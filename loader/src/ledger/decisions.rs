//! Decisions of people about certificate numbers: put under review, released (人社鉴函〔2019〕20号
//! 第五条). Each stands in the audit chain with a digest of its numbers, and each stays for good; what
//! was decided last about a number holds.

use super::{Ledger, append_audit, hex, look};
use anyhow::{Context, bail};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The first version of the ledger that keeps decisions.
const FIRST_VERSION: i64 = 3;

/// Numbers whose last decision, among those before `?1`, puts them under review.
const HELD_BEFORE: &str = "
    SELECT last.certificate_number, decisions.at, decisions.decided_by, decisions.reason
    FROM (SELECT certificate_number, max(decision) AS decision FROM decided
          WHERE decision < ?1 GROUP BY certificate_number) AS last
    JOIN decisions ON decisions.audit = last.decision
    WHERE decisions.kind = 'hold' ORDER BY last.certificate_number";

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// Under review from now on.
    Hold,
    /// Served again from now on.
    Release,
}

impl DecisionKind {
    /// As it stands in the ledger and its audit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }
}

/// One decision, which holds for all its numbers or for none.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What was decided.
    pub kind: DecisionKind,
    /// About which certificate numbers: in normal form, rising, each once.
    pub numbers: &'a [String],
    /// Why.
    pub reason: &'a str,
    /// Who decided it.
    pub by: &'a str,
    /// RFC 3339.
    pub at: &'a str,
}

/// A number under review, with the decision that put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderReview {
    /// In normal form.
    pub certificate_number: String,
    /// RFC 3339.
    pub since: String,
    /// Who decided it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Ledger {
    /// Writes down a decision with its audit entry.
    ///
    /// # Errors
    /// Any error of the database; nothing is written then.
    pub fn decide(&mut self, decision: &Decision<'_>) -> anyhow::Result<()> {
        let transaction = self.begin()?;
        let detail = detail(decision.numbers, decision.reason, decision.by);
        let kind = decision.kind.name();
        let seq = append_audit(&transaction, decision.at, kind, &detail)?;
        transaction.execute(
            "INSERT INTO decisions (audit, kind, reason, decided_by, at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![seq, kind, decision.reason, decision.by, decision.at],
        )?;
        {
            let mut insert = transaction
                .prepare("INSERT INTO decided (certificate_number, decision) VALUES (?1, ?2)")?;
            for number in decision.numbers {
                insert.execute(params![number, seq])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The numbers under review, rising.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn held(&self) -> anyhow::Result<Vec<String>> {
        numbers_held(&self.connection, i64::MAX)
    }

    /// The numbers that were under review before the latest decision, rising.
    ///
    /// # Errors
    /// Any error of the database.
    pub fn held_before_latest(&self) -> anyhow::Result<Vec<String>> {
        let latest: Option<i64> =
            self.connection.query_row("SELECT max(audit) FROM decisions", [], |row| row.get(0))?;
        numbers_held(&self.connection, latest.unwrap_or(0))
    }

    /// What is under review in a ledger that may be in use, looking only, by number; nothing where
    /// there is no ledger, or one from before there were decisions.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look_under_review(path: &Path) -> anyhow::Result<Vec<UnderReview>> {
        match look(path)? {
            Some((connection, version)) if version >= FIRST_VERSION => under_review(&connection)
                .with_context(|| format!("{}: cannot read the ledger", path.display())),
            _ => Ok(Vec::new()),
        }
    }
}

fn numbers_held(connection: &Connection, before: i64) -> anyhow::Result<Vec<String>> {
    let mut statement = connection.prepare(HELD_BEFORE)?;
    let numbers = statement.query_map([before], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

fn under_review(connection: &Connection) -> rusqlite::Result<Vec<UnderReview>> {
    let mut statement = connection.prepare(HELD_BEFORE)?;
    let rows = statement.query_map([i64::MAX], |row| {
        Ok(UnderReview {
            certificate_number: row.get(0)?,
            since: row.get(1)?,
            by: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// What the audit says of a decision: the chain covers the numbers by their digest.
fn detail<N: AsRef<str>>(
    numbers: impl IntoIterator<Item = N, IntoIter: ExactSizeIterator>,
    reason: &str,
    by: &str,
) -> Value {
    let numbers = numbers.into_iter();
    let count = numbers.len();
    let mut hasher = Sha256::new();
    for number in numbers {
        hasher.update(number.as_ref().as_bytes());
        hasher.update(b"\n");
    }
    json!({ "numbers": count, "sha256": hex(hasher), "reason": reason, "by": by })
}

/// Checks that the decisions are exactly those of the audit, with the same numbers.
pub(super) fn verify(connection: &Connection) -> anyhow::Result<()> {
    let mut audited = connection.prepare(
        "SELECT seq, at, action, detail FROM audit WHERE action IN ('hold', 'release') ORDER BY seq",
    )?;
    let mut decisions = connection
        .prepare("SELECT audit, at, kind, reason, decided_by FROM decisions ORDER BY audit")?;
    let mut decided = connection.prepare(
        "SELECT decision, certificate_number FROM decided ORDER BY decision, certificate_number",
    )?;
    let mut audited = audited.query([])?;
    let mut decisions = decisions.query([])?;
    let mut decided = decided
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?
        .peekable();
    let mut sound = true;
    while let Some(entry) = audited.next()? {
        let seq: i64 = entry.get(0)?;
        let mut numbers = Vec::new();
        while let Some(Ok((_, number))) =
            decided.next_if(|row| row.as_ref().is_ok_and(|(decision, _)| *decision == seq))
        {
            numbers.push(number);
        }
        let Some(decision) = decisions.next()? else { bail!("a decision of the audit is missing") };
        let (at, kind): (String, String) = (entry.get(1)?, entry.get(2)?);
        let written: Value = serde_json::from_str(&entry.get::<_, String>(3)?)?;
        let (reason, by): (String, String) = (decision.get(3)?, decision.get(4)?);
        sound &= decision.get::<_, i64>(0)? == seq
            && decision.get::<_, String>(1)? == at
            && decision.get::<_, String>(2)? == kind
            && detail(&numbers, &reason, &by) == written;
        if !sound {
            bail!("decision {seq} about certificate numbers is not the one of the audit");
        }
    }
    if decisions.next()?.is_some() || decided.next().is_some() {
        bail!("a decision about certificate numbers is not in the audit");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(folder: &Path) -> Ledger {
        Ledger::open(&folder.join("ledger.sqlite")).unwrap()
    }

    fn decide(ledger: &mut Ledger, kind: DecisionKind, numbers: &[&str], reason: &str) {
        let numbers: Vec<String> = numbers.iter().map(|&number| number.to_owned()).collect();
        let at = format!("at {reason}");
        let decision = Decision { kind, numbers: &numbers, reason, by: "王核查", at: &at };
        ledger.decide(&decision).unwrap();
    }

    /// Three held, one released, one of them held again.
    fn some(ledger: &mut Ledger) {
        decide(ledger, DecisionKind::Hold, &["A1", "B2", "C3"], "first");
        ledger.audit("t", "load", &json!({})).unwrap();
        decide(ledger, DecisionKind::Release, &["B2", "C3"], "second");
        decide(ledger, DecisionKind::Hold, &["C3"], "third");
    }

    #[test]
    fn what_was_decided_last_holds() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        assert!(
            ledger.held().unwrap().is_empty() && ledger.held_before_latest().unwrap().is_empty()
        );
        some(&mut ledger);
        assert_eq!(ledger.held().unwrap(), ["A1", "C3"]);
        assert_eq!(ledger.held_before_latest().unwrap(), ["A1"]);
        let review = |number: &str, reason: &str| UnderReview {
            certificate_number: number.to_owned(),
            since: format!("at {reason}"),
            by: "王核查".to_owned(),
            reason: reason.to_owned(),
        };
        let listed = Ledger::look_under_review(&folder.path().join("ledger.sqlite")).unwrap();
        assert_eq!(listed, [review("A1", "first"), review("C3", "third")]);
        ledger.verify().unwrap();
        assert!(Ledger::look_under_review(&folder.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_decision_that_cannot_be_written_whole_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        some(&mut ledger);
        let numbers = ["D4", "E5", "E5"].map(str::to_owned);
        let kind = DecisionKind::Hold;
        let twice = Decision { kind, numbers: &numbers, reason: "r", by: "b", at: "t" };
        assert!(ledger.decide(&twice).is_err());
        assert_eq!(ledger.held().unwrap(), ["A1", "C3"]);
        ledger.verify().unwrap();
    }

    #[test]
    fn an_edited_decision_is_found() {
        for change in [
            "DELETE FROM decided WHERE certificate_number = 'A1'",
            "UPDATE decided SET certificate_number = 'A2' WHERE certificate_number = 'A1'",
            "UPDATE decided SET decision = 4 WHERE certificate_number = 'A1'",
            "INSERT INTO decided VALUES ('D4', 3)",
            "UPDATE decisions SET reason = 'none' WHERE audit = 1",
            "UPDATE decisions SET decided_by = 'none' WHERE audit = 1",
            "UPDATE decisions SET at = 'never' WHERE audit = 4",
            "UPDATE decisions SET kind = 'release' WHERE audit = 4",
            "DELETE FROM decided WHERE decision = 4; DELETE FROM decisions WHERE audit = 4",
            "INSERT INTO decisions VALUES (2, 'hold', 'r', 'b', 't')",
            "PRAGMA foreign_keys = OFF; INSERT INTO decisions VALUES (9, 'hold', 'r', 'b', 't')",
            "PRAGMA foreign_keys = OFF; INSERT INTO decided VALUES ('D4', 9)",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut ledger = ledger(folder.path());
            some(&mut ledger);
            ledger.verify().unwrap();
            ledger.connection.execute_batch(change).unwrap();
            assert!(ledger.verify().is_err(), "{change}");
        }
    }
}
