//! A generation, opened and verified: the only type that answers lookups.

use crate::batch;
use crate::checksum::hex128;
use crate::current::Current;
use crate::date::Date;
use crate::error::OpenError;
use crate::filter;
use crate::lookup::{self, Matches, Query};
use crate::manifest::{Manifest, ManifestSegment};
use crate::map::Table;
use crate::opening::Opening;
use crate::record::View;
use crate::segment::{Segment, UnverifiedSegment};
use crate::shadowed::Shadowed;
use crate::store::Store;
use crate::verified;
use std::sync::Arc;

/// A segment within a snapshot, with its records that a newer segment replaces or withdraws.
#[derive(Debug)]
pub(crate) struct Layer {
    segment: Arc<Segment>,
    shadowed: Shadowed,
}

impl Layer {
    #[inline]
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    #[inline]
    pub(crate) fn is_shadowed(&self, record: u32) -> bool {
        self.shadowed.contains(record)
    }
}

/// A record with the place where it lies.
#[derive(Clone)]
pub struct Located<'s> {
    /// Position of its segment, 0 for the base.
    pub segment: usize,
    /// Its number within the segment.
    pub record: u32,
    /// The record.
    pub view: View<'s>,
}

/// The verified segments a manifest names. Immutable; share it by `Arc`.
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    /// Newest first.
    layers: Vec<Layer>,
    /// Of what may be in any delta, where there are several.
    deltas_filter: Option<Table>,
}

impl Snapshot {
    /// Opens and verifies what CURRENT names; `None` while nothing was ever published.
    ///
    /// Segments that `previous` holds are shared and not read again: they were verified, and a
    /// published file never changes. Opened as [`Opening::default`] says.
    ///
    /// # Errors
    /// Any [`OpenError`]; whoever serves an older snapshot goes on serving it.
    pub fn open_current(store: &Store, previous: Option<&Self>) -> Result<Option<Self>, OpenError> {
        Self::open_current_with(store, previous, &Opening::default())
    }

    /// [`open_current`](Self::open_current), opened as `opening` says.
    ///
    /// # Errors
    /// Any [`OpenError`]; whoever serves an older snapshot goes on serving it.
    pub fn open_current_with(
        store: &Store,
        previous: Option<&Self>,
        opening: &Opening,
    ) -> Result<Option<Self>, OpenError> {
        let Some(current) = Current::read(store)? else { return Ok(None) };
        let (manifest, sum) = Manifest::read(store, current.generation)?;
        if sum != current.manifest_sum {
            return Err(OpenError::corrupt(
                &store.manifest_path(current.generation),
                "manifest",
                format!("sum is {}, CURRENT says {}", hex128(sum), hex128(current.manifest_sum)),
            ));
        }
        Self::open_manifest(store, manifest, previous, opening).map(Some)
    }

    /// Opens and verifies one generation, live or not.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open_generation(
        store: &Store,
        generation: u64,
        previous: Option<&Self>,
    ) -> Result<Self, OpenError> {
        Self::open_generation_with(store, generation, previous, &Opening::default())
    }

    /// [`open_generation`](Self::open_generation), opened as `opening` says.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open_generation_with(
        store: &Store,
        generation: u64,
        previous: Option<&Self>,
        opening: &Opening,
    ) -> Result<Self, OpenError> {
        let (manifest, _) = Manifest::read(store, generation)?;
        Self::open_manifest(store, manifest, previous, opening)
    }

    /// Opens and verifies what a manifest names, be it written or not: what is to be published can
    /// be asked before it is.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn open_manifest(
        store: &Store,
        manifest: Manifest,
        previous: Option<&Self>,
        opening: &Opening,
    ) -> Result<Self, OpenError> {
        let mut layers: Vec<Layer> = Vec::with_capacity(manifest.segments.len());
        for entry in manifest.segments.iter().rev() {
            let known = previous
                .into_iter()
                .flat_map(|snapshot| &snapshot.layers)
                .find(|layer| layer.segment.id() == entry.id);
            let segment = match known {
                Some(layer) => Arc::clone(&layer.segment),
                None => Arc::new(open_segment(store, entry, opening)?),
            };
            let shadowed = shadowed_by(&layers, &entry.id);
            if shadowed.records().last().is_some_and(|&last| u64::from(last) >= segment.records()) {
                return Err(OpenError::corrupt(
                    segment.path(),
                    "shadows",
                    "a newer segment replaces a record past the end",
                ));
            }
            layers.push(Layer { segment, shadowed });
        }
        let filters: Vec<&Table> =
            layers.iter().filter_map(|layer| layer.segment.filter_of_all()).collect();
        let deltas_filter = (filters.len() > 1)
            .then(|| filter::union(&filters))
            .transpose()
            .map_err(|error| OpenError::io(&store.manifest_path(manifest.generation), error))?;
        let snapshot = Self { manifest, layers, deltas_filter };
        snapshot.check_totals(store)?;
        Ok(snapshot)
    }

    fn check_totals(&self, store: &Store) -> Result<(), OpenError> {
        let records: u64 = self
            .layers
            .iter()
            .map(|layer| layer.segment.records() - layer.shadowed.records().len() as u64)
            .sum();
        if records != self.manifest.records {
            return Err(OpenError::corrupt(
                &store.manifest_path(self.manifest.generation),
                "records",
                format!("{}, its segments hold {records}", self.manifest.records),
            ));
        }
        Ok(())
    }

    /// Number of the generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Latest issue date served.
    #[must_use]
    pub fn as_of(&self) -> Option<Date> {
        self.manifest.as_of
    }

    /// Certificates served.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.manifest.records
    }

    /// When the generation was compiled, RFC 3339.
    #[must_use]
    pub fn built_at(&self) -> &str {
        &self.manifest.built_at
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segments, base first.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.layers.iter().rev().map(Layer::segment)
    }

    /// Every certificate that has both fields of the query, in no promised order.
    #[inline]
    pub fn lookup<'s, 'q>(&'s self, query: Query<'q>) -> Matches<'s, 'q> {
        Matches::new(&self.layers, self.deltas_filter.as_ref(), query)
    }

    /// Looks up many queries at once and gives every match with the position of its query, in no
    /// promised order. The same answers as [`lookup`](Self::lookup), several times as many a second:
    /// the memory accesses of some sixty searches overlap.
    pub fn lookup_batch<'s>(&'s self, queries: &[Query<'_>], found: impl FnMut(usize, View<'s>)) {
        batch::lookup(&self.layers, self.deltas_filter.as_ref(), queries, found);
    }

    /// Records of the segment at `position` (0 for the base) that newer ones replace or withdraw,
    /// rising.
    ///
    /// # Panics
    /// When there is no such segment.
    #[must_use]
    pub fn shadowed(&self, position: usize) -> &[u32] {
        self.layers[self.layers.len() - 1 - position].shadowed.records()
    }

    /// Every certificate with this number (in normal form), whoever holds it.
    pub fn by_certificate<'s>(&'s self, number: &'s str) -> impl Iterator<Item = View<'s>> {
        self.located(number).map(|located| located.view)
    }

    /// Every certificate with this number (in normal form) and the place of each.
    pub fn located<'s>(&'s self, number: &'s str) -> impl Iterator<Item = Located<'s>> {
        let segments = (0..self.layers.len()).rev();
        self.layers.iter().zip(segments).flat_map(move |(layer, segment)| {
            lookup::by_certificate(layer.segment(), number)
                .filter(|&(record, _)| !layer.is_shadowed(record))
                .map(move |(record, view)| Located { segment, record, view })
        })
    }

    /// Brings in every page of the segments that `previous` did not have, so that the first
    /// lookups after a swap meet no disk; under [`Memory::Paged`](crate::Memory::Paged) nothing is brought
    /// in. Call it off the request threads.
    pub fn warm(&self, previous: Option<&Self>) {
        for layer in &self.layers {
            let known = previous
                .into_iter()
                .flat_map(|snapshot| &snapshot.layers)
                .any(|other| Arc::ptr_eq(&other.segment, &layer.segment));
            if !known {
                layer.segment.warm();
            }
        }
    }
}

fn open_segment(
    store: &Store,
    entry: &ManifestSegment,
    opening: &Opening,
) -> Result<Segment, OpenError> {
    let path = store.segment_path(&entry.id);
    let segment = UnverifiedSegment::open_with(&path, opening)?;
    let header = segment.header();
    let facts = [
        ("id", segment.id().to_owned(), entry.id.clone()),
        ("kind", header.kind.name().to_owned(), entry.kind.name().to_owned()),
        ("records", header.records.to_string(), entry.records.to_string()),
        ("length", header.file_bytes.to_string(), entry.bytes.to_string()),
    ];
    for (place, found, expected) in facts {
        if found != expected {
            let detail = format!("is {found}, the manifest says {expected}");
            return Err(OpenError::corrupt(&path, place, detail));
        }
    }
    let marked =
        opening.trust_marks && verified::is_marked(store, &entry.id, segment.file.metadata());
    segment.verify_with(opening, marked)
}

/// Records of segment `id` that the newer layers shadow.
fn shadowed_by(newer: &[Layer], id: &str) -> Shadowed {
    let shadows = newer.iter().flat_map(|layer| layer.segment.shadows());
    let of_segment = shadows.filter(|shadows| shadows.segment == id);
    Shadowed::new(of_segment.flat_map(|shadows| shadows.records.iter().copied()).collect())
}
