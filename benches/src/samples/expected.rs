//! What a load of the samples must report, as data for a test.

use serde::Serialize;
use zhengcha_engine::Date;

use super::sheet::{Container, SampleRow, Sheet};
use zhengcha_loader::synth::TableLayout;

/// The day on which the samples are judged.
pub(super) const TODAY: (u16, u8, u8) = (2026, 11, 20);
/// A certificate older than this is `late` (人社鉴函〔2019〕20号 第二条).
const LATE_AFTER_DAYS: i32 = 30;

#[derive(Serialize)]
struct Expected<'a> {
    today: String,
    org: &'static str,
    files: Vec<File<'a>>,
    /// In the order of files and rows. Warnings on rejected rows and the rule `late` are left out.
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    file: &'a str,
    format: &'static str,
    layout: &'static str,
    pub(super) rows: usize,
    pub(super) accepted: usize,
    pub(super) warned: usize,
    pub(super) rejected: usize,
    /// Accepted rows with the warning `late`.
    late: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    file: &'a str,
    row: usize,
    field: &'a str,
    rule: &'a str,
    rejects: bool,
}

/// The counts of one file, with `late` among the warnings.
pub(super) fn counts(sheet: &Sheet) -> File<'_> {
    let accepted: Vec<&SampleRow> = sheet.rows.iter().filter(|row| !row.is_rejected()).collect();
    File {
        file: &sheet.file,
        format: match sheet.container {
            Container::CsvUtf8 | Container::CsvGb18030 => "csv",
            Container::Dbf => "dbf",
            Container::Xls => "xls",
            Container::Xlsx => "xlsx",
        },
        layout: match sheet.layout {
            TableLayout::Of2013 => "2013",
            TableLayout::Of2019 => "2019",
        },
        rows: sheet.rows.len(),
        accepted: accepted.len(),
        warned: accepted.iter().filter(|row| is_late(row) || !row.told.is_empty()).count(),
        rejected: sheet.rows.len() - accepted.len(),
        late: accepted.iter().filter(|row| is_late(row)).count(),
    }
}

fn is_late(row: &SampleRow) -> bool {
    let today = Date::new(TODAY.0, TODAY.1, TODAY.2).map(Date::days_since_1970);
    row.issued
        .zip(today)
        .is_some_and(|(issued, today)| today - issued.days_since_1970() > LATE_AFTER_DAYS)
}

/// The whole of `expected.json`.
pub(super) fn json(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut findings = Vec::new();
    for sheet in sheets {
        for (position, row) in sheet.rows.iter().enumerate() {
            let rejected = row.is_rejected();
            for told in row.told.iter().filter(|told| told.rejects == rejected) {
                findings.push(Finding {
                    file: &sheet.file,
                    row: sheet.row_number(position),
                    field: told.field,
                    rule: told.rule,
                    rejects: told.rejects,
                });
            }
        }
    }
    let expected = Expected {
        today: format!("{}-{:02}-{:02}", TODAY.0, TODAY.1, TODAY.2),
        org: "all",
        files: sheets.iter().map(counts).collect(),
        findings,
    };
    Ok(serde_json::to_string_pretty(&expected)? + "\n")
}
