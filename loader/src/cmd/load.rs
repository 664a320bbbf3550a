//! `load` and `check`: the same judgement; `load` then stores, compiles and publishes.

use super::Outcome;
use super::snapshots::MERGE_DUE;
use crate::cli::{CheckArgs, LayoutArg, LoadArgs, UploadArgs};
use crate::generation::OpenStore;
use crate::judge::{Judge, OrgScope};
use crate::layout::Layout;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use crate::publication::{self, Accepted};
use crate::report::ReportFormat;
use crate::tables::Tables;
use crate::upload::{self, Bounds, Request, Upload};
use crate::{clock, report, tiers};
use anyhow::Context;
use serde_json::json;
use std::fs;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use zhengcha_engine::build::Finished;
use zhengcha_engine::{Manifest, Snapshot, Store};

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
    let register = open.register()?;
    let folder = UploadFolder::make(store.batches_dir().join(BATCH_TEMPORARY))?;
    let judged = judge(store, &args.upload, &args.org, register.as_ref(), Some(&folder.path))?;
    let published = match &judged.accepted {
        None => None,
        Some(accepted) => {
            Some(publish(&mut open, &judged, accepted, &folder.path, args, register.as_ref())?)
        }
    };
    drop(folder);
    let outcome = outcome(&judged);
    let finished = finish(&args.upload, judged, published.as_ref(), output);
    let (Some(Manifest { generation, .. }), Err(error)) = (published, &finished) else {
        return finished;
    };
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
    let own_tables = store.tables_dir();
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

/// Compiles the accepted records over the live generation and publishes the result, the upload's folder
/// with it.
fn publish(
    open: &mut OpenStore,
    judged: &Upload,
    segment: &Finished,
    folder: &Path,
    args: &LoadArgs,
    register: Option<&Snapshot>,
) -> anyhow::Result<Manifest> {
    let bar = Bar::default();
    let accepted = Accepted {
        folder,
        segment,
        org: args.org.to_string(),
        report: &judged.report,
        files: judged.delivered.clone(),
    };
    let into = (args.into, args.memory.bytes());
    let published = publication::publish(open, &accepted, register, into, &bar);
    bar.finish();
    published
}

/// Writes the report asked for and prints the summary.
fn finish(
    args: &UploadArgs,
    mut judged: Upload,
    published: Option<&Manifest>,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let generation = published.map(|manifest| manifest.generation);
    let merge_due = published.is_some_and(|manifest| tiers::base_is_due(&manifest.sizes()));
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
        "deltas": published.map(|manifest| manifest.segments.len() - 1),
        "merge_due": merge_due,
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
        if merge_due {
            text.push_str(MERGE_DUE);
        }
        text
    })?;
    Ok(outcome(&judged))
}
