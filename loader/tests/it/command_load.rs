//! `load` from file to lookup: every format, corrections, conflicts, duplicates, scope, the clock.

use crate::command_support::{Place, TODAY, findings, invented};
use std::fs::File;
use std::io::Write;
use zhengcha_engine::testing::{Generator, resident_id};
use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::synth::TableLayout;
use zhengcha_loader::testing::uploads::{UploadKind, as_loaded, ensure_serves, write_upload};

const RECORDS: usize = 400;

/// Loads one file and finds every certificate through every mode, every field right.
fn load_and_find(kind: UploadKind, layout: TableLayout) {
    let place = Place::new();
    let name = format!("upload.{}", kind.extension());
    let generator = Generator::new(5);
    let certificates: Vec<Certificate> = match layout {
        TableLayout::Of2013 => generator.sixteen_digits().take(RECORDS).collect(),
        TableLayout::Of2019 => generator.take(RECORDS).collect(),
    };
    write_upload(&place.path(&name), kind, layout, &certificates).unwrap();
    let ran = place.load(&format!("{name} --org all --json")).code(0);
    assert_eq!(ran.json()["accepted"], RECORDS);
    let expected: Vec<Certificate> =
        certificates.iter().map(|certificate| as_loaded(certificate, layout)).collect();
    ensure_serves(&place.snapshot(), &expected)
        .unwrap_or_else(|error| panic!("{kind:?} {layout:?}: {error:#}"));
}

#[test]
fn every_row_of_every_format_is_found_in_the_layout_of_2013() {
    for kind in UploadKind::ALL {
        load_and_find(kind, TableLayout::Of2013);
    }
}

#[test]
fn every_row_of_every_format_is_found_in_the_layout_of_2019() {
    for kind in UploadKind::ALL {
        load_and_find(kind, TableLayout::Of2019);
    }
}

#[test]
fn a_zip_of_two_files_is_one_upload() {
    let place = Place::new();
    let certificates = invented(6, 60);
    place.write("one.dbf", &certificates[..20]);
    place.write("two.xlsx", &certificates[20..]);
    let mut zip = zip::ZipWriter::new(File::create(place.path("both.zip")).unwrap());
    for name in ["one.dbf", "two.xlsx"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&std::fs::read(place.path(name)).unwrap()).unwrap();
    }
    zip.finish().unwrap();
    place.load("both.zip --org all --report r.json").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    let report = place.report("r.json");
    let files: Vec<_> = report["files"].as_array().unwrap().iter().map(|it| &it["path"]).collect();
    assert_eq!(files, ["both.zip/one.dbf", "both.zip/two.xlsx"]);
    assert_eq!(report["generation"], 1);
}

#[test]
fn the_same_file_again_is_unchanged_and_writes_nothing() {
    let certificates = invented(7, 50);
    let place = Place::with(&certificates);
    let before = place.files();
    let ran = place.load("first.csv --org all --json").code(0);
    assert_eq!(ran.json()["unchanged"], 50);
    assert_eq!(ran.json()["generation"], serde_json::Value::Null);
    assert_eq!(place.changed_since(&before), [""; 0]);
    // Some new ones among the old: only these are stored.
    let more = invented(7, 60);
    place.write("more.xlsx", &more);
    let ran = place.load("more.xlsx --org all --json").code(0);
    assert_eq!([&ran.json()["unchanged"], &ran.json()["accepted"]], [50, 60]);
    let snapshot = place.snapshot();
    assert_eq!(snapshot.manifest().batches[1].records, 10);
    ensure_serves(&snapshot, &more).unwrap();
}

#[test]
fn a_correction_replaces_and_the_history_keeps_both() {
    let mut certificates = invented(8, 30);
    let place = Place::with(&certificates);
    certificates[3].institution = "某市更正鉴定所".to_owned();
    place.write("corrections.dbf", &certificates[3..4]);
    let ran = place.load("corrections.dbf --org all --json").code(0);
    assert_eq!([&ran.json()["corrections"], &ran.json()["generation"]], [1, 2]);
    let snapshot = place.snapshot();
    ensure_serves(&snapshot, &certificates).unwrap();
    let batches = &snapshot.manifest().batches;
    assert_eq!(batches.iter().map(|it| it.records).collect::<Vec<_>>(), [30, 1]);
    for batch in batches {
        let folder = place.store().batches_dir().join(&batch.name);
        assert!(folder.join("accepted.seg").is_file() && folder.join("report.json").is_file());
    }
    place.run("fsck").code(0);
}

/// A person who is nobody else: an own number, name and birth date.
fn stranger(certificate: &Certificate) -> Certificate {
    let birth = Date::new(1961, 7, 3).unwrap();
    Certificate {
        name: "陌路人".to_owned(),
        gender: Some(1),
        birth_date: Some(birth),
        id_number: resident_id(110_105, birth, 101),
        id_type: zhengcha_engine::IdType::Resident,
        ..certificate.clone()
    }
}

#[test]
fn another_persons_number_is_a_conflict_at_its_row_unless_legacy() {
    let certificates = invented(9, 20);
    let place = Place::with(&certificates);
    let other = stranger(&certificates[7]);
    let fresh = invented(10, 2);
    let upload = [fresh[0].clone(), other.clone(), fresh[1].clone()];
    place.write("upload.csv", &upload);
    let ran = place.load("upload.csv --org all --report r.json --json").code(3);
    assert_eq!([&ran.json()["accepted"], &ran.json()["rejected"]], [2, 1]);
    assert_eq!(findings(&place.report("r.json"), "rejects"), [(3, "conflict".to_owned())]);
    let mut register: Vec<Certificate> = [certificates.clone(), fresh].concat();
    ensure_serves(&place.snapshot(), &register).unwrap();

    place.load("upload.csv --org all --legacy --report r.json").code(0);
    let warnings = findings(&place.report("r.json"), "warnings");
    assert!(warnings.contains(&(3, "shared-number".to_owned())), "{warnings:?}");
    register.push(other.clone());
    let snapshot = place.snapshot();
    ensure_serves(&snapshot, &register).unwrap();
    assert_eq!(snapshot.by_certificate(&other.certificate_number).count(), 2);
    // Both are then known: neither is a conflict, and nothing is new.
    for (name, rows) in [("upload.csv", 3), ("first.csv", 20)] {
        let ran = place.load(&format!("{name} --org all --json")).code(0);
        assert_eq!(ran.json()["unchanged"], rows);
    }
}

#[test]
fn differing_rows_of_one_number_are_all_kept_out() {
    let certificates = invented(11, 6);
    let mut twice = certificates[1].clone();
    twice.institution = "另一个鉴定所".to_owned();
    let rows = [certificates.as_slice(), &[twice.clone(), certificates[1].clone()]].concat();
    let place = Place::new();
    place.write("upload.csv", &rows);
    let ran = place.load("upload.csv --org all --report r.json --json").code(3);
    assert_eq!([&ran.json()["accepted"], &ran.json()["rejected"]], [5, 3]);
    let duplicate = |row| (row, "duplicate".to_owned());
    let rejects = findings(&place.report("r.json"), "rejects");
    assert_eq!(rejects, [3, 8, 9].map(duplicate), "the lines, the header counted");
    let kept: Vec<_> = certificates
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 1)
        .map(|(_, it)| it.clone())
        .collect();
    ensure_serves(&place.snapshot(), &kept).unwrap();
    // Across two files it is the same upload; rows of a DBF file count from 1.
    let place = Place::new();
    place.write("one.dbf", &certificates);
    place.write("two.csv", std::slice::from_ref(&twice));
    place.load("one.dbf two.csv --org all --report r.json").code(3);
    assert_eq!(findings(&place.report("r.json"), "rejects"), [2, 2].map(duplicate));
}

#[test]
fn an_identical_row_again_warns_and_is_kept_once() {
    let certificates = invented(12, 5);
    let rows = [certificates.as_slice(), &certificates[2..3]].concat();
    let place = Place::new();
    place.write("upload.csv", &rows);
    place.load("upload.csv --org all --report r.json").code(0);
    let warnings = findings(&place.report("r.json"), "warnings");
    assert!(warnings.contains(&(7, "repeated".to_owned())), "{warnings:?}");
    ensure_serves(&place.snapshot(), &certificates).unwrap();
}

#[test]
fn a_unit_loads_its_own_numbers_only() {
    let all = |code| Generator::new(13).sixteen_digits().unit(code).take(3);
    let certificates: Vec<Certificate> = all("10")
        .chain(all("09"))
        .map(|certificate| as_loaded(&certificate, TableLayout::Of2013))
        .collect();
    let own: Vec<bool> =
        certificates.iter().map(|it| it.certificate_number[2..].starts_with("10")).collect();
    assert_eq!(own, [true, true, true, false, false, false]);
    let place = Place::new();
    place.write("upload.csv", &certificates);
    place.load("upload.csv --org 10 --report r.json").code(3);
    let scope = |row| (row, "scope".to_owned());
    assert_eq!(findings(&place.report("r.json"), "rejects"), [5, 6, 7].map(scope));
    ensure_serves(&place.snapshot(), &certificates[..3]).unwrap();
    place.load("upload.csv --org all").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
}

#[test]
fn the_clock_can_be_fixed() {
    let certificates = invented(14, 1);
    let issued = certificates[0].issue_date.unwrap();
    let day_before = Date::from_days_since_1970(issued.days_since_1970() - 1).unwrap();
    let place = Place::new();
    place.write("upload.csv", &certificates);
    let check =
        |today: Date| place.run(&format!("check upload.csv --today {today} --report r.json"));
    check(day_before).code(3);
    assert_eq!(findings(&place.report("r.json"), "rejects"), [(2, "date-order".to_owned())]);
    check(issued).code(0);
    let report = place.report("r.json");
    assert!(report["warnings"].as_array().unwrap().iter().all(|it| it["rule"] != "late"));
    place.run(&format!("check upload.csv --today {TODAY} --report r.json")).code(0);
    let report = place.report("r.json");
    assert!(report["warnings"].as_array().unwrap().iter().any(|it| it["rule"] == "late"));
}

#[test]
fn check_changes_nothing_and_makes_no_store() {
    let place = Place::new();
    place.write("upload.csv", &invented(15, 10));
    place.run(&format!("check upload.csv --org all --today {TODAY}")).code(0);
    assert!(!place.path("store").exists());
    place.load("upload.csv --org all").code(0);
    place.write("more.csv", &invented(16, 10));
    let before = place.files();
    let ran = place.run(&format!("check more.csv upload.csv --today {TODAY} --json")).code(0);
    assert_eq!([&ran.json()["accepted"], &ran.json()["unchanged"]], [20, 10]);
    assert_eq!(place.changed_since(&before), [""; 0]);
}
