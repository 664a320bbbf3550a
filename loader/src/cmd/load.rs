//! `load` and `check`: the same judgement; `load` then stores, compiles and publishes.

use super::Outcome;
use crate::cli::{CheckArgs, LayoutArg, LoadArgs, UploadArgs};
use crate::generation::OpenStore;
use crate::judge::{Judge, OrgScope};
use crate::layout::Layout;
use crate::ledger::BatchRow;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use crate::report::ReportFormat;
use crate::tables::Tables;
use crate::upload::{self, Bounds, Request, Upload};
use crate::{clock, compile, report};
use anyhow::Context;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use zhengcha_engine::build::{Finished, Source};
use zhengcha_engine::manifest::ManifestBatch;
use zhengcha_engine::{Segment, Snapshot, Store};

/// Folder of an upload under construction; cleared away at the next command after a kill.
const BATCH_TEMPORARY: &str = "new.tmp";

/// Judges, changing nothing.
pub(super) fn check(store: &Store, args: &CheckArgs, output: &Output) -> anyhow::Result<Outcome> {
    prepare_report(&args.upload)?;
    let register = Snapshot::open_current(store, None)?;
    let judged = judge(store, &args.upload, &args.org, register.as_ref(), None)?;
    finish(&args.upload, judged, None, output)
}

/// Judges, stores, compiles and publishes.
pub(super) fn load(store: &Store, args: &LoadArgs, output: &Output) -> anyhow::Result<Outcome> {
    prepare_report(&args.upload)?;
    let mut open = OpenStore::open_or_make(store)?;
    let register = Snapshot::open_current(store, None)?;
    let folder = UploadFolder::make(store.batches_dir().join(BATCH_TEMPORARY))?;
    let judged = judge(store, &args.upload, &args.org, register.as_ref(), Some(&folder.path))?;
    let generation = match &judged.accepted {
        None => None,
        Some(accepted) => {
            Some(publish(&mut open, &judged, accepted, &folder.path, &args.org, register.as_ref())?)
        }
    };
    drop(folder);
    let outcome = outcome(&judged);
    let finished = finish(&args.upload, judged, generation, output);
    let (Some(generation), Err(error)) = (generation, &finished) else { return finished };
    // To fail now would mean that nothing changed.
    let _ = writeln!(
        io::stderr(),
        "warning: generation {generation} is live, but not everything could be said: {error:#}; \
         the report stands in the store's folder of the upload"
    );
    Ok(outcome)
}

/// The folder of an upload under construction; removed when dropped, unless it was given its name.
struct UploadFolder {
    path: PathBuf,
}

impl UploadFolder {
    fn make(path: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir(&path).with_context(|| format!("{}: cannot make", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for UploadFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A report that cannot be written must show before the work.
fn prepare_report(args: &UploadArgs) -> anyhow::Result<()> {
    let Some(path) = &args.report else { return Ok(()) };
    let context = || format!("the report {} cannot be written", path.display());
    anyhow::ensure!(!path.is_dir(), "{}: a folder stands in its place", context());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).with_context(context)?;
    Ok(())
}

fn outcome(judged: &Upload) -> Outcome {
    let [_, _, _, rejected] = judged.report.totals();
    if rejected > 0 { Outcome::SomeRejected } else { Outcome::Done }
}

fn judge(
    store: &Store,
    args: &UploadArgs,
    org: &OrgScope,
    register: Option<&Snapshot>,
    folder: Option<&Path>,
) -> anyhow::Result<Upload> {
    let today = args.today.map_or_else(clock::today, Ok)?;
    let own_tables = store.root().join("tables");
    let tables = Arc::new(Tables::load(own_tables.is_dir().then_some(own_tables.as_path()))?);
    let judge = Judge::new(Arc::clone(&tables), org.clone(), today);
    let request = Request {
        files: &args.files,
        layout: match args.layout {
            LayoutArg::Auto => None,
            LayoutArg::L2013 => Some(Layout::Of2013),
            LayoutArg::L2019 => Some(Layout::Of2019),
        },
        judge: &judge,
        tables: &tables,
        legacy: args.legacy,
        register,
        folder,
        threads: thread::available_parallelism().map_or(1, NonZero::get),
        bounds: Bounds::default(),
    };
    let bar = Bar::default();
    let judged = upload::read(&request, &bar);
    bar.finish();
    judged
}

/// Merges the accepted records into the live generation and publishes the result, the upload's folder
/// with it.
fn publish(
    open: &mut OpenStore,
    judged: &Upload,
    accepted: &Finished,
    folder: &Path,
    org: &OrgScope,
    register: Option<&Snapshot>,
) -> anyhow::Result<u64> {
    let store = open.store.clone();
    let name = open.next_batch()?;
    let batch = Segment::open(&accepted.path)?;
    let bar = Bar::default();
    let base = register.and_then(|snapshot| snapshot.segments().next());
    let sources: Vec<Source<'_>> = base.into_iter().chain([&batch]).map(Source::Segment).collect();
    let compiled = compile::compile(&store, &sources, &bar);
    bar.finish();
    let mut batches =
        register.map_or_else(Vec::new, |snapshot| snapshot.manifest().batches.clone());
    batches.push(ManifestBatch {
        name: name.clone(),
        records: accepted.records,
        segment: accepted.id.clone(),
    });
    let manifest = open.manifest(&compiled?, batches)?;
    let mut stored_report = judged.report.clone();
    stored_report.generation = Some(manifest.generation);
    stored_report.write_file(&folder.join("report.json"), ReportFormat::Json)?;
    sync_folder(folder)?;
    let row = BatchRow {
        name,
        org: org.to_string(),
        received: clock::timestamp()?,
        counts: judged.report.totals(),
        segment: accepted.id.clone(),
        files: judged.delivered.clone(),
    };
    open.commit(&manifest, Some((&row, folder)), "load", true)?;
    Ok(manifest.generation)
}

fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{}: cannot sync", folder.display()))
}

/// Writes the report asked for and prints the summary.
fn finish(
    args: &UploadArgs,
    mut judged: Upload,
    generation: Option<u64>,
    output: &Output,
) -> anyhow::Result<Outcome> {
    judged.report.generation = generation;
    if let Some(path) = &args.report {
        judged.report.write_file(path, ReportFormat::of(path)?)?;
    }
    let [rows, accepted, warned, rejected] = judged.report.totals();
    let json = json!({
        "generation": generation,
        "rows": rows,
        "accepted": accepted,
        "warned": warned,
        "rejected": rejected,
        "corrections": judged.corrections,
        "unchanged": judged.unchanged,
    });
    output.print(&json, || {
        let mut text = report::summary(&judged.report);
        text.push_str(&format!(
            "{rows} rows: {accepted} accepted ({warned} with warnings, {} corrections, {} \
             unchanged), {rejected} rejected\n",
            judged.corrections, judged.unchanged
        ));
        if let Some(generation) = generation {
            text.push_str(&format!("generation {generation} is live\n"));
        }
        text
    })?;
    Ok(outcome(&judged))
}
