//! `merge`: the deltas of the live generation into one, or all of it into a new base. Served as before.

use super::Outcome;
use crate::assemble;
use crate::cli::{MemoryArg, MergeInto};
use crate::generation::OpenStore;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use anyhow::Context;
use serde_json::json;
use zhengcha_engine::{Snapshot, Store};

/// Publishes the merged generation; the live one stays for `rollback`.
pub(super) fn run(
    store: &Store,
    into: MergeInto,
    memory: MemoryArg,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let mut open = OpenStore::open(store)?;
    let register = open.register()?.context("nothing was loaded yet: there is nothing to merge")?;
    let kept = match into {
        MergeInto::Base => 0,
        MergeInto::Delta => 1,
    };
    // One segment merged with nothing would be the same again.
    if register.segments().count() - kept < 2 {
        let generation = register.generation();
        return print(generation, &register, 0, output);
    }
    let merged = register.segments().count() - kept;
    let bar = Bar::default();
    let compiled = assemble::assemble(store, Some(&register), kept, None, memory.bytes(), &bar)
        .and_then(|it| {
            let manifest = open.manifest_of(it, register.manifest().batches.clone())?;
            assemble::check(store, &manifest, Some(&register), &bar)?;
            Ok(manifest)
        });
    bar.finish();
    let manifest = compiled?;
    open.commit(&manifest, None, "merge", true)?;
    print(manifest.generation, &register, merged, output)
}

fn print(
    generation: u64,
    register: &Snapshot,
    merged: usize,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let records = register.records();
    let json = json!({ "generation": generation, "records": records, "merged_segments": merged });
    output.print(&json, || match merged {
        0 => "nothing to merge\n".to_owned(),
        _ => format!(
            "generation {generation} is live: {records} records, {merged} segments merged\n"
        ),
    })?;
    Ok(Outcome::Done)
}
