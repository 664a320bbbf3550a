//! Published stores of invented certificates, kept under a folder that git ignores.

use crate::passes::Random;
use anyhow::Context;
use rayon::prelude::*;
use std::path::Path;
use zhengcha_engine::build::{self, Rows, Source};
use zhengcha_engine::manifest::{Manifest, ManifestSegment};
use zhengcha_engine::testing::Generator;
use zhengcha_engine::{Certificate, Current, Opening, Snapshot, Store};
use zhengcha_loader::compile::Plan;
use zhengcha_loader::progress::Silent;

/// Opens the store of this many certificates under `folder`, publishing it first if need be.
///
/// # Errors
/// Any error of building or opening.
pub fn open_or_publish(
    folder: &Path,
    records: u64,
    seed: u64,
    opening: &Opening,
) -> anyhow::Result<Snapshot> {
    let store = Store::new(folder.join(format!("store-{records}-{seed}")));
    if !matches!(Current::read(&store), Ok(Some(_))) {
        publish(&store, records, seed, 1)?;
    }
    Snapshot::open_current_with(&store, None, opening)?.context("nothing was published")
}

/// Publishes a generation of this many certificates.
///
/// # Errors
/// Any error of building.
pub fn publish(store: &Store, records: u64, seed: u64, generation: u64) -> anyhow::Result<()> {
    let mut rows = Rows::new();
    for certificate in Generator::new(seed).take(records as usize) {
        rows.push(&certificate)?;
    }
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.par_sort_unstable_by_key(|&row| rows.sort_key(row));
    publish_rows(store, &rows, &order, generation)
}

/// Publishes a generation of these rows in this order.
///
/// # Errors
/// Any error of building.
pub fn publish_rows(
    store: &Store,
    rows: &Rows,
    order: &[u32],
    generation: u64,
) -> anyhow::Result<()> {
    build::create_folders(store)?;
    build::remove_temporaries(store)?;
    let sources = [Source::Rows(rows, order)];
    let finished = zhengcha_loader::compile::compile(store, &Plan::base(&sources), &Silent)?;
    let manifest = Manifest {
        generation,
        built_at: "2026-11-24T13:00:00+08:00".to_owned(),
        records: finished.records,
        as_of: finished.as_of,
        segments: vec![ManifestSegment {
            kind: finished.kind,
            id: finished.id,
            records: finished.records,
            bytes: finished.bytes,
        }],
        batches: Vec::new(),
    };
    let current = build::write_manifest(store, &manifest)?;
    build::publish(store, current)?;
    Ok(())
}

/// The body of a query for this certificate by number and name.
#[must_use]
pub fn query_body(certificate: &Certificate) -> String {
    format!(
        "{{\"certificate_number\":\"{}\",\"name\":\"{}\"}}",
        certificate.certificate_number, certificate.name
    )
}

/// So many bodies that ask for certificates all over the base of a store.
///
/// # Errors
/// Any error of opening, or when nothing was published.
pub fn draw_bodies(store: &Path, count: u64) -> anyhow::Result<Vec<String>> {
    let snapshot =
        Snapshot::open_current(&Store::new(store), None)?.context("nothing was published there")?;
    let base = snapshot.segments().next().context("a generation without segments")?;
    let mut random = Random(1);
    (0..count)
        .map(|_| {
            let record = random.below(base.records()) as u32;
            let view = base.view(record).context("a record past the end")?;
            Ok(query_body(&view.to_certificate()))
        })
        .collect()
}
