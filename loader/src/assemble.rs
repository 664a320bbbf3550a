//! From accepted records to the segments of the next generation: a new base, or a delta over the
//! segments that stay as they are.
//!
//! Promises that the generation serves what a base merged from the same uploads would serve, and that
//! segments which stay are asked, never read through. Which segments stay is for [`tiers`](crate::tiers).

use crate::compile::{self, Plan};
use crate::progress::Progress;
use rayon::prelude::*;
use zhengcha_engine::build::{self, Finished, Replaced, Source};
use zhengcha_engine::manifest::{Manifest, ManifestSegment};
use zhengcha_engine::{Date, OpenError, Opening, Segment, Shadows, Snapshot, Store};

/// Lookups that one thread takes at a time, neighbours in number order.
const LOOKUPS_AT_A_TIME: usize = 16_384;

/// What a manifest says about its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Base first, then deltas from the oldest to the newest.
    pub segments: Vec<ManifestSegment>,
    /// Certificates served.
    pub records: u64,
    /// Latest issue date.
    pub as_of: Option<Date>,
}

impl Contents {
    /// One base.
    #[must_use]
    pub fn base(segment: &Finished) -> Self {
        Self { segments: vec![entry(segment)], records: segment.records, as_of: segment.as_of }
    }
}

fn entry(segment: &Finished) -> ManifestSegment {
    ManifestSegment {
        kind: segment.kind,
        id: segment.id.clone(),
        records: segment.records,
        bytes: segment.bytes,
    }
}

/// Compiles `batch` and all segments behind the oldest `kept` into one new segment: a base when none
/// is kept.
///
/// # Errors
/// Whatever keeps the segment from being written and verified; the store is then as before.
pub fn assemble(
    store: &Store,
    register: Option<&Snapshot>,
    kept: usize,
    batch: Option<Source<'_>>,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> anyhow::Result<Contents> {
    let shadows = match (register, kept) {
        (None, _) | (_, 0) => Vec::new(),
        (Some(register), _) => shadows(register, kept, batch.as_ref(), progress),
    };
    let merged = register.into_iter().flat_map(|register| {
        let segments = register.segments().enumerate().skip(kept);
        segments.map(|(position, segment)| Source::Segment {
            segment,
            shadowed: register.shadowed(position),
        })
    });
    let sources: Vec<Source<'_>> = merged.chain(batch).collect();
    let Some(register) = register.filter(|_| kept > 0) else {
        let plan = Plan::base(&sources).within(memory_bytes);
        return Ok(Contents::base(&compile::compile(store, &plan, progress)?));
    };
    let left = build::left_to_serve(register, kept, &shadows);
    let plan = Plan::delta(&sources, shadows).within(memory_bytes);
    let delta = compile::compile(store, &plan, progress)?;
    let mut segments = register.manifest().segments[..kept].to_vec();
    segments.push(entry(&delta));
    let as_of = register.segments().take(kept).filter_map(Segment::as_of);
    Ok(Contents { segments, records: left + delta.records, as_of: as_of.chain(delta.as_of).max() })
}

fn shadows(
    register: &Snapshot,
    kept: usize,
    batch: Option<&Source<'_>>,
    progress: &dyn Progress,
) -> Vec<Shadows> {
    progress.begin("finding what is replaced", 0);
    let found: Vec<Replaced> = batch.map_or_else(Vec::new, |batch| {
        let positions = 0..usize::try_from(batch.len()).unwrap_or(usize::MAX);
        let chunks = positions.clone().into_par_iter().step_by(LOOKUPS_AT_A_TIME);
        chunks
            .map(|start| {
                let end = positions.end.min(start + LOOKUPS_AT_A_TIME);
                build::replaced(register, kept, batch, start..end)
            })
            .collect()
    });
    build::shadows(register, kept, found)
}

/// Opens what is about to be published, sharing what `register` holds, and looks up every record of a
/// new delta through all its segments together.
///
/// # Errors
/// When a segment does not verify, a total is wrong, or a record is not found as it must be.
pub fn check(
    store: &Store,
    manifest: &Manifest,
    register: Option<&Snapshot>,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    // A base was looked up record by record when it was compiled, and nothing lies beside it.
    if manifest.segments.len() == 1 {
        return Ok(());
    }
    progress.begin("verifying the generation", 0);
    let snapshot = Snapshot::open_manifest(store, manifest.clone(), register, &Opening::default())?;
    check_delta(&snapshot, manifest.segments.len() - 1)?;
    Ok(())
}

/// Looks up every record of the delta at `position` through the snapshot.
///
/// # Errors
/// When a record is not found, or an older one that it replaces is.
pub fn check_delta(snapshot: &Snapshot, position: usize) -> Result<(), OpenError> {
    let records = snapshot.segments().nth(position).map_or(0, Segment::records);
    let records = u32::try_from(records).unwrap_or(u32::MAX);
    let starts = (0..records).into_par_iter().step_by(LOOKUPS_AT_A_TIME);
    starts.try_for_each(|start| {
        let end = records.min(start.saturating_add(LOOKUPS_AT_A_TIME as u32));
        build::check_delta(snapshot, position, start..end)
    })
}
