//! The report for a terminal: what became of each file, which rules were broken how often.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{UploadReport, format_name};
use crate::judge::Severity;
use crate::layout::Layout;

/// Two tables and the notes, ending in a line end.
#[must_use]
pub fn summary(report: &UploadReport) -> String {
    let mut files = table(&["file", "format", "layout", "rows", "accepted", "warned", "rejected"]);
    for file in &report.files {
        let counts = [file.rows, file.accepted, file.warned, file.rejected];
        let format = file.format.map_or("-", format_name);
        let layout = file.layout.map_or("-", Layout::name);
        let names = [printable(&file.path), format.to_owned(), layout.to_owned()];
        files.add_row(names.into_iter().chain(counts.map(|count| count.to_string())));
    }
    if report.files.len() > 1 {
        let names = ["total", "", ""].map(str::to_owned);
        files.add_row(names.into_iter().chain(report.totals().map(|count| count.to_string())));
    }
    align_right(&mut files, 3..7);
    let mut text = format!("{files}\n");

    let by_rule = report.findings.rows_by_rule();
    if !by_rule.is_empty() {
        let mut rules = table(&["rule", "", "rows"]);
        for (rule, rows) in by_rule {
            let severity = match rule.severity() {
                Severity::Reject => "rejected",
                Severity::Warn => "warning",
            };
            rules.add_row([rule.id(), severity, &rows.to_string()]);
        }
        align_right(&mut rules, 2..3);
        let _ = writeln!(text, "\n{rules}");
    }
    for file in &report.files {
        for note in file.error.iter().chain(&file.notes) {
            let _ = writeln!(text, "{}: {}", printable(&file.path), printable(note));
        }
    }
    text
}

/// Names come from outside: a terminal must not run what stands in them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.iter().copied());
    table
}

fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
