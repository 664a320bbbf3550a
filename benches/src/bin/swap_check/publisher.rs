//! Two ways to a new generation: CURRENT pointed at one of two ready segments, or a real load.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::testing::{Generator, Written, write_segment};
use zhengcha_engine::{Certificate, Current, Manifest, Store, build};

/// Theory scores, in tenths, of the even and of the odd generations.
const SCORES: [u16; 2] = [611, 722];

/// Points CURRENT at one of two sets that differ in one field of every certificate.
pub(crate) struct Pointer {
    segments: [Written; 2],
}

impl Pointer {
    pub(crate) fn new(store: &Store, records: usize) -> anyhow::Result<Self> {
        let certificates: Vec<Certificate> = Generator::new(1).take(records).collect();
        let version = |score: u16| {
            let set = certificates
                .iter()
                .cloned()
                .map(move |certificate| Certificate { theory_score: Some(score), ..certificate });
            write_segment(store, SegmentKind::Base, set, Vec::new())
        };
        Ok(Self { segments: [version(SCORES[0])?, version(SCORES[1])?] })
    }

    /// What the answers of a generation say.
    pub(crate) fn score_of(generation: u64) -> String {
        let score = SCORES[(generation % 2) as usize];
        format!("{}.{}", score / 10, score % 10)
    }

    pub(crate) fn publish(&self, store: &Store) -> anyhow::Result<()> {
        let generation = live(store)? + 1;
        let (entry, as_of) = &self.segments[(generation % 2) as usize];
        let manifest = Manifest {
            generation,
            built_at: "2026-11-24T13:00:00+08:00".to_owned(),
            records: entry.records,
            as_of: *as_of,
            segments: vec![entry.clone()],
            batches: Vec::new(),
        };
        let current = build::write_manifest(store, &manifest)?;
        Ok(build::publish(store, current)?)
    }
}

/// Loads made-up uploads with the loader, at idle priority.
pub(crate) struct Loader {
    program: PathBuf,
    store: PathBuf,
    uploads: Vec<PathBuf>,
}

impl Loader {
    /// Makes `swaps` uploads of `records` certificates each under `folder`.
    pub(crate) fn new(
        program: PathBuf,
        store: &Path,
        folder: &Path,
        swaps: u64,
        records: u64,
    ) -> anyhow::Result<Self> {
        let mut loader = Self { program, store: store.to_owned(), uploads: Vec::new() };
        // Seeds that no base is made with, and that differ from run to run on a store that is kept.
        let first = 1_000_000 + live(&Store::new(store))? * 10_000;
        for seed in first..first + swaps {
            loader.uploads.push(loader.synth(folder, seed, records)?);
        }
        Ok(loader)
    }

    /// Makes a store of one generation with this many certificates.
    pub(crate) fn found(
        program: &Path,
        store: &Path,
        folder: &Path,
        records: u64,
    ) -> anyhow::Result<()> {
        let founder =
            Self { program: program.to_owned(), store: store.to_owned(), uploads: Vec::new() };
        let upload = founder.synth(folder, 1, records)?;
        let mut command = Command::new(program);
        finished(founder.load(&mut command, &upload).spawn()?)
    }

    /// Makes one upload; gives its file.
    fn synth(&self, folder: &Path, seed: u64, records: u64) -> anyhow::Result<PathBuf> {
        let out = folder.join(format!("upload-{seed}"));
        let status = Command::new(&self.program)
            .args(["synth", "--records", &records.to_string(), "--seed", &seed.to_string()])
            .arg("--out")
            .arg(&out)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "synth failed: {status}");
        let mut files = std::fs::read_dir(&out)?;
        Ok(files.next().context("synth wrote nothing")??.path())
    }

    fn load<'c>(&self, command: &'c mut Command, upload: &Path) -> &'c mut Command {
        command
            .arg("--store")
            .arg(&self.store)
            .args(["load", "--org", "all", "--legacy"])
            .arg(upload)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
    }

    /// Starts the load of one upload at idle priority.
    pub(crate) fn start(&self, swap: u64) -> anyhow::Result<Child> {
        let upload = self.uploads.get(swap as usize).context("no upload left")?;
        let mut command = Command::new("chrt");
        command.args(["--idle", "0", "nice", "-n", "19"]).arg(&self.program);
        self.load(&mut command, upload).spawn().context("chrt (util-linux) cannot be started")
    }
}

/// Waits for a load: some rows of a made-up upload may be rejected, nothing else may go wrong.
pub(crate) fn finished(mut load: Child) -> anyhow::Result<()> {
    let status = load.wait()?;
    ensure!(matches!(status.code(), Some(0 | 3)), "the loader failed: {status}");
    Ok(())
}

/// The generation that CURRENT names; 0 for none.
pub(crate) fn live(store: &Store) -> anyhow::Result<u64> {
    Ok(Current::read(store)?.map_or(0, |current| current.generation))
}
