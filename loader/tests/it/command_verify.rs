//! `verify`: claims at rest to verdicts, in every kind of file, killed and taken up again.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use zhengcha_engine::Certificate;

use crate::command_support::{Place, invented, ran};

/// Claims by number and name, some with another year, as CSV lines.
fn claims(certificates: &[Certificate], count: usize) -> String {
    let mut text = "ref,certificate_number,name,id_number,occupation_name,tax_year\n".to_owned();
    for (at, certificate) in certificates.iter().cycle().take(count).enumerate() {
        let year = certificate.issue_date.unwrap().year();
        let name = if at % 7 == 3 { "赵无此" } else { &certificate.name };
        text += &format!(
            "{at},{},{name},{},{},{year}\n",
            certificate.certificate_number, certificate.id_number, certificate.occupation_name
        );
    }
    text
}

fn read(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

#[test]
fn every_kind_of_file_gives_the_same_verdicts() {
    let certificates = invented(1, 300);
    let place = Place::with(&certificates);
    let csv = claims(&certificates, 500);
    place.write_text("claims.csv", &csv);
    let ran = place.run("verify claims.csv --out verdicts.csv --json").code(0);
    let expected = read(&place, "verdicts.csv");
    assert_eq!(expected.lines().count(), 501);
    assert!(expected.contains(",match,,") && expected.contains(",mismatch,name,,,no-match,"));
    let summary: Value = serde_json::from_str(&read(&place, "verdicts.csv.summary.json")).unwrap();
    assert_eq!(ran.json()["summary"], summary);
    assert_eq!(summary["claims"], 500);

    let rows = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let fields: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let objects: Vec<String> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let members = fields.iter().zip(line.split(',')).map(|(k, v)| format!("{k:?}:{v:?}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })
        .collect();
    place.write_text("claims.ndjson", objects.join("\n"));
    place.write_text("claims.json", format!("[{}]", objects.join(",\n")));
    let (gbk, ..) = encoding_rs::GB18030.encode(&csv);
    place.write_text("gbk.csv", gbk);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in (0u32..).zip(csv.lines()) {
        for (column, text) in (0u16..).zip(line.split(',')) {
            match text.parse::<f64>() {
                // Years and numbers of rows as numbers, as people have them.
                Ok(number) if row > 0 && (column == 0 || column == 5) => {
                    sheet.write_number(row, column, number).unwrap();
                }
                _ => {
                    sheet.write_string(row, column, text).unwrap();
                }
            }
        }
    }
    book.save(place.path("claims.xlsx")).unwrap();
    for from in ["claims.ndjson", "claims.json", "claims.xlsx", "gbk.csv"] {
        place.run(&format!("verify {from} --out out-{from}.csv --out-charset utf-8")).code(0);
        assert_eq!(read(&place, &format!("out-{from}.csv")), expected, "{from}");
    }
    place.run("verify gbk.csv --out gbk-out.csv").code(0);
    let bytes = fs::read(place.path("gbk-out.csv")).unwrap();
    let (text, had_errors) = encoding_rs::GB18030.decode_without_bom_handling(&bytes);
    assert!(!had_errors);
    assert_eq!(text, expected.trim_start_matches('\u{FEFF}'));

    place.run("verify claims.csv --out verdicts.ndjson").code(0);
    let lines = rows(&read(&place, "verdicts.ndjson"));
    assert_eq!(lines.len(), 501);
    assert_eq!(lines[3]["mismatched"], serde_json::json!(["name"]));
    let in_file = &lines[500]["summary"];
    let beside: Value =
        serde_json::from_str(&read(&place, "verdicts.ndjson.summary.json")).unwrap();
    assert_eq!(in_file, &beside);
    place.run("verify claims.csv --out verdicts.json").code(0);
    let array: Vec<Value> = serde_json::from_str(&read(&place, "verdicts.json")).unwrap();
    assert_eq!(array[..500], lines[..500]);
    place.run("verify claims.ndjson --out verdicts.xlsx").code(0);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(place.path("verdicts.xlsx")).unwrap();
    let range = calamine::Reader::worksheet_range(&mut book, "verdicts").unwrap();
    assert_eq!(range.height(), 501);
    assert_eq!(range.get_value((4, 2)).unwrap().to_string(), "name");
    let left: Vec<_> =
        fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().contains(".part")), "{left:?}");
}

#[test]
fn a_workbook_tells_its_own_rows_and_lost_digits() {
    let certificates = invented(2, 20);
    let place = Place::with(&certificates);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let one = &certificates[0];
    for (column, title) in (0u16..).zip(["序号", "姓名", "证书编号", "发证日期", "等级"])
    {
        sheet.write_string(1, column, title).unwrap();
    }
    for row in [3, 4, 6] {
        sheet.write_string(row, 0, format!("r{row}")).unwrap();
        sheet.write_string(row, 1, &one.name).unwrap();
        sheet.write_string(row, 2, &one.certificate_number).unwrap();
    }
    sheet.write_number(4, 2, 1_234_567_890_123_456.0).unwrap();
    sheet.write_string(6, 3, "no date").unwrap();
    let date = one.issue_date.unwrap();
    let format = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(date.year(), date.month(), date.day());
    sheet.write_datetime_with_format(3, 3, day.unwrap(), &format).unwrap();
    let other = book.add_worksheet();
    other.write_string(0, 0, "other").unwrap();
    book.save(place.path("claims.xlsx")).unwrap();
    place.run("verify claims.xlsx --out verdicts.csv").code(3).says("the sheet Sheet2 is left out");
    let verdicts = read(&place, "verdicts.csv");
    let lines: Vec<&str> = verdicts.lines().skip(1).collect();
    assert_eq!(lines, ["r3,match,,,,,", "r4,invalid,,,,unusable,5", "r6,invalid,,,,date,7"]);
}

#[test]
fn what_cannot_be_verified_is_refused_with_the_cure() {
    let place = Place::new();
    place.write_text("claims.csv", "姓名,证书编号\n王小明,1\n");
    place.run("verify claims.csv --out v.csv").code(1);
    let certificates = invented(3, 10);
    let place = Place::with(&certificates);
    place.write_text("claims.csv", "姓名,证书编号\n王小明,1\n");
    place.write_text("wrong.csv", "姓名,电话\n王小明,1\n");
    place.run("verify claims.csv --out v.txt").code(2).says(".csv, .ndjson, .json or .xlsx");
    place.run("verify none.csv --out v.csv").code(1).says("none.csv");
    place.run("verify wrong.csv --out v.csv").code(1).says("wrong.csv").says("电话");
    assert!(!place.path("v.csv").exists());
    place.run("verify claims.csv --out v.csv").code(1).says("v.csv.part").says("--resume");
    fs::remove_file(place.path("v.csv.part")).unwrap();
    place.run("verify claims.csv --out v.csv").code(0);
    place.run("verify claims.csv --out v.csv").code(1).says("is there already");
    fs::write(place.path("store/holds"), "zhengcha-holds 1\n").unwrap();
    place.run("verify claims.csv --out w.csv").code(1).says("holds");
    assert!(!place.path("w.csv").exists());
}

#[test]
fn killed_at_any_moment_and_taken_up_again_nothing_is_lost_or_repeated() {
    let certificates = invented(4, 2000);
    let place = Place::with(&certificates);
    place.write_text("claims.csv", claims(&certificates, 150_000));
    let began = Instant::now();
    place.run("verify claims.csv --out whole.csv --save-interval-ms 1").code(0);
    let usual = began.elapsed();
    let expected = fs::read(place.path("whole.csv")).unwrap();
    let summary = read(&place, "whole.csv.summary.json");
    let mut killed_in_the_middle = 0;
    for round in 1..=6u32 {
        let mut kills = 0u64;
        loop {
            let words = "verify claims.csv --out v.csv --resume --save-interval-ms 1";
            if kills < 4 {
                let mut command = place.command(words);
                let mut child =
                    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(usual * round / 12 + Duration::from_millis(kills));
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            } else {
                ran(&mut place.command(words)).code(0);
            }
            if place.path("v.csv").exists() {
                break;
            }
            assert!(kills <= 4);
            killed_in_the_middle += u32::from(place.path("v.csv.part.state").exists());
        }
        assert!(fs::read(place.path("v.csv")).unwrap() == expected, "round {round}");
        assert_eq!(read(&place, "v.csv.summary.json"), summary);
        assert!(!place.path("v.csv.part").exists() && !place.path("v.csv.part.state").exists());
        fs::remove_file(place.path("v.csv")).unwrap();
    }
    assert!(killed_in_the_middle > 3, "only {killed_in_the_middle} kills fell between");
}

#[test]
fn a_run_goes_on_with_the_same_claims_and_generation_only() {
    let certificates = invented(5, 1000);
    let place = Place::with(&certificates);
    let text = claims(&certificates, 60_000);
    place.write_text("claims.csv", &text);
    let interrupt = || {
        for wait in 1..200u64 {
            let mut child = place
                .command("verify claims.csv --out v.csv --resume --save-interval-ms 0")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(wait * 4));
            child.kill().unwrap();
            child.wait().unwrap();
            if place.path("v.csv").exists() {
                fs::remove_file(place.path("v.csv")).unwrap();
            } else if place.path("v.csv.part.state").exists() {
                return;
            }
        }
        panic!("never killed in the middle");
    };
    interrupt();
    // A new generation does not change what the rest is judged by.
    place.write("second.csv", &invented(6, 10));
    place.load("second.csv --org all").code(0);
    place.run("verify claims.csv --out v.csv --resume").code(0);
    let summary: Value = serde_json::from_str(&read(&place, "v.csv.summary.json")).unwrap();
    assert_eq!((&summary["generation"], &summary["claims"]), (&1.into(), &60_000.into()));
    fs::remove_file(place.path("v.csv")).unwrap();
    interrupt();
    place.write_text("claims.csv", text + "x");
    place
        .run("verify claims.csv --out v.csv --resume")
        .code(1)
        .says("start again without --resume");
}
