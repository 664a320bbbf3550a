//! `snapshots`: the generations of the store.

use super::Outcome;
use crate::generation::generations;
use crate::ledger::Ledger;
use crate::output::Output;
use crate::tiers;
use serde_json::json;
use std::fmt::Write as _;
use zhengcha_engine::{Current, Manifest, Store};

/// Said when the deltas of the live generation have grown large.
pub(super) const MERGE_DUE: &str = "the deltas hold more than a tenth of the base; run \
                                    `zhengcha-loader merge --into base` at a quiet hour\n";

/// Lists every generation; a damaged manifest is listed as such.
pub(super) fn run(store: &Store, output: &Output) -> anyhow::Result<Outcome> {
    let live = Current::read(store)?.map(|current| current.generation);
    let mut rows = Vec::new();
    let mut text = String::new();
    let mut merge_due = false;
    for generation in generations(store)? {
        let mark = if live == Some(generation) { "*" } else { " " };
        match Manifest::read(store, generation) {
            Ok((manifest, _)) => {
                let as_of = manifest.as_of.map_or("-".to_owned(), |date| date.to_string());
                let _ = writeln!(
                    text,
                    "{mark} {generation:>6}  {:>11} records  as of {as_of}  built {}{}",
                    manifest.records,
                    manifest.built_at,
                    deltas(&manifest)
                );
                merge_due |= live == Some(generation) && tiers::base_is_due(&manifest.sizes());
                rows.push(json!({
                    "generation": generation,
                    "live": live == Some(generation),
                    "records": manifest.records,
                    "as_of": manifest.as_of.map(|date| date.to_string()),
                    "built_at": manifest.built_at,
                    "segments": manifest.sizes(),
                }));
            }
            Err(error) => {
                let _ = writeln!(text, "{mark} {generation:>6}  {error}");
                rows.push(json!({ "generation": generation, "error": error.to_string() }));
            }
        }
    }
    if rows.is_empty() {
        text =
            format!("no generation in {} yet; load an upload file first\n", store.root().display());
    }
    if merge_due {
        text.push_str(MERGE_DUE);
    }
    // fsck judges the ledger; a list must not fail for it.
    if let Ok((batches @ 1.., records)) = Ledger::look_for_waiting(&store.ledger_path()) {
        let _ = writeln!(
            text,
            "waiting batches: {batches} with {records} records; `compile --publish` takes them in"
        );
    }
    output.print(&json!(rows), || text)?;
    Ok(Outcome::Done)
}

fn deltas(manifest: &Manifest) -> String {
    match manifest.sizes().split_first() {
        Some((base, deltas)) if !deltas.is_empty() => {
            format!("  (base {base} + deltas {deltas:?})")
        }
        _ => String::new(),
    }
}
