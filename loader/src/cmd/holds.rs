//! `holds`: what is under review; and the file that servers follow, written again.

use super::Outcome;
use crate::ledger::{Ledger, UnderReview};
use crate::output::Output;
use crate::review::{Review, ledger_of, named};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use zhengcha_engine::{Holds, Store};

/// Lists the numbers under review, as the ledger says.
pub(super) fn list(store: &Store, output: &Output) -> anyhow::Result<Outcome> {
    if !store.root().is_dir() {
        anyhow::bail!("{}: no such store", store.root().display());
    }
    let rows = Ledger::look_under_review(&store.ledger_path())?;
    let json = rows.iter().map(|row| {
        json!({
            "certificate_number": row.certificate_number,
            "since": row.since,
            "by": row.by,
            "reason": row.reason,
        })
    });
    output.print(&json.collect(), || lines(&rows))?;
    let held = Holds::new(rows.into_iter().map(|row| row.certificate_number));
    let differs = match Holds::read(store) {
        Ok(found) if found == held => return Ok(Outcome::Done),
        Ok(_) => {
            "is not as the ledger says; `zhengcha-loader holds --rewrite` writes it".to_owned()
        }
        // A folder that never served has no list, and holds nothing.
        Err(_) if held.is_empty() && !store.current_path().exists() => return Ok(Outcome::Done),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(io::stderr(), "note: the file that servers follow: {differs}");
    Ok(Outcome::Done)
}

fn lines(rows: &[UnderReview]) -> String {
    let mut text = String::new();
    for UnderReview { certificate_number, since, by, reason } in rows {
        let _ = writeln!(text, "{certificate_number:<16}  since {since}  by {by}: {reason}");
    }
    let _ = writeln!(text, "{} under review", rows.len());
    text
}

/// Writes the file again from the ledger.
pub(super) fn rewrite(store: &Store, output: &Output) -> anyhow::Result<Outcome> {
    let mut ledger = ledger_of(store)?;
    let rewritten = Review::open(store, &mut ledger)?.rewrite()?;
    let json = json!({
        "under_review": rewritten.held,
        "changed": rewritten.changed,
        "lifted": rewritten.lifted,
    });
    output.print(&json, || {
        let path = store.holds_path();
        let done = if rewritten.changed { "written again" } else { "as the ledger says already" };
        let mut text = format!("{}: {done}; {} under review\n", path.display(), rewritten.held);
        if !rewritten.lifted.is_empty() {
            let _ = writeln!(text, "no longer under review: {}", named(&rewritten.lifted));
        }
        text
    })?;
    Ok(Outcome::Done)
}
