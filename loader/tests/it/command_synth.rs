//! synth: files that pass every rule; batches that wait, are compiled, and survive kills.

use crate::command_support::{Place, TODAY, invented};
use std::fs;
use std::process::Stdio;
use std::time::Duration;
use zhengcha_engine::Certificate;
use zhengcha_engine::testing::{Part, Register};
use zhengcha_loader::fsck;
use zhengcha_loader::generation::OpenStore;
use zhengcha_loader::ledger::Ledger;
use zhengcha_loader::progress::Silent;
use zhengcha_loader::synth::batches::synth_batches;
use zhengcha_loader::synth::{ROWS_PER_FILE_MAX, Wanted};
use zhengcha_loader::testing::uploads::ensure_serves;

/// Moments, in milliseconds after its start, at which a command is killed.
const KILLS_MS: [u64; 6] = [5, 20, 60, 120, 250, 500];

fn register(seed: u64, records: u64) -> Vec<Certificate> {
    Register::new(seed, records, ROWS_PER_FILE_MAX).flat_map(Part::certificates).collect()
}

/// Batches and records that wait.
fn waiting(place: &Place) -> (u64, u64) {
    Ledger::look_for_waiting(&place.store().ledger_path()).unwrap()
}

#[track_caller]
fn sound(place: &Place) {
    assert_eq!(fsck::check(&place.store()).unwrap().damaged, []);
}

#[test]
fn every_row_passes_every_rule() {
    let place = Place::new();
    for (layout, format) in [("2013", "csv"), ("2019", "csv"), ("2013", "dbf"), ("2019", "dbf")] {
        let out = format!("{layout}-{format}");
        let words = format!("synth --records 4000 --layout {layout} --format {format} --out {out}");
        place.run(&words).code(0);
        let words = format!("check {out}/register-0001.{format} --today {TODAY} --json");
        let judged = place.run(&words).code(0).json();
        assert_eq!((&judged["accepted"], &judged["rejected"]), (&4000.into(), &0.into()));
    }
}

#[test]
fn waiting_batches_are_compiled_into_an_empty_store_and_found() {
    let place = Place::new();
    let made = place.run("synth --records 1500 --seed 3 --format batch --json").code(0).json();
    assert_eq!(made["batches"], serde_json::json!(["b000001"]));
    assert_eq!(place.generation(), 0);
    let listed = place.run("snapshots").code(0);
    assert!(listed.out.contains("waiting batches: 1 with 1500 records"), "{}", listed.out);
    sound(&place);
    place.run("compile --publish").code(0);
    let certificates = register(3, 1500);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    let one = &certificates[700];
    let found = place
        .run(&format!(
            "query --certificate-number {} --id-number {} --json",
            one.certificate_number, one.id_number
        ))
        .code(0);
    assert!(found.out.contains(&one.certificate_number));
    assert_eq!(waiting(&place), (0, 0));
    assert!(!place.run("snapshots").code(0).out.contains("waiting batches"));
    sound(&place);
}

#[test]
fn batches_wait_through_loads_and_unpublished_generations_and_never_come_back() {
    let certificates = invented(50, 30);
    let place = Place::with(&certificates[..10]);
    place.run("synth --records 200 --seed 8 --format batch").code(0);
    place.write("more.csv", &certificates[10..]);
    place.load("more.csv --org all").code(0);
    assert_eq!((place.snapshot().records(), waiting(&place)), (30, (1, 200)));
    // What nobody sees took nothing in.
    place.run("compile").code(0);
    assert_eq!(waiting(&place), (1, 200));
    place.run("compile --publish").code(0);
    let all: Vec<Certificate> = certificates.iter().cloned().chain(register(8, 200)).collect();
    let snapshot = place.snapshot();
    ensure_serves(&snapshot, &all).unwrap();
    let batches: Vec<_> = snapshot.manifest().batches.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(batches, ["b000001", "b000002", "b000003"], "in the order of acceptance");
    assert_eq!(waiting(&place), (0, 0));
    place.run("publish 2").code(0);
    place.run("compile --publish").code(0);
    assert_eq!((place.snapshot().records(), waiting(&place)), (30, (0, 0)));
    sound(&place);
}

#[test]
fn publishing_a_generation_by_number_accepts_what_it_names() {
    let place = Place::new();
    place.run("synth --records 100 --format batch").code(0);
    place.run("compile").code(0);
    assert_eq!(waiting(&place), (1, 100));
    place.run("publish 1").code(0);
    assert_eq!((place.snapshot().records(), waiting(&place)), (100, (0, 0)));
}

#[test]
fn a_kill_between_the_steps_leaves_all_batches_or_none() {
    let place = Place::new();
    let store = place.store();
    let wanted = Wanted { part_records: 100, batch_records: 200, ..Wanted::new(500, 2) };
    // Killed before the group was complete: the ledger never said that they may wait.
    let names = {
        let mut open = OpenStore::open_or_make(&store).unwrap();
        synth_batches(&mut open, &wanted, &Silent).unwrap()
    };
    assert_eq!((names.len(), waiting(&place)), (3, (3, 500)));
    rewrite(&place, "UPDATE batches SET state = 'prepared' WHERE state = 'waiting'");
    fs::rename(store.batches_dir().join(&names[2]), store.batches_dir().join("new.tmp")).unwrap();
    sound(&place);
    drop(OpenStore::open(&store).unwrap());
    sound(&place);
    assert_eq!(waiting(&place), (0, 0));
    assert_eq!(fs::read_dir(store.batches_dir()).unwrap().count(), 0);

    // Killed between CURRENT and the ledger.
    let names = {
        let mut open = OpenStore::open(&store).unwrap();
        synth_batches(&mut open, &wanted, &Silent).unwrap()
    };
    assert_eq!(names, ["b000004", "b000005", "b000006"], "no name is used twice");
    place.run("compile --publish").code(0);
    rewrite(&place, "UPDATE batches SET state = 'waiting' WHERE state = 'accepted'");
    sound(&place);
    drop(OpenStore::open(&store).unwrap());
    assert_eq!((place.snapshot().records(), waiting(&place)), (500, (0, 0)));

    // Killed between the ledger and CURRENT.
    let first = fs::read(store.current_path()).unwrap();
    place.run("synth --records 100 --seed 77 --format batch").code(0);
    place.run("compile --publish").code(0);
    fs::write(store.current_path(), first).unwrap();
    rewrite(
        &place,
        "UPDATE batches SET state = 'waiting' WHERE name = 'b000007';
         UPDATE generations SET state = 'prepared' WHERE number = 2;",
    );
    drop(OpenStore::open(&store).unwrap());
    assert_eq!((place.generation(), waiting(&place)), (1, (1, 100)));
    sound(&place);
    place.run("compile --publish").code(0);
    assert_eq!((place.snapshot().records(), waiting(&place)), (600, (0, 0)));
    sound(&place);
}

/// Puts the ledger back to what a kill would have left.
fn rewrite(place: &Place, sql: &str) {
    rusqlite::Connection::open(place.store().ledger_path()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_killed_synth_leaves_a_store_in_order() {
    let place = Place::new();
    let mut expected = 0;
    for (round, moment) in KILLS_MS.into_iter().enumerate() {
        let words = format!("synth --records 20000 --seed {round} --format batch");
        let mut command = place.command(&words);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        if place.path("store/ledger.sqlite").exists() {
            drop(OpenStore::open(&place.store()).unwrap());
            sound(&place);
            let (batches, records) = waiting(&place);
            assert_eq!(records, batches * 20_000);
            assert!(batches == expected || batches == expected + 1);
            expected = batches;
            let folders = fs::read_dir(place.store().batches_dir()).unwrap().count() as u64;
            assert_eq!(folders, batches);
        }
    }
    place.run("synth --records 300 --seed 99 --format batch").code(0);
    place.run("compile --publish").code(0);
    assert_eq!(waiting(&place), (0, 0));
    sound(&place);
}

#[test]
fn flags_that_do_not_go_together_are_wrong_usage() {
    let place = Place::new();
    place.run("synth --records 5").code(2).says("--out is missing");
    place.run("synth --records 5 --format batch --out x").code(2).says("--store instead of --out");
    place.run("synth --records 5 --format batch --layout 2019").code(2).says("--layout");
    assert!(!place.path("store").exists() && !place.path("x").exists());
    place.run("compile").code(1);
}

#[test]
fn a_register_that_cannot_be_made_changes_nothing() {
    let place = Place::new();
    place.run("synth --records 999999999 --format batch").code(1).says("can be invented");
    assert!(!place.path("store").exists());
    place.run("synth --records 999999999 --out x").code(1).says("can be invented");
    assert!(!place.path("x").exists());
}
