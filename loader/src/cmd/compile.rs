//! `compile`: the accepted batches of the live generation, merged again from scratch.

use super::Outcome;
use crate::cli::MemoryArg;
use crate::compile::Plan;
use crate::generation::OpenStore;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use anyhow::{Context, bail};
use serde_json::json;
use zhengcha_engine::build::Source;
use zhengcha_engine::{Segment, Store};

/// Builds a new generation from the batches that the live one names.
pub(super) fn run(
    store: &Store,
    publish: bool,
    memory: MemoryArg,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let mut open = OpenStore::open(store)?;
    let live = open.live()?.context("nothing was loaded yet: there is nothing to compile")?;
    let mut segments = Vec::with_capacity(live.batches.len());
    for batch in &live.batches {
        let path = store.batches_dir().join(&batch.name).join("accepted.seg");
        let segment = Segment::open(&path)?;
        if segment.id() != batch.segment {
            bail!(
                "{}: not the records the manifest names; restore it from a backup",
                path.display()
            );
        }
        segments.push(segment);
    }
    let sources: Vec<Source<'_>> = segments.iter().map(Source::whole).collect();
    let bar = Bar::default();
    let plan = Plan::base(&sources).within(memory.bytes());
    let compiled = crate::compile::compile(store, &plan, &bar);
    bar.finish();
    let manifest = open.manifest(&compiled?, live.batches)?;
    open.commit(&manifest, None, "compile", publish)?;
    let generation = manifest.generation;
    let json =
        json!({ "generation": generation, "records": manifest.records, "published": publish });
    output.print(&json, || {
        let state = if publish { "live" } else { "compiled; `publish` makes it live" };
        format!("generation {generation}: {} records, {state}\n", manifest.records)
    })?;
    Ok(Outcome::Done)
}
