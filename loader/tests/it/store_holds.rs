//! The file of holds and the ledger: killed in between, lost, damaged, replaced.

use crate::command_support::{Place, invented, ran};
use std::fs;
use std::path::Path;
use std::process::Command;
use zhengcha_engine::Holds;

const WHY: &str = "--reason r --by b";
const NUMBERS: [&str; 3] = ["0101120201100057", "0101120201100058", "0101120201100059"];

/// A store with two loads and the first two numbers under review.
fn under_review() -> Place {
    let place = Place::with(&invented(80, 10));
    place.write("second.csv", &invented(81, 10));
    place.load("second.csv --org all").code(0);
    place.run(&format!("hold {} {WHY}", NUMBERS[0])).code(0);
    place.run(&format!("hold {} {WHY}", NUMBERS[1])).code(0);
    place
}

fn held(place: &Place) -> Vec<String> {
    Holds::read(&place.store()).unwrap().numbers().to_vec()
}

fn replace(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// Every command that opens the store for writing.
const WRITING: [&str; 8] = [
    "load second.csv --org all --today 2026-11-24",
    "compile",
    "merge",
    "publish 1",
    "rollback",
    "prune --keep 9",
    "synth --records 5 --format batch",
    "holds --rewrite",
];

#[test]
fn a_decision_killed_before_the_file_is_made_good_by_whatever_writes_next() {
    let decisions = [(format!("hold {}", NUMBERS[2]), 3), (format!("release {}", NUMBERS[0]), 1)];
    for (decision, expected) in decisions {
        for next in WRITING {
            let place = under_review();
            let file = fs::read(place.store().holds_path()).unwrap();
            place.run(&format!("{decision} {WHY}")).code(0);
            // The moment between the ledger and the name of the file.
            replace(&place.store().holds_path(), &file);
            fs::write(place.path("store/holds.tmp"), "half").unwrap();
            place.run("fsck").code(1);
            place.run("holds").code(0).says("not as the ledger says");
            place.run(next).code(0);
            assert_eq!(held(&place).len(), expected, "{decision}, {next}");
            assert!(next == "holds --rewrite" || !place.path("store/holds.tmp").exists(), "{next}");
            place.run("fsck").code(0);
        }
    }
}

#[test]
fn a_decision_after_a_killed_one_counts_beside_it() {
    for (killed, next, expected) in [
        ("hold 3", "hold 4", vec!["1", "2", "3", "4"]),
        ("hold 3", "release 3", vec!["1", "2"]),
        ("release 1", "release 2", vec![]),
        ("release 1", "hold 1", vec!["1", "2"]),
        ("release 1", "hold 4", vec!["2", "4"]),
    ] {
        let place = Place::with(&invented(82, 3));
        place.run(&format!("hold 1 2 {WHY}")).code(0);
        let file = fs::read(place.store().holds_path()).unwrap();
        place.run(&format!("{killed} {WHY}")).code(0);
        replace(&place.store().holds_path(), &file);
        place.run(&format!("{next} {WHY}")).code(0);
        assert_eq!(held(&place), expected, "{killed}, {next}");
        place.run("fsck").code(0);
    }
}

#[test]
fn a_lost_or_damaged_file_stops_answers_and_is_written_again() {
    let good = {
        let place = under_review();
        fs::read(place.store().holds_path()).unwrap()
    };
    let mut flipped = good.clone();
    flipped[25] ^= 1;
    let cut = &good[..good.len() - 10];
    let empty = Holds::default().emit().into_bytes();
    let damages = [None, Some(&flipped[..]), Some(cut), Some(b""), Some(b"\xFF\xFE")];
    for damage in damages {
        for next in WRITING {
            let place = under_review();
            let path = place.store().holds_path();
            fs::remove_file(&path).unwrap();
            if let Some(bytes) = damage {
                fs::write(&path, bytes).unwrap();
            }
            let query = "query --certificate-number 0101120201100058 --name 白京";
            place.run(query).code(1).says("holds --rewrite");
            place.run("holds").code(0).says("holds --rewrite");
            let found = place.run("fsck --json").code(1).json();
            let error = found["damaged"][0]["error"].as_str().unwrap();
            assert!(error.contains("holds --rewrite"), "{error}");
            place.run(next).code(0);
            assert_eq!(fs::read(&path).unwrap(), good, "{next}");
            place.run("fsck").code(0);
        }
    }
    // Also with the pointer lost: no list that holds nothing may stand there for a moment.
    let place = under_review();
    fs::remove_file(place.store().holds_path()).unwrap();
    fs::remove_file(place.store().current_path()).unwrap();
    place.run("rollback").code(1).says("CURRENT");
    assert_eq!(fs::read(place.store().holds_path()).unwrap(), good);
    // A sound list that says less is made good too: the ledger is the truth.
    replace(&place.store().holds_path(), &empty);
    place.run("publish 2").code(0);
    assert_eq!(fs::read(place.store().holds_path()).unwrap(), good);
}

#[test]
fn numbers_that_only_the_file_holds_are_not_shown_before_somebody_decides_it() {
    let older = |place: &Place, ledger: &[u8]| replace(&place.store().ledger_path(), ledger);
    let put_back = || {
        let place = Place::with(&invented(83, 3));
        place.run(&format!("hold 1 {WHY}")).code(0);
        let ledger = fs::read(place.store().ledger_path()).unwrap();
        place.run(&format!("hold 2 3 {WHY}")).code(0);
        place.run(&format!("hold 4 {WHY}")).code(0);
        older(&place, &ledger);
        place
    };
    let place = put_back();
    let before = place.files();
    for words in
        ["compile", "merge", "publish 1", "rollback", "prune --keep 9", "release 1", "hold 2 3"]
    {
        let why = if words.starts_with(['h', 'r']) && words != "rollback" { WHY } else { "" };
        place.run(&format!("{words} {why}")).code(1).says("not in the ledger: 2, 3, 4");
        assert_eq!(place.changed_since(&before), [""; 0], "{words}");
    }
    place.run("fsck").code(1);
    // Either they stay under review, or somebody says that they may be shown.
    place.run(&format!("hold 2 3 4 5 {WHY}")).code(0);
    assert_eq!(held(&place), ["1", "2", "3", "4", "5"]);
    place.run("fsck").code(0);
    let place = put_back();
    let rewritten = place.run("holds --rewrite --json").code(0).json();
    assert_eq!(rewritten["lifted"], serde_json::json!(["2", "3", "4"]));
    assert_eq!(held(&place), ["1"]);
    assert_eq!(place.run("holds --rewrite --json").code(0).json()["changed"], false);
    place.run("fsck").code(0);
}

#[test]
fn a_lost_ledger_is_not_taken_for_one_that_holds_nothing() {
    for emptied in [false, true] {
        let place = under_review();
        fs::remove_file(place.store().ledger_path()).unwrap();
        if emptied {
            fs::write(place.store().ledger_path(), b"").unwrap();
        }
        let list = fs::read(place.store().holds_path()).unwrap();
        for (words, lost_list) in WRITING.into_iter().zip([false, true].into_iter().cycle()) {
            if lost_list {
                fs::remove_file(place.store().holds_path()).unwrap();
            }
            let says = if words.starts_with("holds") && !emptied {
                "ledger"
            } else {
                "restore it from a backup"
            };
            place.run(words).code(1).says(says);
            assert_eq!(place.store().holds_path().exists(), !lost_list, "{words}");
            fs::write(place.store().holds_path(), &list).unwrap();
        }
    }
}

#[test]
fn a_list_that_the_system_refuses_to_write_changes_nothing() {
    let place = under_review();
    let before = place.files();
    let mut refused = 0;
    for blocks in [0, 1, 2, 4, 8, 16, 24, 32, 48, 64, 96] {
        // Ignored, the signal of the limit becomes an error of the write.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_zhengcha-loader"), "hold"]);
        command.args([NUMBERS[2], "--reason", "r", "--by", "b"]).current_dir(place.path(""));
        let ran = ran(&mut command);
        if ran.code == Some(0) {
            break;
        }
        refused += 1;
        ran.code(1).says("nothing was changed");
        // What SQLite could not take back within the limit it takes back when it is opened next.
        let changed = place.changed_since(&before);
        assert!(changed.iter().all(|name| name.starts_with("ledger.sqlite")), "{changed:?}");
        assert_eq!(place.run("holds --json").code(0).json().as_array().unwrap().len(), 2);
        place.run("fsck").code(0);
    }
    assert!(refused >= 3, "only {refused} limits were too low");
    assert_eq!(held(&place), NUMBERS);
}
