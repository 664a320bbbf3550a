//! `publish` and `rollback`: another generation becomes live.

use super::Outcome;
use crate::generation::{OpenStore, generations};
use crate::output::Output;
use anyhow::{Context, bail};
use serde_json::json;
use zhengcha_engine::{Current, Store};

/// Makes a generation live.
pub(super) fn publish(store: &Store, generation: u64, output: &Output) -> anyhow::Result<Outcome> {
    let cures = !matches!(Current::read(store), Ok(Some(_)));
    // A pointer that can be read settles first what an interrupted command left: had that command
    // gone live, its upload must not be taken for abandoned once another generation is.
    let mut open = if cures { OpenStore::open_unsettled(store)? } else { OpenStore::open(store)? };
    open.publish(generation, "publish")?;
    if cures {
        drop(open);
        OpenStore::open(store)?;
    }
    report(generation, output)
}

/// Makes the generation before the live one live.
pub(super) fn rollback(store: &Store, output: &Output) -> anyhow::Result<Outcome> {
    let mut open = OpenStore::open(store)?;
    let live =
        open.live()?.context("nothing was published yet: there is nothing to go back from")?;
    let before = generations(store)?.into_iter().rfind(|&number| number < live.generation);
    let Some(before) = before else {
        bail!("generation {} is the oldest kept: there is nothing to go back to", live.generation)
    };
    open.publish(before, "rollback")?;
    report(before, output)
}

fn report(generation: u64, output: &Output) -> anyhow::Result<Outcome> {
    output.print(&json!({ "generation": generation }), || {
        format!("generation {generation} is live\n")
    })?;
    Ok(Outcome::Done)
}
