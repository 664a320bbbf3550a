//! Tests that see what the public interface hides: the bytes of a segment under every number of
//! threads, every memory and every cut, held against a segment made the slow way; and damaged indexes.

mod damage;
mod reference;

use super::merge::Source;
use super::rows::Rows;
use super::segment::{Plan, write_partitioned};
use super::{Silent, check_records, estimated_bytes};
use crate::archive::Shadows;
use crate::certificate::{Certificate, IdType};
use crate::format::section::SegmentKind;
use crate::segment::Segment;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

/// A plain certificate; the tests change what they are about.
fn plain(number: &str, holder: u32) -> Certificate {
    Certificate {
        name: format!("王{holder}"),
        gender: Some(1),
        birth_date: None,
        education: None,
        issue_date: crate::Date::new(2001, 10, 22),
        certificate_number: number.to_owned(),
        id_number: format!("{:017}0", 11_010_519_810_228_000 + u64::from(holder)),
        id_type: IdType::Resident,
        ticket_number: format!("{holder}"),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: None,
        review_score: None,
        grade: Some(3),
        institution: "某市职业技能鉴定指导中心".to_owned(),
        issuer: String::new(),
    }
}

/// Few different values, so that numbers, people, texts and keys collide in every way.
fn colliding() -> impl Strategy<Value = Certificate> {
    let number = prop_oneof![
        4 => (0u64..40).prop_map(|n| format!("{:016}", n * n * 1_000_003)),
        1 => (0u32..4).prop_map(|n| format!("S{n}")),
    ];
    let texts = (0u32..6, 0u32..6, 0u32..4, 0u32..3);
    (number, texts, 0u32..6, proptest::option::of(0u16..=1000)).prop_map(
        |(number, (holder, ticket, occupation, body), shape, theory_score)| Certificate {
            id_number: match shape {
                0 => format!("军字第{holder}号"),
                _ => format!("11010519810228001{holder}"),
            },
            ticket_number: match ticket {
                0 => String::new(),
                1 => "A1".to_owned(),
                n => n.to_string(),
            },
            name: match shape {
                1 => format!("阿不都克里木·阿不都热合曼{holder}"),
                _ => format!("王{holder}"),
            },
            occupation_name: format!("工{occupation}"),
            institution: format!("中心{body}"),
            theory_score,
            ..plain(&number, holder)
        },
    )
}

fn rows_of(certificates: &[Certificate]) -> (Rows, Vec<u32>) {
    let mut rows = Rows::new();
    for certificate in certificates {
        rows.push(certificate).unwrap();
    }
    let order = rows.in_order(0..rows.len() as u32);
    (rows, order)
}

fn written(path: &Path, plan: &Plan<'_>, partition_records: u64, threads: usize) -> Vec<u8> {
    let _ = fs::remove_file(path);
    write_partitioned(path, plan, partition_records, threads, &Silent).unwrap().sync().unwrap();
    fs::read(path).unwrap()
}

/// Writes the plan in every way and checks every result.
fn check_every_way(folder: &Path, plan: &Plan<'_>, ways: &[(u64, usize, u64)]) {
    let expected = reference::segment(plan.kind, plan.sources, &plan.shadows);
    let path = folder.join("every-way.seg");
    for &(partition_records, threads, memory_bytes) in ways {
        let plan = Plan { memory_bytes, shadows: plan.shadows.clone(), ..*plan };
        let found = written(&path, &plan, partition_records, threads);
        assert!(found == expected, "{partition_records} {threads} {memory_bytes}");
    }
    assert!(expected.len() as u64 <= estimated_bytes(plan.kind, plan.sources));
    let segment = Segment::open(&path).unwrap();
    if plan.kind != SegmentKind::Batch {
        for threads in [1, 2, 7] {
            check_records(&segment, threads, &Silent).unwrap();
        }
    }
}

/// Records of a partition, threads, bytes of memory.
const WAYS: &[(u64, usize, u64)] =
    &[(1 << 17, 1, 1 << 30), (1, 2, 1), (3, 7, 100), (20, 2, 1000), (50, 1, 300), (7, 7, 1 << 30)];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn content_is_the_same_exactly_when_certificates_are_equal(
        left in prop::collection::vec(colliding(), 1..20),
        right in prop::collection::vec(colliding(), 1..20),
        name in "(王|王1|Li Lei|LI LEI|李·雷|李．雷)",
    ) {
        // Some of the right in the left, and some that differ in how the name is shown alone.
        let mut right = right;
        right.extend(left.iter().cloned());
        right.extend(left.iter().map(|it| Certificate { name: name.clone(), ..it.clone() }));
        let mut left = left;
        left.push(Certificate { name: "李·雷".to_owned(), ..left[0].clone() });
        left.push(Certificate { name: "LI LEI".to_owned(), ..left[0].clone() });
        let ((left_rows, _), (right_rows, _)) = (rows_of(&left), rows_of(&right));
        for (a, number) in left.iter().zip(0..) {
            for (b, other) in right.iter().zip(0..) {
                let (one, other) = (left_rows.view(number), right_rows.view(other));
                prop_assert_eq!(one.same_content(&other), a == b);
                prop_assert_eq!(one.content_order(&other).is_eq(), a == b);
            }
        }
    }

    #[test]
    fn the_bytes_depend_on_the_records_alone(
        uploads in prop::collection::vec(prop::collection::vec(colliding(), 0..60), 1..5),
        kind in prop_oneof![
            Just(SegmentKind::Base), Just(SegmentKind::Delta), Just(SegmentKind::Batch)
        ],
        shadowed in prop::collection::vec(0u32..60, 0..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = Vec::new();
        for (at, upload) in uploads[1..].iter().enumerate() {
            let (rows, order) = rows_of(upload);
            let path = folder.path().join(format!("{at}.seg"));
            let sources = [Source::Rows(&rows, &order)];
            written(&path, &Plan::batch(&sources), 9, 2);
            segments.push(Segment::open(&path).unwrap());
        }
        let mut shadowed = shadowed;
        shadowed.sort_unstable();
        shadowed.dedup();
        let (rows, order) = rows_of(&uploads[0]);
        let shadowed_of: Vec<&[u32]> = segments
            .iter()
            .map(|segment| {
                let end = shadowed.partition_point(|&at| u64::from(at) < segment.records());
                &shadowed[..end]
            })
            .collect();
        let sources: Vec<Source<'_>> = segments
            .iter()
            .zip(shadowed_of)
            .map(|(segment, shadowed)| Source::Segment { segment, shadowed })
            .chain([Source::Rows(&rows, &order)])
            .collect();
        let shadows = vec![Shadows { segment: "0".repeat(32), records: vec![1, 5] }];
        let plan = match kind {
            SegmentKind::Delta => Plan::delta(&sources, shadows),
            kind => Plan { kind, ..Plan::base(&sources) },
        };
        check_every_way(folder.path(), &plan, WAYS);
    }
}

/// More than one block of records; numbers shared by hundreds, people and tickets by thousands, so
/// that equal keys run over the borders of blocks, buckets and partitions.
#[test]
fn large_segments_with_long_runs() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = |from: u32, until: u32| -> Vec<Certificate> {
        (from..until)
            .map(|n| {
                let number = if n % 100 < 3 { n / 30_000 } else { n };
                let holder = if n % 7 == 0 { n % 3 } else { n };
                Certificate {
                    ticket_number: if n % 5 == 0 { String::new() } else { (n % 9).to_string() },
                    institution: format!("中心{}", n / 1000),
                    name: if n % 50 == 0 {
                        "阿不都克里木·阿不都热合曼".to_owned()
                    } else {
                        format!("王{holder}")
                    },
                    ..plain(&format!("{number:016}"), holder)
                }
            })
            .collect()
    };
    let (older, older_order) = rows_of(&certificates(0, 50_000));
    let (newer, newer_order) = rows_of(&certificates(40_000, 75_000));
    // The slow model takes them in one source each; a few thousand pairs meet.
    let older_path = folder.path().join("older.seg");
    let older_rows = [Source::Rows(&older, &older_order)];
    written(&older_path, &Plan::batch(&older_rows), 1 << 12, 2);
    let segment = Segment::open(&older_path).unwrap();
    let shadowed: Vec<u32> = (0..50_000).step_by(11).collect();
    let sources = [
        Source::Segment { segment: &segment, shadowed: &shadowed },
        Source::Rows(&newer, &newer_order),
    ];
    let path = folder.path().join("large.seg");
    let plan = Plan::base(&sources);
    let expected = written(&path, &plan, 1 << 17, 1);
    for (partition_records, threads, memory_bytes) in
        [(1000, 2, 1 << 30), (70_000, 7, 200_000), (1 << 15, 2, 100_000)]
    {
        let plan = Plan::base(&sources).within(memory_bytes);
        let found = written(&path, &plan, partition_records, threads);
        assert!(found == expected, "{partition_records} {threads} {memory_bytes}");
    }
    let segment = Segment::open(&path).unwrap();
    assert!(segment.records() > 65_536, "{} records", segment.records());
    for threads in [1, 2, 7] {
        check_records(&segment, threads, &Silent).unwrap();
    }
}

#[test]
fn sources_out_of_order_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.seg");
    let certificates: Vec<Certificate> = (0..50).map(|n| plain(&format!("{n:016}"), n)).collect();
    let (rows, mut order) = rows_of(&certificates);
    order.swap(10, 30);
    let sources = [Source::Rows(&rows, &order)];
    for partition_records in [1, 5, 1000] {
        let plan = Plan::base(&sources);
        let refused = write_partitioned(&path, &plan, partition_records, 2, &Silent).err().unwrap();
        assert!(refused.to_string().contains("do not rise"), "{refused}");
        fs::remove_file(&path).unwrap();
    }
    order.swap(10, 30);
    let batch = folder.path().join("batch.seg");
    let sources = [Source::Rows(&rows, &order)];
    written(&batch, &Plan::batch(&sources), 10, 1);
    let segment = Segment::open(&batch).unwrap();
    for shadowed in [&[3, 2][..], &[2, 2], &[50]] {
        let sources = [Source::Segment { segment: &segment, shadowed }];
        let refused = write_partitioned(&path, &Plan::base(&sources), 9, 1, &Silent).err().unwrap();
        assert!(refused.to_string().contains("shadowed"), "{refused}");
        assert!(!path.exists());
    }
}
