//! Format 5 as committed: opened, answered and reproduced byte for byte by every test run.
//!
//! A new format version gets a folder of its own (`ZHENGCHA_WRITE_GOLDEN=1 cargo test golden` writes
//! one that is missing); an old folder is never touched again.

use crate::support::{answer, plain};
use std::fs;
use std::path::PathBuf;
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::testing::{self, Model};
use zhengcha_engine::{Certificate, Date, IdType, Mode, OpenError, Shadows, Snapshot, Store};

fn golden(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn folder() -> PathBuf {
    golden("v5")
}

/// Records of the base: packed and escaped fields, a shared number, a run over blocks.
fn base() -> Vec<Certificate> {
    let mut all: Vec<Certificate> =
        (1..=40u32).map(|n| plain(&format!("01011202011{n:05}"))).collect();
    all.extend((0..40u32).map(|n| Certificate {
        name: format!("共号{n}"),
        id_number: format!("E1234{n:04}"),
        id_type: IdType::Passport,
        ticket_number: String::new(),
        ..plain("9901120201100001")
    }));
    // The longest ticket number that is packed, and one that is not.
    for (number, digits) in [(41, 19), (42, 20)] {
        let ticket_number = format!("9{number:0>width$}", width = digits - 1);
        all.push(Certificate { ticket_number, ..plain(&format!("01011202011{number:05}")) });
    }
    all.push(Certificate {
        name: "阿不都克里木•阿不都热合曼".to_owned(),
        id_number: "军字第1234567号".to_owned(),
        id_type: IdType::Military,
        ticket_number: "准考-1".to_owned(),
        issuer: "某省人力资源和社会保障厅".to_owned(),
        issue_date: Date::new(2026, 11, 15),
        gender: None,
        education: None,
        level: None,
        grade: None,
        review_score: None,
        birth_date: None,
        ..plain("S000123000001195000001")
    });
    all
}

/// One correction of base record 0 and one new certificate; base record 1 is withdrawn.
fn delta() -> Vec<Certificate> {
    vec![
        Certificate { skill_score: Some(900), ..plain("0101120201100001") },
        plain("2601120201100001"),
    ]
}

fn write(store: &Store) {
    let base = testing::write_segment(store, SegmentKind::Base, base(), Vec::new()).unwrap();
    let shadows = vec![Shadows { segment: base.0.id.clone(), records: vec![0, 1] }];
    let delta = testing::write_segment(store, SegmentKind::Delta, delta(), shadows).unwrap();
    testing::publish_segments(store, &[base, delta], 83).unwrap();
}

fn expected() -> Vec<Certificate> {
    base().into_iter().skip(2).chain(delta()).collect()
}

fn relative_files(store: &Store) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["", "segments", "generations"] {
        for entry in fs::read_dir(store.root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(store.root()).unwrap().display().to_string();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn golden_store_answers() {
    if std::env::var_os("ZHENGCHA_WRITE_GOLDEN").is_some() && !folder().exists() {
        write(&Store::new(folder()));
    }
    let snapshot = Snapshot::open_current(&Store::new(folder()), None).unwrap().unwrap();
    assert_eq!((snapshot.generation(), snapshot.records()), (1, 83));
    assert_eq!(snapshot.as_of(), Date::new(2026, 11, 15));
    let model = Model::new(&expected());
    for certificate in base().iter().chain(&delta()) {
        for mode in Mode::ALL {
            let (first, second) = testing::pair(certificate, mode);
            assert_eq!(
                answer(&snapshot, mode, &first, &second),
                model.lookup(mode, &first, &second),
                "{mode:?} {first} {second}"
            );
        }
    }
}

#[test]
fn golden_store_is_reproduced_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = Store::new(folder.path());
    write(&fresh);
    let (old, new) = (relative_files(&Store::new(self::folder())), relative_files(&fresh));
    let names = |files: &[(String, Vec<u8>)]| {
        files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&old), names(&new), "names carry the sums of the segments");
    for ((name, old), (_, new)) in old.iter().zip(&new) {
        assert!(old == new, "{name} differs: raise FORMAT_VERSION and add a golden folder");
    }
}

/// Whoever moves a byte of the format meets this text first.
#[test]
fn golden_layout_is_pinned() {
    let snapshot = Snapshot::open_current(&Store::new(folder()), None).unwrap().unwrap();
    let mut text = snapshot.manifest().emit();
    for segment in snapshot.segments() {
        text.push('\n');
        text.push_str(&segment.describe());
    }
    insta::assert_snapshot!("layout_v5", text);
}

#[test]
fn a_store_of_another_format_is_refused_with_the_cure() {
    for version in [1, 2, 3, 4] {
        let store = Store::new(golden(&format!("v{version}")));
        let error = Snapshot::open_current(&store, None).unwrap_err();
        assert!(matches!(error, OpenError::Incompatible { .. }), "{error}");
        let text = error.to_string();
        let versions = format!("format version is {version}, this program reads 5");
        assert!(text.contains(&versions), "{text}");
        assert!(text.contains("load the delivered files again"), "{text}");
    }
}
