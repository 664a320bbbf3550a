//! Exit codes, reports, `--json`, closed pipes.

use crate::command_support::{Place, TODAY, invented};
use std::fs;
use std::process::Stdio;

/// Two good rows and, between them, one whose check digit is wrong.
fn some_bad(place: &Place) {
    let mut rows = invented(20, 3);
    let id = &mut rows[1].id_number;
    let last = if id.ends_with('1') { '2' } else { '1' };
    id.pop();
    id.push(last);
    place.write("upload.csv", &rows);
}

#[test]
fn usage_errors_are_exit_code_2() {
    let place = Place::new();
    place.write("upload.csv", &invented(20, 1));
    for words in [
        "",
        "frobnicate",
        "load",
        "load upload.csv",
        "load upload.csv --org",
        "load upload.csv --org abc",
        "load upload.csv --org 123456789",
        "load upload.csv --org all --layout 2020",
        "load upload.csv --org all --today 2026-02-30",
        "load upload.csv --org all --report report.txt",
        "load upload.csv --org all --report report",
        "check upload.csv --report report.pdf",
        "publish",
        "publish one",
        "prune",
        "prune --keep -1",
        "query",
        "query --name 白京",
        "query --name 白京 --id-number 1 --ticket-number 2",
        "hold 0101120201100058",
        "hold 0101120201100058 --reason r",
        "hold 0101120201100058 --by b",
        "hold --reason r --by b",
        "release 0101120201100058 --reason r",
        "holds --rewrite=yes",
    ] {
        let ran = place.run(words).code(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{words}: {ran:?}");
        assert!(!place.path("store").exists(), "{words}");
    }
    for words in ["--help", "--version", "load --help"] {
        let ran = place.run(words).code(0);
        assert!(!ran.out.is_empty() && ran.err.is_empty(), "{words}: {ran:?}");
    }
}

#[test]
fn rejected_rows_are_exit_code_3_and_the_rest_is_live() {
    let place = Place::new();
    some_bad(&place);
    place.load("upload.csv --org all").code(3);
    assert_eq!(place.snapshot().records(), 2);
    // Nothing but rejected rows: still 3, and nothing to publish.
    let place = Place::new();
    place.write("foreign.csv", &invented(21, 2));
    place.load("foreign.csv --org 98").code(3);
    assert_eq!(place.generation(), 0);
    place.run("fsck").code(0);
}

#[test]
fn reports_come_in_three_formats() {
    let place = Place::new();
    some_bad(&place);
    for name in ["r.json", "r.csv", "r.XLSX"] {
        place.run(&format!("check upload.csv --today {TODAY} --report {name}")).code(3);
    }
    let report = place.report("r.json");
    assert_eq!(report["files"][0]["rejected"], 1);
    assert_eq!(report["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["rejects"][0]["row"], 3);
    assert_eq!(report["rejects"][0]["rule"], "id-number");
    let text = fs::read_to_string(place.path("r.csv")).unwrap();
    assert!(text.contains("id-number") && text.contains("upload.csv"), "{text}");
    assert!(fs::read(place.path("r.XLSX")).unwrap().starts_with(b"PK"));
    // No personal data beyond row and field.
    for certificate in invented(20, 3) {
        for field in [&certificate.name, &certificate.certificate_number] {
            assert!(!text.contains(field.as_str()));
            assert!(!report.to_string().contains(field.as_str()));
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_the_work() {
    let place = Place::new();
    place.write("upload.csv", &invented(20, 3));
    fs::create_dir(place.path("folder.json")).unwrap();
    for report in ["nowhere/r.json", "folder.json", "upload.csv/r.json"] {
        place.load(&format!("upload.csv --org all --report {report}")).code(1).says(report);
        assert_eq!(place.generation(), 0, "{report}");
    }
}

#[test]
fn json_is_the_only_thing_on_stdout() {
    let place = Place::new();
    some_bad(&place);
    place.run("snapshots --json").code(0).json();
    place.run("synth --records 3 --out made --json").code(0).json();
    place.load("upload.csv --org all --json").code(3).json();
    place.run(&format!("check upload.csv --today {TODAY} --json")).code(3).json();
    place.run("compile --json").code(0).json();
    place.run("publish 2 --json").code(0).json();
    place.run("rollback --json").code(0).json();
    assert_eq!(place.run("snapshots --json").code(0).json().as_array().unwrap().len(), 2);
    place.run("inspect --json").code(0).json();
    place.run("fsck --json").code(0).json();
    place.run("prune --keep 1 --json").code(0).json();
    let known = &invented(20, 1)[0];
    let query = format!(
        "query --name {} --certificate-number {} --json",
        known.name, known.certificate_number
    );
    let answer = place.run(&query).code(0).json();
    assert_eq!(answer["count"], 1);
    assert_eq!(answer["certificates"][0]["name"], known.name.as_str());
    let masked = answer["certificates"][0]["id_number"].as_str().unwrap();
    assert!(masked.ends_with("************") && !answer.to_string().contains(&known.id_number));
    let full = place.run(&format!("{query} --full")).code(0).json();
    assert_eq!(full["certificates"][0]["id_number"], known.id_number.as_str());
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new();
    place.write("upload.csv", &invented(20, 3));
    let words = format!("load upload.csv --org all --today {TODAY}");
    // Both streams are closed before the program can write to them.
    let closed = |words: &str| {
        let mut command = place.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().unwrap().code()
    };
    assert_eq!(closed(&words), Some(0));
    assert_eq!(place.generation(), 1);
    assert_eq!(closed("snapshots"), Some(0));
    assert_eq!(closed("fsck"), Some(0));
    assert_eq!(closed("publish 99"), Some(1), "the error itself cannot be said");
}

#[test]
fn a_load_that_went_live_does_not_fail_for_want_of_a_place_to_say_so() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else { return };
    let place = Place::new();
    place.write("upload.csv", &invented(20, 3));
    let words = format!("load upload.csv --org all --today {TODAY}");
    let output = place.command(&words).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "1 would mean that nothing changed");
    assert!(String::from_utf8_lossy(&output.stderr).contains("generation 1 is live"));
    assert_eq!(place.generation(), 1);
}
