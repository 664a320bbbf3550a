//! `fsck` names each damaged file, and a damaged pointer can be cured.

use crate::command_support::{Place, invented};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use zhengcha_engine::build::{is_marked, mark_verified};
use zhengcha_loader::ledger::{BatchRow, Ledger};

/// A fresh file under the old name: what is mapped elsewhere is never written.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn two_loads() -> Place {
    let place = Place::with(&invented(50, 20));
    place.write("second.dbf", &invented(51, 20));
    place.load("second.dbf --org all").code(0);
    place
}

fn damaged(place: &Place) -> Vec<PathBuf> {
    let found = place.run("fsck --json").code(1).json();
    let found = found["damaged"].as_array().unwrap().iter();
    found.map(|it| place.path(it["path"].as_str().unwrap())).collect()
}

/// Every file of the store but reports, which are for people and under no sum.
fn files(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = place.files();
    files.retain(|path, _| !path.ends_with("report.json"));
    files
}

#[test]
fn a_sound_store_is_clean() {
    let place = two_loads();
    let ran = place.run("fsck").code(0);
    // CURRENT, holds, ledger, two manifests, two segments, two batches of two files.
    assert_eq!(ran.out, "11 files checked, 0 damaged\n");
}

#[test]
fn each_kind_of_file_is_named_when_a_byte_of_it_is_not_as_written() {
    let place = two_loads();
    let all = files(&place);
    assert_eq!(all.len(), 11, "{:?}", all.keys());
    for (path, good) in &all {
        let mut bytes = good.clone();
        // The middle of a database may be free space: its first bytes never are.
        let at = if path.ends_with("ledger.sqlite") { 3 } else { bytes.len() / 2 };
        bytes[at] ^= 0x04;
        replace(path, &bytes);
        let named = damaged(&place);
        assert!(named.contains(path), "{}: only {named:?}", path.display());
        replace(path, good);
    }
    place.run("fsck").code(0);
}

#[test]
fn each_kind_of_file_is_named_when_it_is_missing() {
    let place = two_loads();
    for (path, good) in &files(&place) {
        if path.ends_with("CURRENT") {
            continue; // see below
        }
        fs::remove_file(path).unwrap();
        let named = damaged(&place);
        assert!(named.contains(path), "{}: only {named:?}", path.display());
        fs::write(path, good).unwrap();
    }
    place.run("fsck").code(0);
}

#[test]
fn a_lost_pointer_to_generations_is_damage() {
    let place = two_loads();
    fs::remove_file(place.store().current_path()).unwrap();
    assert!(damaged(&place).contains(&place.store().current_path()));
    // No command takes the store for an empty one meanwhile.
    place.write("third.csv", &invented(52, 2));
    let before = place.files();
    place.load("third.csv --org all").code(1).says("CURRENT");
    assert_eq!(place.changed_since(&before), [""; 0]);
    place.run("publish 2").code(0);
    place.run("fsck").code(0);
    assert_eq!(place.snapshot().records(), 40);
}

#[test]
fn an_edited_audit_is_damage() {
    let place = two_loads();
    let path = place.store().ledger_path();
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"\"load\"").map(|at| at + 1);
    let at = at.or_else(|| bytes.windows(7).position(|window| window == b"b000001")).unwrap();
    let mut edited = bytes.clone();
    edited[at] ^= 1;
    replace(&path, &edited);
    assert!(damaged(&place).contains(&path));
}

#[test]
fn a_damaged_pointer_is_cured_by_publish() {
    let place = two_loads();
    let path = place.store().current_path();
    for bytes in [&b"2 0123\n"[..], b"", b"\xFF\xFE"] {
        replace(&path, bytes);
        assert_eq!(damaged(&place), std::slice::from_ref(&path));
        place.write("third.csv", &invented(52, 2));
        place.load("third.csv --org all").code(1).says("publish");
        place.run("rollback").code(1);
        place.run("publish 2").code(0);
        place.run("fsck").code(0);
        assert_eq!(place.snapshot().records(), 40);
    }
}

#[test]
fn a_generation_with_a_damaged_segment_is_not_published() {
    let place = two_loads();
    let id = place.run("inspect 1 --json").json()["segments"][0]["id"].as_str().unwrap().to_owned();
    let path = place.store().segment_path(&id);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(&path, &bytes);
    let before = place.files();
    place.run("publish 1").code(1).says("damaged");
    place.run("rollback").code(1).says("damaged");
    assert_eq!(place.changed_since(&before), [""; 0]);
    assert_eq!(place.generation(), 2);
}

#[test]
fn what_is_marked_as_verified_is_read_all_the_same() {
    let place = two_loads();
    let store = place.store();
    let live = place.snapshot();
    let id = live.segments().last().unwrap().id().to_owned();
    drop(live);
    assert!(is_marked(&store, &id), "whoever wrote it read it back");
    let path = store.segment_path(&id);
    let good = fs::read(&path).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(&path, &bytes);
    // Damage that came without a change of the file, as a failing disk brings it.
    mark_verified(&store, &id).unwrap();
    assert_eq!(damaged(&place), std::slice::from_ref(&path));
    assert!(!is_marked(&store, &id));
    place.write("third.csv", &invented(52, 2));
    place.load("third.csv --org all").code(1).says("damaged");
    replace(&path, &good);
    // A load that reads it in full marks it again, and so does fsck.
    place.load("third.csv --org all").code(0);
    assert!(is_marked(&store, &id));
    fs::remove_dir_all(store.verified_dir()).unwrap();
    place.run("fsck").code(0);
    assert!(is_marked(&store, &id));
    place.run("prune --keep 0").code(0);
    let marks = fs::read_dir(store.verified_dir()).unwrap().count();
    assert_eq!(marks, fs::read_dir(store.segments_dir()).unwrap().count());
}

#[test]
fn an_upload_that_a_kill_left_unfinished_is_no_damage() {
    let place = two_loads();
    // The moment between the ledger's intention and the name of the upload's folder.
    let batch = BatchRow {
        name: "b000003".to_owned(),
        org: "all".to_owned(),
        received: "2026-11-24T13:00:00+08:00".to_owned(),
        counts: [1, 1, 0, 0],
        segment: "0".repeat(32),
        files: vec![("1-third.csv".to_owned(), "00".to_owned())],
    };
    let mut ledger = Ledger::open(&place.store().ledger_path()).unwrap();
    ledger.prepare(Some(&batch), 3, &"0".repeat(32)).unwrap();
    drop(ledger);
    place.run("fsck").code(0);
    place.write("third.csv", &invented(52, 2));
    place.load("third.csv --org all").code(0);
    assert_eq!(place.generation(), 4, "an abandoned number is not used again");
    place.run("fsck").code(0);
}

#[test]
fn a_generation_that_went_live_before_a_kill_is_kept_whatever_comes_next() {
    for next in ["prune --keep 9", "publish 2", "rollback"] {
        let place = two_loads();
        place.write("third.csv", &invented(52, 2));
        let ledger = fs::read(place.store().ledger_path()).unwrap();
        place.load("third.csv --org all").code(0);
        // The moment before the ledger is settled: all files new, the upload only intended.
        let mut unsettled = Ledger::open(&place.store().ledger_path()).unwrap();
        let third = unsettled.batches().unwrap().pop().unwrap();
        let sum = unsettled.generations().unwrap().pop().unwrap().manifest_sum;
        drop(unsettled);
        replace(&place.store().ledger_path(), &ledger);
        unsettled = Ledger::open(&place.store().ledger_path()).unwrap();
        unsettled.prepare(Some(&third), 3, &sum).unwrap();
        drop(unsettled);
        place.run("fsck").code(0);
        place.run(next).code(0);
        place.run("publish 3").code(0);
        assert_eq!(place.snapshot().records(), 42, "{next}");
        place.run("fsck").code(0);
    }
}
