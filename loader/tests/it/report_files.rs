//! Reports: the JSON of the contract to the letter, sheets that run nothing, all or nothing on disk.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use calamine::{Data, Reader, Xlsx};
use zhengcha_engine::Date;
use zhengcha_loader::input::Format;
use zhengcha_loader::judge::{Detail, Finding, Rule};
use zhengcha_loader::layout::{FieldName, Layout};
use zhengcha_loader::report::{
    FileReport, NO_SHEET, PlacedFinding, ReportFormat, UploadReport, summary,
};

fn placed(file: u16, sheet: u16, row: u32, finding: Finding) -> PlacedFinding {
    PlacedFinding { file, sheet, row, finding }
}

fn report() -> UploadReport {
    let mut first = FileReport {
        path: "a.xlsx".into(),
        sha256: "00ff".into(),
        format: Some(Format::Xlsx),
        layout: Some(Layout::Of2013),
        sheets: vec![Arc::from("Sheet1"), Arc::from("=cmd|' /C calc'!A0")],
        ..FileReport::default()
    };
    for (accepted, warned) in [(true, false), (true, true), (true, true), (false, true)] {
        first.count(accepted, warned);
    }
    let mut second = FileReport {
        path: "-b.zip/b.csv".into(),
        format: Some(Format::Csv),
        layout: Some(Layout::Of2019),
        notes: vec!["column 备注 is left out".into()],
        ..FileReport::default()
    };
    second.count(false, false);
    let gender = Finding::on(FieldName::Gender, Rule::GenderIdMismatch, Detail::None);
    UploadReport {
        files: vec![first, second],
        findings: vec![
            placed(
                1,
                NO_SHEET,
                2,
                Finding {
                    rule: Rule::Duplicate,
                    field: Some(FieldName::CertificateNumber),
                    detail: Detail::OtherRow { file: 0, row: 17 },
                },
            ),
            placed(0, 1, 3, gender),
            placed(0, 0, 18, gender),
            placed(
                0,
                0,
                17,
                Finding::on(
                    FieldName::IssueDate,
                    Rule::DateOrder,
                    Detail::IssuedAfter(Date::new(2019, 5, 1).unwrap()),
                ),
            ),
            placed(0, 0, 17, Finding::on(FieldName::TheoryScore, Rule::Score, Detail::None)),
            placed(0, 0, 17, Finding::on(FieldName::SkillScore, Rule::Score, Detail::None)),
        ]
        .into_iter()
        .collect(),
        generation: Some(12),
    }
}

#[test]
fn json_is_that_of_the_contract() {
    let mut bytes = Vec::new();
    report().write_json(&mut bytes).unwrap();
    let expected = concat!(
        r#"{"files":[{"path":"a.xlsx","sha256":"00ff","format":"xlsx","layout":"2013","rows":4,"accepted":3,"warned":2,"rejected":1},"#,
        r#"{"path":"-b.zip/b.csv","sha256":"","format":"csv","layout":"2019","rows":1,"accepted":0,"warned":0,"rejected":1,"notes":["column 备注 is left out"]}],"#,
        r#""rejects":[{"file":"a.xlsx","sheet":"Sheet1","row":17,"field":"issue_date","rule":"date-order","message":"issued after 2019-05-01, the day of this upload; correct the date"},"#,
        r#"{"file":"a.xlsx","sheet":"Sheet1","row":17,"field":"theory_score","rule":"score","message":"theory_score is not 0 to 100 with at most one decimal"},"#,
        r#"{"file":"a.xlsx","sheet":"Sheet1","row":17,"field":"skill_score","rule":"score","message":"skill_score is not 0 to 100 with at most one decimal"},"#,
        r#"{"file":"-b.zip/b.csv","sheet":null,"row":2,"field":"certificate_number","rule":"duplicate","message":"the same certificate number with other contents stands in row 17; keep the right one of the two (the other row is in a.xlsx)"}],"#,
        r#""warnings":[{"file":"a.xlsx","sheet":"Sheet1","row":18,"field":"gender","rule":"gender-id-mismatch","message":"the gender is not that of digit 17 of the ID number"},"#,
        r#"{"file":"a.xlsx","sheet":"=cmd|' /C calc'!A0","row":3,"field":"gender","rule":"gender-id-mismatch","message":"the gender is not that of digit 17 of the ID number"}],"#,
        r#""generation":12}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    let mut empty = Vec::new();
    UploadReport::default().write_json(&mut empty).unwrap();
    assert_eq!(empty, b"{\"files\":[],\"rejects\":[],\"warnings\":[],\"generation\":null}\n");
}

#[test]
fn csv_has_a_mark_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.CSV");
    report().write_file(&path, ReportFormat::of(&path).unwrap()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap()).unwrap();
    let rows: Vec<csv::StringRecord> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows[0], vec!["severity", "file", "sheet", "row", "field", "rule", "message"]);
    assert_eq!(rows.len(), 7);
    assert_eq!(&rows[1][3], "17");
    assert_eq!(&rows[4][1], "'-b.zip/b.csv");
    assert_eq!(&rows[6][2], "'=cmd|' /C calc'!A0");
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
}

#[test]
fn workbook_holds_text_and_no_formula() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.xlsx");
    report().write_file(&path, ReportFormat::of(&path).unwrap()).unwrap();
    let mut book: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(fs::read(&path).unwrap())).unwrap();
    assert_eq!(book.sheet_names(), ["files", "findings"]);
    let files = book.worksheet_range("files").unwrap();
    assert_eq!(files.get_value((1, 0)), Some(&Data::String("a.xlsx".into())));
    assert_eq!(files.get_value((1, 4)), Some(&Data::Float(4.0)));
    let findings = book.worksheet_range("findings").unwrap();
    assert_eq!(findings.height(), 7);
    assert_eq!(findings.get_value((1, 3)), Some(&Data::Float(17.0)));
    assert_eq!(findings.get_value((4, 1)), Some(&Data::String("'-b.zip/b.csv".into())));
    assert!(book.worksheet_formula("findings").unwrap().is_empty());
}

#[test]
fn the_extension_picks_the_format() {
    for (name, format) in [
        ("a.json", ReportFormat::Json),
        ("b/a.CSV", ReportFormat::Csv),
        ("a.b.xlsx", ReportFormat::Xlsx),
    ] {
        assert_eq!(ReportFormat::of(Path::new(name)), Ok(format));
    }
    for name in ["", "a", "json", ".json", "a.xls", "a.txt", "a.json.gz"] {
        assert!(ReportFormat::of(Path::new(name)).is_err(), "{name}");
    }
}

#[test]
fn a_report_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("r.json");
    fs::create_dir(&target).unwrap();
    assert!(report().write_file(&target, ReportFormat::Json).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    assert!(report().write_file(&folder.path().join("none/r.json"), ReportFormat::Json).is_err());
    let target = folder.path().join("s.json");
    fs::write(&target, "old").unwrap();
    report().write_file(&target, ReportFormat::Json).unwrap();
    assert!(fs::read(&target).unwrap().starts_with(b"{\"files\""));
}

#[test]
fn summary_counts_rows_by_file_and_rule() {
    let report = report();
    assert_eq!(
        report.findings.rows_by_rule(),
        [(Rule::Score, 1), (Rule::DateOrder, 1), (Rule::Duplicate, 1), (Rule::GenderIdMismatch, 2),]
    );
    insta::assert_snapshot!(summary(&report), @r"
    ┌──────────────┬────────┬────────┬──────┬──────────┬────────┬──────────┐
    │ file         ┆ format ┆ layout ┆ rows ┆ accepted ┆ warned ┆ rejected │
    ╞══════════════╪════════╪════════╪══════╪══════════╪════════╪══════════╡
    │ a.xlsx       ┆ xlsx   ┆ 2013   ┆    4 ┆        3 ┆      2 ┆        1 │
    │ -b.zip/b.csv ┆ csv    ┆ 2019   ┆    1 ┆        0 ┆      0 ┆        1 │
    │ total        ┆        ┆        ┆    5 ┆        3 ┆      2 ┆        2 │
    └──────────────┴────────┴────────┴──────┴──────────┴────────┴──────────┘

    ┌────────────────────┬──────────┬──────┐
    │ rule               ┆          ┆ rows │
    ╞════════════════════╪══════════╪══════╡
    │ score              ┆ rejected ┆    1 │
    │ date-order         ┆ rejected ┆    1 │
    │ duplicate          ┆ rejected ┆    1 │
    │ gender-id-mismatch ┆ warning  ┆    2 │
    └────────────────────┴──────────┴──────┘
    -b.zip/b.csv: column 备注 is left out
    ");
    let mut hostile = UploadReport::default();
    hostile.files.push(FileReport { path: "a\u{1B}[2J.csv".into(), ..FileReport::default() });
    assert!(!summary(&hostile).contains('\u{1B}'));
}
