//! `hold` and `release`: certificate numbers go under review and come back.

use super::Outcome;
use crate::cli::DecisionArgs;
use crate::clock;
use crate::ledger::{Decision, DecisionKind};
use crate::output::Output;
use crate::review::{Review, ledger_of, named, normal_numbers};
use anyhow::{Context, bail};
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use zhengcha_engine::holds::HOLDS_BYTES_MAX;
use zhengcha_engine::{Snapshot, Store};

/// Decides about all the numbers or about none.
pub(super) fn run(
    store: &Store,
    kind: DecisionKind,
    args: &DecisionArgs,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let listed = args.from.as_deref().map(read_list).transpose()?.unwrap_or_default();
    let typed = args.numbers.iter().map(String::as_str);
    let lines = listed.lines().map(str::trim).filter(|line| !line.is_empty());
    let numbers = normal_numbers(typed.chain(lines))?;
    if numbers.is_empty() {
        bail!("no certificate number is given; nothing was changed");
    }
    let mut ledger = ledger_of(store)?;
    let at = clock::timestamp()?;
    let (reason, by) = (args.reason.as_str(), args.by.as_str());
    let decision = Decision { kind, numbers: &numbers, reason, by, at: &at };
    let held = Review::open(store, &mut ledger)?.decide(&decision)?;
    // From here on it is done, whatever else can be said about it.
    let absent = match kind {
        DecisionKind::Hold => absent(store, &numbers),
        DecisionKind::Release => Some(Vec::new()),
    };
    let json = json!({
        "decision": kind.name(),
        "certificate_numbers": numbers,
        "not_live": absent,
        "under_review": held,
    });
    output.print(&json, || {
        let done = match kind {
            DecisionKind::Hold => "put under review",
            DecisionKind::Release => "released",
        };
        format!("{done}: {}; {held} under review in all\n", named(&numbers))
    })?;
    Ok(Outcome::Done)
}

/// Numbers that the live generation does not have, and a note of them; `None` when that cannot be told.
fn absent(store: &Store, numbers: &[String]) -> Option<Vec<String>> {
    let mut note = io::stderr();
    let snapshot = match Snapshot::open_current(store, None) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let _ = writeln!(note, "note: whether they are served now cannot be told: {error}");
            return None;
        }
    };
    let lives = |number: &String| {
        snapshot.as_ref().is_some_and(|live| live.by_certificate(number).next().is_some())
    };
    let absent: Vec<String> = numbers.iter().filter(|&number| !lives(number)).cloned().collect();
    if !absent.is_empty() {
        let _ = writeln!(
            note,
            "note: not in the live generation: {}; under review as soon as an upload brings it",
            named(&absent)
        );
    }
    Some(absent)
}

/// A list of numbers, one a line.
fn read_list(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(HOLDS_BYTES_MAX + 1).read_to_string(&mut text))
        .with_context(|| {
            format!("{}: cannot read it as UTF-8, one certificate number a line", path.display())
        })?;
    if text.len() as u64 > HOLDS_BYTES_MAX {
        bail!("{}: longer than {HOLDS_BYTES_MAX} bytes; split it", path.display());
    }
    Ok(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text))
}
