//! Segments to one new segment: write it on all cores, read it back, look up every record through all
//! six indexes, give the file its name.

use crate::progress::{Progress, Told};
use crate::space;
use anyhow::Context;
use std::fs;
use std::path::Path;
use std::thread;
use zhengcha_engine::build::{self, Finished, Unsynced};
use zhengcha_engine::{Segment, Store};

pub use zhengcha_engine::build::Plan;

/// Merges into a new segment of the store.
///
/// # Errors
/// Whatever keeps the segment from being written and verified, a disk too small first of all; the store
/// is then as before.
pub fn compile(
    store: &Store,
    plan: &Plan<'_>,
    progress: &dyn Progress,
) -> anyhow::Result<Finished> {
    let temporary = store.segments_dir().join("new.seg.tmp");
    let written = write_unsynced(&temporary, plan, progress).and_then(|unsynced| {
        let finished = sync_and_check(unsynced, progress)?;
        build::adopt_segment(&temporary, &store.segment_path(&finished.id))?;
        build::mark_verified(store, &finished.id)?;
        Ok(finished)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Writes a segment of any kind to a new file.
///
/// # Errors
/// Any error of the builder.
pub fn write(path: &Path, plan: &Plan<'_>, progress: &dyn Progress) -> anyhow::Result<Finished> {
    Ok(write_unsynced(path, plan, progress)?.sync()?)
}

fn write_unsynced(
    path: &Path,
    plan: &Plan<'_>,
    progress: &dyn Progress,
) -> anyhow::Result<Unsynced> {
    let folder = path.parent().unwrap_or(Path::new("."));
    space::ensure_free(folder, build::estimated_bytes(plan.kind, plan.sources))?;
    Ok(build::write_segment(path, plan, threads(), &Told(progress))?)
}

/// Brings the file to the disk and meanwhile looks up every record in it through every index.
fn sync_and_check(unsynced: Unsynced, progress: &dyn Progress) -> anyhow::Result<Finished> {
    let path = unsynced.finished().path.clone();
    thread::scope(|scope| {
        let sync = scope.spawn(|| unsynced.sync());
        progress.begin("verifying", 0);
        let segment = Segment::open(&path)
            .context("the file just written does not read back; the disk may be failing")?;
        build::check_records(&segment, threads(), &Told(progress))?;
        progress.begin("syncing", 0);
        let synced = sync.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(synced?)
    })
}

/// Threads to work with: as many as this process may run at once.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}
