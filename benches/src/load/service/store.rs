//! Registers of a chosen size, made once, and lent to each run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use zhengcha_engine::{Holds, Snapshot, build};
use zhengcha_loader::space::ensure_free;

use super::Loader;

/// The generation that a register has when it was made.
const BASE_GENERATION: u64 = 1;
/// On disk while it is made: accepted records, the segment, and what building it takes.
const BYTES_EACH: u64 = 220;
/// What a register of any size takes.
const BYTES_AT_LEAST: u64 = 64 << 20;

/// A published store of invented certificates at its first generation, with nothing under review.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    records: u64,
    segment_bytes: u64,
}

impl Store {
    /// The register of this size and seed under `parent`, made unless it is there.
    ///
    /// # Errors
    /// When there is no room for it, the loader fails, or what is there has been changed.
    pub fn prepare(
        loader: &Loader,
        parent: &Path,
        records: u64,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let folder = parent.join(format!("store-{records}-{seed}"));
        if !folder.exists() {
            make(loader, &folder, records, seed)?;
        }
        // Links that lead here must hold wherever they are read.
        let folder = fs::canonicalize(&folder)
            .with_context(|| format!("{}: cannot be found", folder.display()))?;
        Self::open(&folder, records).with_context(|| {
            format!(
                "{}: not the register that was made here; remove the folder to have it made again",
                folder.display()
            )
        })
    }

    /// Opens it as the server does: segments whose marks do not hold any more, such as after a restart of
    /// the machine, are read in full, and marked.
    fn open(folder: &Path, records: u64) -> anyhow::Result<Self> {
        let store = zhengcha_engine::Store::new(folder);
        let snapshot = Snapshot::open_current(&store, None)?.context("nothing is published")?;
        ensure!(snapshot.generation() == BASE_GENERATION, "another generation is live");
        ensure!(snapshot.records() == records, "it has {} certificates", snapshot.records());
        let holds = Holds::read(&store)?;
        ensure!(holds.is_empty(), "certificates are under review");
        let mut segment_bytes = 0;
        for segment in snapshot.segments() {
            let id = segment.id().to_string();
            if !build::is_marked(&store, &id) {
                build::mark_verified(&store, &id)?;
            }
            segment_bytes += fs::metadata(store.segment_path(&id))?.len();
        }
        Ok(Self { folder: folder.to_owned(), records, segment_bytes })
    }

    /// Where it is. Nothing may change it: a server is given what [`lend`](Self::lend) makes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Certificates.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the segments that are served.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// Makes a store at `folder` that may be changed: small files are copied; segments and batches, which
    /// nothing ever changes, are links. Symbolic ones: a hard link would move the change time of a segment,
    /// and with it take the mark that lets a server start without reading everything.
    ///
    /// # Errors
    /// When something is at `folder` already, or it cannot be written.
    pub fn lend(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let wrote = || format!("{}: the store of a run cannot be made", folder.display());
        fs::create_dir_all(folder).with_context(wrote)?;
        ensure!(
            fs::read_dir(folder)?.next().is_none(),
            "{}: the folder for a run's store is not empty",
            folder.display()
        );
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (from, to) = (entry.path(), folder.join(entry.file_name()));
            match entry.file_name().to_str() {
                Some("segments" | "batches") => link_all(&from, &to),
                _ if entry.file_type()?.is_dir() => copy_all(&from, &to),
                _ => fs::copy(&from, &to).map(drop),
            }
            .with_context(wrote)?;
        }
        Ok(folder.to_owned())
    }
}

/// Makes it beside its place first, so that what stands there is whole.
fn make(loader: &Loader, folder: &Path, records: u64, seed: u64) -> anyhow::Result<()> {
    ensure_free(folder, (records * BYTES_EACH).max(BYTES_AT_LEAST))?;
    let mut unfinished = folder.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("{}: cannot be removed", unfinished.display()))?;
    }
    let (records, seed) = (records.to_string(), seed.to_string());
    loader
        .run(&unfinished, ["synth", "--records", &records, "--seed", &seed, "--format", "batch"])?;
    loader.run(&unfinished, ["compile", "--publish"])?;
    fs::rename(&unfinished, folder)
        .with_context(|| format!("{}: cannot be put in place", folder.display()))
}

fn link_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        symlink(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
