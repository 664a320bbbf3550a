//! `compile`: the accepted batches of the live generation and those that wait, merged from scratch.

use super::Outcome;
use crate::cli::MemoryArg;
use crate::compile::Plan;
use crate::generation::OpenStore;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use crate::waiting::batches_to_compile;
use anyhow::{bail, ensure};
use rayon::prelude::*;
use serde_json::json;
use zhengcha_engine::build::Source;
use zhengcha_engine::manifest::ManifestBatch;
use zhengcha_engine::{Segment, Store};

/// Builds a new generation. Batches that waited are accepted once it is live.
pub(super) fn run(
    store: &Store,
    publish: bool,
    memory: MemoryArg,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let mut open = OpenStore::open(store)?;
    let live = open.live()?;
    let waiting = open.ledger.waiting()?;
    ensure!(
        live.is_some() || !waiting.is_empty(),
        "nothing was loaded yet: there is nothing to compile"
    );
    let waited = waiting.len();
    let batches = batches_to_compile(live, waiting);
    let bar = Bar::default();
    bar.begin("verifying accepted records", 0);
    let segments = open_batches(store, &batches)?;
    let sources: Vec<Source<'_>> = segments.iter().map(Source::whole).collect();
    let plan = Plan::base(&sources).within(memory.bytes());
    let compiled = crate::compile::compile(store, &plan, &bar);
    bar.finish();
    let manifest = open.manifest(&compiled?, batches)?;
    open.commit(&manifest, None, "compile", publish)?;
    let generation = manifest.generation;
    let json = json!({
        "generation": generation,
        "records": manifest.records,
        "published": publish,
        "waited": waited,
    });
    output.print(&json, || {
        let state = if publish { "live" } else { "compiled; `publish` makes it live" };
        let waited = match waited {
            0 => String::new(),
            count => format!(", waiting batches taken in: {count}"),
        };
        format!("generation {generation}: {} records{waited}, {state}\n", manifest.records)
    })?;
    Ok(Outcome::Done)
}

/// Maps and verifies each batch once, on all cores.
fn open_batches(store: &Store, batches: &[ManifestBatch]) -> anyhow::Result<Vec<Segment>> {
    let open = |batch: &ManifestBatch| {
        let path = store.batches_dir().join(&batch.name).join("accepted.seg");
        let segment = Segment::open(&path)?;
        if segment.id() != batch.segment {
            bail!(
                "{}: not the records the manifest names; restore it from a backup",
                path.display()
            );
        }
        Ok(segment)
    };
    batches.par_iter().map(open).collect()
}
