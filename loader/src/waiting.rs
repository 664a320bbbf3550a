//! Batches that are accepted and wait for the next `compile`.
//!
//! They come in groups, whole or not at all: each is written to its place under a ledger entry that
//! says `prepared`, and one entry lets all of them wait. Until then the next command removes them.
//! A waiting batch is accepted as soon as a generation that names it is live; CURRENT decides.

use crate::clock;
use crate::generation::OpenStore;
use crate::ledger::BatchRow;
use anyhow::Context;
use serde_json::json;
use std::fs::{self, File};
use std::path::Path;
use zhengcha_engine::manifest::{Manifest, ManifestBatch};

impl OpenStore {
    /// Gives a finished, synced batch folder its name, as one of a group.
    ///
    /// # Errors
    /// When the ledger or the folder cannot be written.
    pub fn place_batch(&mut self, row: &BatchRow, folder: &Path) -> anyhow::Result<()> {
        self.ledger.prepare_waiting(row)?;
        let path = self.store.batches_dir().join(&row.name);
        fs::rename(folder, &path)
            .and_then(|()| File::open(self.store.batches_dir())?.sync_all())
            .with_context(|| format!("{}: cannot store the batch", path.display()))
    }

    /// Removes batches whose group was never finished.
    ///
    /// # Errors
    /// When a folder cannot be removed or the ledger cannot be written.
    pub fn remove_unfinished_batches(&mut self) -> anyhow::Result<()> {
        let unfinished = self.ledger.unfinished_batches()?;
        if unfinished.is_empty() {
            return Ok(());
        }
        for batch in &unfinished {
            let folder = self.store.batches_dir().join(batch);
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("{}: cannot remove", folder.display()))?;
            }
        }
        let detail = json!({ "batches": unfinished, "kept": false });
        self.ledger.abandon_unfinished(&clock::timestamp()?, "recover", &detail)
    }

    /// Accepts what the live generation names: a kill right after publication leaves that undone.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn accept_what_is_live(&mut self) -> anyhow::Result<()> {
        if self.ledger.waiting()?.is_empty() {
            return Ok(());
        }
        match self.live() {
            Ok(Some(live)) => self.ledger.accept_waiting(&live.batches),
            // A damaged manifest accepts nothing, and keeps nobody from publishing another one.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// What a compilation from scratch is made of: the batches of the live generation and those that
/// wait, in the order of their acceptance, which their numbers tell.
#[must_use]
pub fn batches_to_compile(
    live: Option<Manifest>,
    waiting: Vec<ManifestBatch>,
) -> Vec<ManifestBatch> {
    let mut batches = live.map_or_else(Vec::new, |live| live.batches);
    if !waiting.is_empty() {
        batches.extend(waiting);
        batches.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    }
    batches
}
