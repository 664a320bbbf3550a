//! A whole generation in one call.

use crate::Shadows;
use crate::build::{self, Plan, Rows, Silent, Source};
use crate::certificate::Certificate;
use crate::current::Current;
use crate::error::{BuildError, OpenError};
use crate::format::section::SegmentKind;
use crate::manifest::{Manifest, ManifestSegment};
use crate::segment::Segment;
use crate::store::Store;

/// A segment put into a store: its manifest row and latest issue date.
pub type Written = (ManifestSegment, Option<crate::Date>);

/// Writes these certificates as one segment of the store. Certificates with the same number all
/// stay, whoever holds them.
///
/// # Errors
/// Any [`BuildError`].
pub fn write_segment(
    store: &Store,
    kind: SegmentKind,
    certificates: impl IntoIterator<Item = Certificate>,
    shadows: Vec<Shadows>,
) -> Result<Written, BuildError> {
    build::create_folders(store)?;
    let mut rows = Rows::new();
    for certificate in certificates {
        rows.push(&certificate)?;
    }
    let order = rows.in_order(0..rows.len() as u32);
    let temporary = store.segments_dir().join("new.seg.tmp");
    let sources = [Source::Rows(&rows, &order)];
    let plan = Plan { kind, shadows, ..Plan::base(&sources) };
    let finished = build::write_segment(&temporary, &plan, 1, &Silent)?.sync()?;
    let path = store.segment_path(&finished.id);
    build::adopt_segment(&temporary, &path)?;
    if kind != SegmentKind::Batch {
        let segment = Segment::open(&path)?;
        build::check_records(&segment, 1, &Silent)?;
    }
    let entry =
        ManifestSegment { kind, id: finished.id, records: finished.records, bytes: finished.bytes };
    Ok((entry, finished.as_of))
}

/// Publishes these segments as the next generation and returns its number.
///
/// # Errors
/// Any [`BuildError`].
pub fn publish_segments(
    store: &Store,
    segments: &[Written],
    records: u64,
) -> Result<u64, BuildError> {
    let previous = Current::read(store)?.map_or(0, |current| current.generation);
    let manifest = Manifest {
        generation: previous + 1,
        built_at: "2026-11-24T13:00:00+08:00".to_owned(),
        records,
        as_of: segments.iter().filter_map(|(_, as_of)| *as_of).max(),
        segments: segments.iter().map(|(entry, _)| entry.clone()).collect(),
        batches: Vec::new(),
    };
    let current = build::write_manifest(store, &manifest)?;
    build::publish(store, current)?;
    Ok(manifest.generation)
}

/// Publishes these certificates as the next generation of one segment and returns its number.
///
/// # Errors
/// Any [`BuildError`].
pub fn publish(
    store: &Store,
    certificates: impl IntoIterator<Item = Certificate>,
) -> Result<u64, BuildError> {
    let written = write_segment(store, SegmentKind::Base, certificates, Vec::new())?;
    let records = written.0.records;
    publish_segments(store, &[written], records)
}

/// Reads every file a generation names.
///
/// # Errors
/// Any [`OpenError`].
pub fn verify(store: &Store, generation: u64) -> Result<(), OpenError> {
    crate::Snapshot::open_generation(store, generation, None).map(|_| ())
}
