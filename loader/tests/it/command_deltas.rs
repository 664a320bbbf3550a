//! `load --into delta`, `merge`, and every other command over generations of several segments.

use crate::command_support::{Place, invented};
use std::collections::BTreeSet;
use std::fs;
use zhengcha_engine::Certificate;
use zhengcha_loader::testing::uploads::ensure_serves;

const BASE: usize = 60;

fn corrected(certificate: &Certificate, time: u32) -> Certificate {
    Certificate { institution: format!("第{time}次更正鉴定所"), ..certificate.clone() }
}

/// A base and three deltas: each delta adds ten, corrects one of the base and one of the load before.
fn three_deltas() -> (Place, Vec<Certificate>) {
    let mut certificates = invented(70, BASE + 30);
    let place = Place::with(&certificates[..BASE]);
    for load in 0..3 {
        let fresh = BASE + load * 10..BASE + (load + 1) * 10;
        for at in [load * 3, fresh.start - 1] {
            certificates[at] = corrected(&certificates[at], load as u32);
        }
        let part: Vec<Certificate> = [&certificates[load * 3], &certificates[fresh.start - 1]]
            .into_iter()
            .chain(&certificates[fresh])
            .cloned()
            .collect();
        place.write("part.csv", &part);
        // Small as they are, they would be merged: the library's own numbers are tested elsewhere.
        let ran = place.load("part.csv --org all --into delta --json").code(0);
        assert_eq!(ran.json()["corrections"], 2);
    }
    (place, certificates)
}

fn sizes(place: &Place) -> Vec<u64> {
    place.snapshot().manifest().sizes()
}

fn segment_files(place: &Place) -> BTreeSet<String> {
    let files = fs::read_dir(place.store().segments_dir()).unwrap();
    files.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn small_deltas_are_merged_into_one_over_an_untouched_base() {
    let (place, certificates) = three_deltas();
    // The corrections of a record that stands in a delta take its place there.
    assert_eq!(sizes(&place), [60, 34]);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    let first = place.run("inspect 1 --json").code(0).json();
    let live = place.run("inspect --json").code(0).json();
    assert_eq!(live["segments"].as_array().unwrap().len(), 2);
    assert_eq!(live["segments"][0], first["segments"][0]);
    assert_eq!(live["segments"][1]["kind"], "delta");
    assert_eq!(place.run("snapshots --json").json()[3]["segments"], serde_json::json!([60, 34]));
    let told = place.run("snapshots").code(0).out;
    assert!(told.contains("base 60 + deltas [34]") && told.contains("merge --into base"), "{told}");
    place.run("fsck").code(0);
}

#[test]
fn merging_into_the_base_gives_the_bytes_of_compiling_from_scratch() {
    let (place, certificates) = three_deltas();
    place.run("merge").code(0);
    assert_eq!(place.generation(), 4, "one delta is merged already");
    let ran = place.run("merge --into base --json").code(0).json();
    assert_eq!([&ran["generation"], &ran["records"], &ran["merged_segments"]], [5, 90, 2]);
    assert_eq!(sizes(&place), [90]);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    place.run("compile").code(0);
    let segments = |generation: u64| {
        place.run(&format!("inspect {generation} --json")).json()["segments"].clone()
    };
    assert_eq!(segments(5), segments(6));
    // What is loaded now is a small register again, of one segment.
    place.write("more.csv", &invented(71, 5));
    place.load("more.csv --org all").code(0);
    assert_eq!(sizes(&place), [95]);
    place.run("merge").code(0);
    place.run("fsck").code(0);
}

#[test]
fn a_correction_in_an_upload_is_judged_against_base_and_deltas() {
    let (place, certificates) = three_deltas();
    place.write("all.csv", &certificates);
    let ran = place.load("all.csv --org all --json").code(0).json();
    assert_eq!([&ran["unchanged"], &ran["corrections"]], [90, 0]);
    assert_eq!(place.generation(), 4);
    // The first words of a corrected record are a correction again.
    let again = corrected(&certificates[3], 9);
    place.write("again.csv", std::slice::from_ref(&again));
    let ran = place.load("again.csv --org all --into delta --json").code(0).json();
    assert_eq!([&ran["corrections"], &ran["deltas"]], [1, 1]);
    let mut expected = certificates;
    expected[3] = again;
    ensure_serves(&place.snapshot(), &expected).unwrap();
}

#[test]
fn rollback_publish_and_prune_keep_the_segments_that_are_named() {
    let (place, certificates) = three_deltas();
    assert_eq!(segment_files(&place).len(), 4);
    place.run("rollback").code(0);
    assert_eq!((place.generation(), place.snapshot().records()), (3, 80));
    // What is loaded now goes over the delta that is live.
    place.write("part.csv", &certificates[BASE + 20..]);
    place.load("part.csv --org all --into delta").code(0);
    assert_eq!((place.generation(), place.snapshot().records()), (5, 90));
    place.run("publish 4").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    place.run("publish 1").code(0);
    assert_eq!(place.snapshot().records(), 60);
    place.run("publish 5").code(0);
    place.run("prune --keep 0").code(0);
    // The base that both kept generations share, and the delta of each.
    let named: BTreeSet<String> = [4, 5]
        .into_iter()
        .flat_map(|generation| {
            let shown = place.run(&format!("inspect {generation} --json")).code(0).json();
            let segments = shown["segments"].as_array().unwrap().clone();
            segments.into_iter().map(|it| format!("{}.seg", it["id"].as_str().unwrap()))
        })
        .collect();
    assert_eq!(named.len(), 3);
    assert_eq!(segment_files(&place), named);
    place.run("fsck").code(0);
    place.run("rollback").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    place.run("merge --into base").code(0);
    place.run("prune --keep 0").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    place.run("fsck").code(0);
}

#[test]
fn a_damaged_delta_or_base_is_named_and_stops_the_next_load() {
    let (place, _) = three_deltas();
    place.write("more.csv", &invented(72, 3));
    let live = place.snapshot();
    let paths: Vec<_> = live.segments().map(|segment| segment.path().to_owned()).collect();
    drop(live);
    for path in paths {
        let good = fs::read(&path).unwrap();
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 8;
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
        let found = place.run("fsck --json").code(1).json();
        let named = found["damaged"].as_array().unwrap();
        assert_eq!(named.len(), 1, "{named:?}");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(named[0]["path"].as_str().unwrap().ends_with(name));
        place.load("more.csv --org all --into delta").code(1).says("damaged");
        fs::remove_file(&path).unwrap();
        fs::write(&path, &good).unwrap();
        assert_eq!(place.generation(), 4);
    }
    place.run("fsck").code(0);
}

#[test]
fn deltas_are_the_same_on_any_number_of_threads() {
    let certificates = invented(73, 400);
    let ids = ["1", "3"].map(|threads| {
        let place = Place::with(&certificates[..200]);
        let mut part = certificates[150..].to_vec();
        for (at, certificate) in part.iter_mut().enumerate().take(50) {
            *certificate = corrected(certificate, at as u32);
        }
        place.write("part.dbf", &part);
        let words = "load part.dbf --org all --into delta --today 2026-11-24";
        crate::command_support::ran(place.command(words).env("RAYON_NUM_THREADS", threads)).code(0);
        assert_eq!(sizes(&place), [200, 250]);
        segment_files(&place)
    });
    assert_eq!(ids[0], ids[1]);
}
