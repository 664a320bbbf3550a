//! An accepted upload becomes a live generation: compiled over what is live, verified, written down,
//! published. Knows nothing of how its rows were read and judged.

use crate::assemble;
use crate::clock;
use crate::generation::OpenStore;
use crate::ledger::BatchRow;
use crate::progress::Progress;
use crate::report::{ReportFormat, UploadReport};
use crate::tiers::{self, Target};
use anyhow::Context;
use std::fs::File;
use std::path::Path;
use std::thread;
use zhengcha_engine::build::{Finished, Source};
use zhengcha_engine::manifest::{Manifest, ManifestBatch};
use zhengcha_engine::{Segment, Snapshot};

/// What was accepted.
pub struct Accepted<'a> {
    /// The folder of the upload, still under its temporary name, with all but the report in it.
    pub folder: &'a Path,
    /// The segment of its records, in that folder.
    pub segment: &'a Finished,
    /// Who delivered it: `all` or a 机构编码 prefix.
    pub org: String,
    /// What was found in it.
    pub report: &'a UploadReport,
    /// The delivered files as stored, with their SHA-256.
    pub files: Vec<(String, String)>,
}

/// Compiles, with so much memory for keys, and publishes; `register` is the live generation.
///
/// # Errors
/// When a step fails; the old generation is then live and the upload's folder as it was, but for a
/// report.
pub fn publish(
    open: &mut OpenStore,
    accepted: &Accepted<'_>,
    register: Option<&Snapshot>,
    (into, memory_bytes): (Target, u64),
    progress: &dyn Progress,
) -> anyhow::Result<Manifest> {
    let name = open.next_batch()?;
    let generation = open.next_generation()?;
    // Neither needs the other, and the report is text for one thread.
    let (compiled, reported) = thread::scope(|scope| {
        let reported = scope.spawn(|| write_report(accepted, generation));
        let compiled = compile(open, &name, accepted, register, (into, memory_bytes), progress);
        let reported = reported.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (compiled, reported)
    });
    progress.finish();
    let manifest = compiled?;
    reported?;
    let row = BatchRow {
        name,
        org: accepted.org.clone(),
        received: clock::timestamp()?,
        counts: accepted.report.totals(),
        segment: accepted.segment.id.clone(),
        files: accepted.files.clone(),
    };
    open.commit(&manifest, Some((&row, accepted.folder)), "load", true)?;
    Ok(manifest)
}

fn write_report(accepted: &Accepted<'_>, generation: u64) -> anyhow::Result<()> {
    let mut report = accepted.report.clone();
    report.generation = Some(generation);
    report.write_file(&accepted.folder.join("report.json"), ReportFormat::Json)?;
    File::open(accepted.folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{}: cannot sync", accepted.folder.display()))
}

/// The manifest of the next generation, its new segment written and everything in it verified.
fn compile(
    open: &OpenStore,
    name: &str,
    accepted: &Accepted<'_>,
    register: Option<&Snapshot>,
    (into, memory_bytes): (Target, u64),
    progress: &dyn Progress,
) -> anyhow::Result<Manifest> {
    let batch = Segment::open(&accepted.segment.path)?;
    let live = register.map(Snapshot::manifest);
    let sizes = live.map_or_else(Vec::new, Manifest::sizes);
    let kept = tiers::kept(&sizes, batch.records(), into);
    let batch = Some(Source::whole(&batch));
    let contents = assemble::assemble(&open.store, register, kept, batch, memory_bytes, progress)?;
    let mut batches = live.map_or_else(Vec::new, |live| live.batches.clone());
    batches.push(ManifestBatch {
        name: name.to_owned(),
        records: accepted.segment.records,
        segment: accepted.segment.id.clone(),
    });
    let manifest = open.manifest_of(contents, batches)?;
    assemble::check(&open.store, &manifest, register, progress)?;
    Ok(manifest)
}
