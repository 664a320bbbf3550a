//! The files of `data-samples/` through the real program: every row judged as its list says, the
//! known person found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// `data-samples/expected.json`.
#[derive(Deserialize)]
struct Expected {
    today: String,
    org: String,
    files: Vec<ExpectedFile>,
    findings: Vec<ExpectedFinding>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct ExpectedFile {
    file: String,
    format: String,
    layout: String,
    rows: u64,
    accepted: u64,
    warned: u64,
    rejected: u64,
}

#[derive(Deserialize)]
struct ExpectedFinding {
    file: String,
    row: u64,
    field: String,
    rule: String,
    rejects: bool,
}

/// The report of the contract.
#[derive(Deserialize)]
struct Report {
    files: Vec<ReportFile>,
    rejects: Vec<ReportFinding>,
    warnings: Vec<ReportFinding>,
}

#[derive(Deserialize)]
struct ReportFile {
    path: String,
    format: String,
    layout: String,
    rows: u64,
    accepted: u64,
    warned: u64,
    rejected: u64,
}

#[derive(Deserialize)]
struct ReportFinding {
    file: String,
    row: u64,
    field: String,
    rule: String,
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-samples")
}

fn expected() -> Expected {
    serde_json::from_slice(&fs::read(samples().join("expected.json")).unwrap()).unwrap()
}

/// The loader over every sample file, as `command` (`load` or `check`).
fn run(command: &str, store: &Path, report: &Path) -> i32 {
    let expected = expected();
    let mut files: Vec<_> = fs::read_dir(samples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('0'))
        .collect();
    files.sort();
    let output = Command::new(env!("CARGO_BIN_EXE_zhengcha-loader"))
        .current_dir(samples())
        .arg(command)
        .args(files)
        .args(["--org", &expected.org, "--today", &expected.today])
        .arg("--store")
        .arg(store)
        .arg("--report")
        .arg(report)
        .output()
        .unwrap();
    output.status.code().unwrap()
}

type Place = (String, u64, String, String);

fn place(finding: &ReportFinding) -> Place {
    let ReportFinding { file, row, field, rule } = finding;
    (file.clone(), *row, field.clone(), rule.clone())
}

#[test]
fn every_row_is_judged_as_the_list_of_samples_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    assert_eq!(run("check", &folder.path().join("store"), &path), 3);
    let report: Report = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let expected = expected();

    let files = report.files.into_iter().map(|file| ExpectedFile {
        file: file.path,
        format: file.format,
        layout: file.layout,
        rows: file.rows,
        accepted: file.accepted,
        warned: file.warned,
        rejected: file.rejected,
    });
    assert_eq!(files.collect::<Vec<_>>(), expected.files);

    let rejected: BTreeSet<_> =
        report.rejects.iter().map(|finding| (finding.file.clone(), finding.row)).collect();
    let of = |rejects: bool| -> BTreeSet<Place> {
        let listed = expected.findings.iter().filter(|finding| finding.rejects == rejects);
        listed
            .map(|finding| {
                let ExpectedFinding { file, row, field, rule, .. } = finding;
                (file.clone(), *row, field.clone(), rule.clone())
            })
            .collect()
    };
    assert_eq!(report.rejects.iter().map(place).collect::<BTreeSet<_>>(), of(true));
    let warnings = report
        .warnings
        .iter()
        .filter(|finding| finding.rule != "late")
        .filter(|finding| !rejected.contains(&(finding.file.clone(), finding.row)));
    assert_eq!(warnings.map(place).collect::<BTreeSet<_>>(), of(false));
}

/// The first certificate of the known person, as `data-samples/README.md` gives it.
const KNOWN: [(&str, &str); 4] = [
    ("--id-number", "320102198506150014"),
    ("--certificate-number", "1210010000388888"),
    ("--ticket-number", "201205008888"),
    ("--name", "王小明"),
];

#[test]
fn the_known_person_is_found_through_all_six_modes() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    assert_eq!(run("load", &store, &folder.path().join("report.json")), 3);
    let readme = fs::read_to_string(samples().join("README.md")).unwrap();
    for (position, first) in KNOWN.iter().enumerate() {
        assert!(readme.contains(first.1), "{} is in the README", first.1);
        for second in &KNOWN[position + 1..] {
            let found = query(&store, &[first, second]);
            assert!(found.contains("1210010000388888"), "{} and {}", first.0, second.0);
            // By identity number and name both certificates come.
            let both = first.0 == "--id-number" && second.0 == "--name";
            assert_eq!(found.contains("1819010000288888"), both, "{} and {}", first.0, second.0);
        }
    }
    let missed = query(&store, &[&KNOWN[3], &("--certificate-number", "1210010000388889")]);
    assert!(missed.contains("\"count\":0"), "{missed}");
}

fn query(store: &Path, fields: &[&(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_zhengcha-loader"))
        .args(["query", "--json", "--store"])
        .arg(store)
        .args(fields.iter().flat_map(|(flag, value)| [flag, value]))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap().replace(": ", ":")
}
