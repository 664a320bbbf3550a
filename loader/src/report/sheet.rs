//! The report for spreadsheets: CSV with a byte order mark, or a workbook written row by row.

use std::io::{self, Write};

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

use super::guard::guarded;
use super::{Entry, UploadReport, format_name};
use crate::judge::Severity;

/// Rows of a sheet of a workbook, the header counted. More findings go on to a further sheet.
const SHEET_MAX_ROWS: u32 = 1_048_576;

const COLUMNS: [&str; 7] = ["severity", "file", "sheet", "row", "field", "rule", "message"];
const FILE_COLUMNS: [&str; 9] =
    ["path", "sha256", "format", "layout", "rows", "accepted", "warned", "rejected", "notes"];

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Reject => "reject",
        Severity::Warn => "warn",
    }
}

impl UploadReport {
    fn all(&self) -> impl Iterator<Item = io::Result<(Severity, Entry<'_>)>> {
        [Severity::Reject, Severity::Warn]
            .into_iter()
            .flat_map(|severity| self.entries(severity).map(move |entry| Ok((severity, entry?))))
    }
}

pub(super) fn write_csv(report: &UploadReport, mut writer: impl Write) -> io::Result<()> {
    // Without the mark a spreadsheet takes the text for the code page of its machine.
    writer.write_all("\u{FEFF}".as_bytes())?;
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(writer);
    csv.write_record(COLUMNS)?;
    for entry in report.all() {
        let (severity, entry) = entry?;
        csv.write_record([
            name(severity),
            &guarded(entry.file()),
            &guarded(entry.sheet().unwrap_or_default()),
            &entry.placed.row.to_string(),
            entry.field().unwrap_or_default(),
            entry.rule(),
            &guarded(&entry.message()),
        ])?;
    }
    csv.flush()
}

pub(super) fn write_xlsx(
    report: &UploadReport,
    writer: impl Write + io::Seek + Send,
) -> Result<(), XlsxError> {
    write_xlsx_of(report, writer, SHEET_MAX_ROWS)
}

fn write_xlsx_of(
    report: &UploadReport,
    writer: impl Write + io::Seek + Send,
    sheet_rows: u32,
) -> Result<(), XlsxError> {
    let mut workbook = Workbook::new();
    write_files(report, new_sheet(&mut workbook, "files", &FILE_COLUMNS)?)?;
    let mut entries = report.all().peekable();
    let mut number = 1;
    loop {
        let title = if number == 1 { "findings".to_owned() } else { format!("findings {number}") };
        let sheet = new_sheet(&mut workbook, &title, &COLUMNS)?;
        for (row, entry) in (1..sheet_rows).zip(entries.by_ref()) {
            let (severity, entry) = entry.map_err(XlsxError::IoError)?;
            let texts = [
                (0, name(severity)),
                (1, entry.file()),
                (2, entry.sheet().unwrap_or_default()),
                (4, entry.field().unwrap_or_default()),
                (5, entry.rule()),
                (6, &entry.message()),
            ];
            sheet.write_number(row, 3, entry.placed.row)?;
            for (column, text) in texts {
                sheet.write_string(row, column, guarded(text))?;
            }
        }
        if entries.peek().is_none() {
            break;
        }
        number += 1;
    }
    workbook.save_to_writer(writer)
}

fn new_sheet<'a>(
    workbook: &'a mut Workbook,
    title: &str,
    columns: &[&str],
) -> Result<&'a mut Worksheet, XlsxError> {
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name(title)?;
    for (column, header) in (0u16..).zip(columns) {
        sheet.write_string(0, column, *header)?;
    }
    Ok(sheet)
}

fn write_files(report: &UploadReport, sheet: &mut Worksheet) -> Result<(), XlsxError> {
    for (row, file) in (1..SHEET_MAX_ROWS).zip(&report.files) {
        let notes: Vec<&str> = file.error.iter().chain(&file.notes).map(String::as_str).collect();
        sheet.write_string(row, 0, guarded(&file.path))?;
        sheet.write_string(row, 1, file.sha256.as_str())?;
        sheet.write_string(row, 2, file.format.map_or("", format_name))?;
        sheet.write_string(row, 3, file.layout.map_or("", crate::layout::Layout::name))?;
        let counts = [file.rows, file.accepted, file.warned, file.rejected];
        for (column, count) in (4u16..).zip(counts) {
            // Counts of rows stay far below what a float holds exactly.
            sheet.write_number(row, column, count as f64)?;
        }
        sheet.write_string(row, 8, guarded(&notes.join("; ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Reader, Xlsx};

    use super::*;
    use crate::judge::{Detail, Finding, Rule};
    use crate::report::{NO_SHEET, PlacedFinding};

    #[test]
    fn findings_go_on_to_further_sheets() {
        let finding = Finding { rule: Rule::Late, field: None, detail: Detail::Days(31) };
        for (findings, heights) in
            [(0, &[1][..]), (1, &[2]), (2, &[3]), (3, &[3, 2]), (4, &[3, 3]), (5, &[3, 3, 2])]
        {
            let placed = |row| PlacedFinding { file: 0, sheet: NO_SHEET, row, finding };
            let findings = (0..findings).map(placed).collect();
            let report = UploadReport { findings, ..UploadReport::default() };
            let mut bytes = Cursor::new(Vec::new());
            write_xlsx_of(&report, &mut bytes, 3).unwrap();
            let mut book: Xlsx<_> = calamine::open_workbook_from_rs(bytes).unwrap();
            let found: Vec<_> =
                book.worksheets().iter().skip(1).map(|(_, range)| range.height()).collect();
            assert_eq!(found, heights);
        }
    }
}
