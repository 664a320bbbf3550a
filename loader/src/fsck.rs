//! Reads and checks everything in the store: every byte under a sum is read, every record looked up
//! through all six indexes, every delivered file compared with its digest. Marks of earlier verification
//! are not believed but written anew.

use crate::assemble::check_delta;
use crate::generation::{generations, segment_ids, was_published};
use crate::ledger::{GenerationRow, Ledger};
use crate::lock::{HoldsLock, StoreLock};
use crate::{digest, review};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use zhengcha_engine::build::{check_indexes, mark_verified, unmark};
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::{Current, Holds, Manifest, Mode, Opening, Segment, Snapshot, Store};

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Files looked at.
    pub checked: u64,
    /// Damaged or missing files, with what is wrong.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Findings {
    fn note<T>(&mut self, path: &Path, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        self.checked += 1;
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.damaged.push((path.to_owned(), error.to_string()));
                None
            }
        }
    }
}

/// Checks a store.
///
/// # Errors
/// When there is none, another loader is at work in it, or its folders cannot be listed.
pub fn check(store: &Store) -> anyhow::Result<Findings> {
    if !store.root().is_dir() {
        anyhow::bail!("{}: no such store", store.root().display());
    }
    // A loader at work would look like damage.
    let _lock = StoreLock::take(store)?;
    let mut findings = Findings::default();
    let ledger = check_ledger(store, &mut findings)?;
    let current = check_current(store, ledger.as_ref(), &mut findings)?;
    let named = check_manifests(store, current, ledger.as_ref(), &mut findings)?;
    check_segments(store, &named, &mut findings)?;
    check_generations(store, current, &mut findings)?;
    if let Some(ledger) = &ledger {
        check_batches(store, current, ledger, &mut findings)?;
    }
    Ok(findings)
}

/// Checks the ledger, and the holds against it; `None` when it says nothing to go by.
fn check_ledger(store: &Store, findings: &mut Findings) -> anyhow::Result<Option<Ledger>> {
    // A decision in the making would look like damage.
    let lock = HoldsLock::take(store)?;
    let (path, holds) = (store.ledger_path(), store.holds_path());
    let used = store.current_path().exists();
    if !path.exists() && !used {
        return Ok(None);
    }
    let opened = if path.exists() {
        Ledger::open(&path).and_then(|ledger| ledger.verify().map(|()| ledger))
    } else {
        Err(anyhow::anyhow!("no such file; restore it from a backup"))
    };
    let ledger = findings.note(&path, opened.map_err(|error| format!("{error:#}")));
    if used || holds.exists() {
        let checked = match &ledger {
            Some(ledger) => review::check(store, ledger, &lock),
            None => Holds::read(store).map(|_| ()).map_err(Into::into),
        };
        findings.note(&holds, checked.map_err(|error| format!("{error:#}")));
    }
    Ok(ledger)
}

/// Checks the pointer by itself and against the ledger; `None` when it says nothing to go by.
fn check_current(
    store: &Store,
    ledger: Option<&Ledger>,
    findings: &mut Findings,
) -> anyhow::Result<Option<Current>> {
    let rows = ledger.map(Ledger::generations).transpose()?;
    let lost = rows.as_deref().is_some_and(|rows| was_published(store, rows).unwrap_or(true));
    let checked = match Current::read(store) {
        Err(error) => Err(error.to_string()),
        Ok(None) if lost => Err("no such file, though generations were published".to_owned()),
        Ok(None) => Ok(None),
        Ok(Some(current)) => {
            let sum = format!("{:032x}", current.manifest_sum);
            let row = |row: &GenerationRow| row.number == current.generation;
            match rows.as_deref().map(|rows| rows.iter().find(|it| row(it))) {
                Some(None) => Err("names a generation the ledger does not know".to_owned()),
                Some(Some(row)) if row.manifest_sum != sum => {
                    Err("its checksum is not that of the manifest the ledger knows".to_owned())
                }
                _ => Ok(Some(current)),
            }
        }
    };
    Ok(findings.note(&store.current_path(), checked).flatten())
}

/// Checks every manifest and returns the ids of the segments they name.
fn check_manifests(
    store: &Store,
    current: Option<Current>,
    ledger: Option<&Ledger>,
    findings: &mut Findings,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let unsettled: BTreeSet<u64> = match ledger {
        Some(ledger) => ledger
            .generations()?
            .into_iter()
            .filter(|row| row.state == "prepared")
            .map(|row| row.number)
            .collect(),
        None => BTreeSet::new(),
    };
    let known: BTreeMap<u64, String> = match ledger {
        Some(ledger) => ledger
            .generations()?
            .into_iter()
            .filter(|row| row.state == "kept" || row.state == "prepared")
            .map(|row| (row.number, row.manifest_sum))
            .collect(),
        None => BTreeMap::new(),
    };
    let current = check_pointer(store, current, ledger.map(|_| &known), findings);
    // A kill between the ledger's entry and CURRENT leaves a generation that never came to be.
    let settled = |generation: &u64| {
        store.manifest_path(*generation).exists() || !unsettled.contains(generation)
    };
    let on_disk = generations(store)?;
    let mut all: Vec<u64> = on_disk;
    all.extend(known.keys().copied().filter(settled));
    all.extend(current.map(|current| current.generation));
    all.sort_unstable();
    all.dedup();
    let mut named = BTreeMap::new();
    for generation in all {
        let path = store.manifest_path(generation);
        let read = Manifest::read(store, generation).map_err(|error| error.to_string());
        let checked = read.and_then(|(manifest, sum)| {
            let expected = known.get(&generation);
            if expected.is_some_and(|expected| *expected != format!("{sum:032x}")) {
                return Err("not the manifest the ledger knows".to_owned());
            }
            match current {
                Some(current)
                    if current.generation == generation && current.manifest_sum != sum =>
                {
                    Err("not the manifest CURRENT names".to_owned())
                }
                _ => Ok(manifest),
            }
        });
        if let Some(manifest) = findings.note(&path, checked) {
            named.extend(manifest.segments.into_iter().map(|segment| (segment.id, generation)));
        }
    }
    Ok(named)
}

/// CURRENT must name a generation as the ledger knows it; a pointer that does not is damaged itself
/// and says nothing about manifests.
fn check_pointer(
    store: &Store,
    current: Option<Current>,
    known: Option<&BTreeMap<u64, String>>,
    findings: &mut Findings,
) -> Option<Current> {
    let current = current?;
    let Some(known) = known else { return Some(current) };
    let sum = format!("{:032x}", current.manifest_sum);
    if known.get(&current.generation) == Some(&sum) {
        return Some(current);
    }
    findings.damaged.push((
        store.current_path(),
        "it does not name a generation the ledger knows; publish a sound one".to_owned(),
    ));
    None
}

fn check_segments(
    store: &Store,
    named: &BTreeMap<String, u64>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut ids = segment_ids(store)?;
    ids.extend(named.keys().cloned());
    ids.sort_unstable();
    ids.dedup();
    let _ = fs::create_dir_all(store.verified_dir());
    for id in ids {
        let path = store.segment_path(&id);
        let sound = findings.note(&path, check_segment(&path, &id)).is_some();
        if sound {
            // A mark saves time and nothing else: without it the segment is read again.
            let _ = mark_verified(store, &id);
        } else {
            unmark(store, &id)?;
        }
    }
    Ok(())
}

/// Checks what sound manifests say of their sound segments together: totals, and that what a delta
/// replaces is not served beside it. Damage of a single file is known by now and not told again.
fn check_generations(
    store: &Store,
    current: Option<Current>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let damaged: BTreeSet<PathBuf> =
        findings.damaged.iter().map(|(path, _)| path.clone()).collect();
    // Their segments were read just now, and marked.
    let opening = Opening::default();
    let mut previous: Option<Snapshot> = None;
    for generation in generations(store)?.into_iter().rev() {
        let path = store.manifest_path(generation);
        let Ok((manifest, _)) = Manifest::read(store, generation) else { continue };
        let segments = manifest.segments.iter().map(|segment| store.segment_path(&segment.id));
        if segments.chain([path.clone()]).any(|path| damaged.contains(&path)) {
            continue;
        }
        let live = current.is_some_and(|current| current.generation == generation);
        let checked = Snapshot::open_manifest(store, manifest, previous.as_ref(), &opening)
            .and_then(|snapshot| {
                let deltas = if live { 1..snapshot.segments().count() } else { 0..0 };
                for position in deltas {
                    check_delta(&snapshot, position)?;
                }
                Ok(snapshot)
            });
        match checked {
            Ok(snapshot) => previous = Some(snapshot),
            Err(error) => findings.damaged.push((path, error.to_string())),
        }
    }
    Ok(())
}

fn check_segment(path: &Path, id: &str) -> Result<Segment, String> {
    let segment = Segment::open(path).map_err(|error| error.to_string())?;
    if segment.id() != id {
        return Err(format!("it is segment {}", segment.id()));
    }
    if segment.kind() != SegmentKind::Batch {
        Mode::ALL
            .into_par_iter()
            .try_for_each(|mode| check_indexes(&segment, mode))
            .map_err(|error| error.to_string())?;
    }
    Ok(segment)
}

fn check_batches(
    store: &Store,
    current: Option<Current>,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // What a kill left before its generation went live is no damage: the next command clears it up.
    let live = current.map(|current| current.generation);
    let unsettled: BTreeSet<String> = ledger
        .generations()?
        .into_iter()
        .filter(|row| row.state == "prepared" && Some(row.number) != live)
        .filter_map(|row| row.batch)
        .chain(ledger.unfinished_batches()?)
        .collect();
    for batch in ledger.batches()? {
        if unsettled.contains(&batch.name) {
            continue;
        }
        let folder = store.batches_dir().join(&batch.name);
        let accepted = folder.join("accepted.seg");
        findings.note(&accepted, check_segment(&accepted, &batch.segment));
        for (name, sha256) in &batch.files {
            let path = folder.join("files").join(name);
            let checked = match digest::sha256_file(&path) {
                Ok(found) if found == *sha256 => Ok(()),
                Ok(_) => Err("its SHA-256 is not the one in the ledger".to_owned()),
                Err(error) => Err(format!("{error:#}")),
            };
            findings.note(&path, checked);
        }
    }
    Ok(())
}
