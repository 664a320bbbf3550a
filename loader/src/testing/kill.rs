//! The kill loop: loads, merges and compiles killed at random moments, over and over, against the same store.
//!
//! Promises that a store passes only when after every kill it opens at the old generation or at the new
//! one, with exactly that generation's certificates; when what was acknowledged stays; and when the
//! next command brings everything in order. A kill loses no page the system holds: this tries the
//! order of the steps, not the syncs.

use super::uploads::{UploadKind, as_loaded, ensure_serves, write_upload};
use crate::fsck;
use crate::generation::{generations, segment_ids};
use crate::synth::TableLayout;
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use zhengcha_engine::testing::Generator;
use zhengcha_engine::{Certificate, Current, Holds, Manifest, Snapshot, Store};

/// Kills fall up to this part of a typical duration, so that some commands get through.
const LATEST_KILL_PERCENT: u64 = 120;
/// One round in so many kills `compile --publish`, one `prune`, one each kind of `merge`, all others
/// `load`.
const KINDS_OF_ROUND: u64 = 9;
/// What loads are told to write: mostly deltas, which the policy would not over so small a base.
const INTO: [&str; 4] = ["delta", "delta", "delta", "auto"];
/// Generations that `prune` keeps.
const KEPT_GENERATIONS: &str = "2";
/// The layout with a column for the kind of document, which must else be guessed from its number.
const LAYOUT: TableLayout = TableLayout::Of2019;
/// A day after every invented certificate.
const TODAY: &str = "2026-11-24";

/// What to do.
#[derive(Clone, Debug)]
pub struct KillLoop {
    /// The program `zhengcha-loader`.
    pub loader: PathBuf,
    /// An empty folder to work in.
    pub folder: PathBuf,
    /// Commands to kill.
    pub rounds: u32,
    /// The same seed gives the same uploads and the same share of a duration.
    pub seed: u64,
    /// New certificates of one upload; as many again are corrected.
    pub records: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Commands that were killed.
    pub killed: u32,
    /// Of these, with the new generation live.
    pub killed_after_publication: u32,
    /// Commands that ended before the kill.
    pub acknowledged: u32,
    /// Certificates served at the end.
    pub records: u64,
}

/// How many kinds of command there are.
const KINDS: usize = 4;

/// The register as it must be: by certificate number.
type Register = BTreeMap<String, Certificate>;

/// Kinds of command, each with its own typical duration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Compile,
    Prune,
    Merge,
}

impl Kind {
    /// Whether the command may end well without a new generation.
    fn is_silent(self) -> bool {
        matches!(self, Self::Prune | Self::Merge)
    }
}

/// One command about to be killed, and what it is to bring about.
struct Planned {
    kind: Kind,
    arguments: Vec<String>,
    register: Register,
}

struct Driver<'a> {
    plan: &'a KillLoop,
    store: Store,
    fresh: Generator,
    random: u64,
    register: Register,
    /// The live generation, 0 before the first.
    generation: u64,
    tally: Tally,
}

/// Runs the loop.
///
/// # Errors
/// Naming the round and the broken promise.
pub fn run(plan: &KillLoop, mut told: impl FnMut(u32, &Tally)) -> anyhow::Result<Tally> {
    let mut driver = Driver {
        plan,
        store: Store::new(plan.folder.join("store")),
        fresh: Generator::new(plan.seed),
        random: plan.seed,
        register: Register::new(),
        generation: 0,
        tally: Tally::default(),
    };
    let mut typical = [driver.typical_duration()?; KINDS];
    for round in 1..=plan.rounds {
        driver.round(round, &mut typical).with_context(|| {
            format!("round {round} (seed {}, {})", plan.seed, plan.folder.display())
        })?;
        told(round, &driver.tally);
    }
    driver.tally.records = driver.register.len() as u64;
    Ok(driver.tally)
}

impl Driver<'_> {
    /// Below `limit`; SplitMix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(word ^ (word >> 31)) * u128::from(limit)) >> 64) as u64
    }

    fn command(&self, store: &Path, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.plan.loader);
        command.arg("--store").arg(store).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// How long the first load takes on a store of its own.
    fn typical_duration(&mut self) -> anyhow::Result<Duration> {
        let certificates: Vec<Certificate> =
            Generator::new(self.plan.seed ^ 1).take(self.plan.records).collect();
        let arguments = self.upload("first", &certificates)?;
        let aside = self.plan.folder.join("aside");
        let start = Instant::now();
        let status = self.command(&aside, &arguments).status()?;
        ensure!(status.code() == Some(0), "a load that nobody kills ended with {status}");
        let taken = start.elapsed();
        fs::remove_dir_all(&aside)?;
        Ok(taken)
    }

    /// Writes an upload file and returns the command that loads it.
    fn upload(&self, name: &str, certificates: &[Certificate]) -> anyhow::Result<Vec<String>> {
        let path = self.plan.folder.join(format!("{name}.csv"));
        write_upload(&path, UploadKind::Csv, LAYOUT, certificates)?;
        let words = ["load", &path.display().to_string(), "--org", "all", "--today", TODAY];
        Ok(words.map(str::to_owned).to_vec())
    }

    /// New certificates and corrections of known ones, or the same register compiled again.
    fn plan(&mut self, round: u32) -> anyhow::Result<Planned> {
        let mut register = self.register.clone();
        let other = if register.is_empty() { u64::MAX } else { self.below(KINDS_OF_ROUND) };
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        if other == 0 {
            let arguments = words(&["compile", "--publish"]);
            return Ok(Planned { kind: Kind::Compile, arguments, register });
        }
        if other == 1 {
            let arguments = words(&["prune", "--keep", KEPT_GENERATIONS]);
            return Ok(Planned { kind: Kind::Prune, arguments, register });
        }
        if let Some(into) = ["delta", "base"].get(other.wrapping_sub(2) as usize) {
            let arguments = words(&["merge", "--into", into]);
            return Ok(Planned { kind: Kind::Merge, arguments, register });
        }
        let mut certificates: Vec<Certificate> = self
            .fresh
            .by_ref()
            .take(self.plan.records)
            .map(|certificate| as_loaded(&certificate, LAYOUT))
            .collect();
        ensure!(certificates.len() == self.plan.records, "no more certificates to invent");
        for position in 0..self.plan.records {
            let at = self.below(register.len().max(1) as u64) as usize;
            if let Some(known) = register.values().nth(at)
                && certificates.iter().all(|it| it.certificate_number != known.certificate_number)
            {
                let institution = format!("第{round}次更正第{position}号鉴定所");
                certificates.push(Certificate { institution, ..known.clone() });
            }
        }
        let mut arguments = self.upload("upload", &certificates)?;
        let into = INTO[self.below(INTO.len() as u64) as usize];
        arguments.extend(["--into", into].map(str::to_owned));
        register.extend(certificates.into_iter().map(|it| (it.certificate_number.clone(), it)));
        Ok(Planned { kind: Kind::Load, arguments, register })
    }

    fn round(&mut self, round: u32, typical: &mut [Duration; KINDS]) -> anyhow::Result<()> {
        let planned = self.plan(round)?;
        let typical = &mut typical[planned.kind as usize];
        let latest = typical.as_micros() as u64 * LATEST_KILL_PERCENT / 100;
        let moment = Duration::from_micros(self.below(latest.max(1)));
        let status = self.kill_at(&planned.arguments, moment)?;
        let acknowledged = match status.code() {
            Some(0 | 3) => true,
            Some(code) => bail!("the command ended by itself with exit code {code}"),
            None => false,
        };
        let published = self.settle(&planned, acknowledged)?;
        self.tally.acknowledged += u32::from(acknowledged);
        self.tally.killed += u32::from(!acknowledged);
        self.tally.killed_after_publication += u32::from(!acknowledged && published);
        // Whatever a kill left is no damage.
        self.ensure_sound("straight after the kill")?;

        // The next command finishes the work, whichever it was.
        let start = Instant::now();
        let status = self.command(self.store.root(), &planned.arguments).status()?;
        ensure!(status.code() == Some(0), "the next command ended with {status}");
        *typical = start.elapsed();
        let settled = self.settle_next(&planned, published)?;
        self.register = planned.register;
        self.generation = settled;
        self.ensure_sound("after the next command")?;
        self.ensure_nothing_left()
    }

    fn kill_at(&self, arguments: &[String], moment: Duration) -> anyhow::Result<ExitStatus> {
        let start = Instant::now();
        let mut child = self.command(self.store.root(), arguments).spawn()?;
        // A moment in the life of another process can only be waited for.
        std::thread::sleep(moment.saturating_sub(start.elapsed()));
        child.kill()?;
        Ok(child.wait()?)
    }

    fn open(&self) -> anyhow::Result<Option<Snapshot>> {
        let snapshot = Snapshot::open_current(&self.store, None)?;
        if snapshot.is_some() {
            Holds::read(&self.store).context("a live generation without its holds")?;
        }
        Ok(snapshot)
    }

    /// After the kill: the old generation or the new one. Returns whether it is the new one.
    fn settle(&self, planned: &Planned, acknowledged: bool) -> anyhow::Result<bool> {
        let Some(snapshot) = self.open()? else {
            ensure!(self.generation == 0, "generation {} is gone", self.generation);
            ensure!(!acknowledged, "an acknowledged load is gone");
            return Ok(false);
        };
        let generation = snapshot.generation();
        ensure!(generation >= self.generation, "back at generation {generation}");
        let published = generation > self.generation;
        let pruned = planned.kind == Kind::Prune;
        ensure!(!published || !pruned, "a prune published generation {generation}");
        let silent = planned.kind.is_silent();
        ensure!(published || !acknowledged || silent, "an acknowledged command is not live");
        let expected = if published { &planned.register } else { &self.register };
        ensure_register(&snapshot, expected)?;
        Ok(published)
    }

    /// After the next command: the new generation, in as many steps as it takes.
    fn settle_next(&self, planned: &Planned, published: bool) -> anyhow::Result<u64> {
        let snapshot = self.open()?.context("nothing is live after a command that ended well")?;
        let newer = snapshot.generation() > self.generation;
        ensure!(newer || published || planned.kind.is_silent(), "nothing was published");
        ensure_register(&snapshot, &planned.register)?;
        Ok(snapshot.generation())
    }

    fn ensure_sound(&self, when: &str) -> anyhow::Result<()> {
        if !self.store.root().exists() {
            return Ok(());
        }
        let findings = fsck::check(&self.store)?;
        ensure!(findings.damaged.is_empty(), "fsck {when}: {:?}", findings.damaged);
        Ok(())
    }

    /// Every file is one that a manifest, the ledger or CURRENT knows.
    fn ensure_nothing_left(&self) -> anyhow::Result<()> {
        let mut segments = Vec::new();
        for generation in generations(&self.store)? {
            let (manifest, _) = Manifest::read(&self.store, generation)?;
            segments.extend(manifest.segments.into_iter().map(|segment| segment.id));
        }
        segments.sort_unstable();
        segments.dedup();
        ensure!(segment_ids(&self.store)? == segments, "segments that no manifest names");
        let live = Current::read(&self.store)?.context("nothing is live")?;
        let (manifest, _) = Manifest::read(&self.store, live.generation)?;
        let named: Vec<String> = manifest.batches.into_iter().map(|batch| batch.name).collect();
        let mut folders = names(&self.store.batches_dir())?;
        folders.sort_unstable();
        ensure!(folders == named, "batches {folders:?}, the live manifest names {named:?}");
        let mut marked = names(&self.store.verified_dir())?;
        marked.retain(|id| !segments.contains(id));
        ensure!(marked.is_empty(), "marks of no segment: {marked:?}");
        let known = [
            ".holds.lock",
            ".lock",
            "CURRENT",
            "batches",
            "generations",
            "holds",
            "ledger.sqlite",
            "segments",
            "verified",
        ];
        let mut found = names(self.store.root())?;
        found.sort_unstable();
        ensure!(found == known, "in the store: {found:?}");
        let temporary = names(&self.store.generations_dir())?
            .into_iter()
            .chain(names(&self.store.segments_dir())?);
        for name in temporary {
            ensure!(!name.ends_with(".tmp"), "left behind: {name}");
        }
        Ok(())
    }
}

fn ensure_register(snapshot: &Snapshot, register: &Register) -> anyhow::Result<()> {
    let certificates: Vec<Certificate> = register.values().cloned().collect();
    ensure_serves(snapshot, &certificates)
        .with_context(|| format!("generation {}", snapshot.generation()))
}

fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
