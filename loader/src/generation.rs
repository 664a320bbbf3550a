//! From a compiled segment to a live generation, and back to order after a kill.
//!
//! The steps of a publication, each durable before the next: segment adopted; intention in the
//! ledger (`prepared`); the upload's folder named; manifest; CURRENT; ledger settled. CURRENT alone
//! decides: opening a store completes what it names and removes what it does not.

use crate::assemble::Contents;
use crate::ledger::{BatchRow, GenerationRow, Ledger};
use crate::review::Review;
use crate::{clock, lock::StoreLock};
use anyhow::{Context, bail};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use zhengcha_engine::build::{self, Finished};
use zhengcha_engine::manifest::{Manifest, ManifestBatch};
use zhengcha_engine::{Current, Snapshot, Store};

/// A store opened for writing: locked, in order, with its ledger.
#[derive(Debug)]
pub struct OpenStore {
    /// Where everything lies.
    pub store: Store,
    /// The ledger.
    pub ledger: Ledger,
    _lock: StoreLock,
}

impl OpenStore {
    /// Locks the store, made if need be, for a first upload.
    ///
    /// # Errors
    /// As [`OpenStore::open`].
    pub fn open_or_make(store: &Store) -> anyhow::Result<Self> {
        let root = store.root();
        fs::create_dir_all(root)
            .with_context(|| format!("{}: cannot make the store's folder", root.display()))?;
        Self::open(store)
    }

    /// Locks the store, makes what is missing in it and settles what a kill left.
    ///
    /// # Errors
    /// When there is no store, another loader holds it, or something in it cannot be read or written.
    pub fn open(store: &Store) -> anyhow::Result<Self> {
        let mut this = Self::open_unsettled(store)?;
        this.recover()?;
        Ok(this)
    }

    /// Locks the store, its holds as the ledger says, without looking at CURRENT: for `publish`, which may be the cure of a damaged
    /// one.
    ///
    /// # Errors
    /// As [`OpenStore::open`].
    pub fn open_unsettled(store: &Store) -> anyhow::Result<Self> {
        if !store.root().exists() {
            bail!("{}: no such store; load an upload file first", store.root().display());
        }
        let lock = StoreLock::take(store)?;
        let mut ledger = open_ledger(store)?;
        {
            // Before anything can go live, and before a list is made that holds nothing.
            let mut review = Review::open(store, &mut ledger)?;
            review.settle()?;
            build::remove_temporaries(store)?;
        }
        build::create_folders(store)?;
        Ok(Self { store: store.clone(), ledger, _lock: lock })
    }

    /// The live manifest; `None` while nothing was published.
    ///
    /// # Errors
    /// When CURRENT or the manifest is damaged.
    pub fn live(&self) -> anyhow::Result<Option<Manifest>> {
        let Some(current) = Current::read(&self.store)? else { return Ok(None) };
        let (manifest, sum) = Manifest::read(&self.store, current.generation)?;
        if sum != current.manifest_sum {
            bail!(
                "{}: not the manifest that CURRENT names; publish another generation",
                self.store.manifest_path(current.generation).display()
            );
        }
        Ok(Some(manifest))
    }

    /// Opens the live generation, to judge against and to build on. What was verified before and has
    /// not changed is not read again.
    ///
    /// # Errors
    /// When something of it is damaged.
    pub fn register(&self) -> anyhow::Result<Option<Snapshot>> {
        let snapshot = Snapshot::open_current(&self.store, None)?;
        snapshot.iter().for_each(|snapshot| self.mark(snapshot));
        Ok(snapshot)
    }

    /// Marks segments that had to be read in full, after a restart of the machine say.
    fn mark(&self, snapshot: &Snapshot) {
        for segment in snapshot.segments() {
            if !build::is_marked(&self.store, segment.id()) {
                // A mark saves time and nothing else: without it the segment is read again.
                let _ = build::mark_verified(&self.store, segment.id());
            }
        }
    }

    /// The number of the next generation: above every number ever used.
    ///
    /// # Errors
    /// When the ledger or the folder cannot be read.
    pub fn next_generation(&self) -> anyhow::Result<u64> {
        let on_disk = generations(&self.store)?.last().copied().unwrap_or(0);
        Ok(self.ledger.last_generation()?.max(on_disk) + 1)
    }

    /// The name of the next upload's folder.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn next_batch(&self) -> anyhow::Result<String> {
        let mut number = self.ledger.next_batch_number()?;
        // A folder the ledger does not know (a ledger restored from a backup) is never overwritten.
        while self.store.batches_dir().join(format!("b{number:06}")).exists() {
            number += 1;
        }
        Ok(format!("b{number:06}"))
    }

    /// Makes the manifest of the next generation, over one base.
    ///
    /// # Errors
    /// When the ledger, the folder or the clock cannot be read.
    pub fn manifest(
        &self,
        segment: &Finished,
        batches: Vec<ManifestBatch>,
    ) -> anyhow::Result<Manifest> {
        self.manifest_of(Contents::base(segment), batches)
    }

    /// Makes the manifest of the next generation.
    ///
    /// # Errors
    /// When the ledger, the folder or the clock cannot be read.
    pub fn manifest_of(
        &self,
        contents: Contents,
        batches: Vec<ManifestBatch>,
    ) -> anyhow::Result<Manifest> {
        Ok(Manifest {
            generation: self.next_generation()?,
            built_at: clock::timestamp()?,
            records: contents.records,
            as_of: contents.as_of,
            segments: contents.segments,
            batches,
        })
    }

    /// Writes the manifest and, if asked, makes it live; with the upload that made it.
    ///
    /// # Errors
    /// When a step fails; the old generation is then live, and the next command clears up.
    pub fn commit(
        &mut self,
        manifest: &Manifest,
        batch: Option<(&BatchRow, &Path)>,
        action: &str,
        live: bool,
    ) -> anyhow::Result<()> {
        let generation = manifest.generation;
        let sum = format!("{:032x}", manifest.sum());
        self.ledger.prepare(batch.map(|(row, _)| row), generation, &sum)?;
        if let Some((row, folder)) = batch {
            let path = self.store.batches_dir().join(&row.name);
            fs::rename(folder, &path)
                .and_then(|()| File::open(self.store.batches_dir())?.sync_all())
                .with_context(|| format!("{}: cannot store the upload", path.display()))?;
        }
        let current = build::write_manifest(&self.store, manifest)?;
        if live {
            build::publish(&self.store, current)?;
        }
        let detail = json!({
            "generation": generation,
            "manifest": sum,
            "records": manifest.records,
            "batch": batch.map(|(row, _)| &row.name),
            "published": live,
        });
        self.ledger.settle(generation, true, &clock::timestamp()?, action, &detail)?;
        if live {
            self.ledger.accept_waiting(&manifest.batches)?;
        }
        Ok(())
    }

    /// Makes an existing generation live.
    ///
    /// # Errors
    /// When the generation is not there or does not verify.
    pub fn publish(&mut self, generation: u64, action: &str) -> anyhow::Result<()> {
        let snapshot = Snapshot::open_generation(&self.store, generation, None)?;
        self.mark(&snapshot);
        let (_, manifest_sum) = Manifest::read(&self.store, generation)?;
        let stored = self.ledger.generations()?.into_iter().find(|row| row.number == generation);
        if stored.is_some_and(|row| row.manifest_sum != format!("{manifest_sum:032x}")) {
            bail!(
                "{}: not the manifest the ledger knows; restore it from a backup",
                self.store.manifest_path(generation).display()
            );
        }
        let detail = json!({ "generation": generation, "records": snapshot.records() });
        self.ledger.audit(&clock::timestamp()?, action, &detail)?;
        build::publish(&self.store, Current { generation, manifest_sum })?;
        self.ledger.accept_waiting(&snapshot.manifest().batches)
    }

    fn recover(&mut self) -> anyhow::Result<()> {
        let current = Current::read(&self.store)
            .context("run `zhengcha-loader publish GENERATION` with a sound generation")?;
        let rows = self.ledger.generations()?;
        if current.is_none() && was_published(&self.store, &rows)? {
            bail!(
                "{}: no such file, though generations were published; run `zhengcha-loader publish \
                 GENERATION` with a sound one",
                self.store.current_path().display()
            );
        }
        let live = current.map_or(0, |current| current.generation);
        for row in rows {
            if row.state != "prepared" {
                continue;
            }
            let kept = row.number == live;
            if !kept {
                remove_if_there(&self.store.manifest_path(row.number))?;
                if let Some(batch) = &row.batch {
                    let folder = self.store.batches_dir().join(batch);
                    if folder.exists() {
                        fs::remove_dir_all(&folder)
                            .with_context(|| format!("{}: cannot remove", folder.display()))?;
                    }
                }
            }
            let detail = json!({ "generation": row.number, "batch": row.batch, "kept": kept });
            let at = clock::timestamp()?;
            self.ledger.settle(row.number, kept, &at, "recover", &detail)?;
        }
        self.remove_unfinished_batches()?;
        self.accept_what_is_live()?;
        self.remove_orphan_segments()
    }

    /// Removes segments that no manifest names: a kill between compiling and publishing leaves one.
    ///
    /// # Errors
    /// When a manifest is damaged (nothing is removed then) or a file cannot be removed.
    pub fn remove_orphan_segments(&self) -> anyhow::Result<()> {
        let mut unnamed: BTreeSet<String> = segment_ids(&self.store)?.into_iter().collect();
        for generation in generations(&self.store)?.into_iter().rev() {
            if unnamed.is_empty() {
                return Ok(());
            }
            let Ok((manifest, _)) = Manifest::read(&self.store, generation) else { return Ok(()) };
            for segment in manifest.segments {
                unnamed.remove(&segment.id);
            }
        }
        for id in unnamed {
            build::unmark(&self.store, &id)?;
            remove_if_there(&self.store.segment_path(&id))?;
        }
        Ok(())
    }
}

/// Opens the ledger of a store for writing, making it for a first upload.
///
/// # Errors
/// When it cannot be opened, or was lost: an empty one would say that nothing is under review.
pub fn open_ledger(store: &Store) -> anyhow::Result<Ledger> {
    let path = store.ledger_path();
    let used = store.current_path().exists() || !generations(store)?.is_empty();
    let ledger = if used && !path.exists() { None } else { Some(Ledger::open(&path)?) };
    match ledger {
        Some(ledger) if !used || ledger.last_generation()? > 0 => Ok(ledger),
        _ => bail!(
            "{}: lost, though generations were published; restore it from a backup",
            path.display()
        ),
    }
}

/// Whether a generation ever went live: one that the ledger settled, or one it does not know. A
/// store that lost its pointer must not be taken for an empty one.
///
/// # Errors
/// When the folder cannot be read.
pub fn was_published(store: &Store, rows: &[GenerationRow]) -> anyhow::Result<bool> {
    let settled = rows.iter().any(|row| matches!(row.state.as_str(), "kept" | "pruned"));
    let known = |number| rows.iter().any(|row| row.number == number);
    Ok(settled || generations(store)?.into_iter().any(|number| !known(number)))
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot remove", path.display()))
        }
        _ => Ok(()),
    }
}

/// The generations of a store that have a manifest, rising.
///
/// # Errors
/// When the folder cannot be read.
pub fn generations(store: &Store) -> anyhow::Result<Vec<u64>> {
    let names = file_stems(&store.generations_dir(), "manifest")?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The ids of the segment files of a store.
///
/// # Errors
/// When the folder cannot be read.
pub fn segment_ids(store: &Store) -> anyhow::Result<Vec<String>> {
    file_stems(&store.segments_dir(), "seg")
}

fn file_stems(folder: &Path, extension: &str) -> anyhow::Result<Vec<String>> {
    let context = || format!("{}: cannot list", folder.display());
    let mut stems = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(stems),
        entries => entries.with_context(context)?,
    };
    for entry in entries {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|found| found == extension)
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            stems.push(stem.to_owned());
        }
    }
    stems.sort_unstable();
    Ok(stems)
}
