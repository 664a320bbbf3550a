//! `prune`: old generations go, batches stay.

use super::Outcome;
use crate::clock;
use crate::generation::{OpenStore, generations};
use crate::output::Output;
use anyhow::Context;
use serde_json::json;
use std::fs;
use zhengcha_engine::Store;

/// Keeps the newest `keep` generations, the live one and the one before it.
pub(super) fn run(store: &Store, keep: usize, output: &Output) -> anyhow::Result<Outcome> {
    let mut open = OpenStore::open(store)?;
    let live = open.live()?.map_or(0, |manifest| manifest.generation);
    let all = generations(store)?;
    let before_live = all.iter().copied().rfind(|&number| number < live);
    let newest = all.len().saturating_sub(keep);
    let old: Vec<u64> = all[..newest]
        .iter()
        .copied()
        .filter(|&number| number != live && Some(number) != before_live)
        .collect();
    // The ledger first: a manifest it no longer counts on may lie about after a kill, but one it
    // counts on is never missing.
    if !old.is_empty() {
        open.ledger.prune(&old, &clock::timestamp()?)?;
    }
    for &generation in &old {
        let path = store.manifest_path(generation);
        fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.display()))?;
    }
    open.remove_orphan_segments()?;
    output.print(&json!({ "removed": old }), || match old.len() {
        0 => "nothing to remove\n".to_owned(),
        1 => format!("removed generation {}\n", old[0]),
        count => format!("removed {count} generations\n"),
    })?;
    Ok(Outcome::Done)
}
