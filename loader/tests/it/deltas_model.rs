//! Random uploads through deltas and merges of deltas, against a register kept the slow and obvious way.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use proptest::prelude::*;
use tempfile::TempDir;
use zhengcha_engine::build::{self, Rows, Source};
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::key::normalize::name_key;
use zhengcha_engine::testing::{self, Model, pair, sort};
use zhengcha_engine::{
    Certificate, Date, Manifest, Mode, Query, Segment, Shadows, Snapshot, Store, View,
};
use zhengcha_loader::assemble::{self, Contents};
use zhengcha_loader::compile::{self, Plan};
use zhengcha_loader::progress::Silent;
use zhengcha_loader::testing::temporary_folder;

/// Memory for keys: several passes over all but the smallest segments.
const MEMORY_BYTES: u64 = 500;

/// A store with one generation after the other.
struct Register {
    _folder: TempDir,
    store: Store,
    snapshot: Option<Snapshot>,
    batches: Vec<Segment>,
    expected: Vec<Certificate>,
}

fn same_person(a: &Certificate, b: &Certificate) -> bool {
    a.id_number == b.id_number
        || (a.birth_date.is_some()
            && a.birth_date == b.birth_date
            && name_key(&a.name) == name_key(&b.name))
}

impl Register {
    fn new() -> Self {
        let folder = temporary_folder().unwrap();
        let store = Store::new(folder.path());
        build::create_folders(&store).unwrap();
        Self { _folder: folder, store, snapshot: None, batches: Vec::new(), expected: Vec::new() }
    }

    fn segments(&self) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.segments().count())
    }

    /// An upload over the oldest `kept` segments.
    fn load(&mut self, upload: &[Certificate], kept: usize) {
        let mut rows = Rows::new();
        for certificate in upload {
            rows.push(certificate).unwrap();
        }
        let order = rows.in_order(0..rows.len() as u32);
        let sources = [Source::Rows(&rows, &order)];
        let path = self.store.root().join(format!("{}.seg", self.batches.len()));
        let plan = Plan::batch(&sources);
        compile::write(&path, &plan, &Silent).unwrap();
        self.batches.push(Segment::open(&path).unwrap());
        let kept = kept.min(self.segments());
        let batch = self.batches.last().map(Source::whole);
        let contents = assemble::assemble(
            &self.store,
            self.snapshot.as_ref(),
            kept,
            batch,
            MEMORY_BYTES,
            &Silent,
        )
        .unwrap();
        self.publish(contents);
        self.expected.retain(|older| {
            upload.iter().all(|newer| {
                newer.certificate_number != older.certificate_number || !same_person(newer, older)
            })
        });
        self.expected.extend_from_slice(upload);
    }

    /// All segments behind the oldest `kept` become one.
    fn merge(&mut self, kept: usize) {
        if kept < self.segments() {
            let contents = assemble::assemble(
                &self.store,
                self.snapshot.as_ref(),
                kept,
                None,
                MEMORY_BYTES,
                &Silent,
            );
            self.publish(contents.unwrap());
        }
    }

    fn publish(&mut self, contents: Contents) {
        let manifest = Manifest {
            generation: self.snapshot.as_ref().map_or(0, Snapshot::generation) + 1,
            built_at: "2026-11-24T13:00:00+08:00".to_owned(),
            records: contents.records,
            as_of: contents.as_of,
            segments: contents.segments,
            batches: Vec::new(),
        };
        assemble::check(&self.store, &manifest, self.snapshot.as_ref(), &Silent).unwrap();
        let current = build::write_manifest(&self.store, &manifest).unwrap();
        build::publish(&self.store, current).unwrap();
        // Opened by itself, as a server that starts does.
        self.snapshot = Snapshot::open_current(&self.store, None).unwrap();
    }

    fn hold_against_model(&self) {
        let snapshot = self.snapshot.as_ref().unwrap();
        assert_eq!(snapshot.records(), self.expected.len() as u64);
        let model = Model::new(&self.expected);
        let neighbours = self.expected.iter().cycle().skip(1);
        for (certificate, neighbour) in self.expected.iter().zip(neighbours) {
            for mode in Mode::ALL {
                let (first, second) = pair(certificate, mode);
                let (_, other) = pair(neighbour, mode);
                for second in [second, other] {
                    let found = snapshot.lookup(Query::new(mode, &first, &second));
                    let found = sorted(found);
                    assert_eq!(found, model.lookup(mode, &first, &second), "{mode:?}");
                }
            }
            let number = &certificate.certificate_number;
            let of_number = self.expected.iter().filter(|it| it.certificate_number == *number);
            assert_eq!(snapshot.by_certificate(number).count(), of_number.count());
        }
        assert_eq!(sorted(served(snapshot)), {
            let mut expected = self.expected.clone();
            sort(&mut expected);
            expected
        });
    }

    /// All of it merged into a base has the bytes of a base compiled from the uploads.
    fn hold_against_scratch(&mut self) {
        let sources: Vec<Source<'_>> = self.batches.iter().map(Source::whole).collect();
        let scratch = compile::compile(&self.store, &Plan::base(&sources), &Silent).unwrap();
        drop(sources);
        self.merge(0);
        let snapshot = self.snapshot.as_ref().unwrap();
        let ids: Vec<&str> = snapshot.segments().map(Segment::id).collect();
        assert_eq!(ids, [scratch.id.as_str()]);
        self.hold_against_model();
    }
}

fn served(snapshot: &Snapshot) -> impl Iterator<Item = View<'_>> {
    snapshot.segments().enumerate().flat_map(|(position, segment)| {
        let shadowed = snapshot.shadowed(position);
        (0u32..)
            .zip(segment.views())
            .filter(|(record, _)| shadowed.binary_search(record).is_err())
            .map(|(_, view)| view)
    })
}

fn sorted<'s>(views: impl Iterator<Item = View<'s>>) -> Vec<Certificate> {
    let mut certificates: Vec<Certificate> = views.map(|view| view.to_certificate()).collect();
    sort(&mut certificates);
    certificates
}

fn certificate(number: &str, person: u32, score: u16) -> Certificate {
    Certificate {
        name: format!("王{person}"),
        birth_date: Date::new(1981, 2, 1 + person as u8),
        issue_date: Date::new(2001, 10, 22),
        certificate_number: number.to_owned(),
        id_number: format!("11010519810228001{person}"),
        ticket_number: format!("2001{person}"),
        occupation_name: "车工".to_owned(),
        theory_score: Some(score),
        institution: format!("第{score}鉴定所"),
        ..Certificate::default()
    }
}

fn number(n: u32) -> String {
    format!("01011202011{n:05}")
}

#[test]
fn corrections_reach_the_base_an_older_delta_and_merged_ones() {
    let mut register = Register::new();
    let people = |range: std::ops::Range<u32>, score| -> Vec<Certificate> {
        range.map(|n| certificate(&number(n), n % 7, score)).collect()
    };
    register.load(&people(0..200, 1), 0);
    register.load(&people(190..220, 2), 1); // ten of the base
    register.load(&people(210..230, 3), 2); // ten of the delta before
    register.load(&people(195..215, 4), 3); // of the base again, and of both deltas
    assert_eq!(register.segments(), 4);
    register.hold_against_model();
    // A correction of a correction of a correction, over the oldest two.
    register.load(&people(198..212, 5), 2);
    assert_eq!(register.segments(), 3);
    register.hold_against_model();
    register.merge(1);
    assert_eq!(register.segments(), 2);
    register.hold_against_model();
    register.load(&people(200..201, 6), 2);
    register.hold_against_model();
    register.hold_against_scratch();
}

#[test]
fn persons_who_share_a_number_stay_and_are_corrected_each_by_himself() {
    let mut register = Register::new();
    register.load(&[certificate(&number(1), 1, 1), certificate(&number(2), 1, 1)], 0);
    register.load(&[certificate(&number(1), 2, 2)], 1);
    register.load(&[certificate(&number(1), 3, 3)], 2);
    register.load(&[certificate(&number(1), 1, 4)], 3);
    let shared = register.snapshot.as_ref().unwrap().by_certificate(&number(1)).count();
    assert_eq!(shared, 3);
    register.hold_against_model();
    // Of the name and birth date of one, with the ID number of another: the same as both.
    let mut both = certificate(&number(1), 2, 5);
    both.id_number = certificate("", 3, 0).id_number;
    register.load(&[both], 2);
    register.hold_against_model();
    register.hold_against_scratch();
}

#[test]
fn a_delta_that_does_not_shadow_what_it_replaces_is_found_out() {
    let folder = temporary_folder().unwrap();
    let store = Store::new(folder.path());
    let base: Vec<Certificate> = (0..50).map(|n| certificate(&number(n), n % 7, 1)).collect();
    let base = testing::write_segment(&store, SegmentKind::Base, base, Vec::new()).unwrap();
    let corrected = [7u32, 9].map(|n| certificate(&number(n), n % 7, 2));
    for (records, right) in [(vec![7, 9], true), (vec![7], false), (vec![7, 8], false)] {
        let served = 52 - records.len() as u64;
        let shadows = vec![Shadows { segment: base.0.id.clone(), records }];
        let delta =
            testing::write_segment(&store, SegmentKind::Delta, corrected.clone(), shadows).unwrap();
        testing::publish_segments(&store, &[base.clone(), delta], served).unwrap();
        let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
        assert_eq!(assemble::check_delta(&snapshot, 1).is_ok(), right);
    }
}

/// Few different values, so that numbers and people meet in every way.
fn colliding() -> impl Strategy<Value = Certificate> {
    let number = prop_oneof![
        4 => (0u32..40).prop_map(number),
        1 => (0u32..3).prop_map(|n| format!("S{n}")),
    ];
    (number, 0u32..4, 0u32..3, proptest::option::of(0u8..2), 0u16..3).prop_map(
        |(number, id, name, birth, score)| Certificate {
            name: format!("王{name}"),
            birth_date: birth.and_then(|birth| Date::new(1981, 2, 1 + birth)),
            ticket_number: if score == 0 { String::new() } else { format!("A{name}") },
            ..certificate(&number, id, score)
        },
    )
}

/// One upload, as judged: a number stands in it once.
fn upload() -> impl Strategy<Value = Vec<Certificate>> {
    prop::collection::vec(colliding(), 1..25).prop_map(|mut upload| {
        upload.sort_by(|a, b| a.certificate_number.cmp(&b.certificate_number));
        upload.dedup_by(|a, b| a.certificate_number == b.certificate_number);
        upload
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_way_through_deltas_serves_what_one_base_would(
        steps in prop::collection::vec((upload(), 0usize..5, proptest::option::of(0usize..4)), 1..7)
    ) {
        let mut register = Register::new();
        for (upload, kept, merge) in steps {
            register.load(&upload, kept);
            if let Some(kept) = merge {
                register.hold_against_model();
                register.merge(kept);
            }
        }
        register.hold_against_model();
        register.hold_against_scratch();
    }
}
