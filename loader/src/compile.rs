//! Segments to one new segment: merge, sort the keys on all cores, write, read back, look up every
//! record through all six indexes, give the file its name.

use anyhow::Context;
use rayon::prelude::*;
use std::fs;
use std::path::Path;
use zhengcha_engine::build::{self, Finished, SegmentWriter, Source};
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::{Mode, Segment, Shadows, Store};

use crate::progress::Progress;

/// Progress is told every so many records.
const PROGRESS_RECORDS: u64 = 65_536;

/// What one compilation is to make.
pub struct Plan<'s> {
    /// Base or delta.
    pub kind: SegmentKind,
    /// What is merged, the oldest first.
    pub sources: &'s [Source<'s>],
    /// What a delta shadows in older segments; nothing for a base.
    pub shadows: Vec<Shadows>,
}

impl<'s> Plan<'s> {
    /// A base of these.
    #[must_use]
    pub fn base(sources: &'s [Source<'s>]) -> Self {
        Self { kind: SegmentKind::Base, sources, shadows: Vec::new() }
    }

    /// A delta of these that shadows records of older segments.
    #[must_use]
    pub fn delta(sources: &'s [Source<'s>], shadows: Vec<Shadows>) -> Self {
        Self { kind: SegmentKind::Delta, sources, shadows }
    }
}

/// Merges into a new segment of the store.
///
/// # Errors
/// Whatever keeps the segment from being written and verified; the store is then as before.
pub fn compile(
    store: &Store,
    plan: &Plan<'_>,
    progress: &dyn Progress,
) -> anyhow::Result<Finished> {
    let temporary = store.segments_dir().join("new.seg.tmp");
    let written = write(&temporary, plan, progress).and_then(|finished| {
        check(&finished, progress)?;
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
    let total = plan.sources.iter().map(Source::len).sum();
    progress.begin("merging records", total);
    let mut writer = SegmentWriter::create(path, plan.kind)?;
    writer.set_shadows(plan.shadows.clone());
    let mut done = 0u64;
    build::merge(plan.sources, |view, source| {
        done += 1;
        if done.is_multiple_of(PROGRESS_RECORDS) {
            progress.advance(done);
        }
        writer.push(view, source)
    })?;
    let mut keys = writer.finish_records()?;
    if plan.kind != SegmentKind::Batch {
        progress.begin("sorting keys", 0);
        keys.lists().into_par_iter().for_each(|list| list.par_sort_unstable());
        progress.begin("writing indexes", 0);
    }
    Ok(writer.finish(&keys)?)
}

/// Reads the file back and looks up every record through every index.
fn check(finished: &Finished, progress: &dyn Progress) -> anyhow::Result<()> {
    progress.begin("verifying every record through six indexes", 0);
    let segment = Segment::open(&finished.path)
        .context("the file just written does not read back; the disk may be failing")?;
    Mode::ALL.into_par_iter().try_for_each(|mode| build::check_indexes(&segment, mode))?;
    Ok(())
}
