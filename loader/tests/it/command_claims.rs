//! `claims`: what it writes follows from generation, holds and arguments, in the shares it states.

use crate::command_support::{Place, invented, ran};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use zhengcha_engine::{Certificate, Holds};
use zhengcha_loader::claims_synth::{ClaimFormat, Kind, Mix, shares_text};

const MIXES: [(Mix, &str); 3] = [(Mix::Tax, "tax"), (Mix::Plain, "plain"), (Mix::All, "all")];

fn register() -> Place {
    let place = Place::new();
    place.run("synth --records 20000 --seed 8 --format batch").code(0);
    place.run("compile --publish").code(0);
    place
}

fn read(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path(name)).unwrap()
}

/// The rows of a csv as maps from header to cell.
fn rows(place: &Place, name: &str) -> Vec<HashMap<String, String>> {
    let bytes = read(place, name);
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers().unwrap().clone();
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    let row = |row: csv::ByteRecord| header.iter().map(text).zip(row.iter().map(text)).collect();
    reader.byte_records().map(|record| row(record.unwrap())).collect()
}

#[test]
fn the_same_on_any_number_of_threads_and_other_with_another_seed() {
    let place = register();
    for (threads, seed, name) in [("1", 5, "a"), ("3", 5, "b"), ("2", 6, "c")] {
        let words = format!(
            "claims --claims 9000 --seed {seed} --mix all --out {name}.csv --expected {name}.exp.csv"
        );
        ran(place.command(&words).env("RAYON_NUM_THREADS", threads)).code(0);
    }
    assert!(read(&place, "a.csv") == read(&place, "b.csv"));
    assert!(read(&place, "a.exp.csv") == read(&place, "b.exp.csv"));
    assert!(read(&place, "a.exp.csv.summary.json") == read(&place, "b.exp.csv.summary.json"));
    assert!(read(&place, "a.csv") != read(&place, "c.csv"));
    // Fewer claims are the beginning of more.
    place.run("claims --claims 5000 --seed 5 --mix all --out d.csv --expected d.exp.csv").code(0);
    assert!(read(&place, "a.csv").starts_with(&read(&place, "d.csv")));
    assert!(read(&place, "a.exp.csv").starts_with(&read(&place, "d.exp.csv")));
}

#[test]
fn the_document_states_the_shares_in_force() {
    let document = include_str!("../../docs/CLAIMS.md");
    assert!(document.contains(&shares_text()), "CLAIMS.md: {}", shares_text());
}

#[test]
fn shares_come_out_as_stated() {
    const CLAIMS: u64 = 30_000;
    let place = register();
    for (mix, name) in MIXES {
        for (format, ending) in [(ClaimFormat::Csv, "csv"), (ClaimFormat::Ndjson, "ndjson")] {
            let words = format!(
                "claims --claims {CLAIMS} --mix {name} --out {name}.{ending} --expected {name}.{ending}.exp --json"
            );
            let told = place.run(&words).code(0).json();
            assert_eq!(told["claims"], CLAIMS);
            for kind in Kind::all() {
                // Depend on the register and on holds; what cannot be done is left as it is.
                if matches!(kind, Kind::Plain | Kind::ShanghaiNumber | Kind::OnHold) {
                    continue;
                }
                let share = if kind.fits(format) { f64::from(kind.parts(mix)) / 1e4 } else { 0.0 };
                let expected = share * CLAIMS as f64;
                let found = told["kinds"][kind.name()].as_u64().unwrap_or_default() as f64;
                // Five standard deviations, claims in pairs.
                let allowed = 5.0 * (2.0 * expected).sqrt();
                let name = kind.name();
                assert!((found - expected).abs() <= allowed, "{name}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn every_claim_has_its_verdict_and_every_bad_line_is_where_it_is_said_to_be() {
    let place = register();
    for (_, mix) in MIXES {
        let words =
            format!("claims --claims 8000 --mix {mix} --out {mix}.csv --expected {mix}.exp.csv");
        place.run(&words).code(0);
        let claims = rows(&place, &format!("{mix}.csv"));
        let verdicts = rows(&place, &format!("{mix}.exp.csv"));
        assert_eq!((claims.len(), verdicts.len()), (8000, 8000));
        let text = read(&place, &format!("{mix}.csv"));
        let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        let mut bad = 0;
        for (claim, verdict) in claims.iter().zip(&verdicts) {
            assert_eq!(claim["ref"], verdict["ref"]);
            if verdict["verdict"] == "invalid" {
                bad += 1;
                let line: usize = verdict["line"].parse().unwrap();
                let beginning = claim["ref"].replace('"', "\"\"");
                let here = String::from_utf8_lossy(lines[line - 1]);
                assert!(here.trim_start_matches('"').starts_with(&beginning), "{line}: {here}");
            } else {
                assert_eq!(verdict["line"], "");
            }
            assert_eq!(verdict["deduction_year"].is_empty(), verdict["deduction_yuan"].is_empty());
        }
        assert_eq!(bad > 0, mix != "plain");
        let summary: Value =
            serde_json::from_slice(&read(&place, &format!("{mix}.exp.csv.summary.json"))).unwrap();
        assert_eq!(summary["claims"], 8000);
        assert_eq!(summary["invalid"], bad);
        let digest = Sha256::digest(read(&place, &format!("{mix}.exp.csv")));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(summary["digest"], digest);
    }
}

#[test]
fn every_format_and_charset_says_the_same() {
    let place = register();
    for file in ["a.csv", "b.csv --charset gb18030", "c.ndjson", "d.xlsx"] {
        let name = &file[..1];
        place.run(&format!("claims --claims 3000 --expected {name}.exp.csv --out {file}")).code(0);
    }
    assert!(read(&place, "a.exp.csv") == read(&place, "b.exp.csv"));
    let bytes = read(&place, "b.csv");
    let (decoded, _) = encoding_rs::GB18030.decode_without_bom_handling(&bytes);
    let utf8 = String::from_utf8_lossy(&read(&place, "a.csv")).into_owned();
    assert!(utf8.trim_start_matches('\u{FEFF}') == decoded);
    let reasons = |name: &str| {
        let mut reasons: Vec<String> = rows(&place, name)
            .into_iter()
            .filter(|row| row["verdict"] == "invalid")
            .map(|row| row["reason"].clone())
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    };
    assert!(reasons("c.exp.csv").contains(&"unknown-field".to_owned()));
    assert!(!reasons("d.exp.csv").contains(&"malformed".to_owned()));
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(place.path("d.xlsx")).unwrap();
    let sheet = calamine::Reader::worksheet_range_at(&mut book, 0).unwrap().unwrap();
    assert_eq!(sheet.height(), 3001);
}

#[test]
fn corrected_records_are_claimed_as_they_are_now() {
    let certificates = invented(70, 300);
    let place = Place::with(&certificates);
    let corrected: Vec<Certificate> = certificates[..200]
        .iter()
        .map(|it| Certificate { institution: "更正鉴定所".into(), ..it.clone() })
        .collect();
    place.write("later.csv", &corrected);
    place.load("later.csv --org all --into delta").code(0);
    assert_eq!(place.snapshot().manifest().sizes(), [300, 200]);
    place.run("claims --claims 6000 --mix all --out a.csv --expected a.exp.csv").code(0);
    let outdated: Vec<&str> =
        certificates[..200].iter().map(|it| &*it.certificate_number).collect();
    let mut seen = 0;
    for (claim, verdict) in rows(&place, "a.csv").iter().zip(rows(&place, "a.exp.csv")) {
        if verdict["verdict"] == "match"
            && !claim["institution"].is_empty()
            && outdated.contains(&&*claim["certificate_number"])
        {
            assert_eq!(claim["institution"].trim(), "更正鉴定所");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn certificates_on_hold_are_under_review() {
    let place = register();
    let held: Vec<String> = place
        .snapshot()
        .segments()
        .next()
        .unwrap()
        .views()
        .take(5)
        .map(|view| view.certificate_number().as_str().to_owned())
        .collect();
    fs::write(place.store().holds_path(), Holds::new(held.clone()).emit()).unwrap();
    let told =
        place.run("claims --claims 20000 --out a.csv --expected a.exp.csv --json").code(0).json();
    assert!(told["kinds"]["on hold"].as_u64() > Some(10));
    assert!(told["verdicts"]["under_review"].as_u64() > Some(10));
    for (claim, verdict) in rows(&place, "a.csv").iter().zip(rows(&place, "a.exp.csv")) {
        if verdict["verdict"] == "match" {
            assert!(!held.contains(&claim["certificate_number"]));
        }
    }
}

#[test]
fn nothing_is_written_over_and_nothing_half() {
    let place = register();
    let words = "claims --claims 10 --out a.csv --expected a.exp.csv";
    place.run(words).code(0);
    let before = read(&place, "a.csv");
    place.run(words).code(1).says("is there already");
    assert!(read(&place, "a.csv") == before);
    for (words, says) in [
        ("--out b.txt --expected b.exp.csv", ".csv, .ndjson or .xlsx"),
        ("--out b.ndjson --charset gb18030 --expected b.exp.csv", "only csv"),
        ("--out b.csv --expected none/b.exp.csv", "cannot be written"),
    ] {
        place.run(&format!("claims --claims 10 {words}")).code(1).says(says);
    }
    place.run("claims --claims 10 --out b.csv --expected b.exp.csv --store none").code(1);
    assert!(!place.path("b.csv").exists() && !place.path("b.exp.csv.tmp").exists());
}
