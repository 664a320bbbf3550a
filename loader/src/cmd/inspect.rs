//! `inspect`: the layout of a generation as text.

use super::Outcome;
use crate::output::Output;
use anyhow::Context;
use serde_json::json;
use zhengcha_engine::segment::UnverifiedSegment;
use zhengcha_engine::{Current, Manifest, Store};

/// Shows the manifest and the header of each segment. Checks no more than these; see `fsck`.
pub(super) fn run(
    store: &Store,
    generation: Option<u64>,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let generation = match generation {
        Some(generation) => generation,
        None => {
            Current::read(store)?
                .with_context(|| {
                    format!(
                        "no generation in {} yet; load an upload file first",
                        store.root().display()
                    )
                })?
                .generation
        }
    };
    let (manifest, _) = Manifest::read(store, generation)?;
    let mut text = manifest.emit();
    let mut segments = Vec::new();
    for entry in &manifest.segments {
        let segment = UnverifiedSegment::open(&store.segment_path(&entry.id))?;
        text.push('\n');
        text.push_str(&segment.describe());
        let sections: Vec<_> = segment
            .header()
            .sections
            .iter()
            .map(|section| {
                json!({
                    "name": section.kind.name(),
                    "offset": section.offset,
                    "bytes": section.length,
                    "sum": format!("{:016x}", section.sum),
                })
            })
            .collect();
        segments.push(json!({
            "id": entry.id,
            "kind": entry.kind.name(),
            "records": entry.records,
            "bytes": entry.bytes,
            "sections": sections,
        }));
    }
    let json = json!({
        "generation": generation,
        "records": manifest.records,
        "as_of": manifest.as_of.map(|date| date.to_string()),
        "built_at": manifest.built_at,
        "segments": segments,
        "batches": manifest.batches.iter().map(|batch| &batch.name).collect::<Vec<_>>(),
    });
    output.print(&json, || text)?;
    Ok(Outcome::Done)
}
