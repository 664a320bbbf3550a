//! Claims from an xlsx workbook, and verdicts to one. Both pass through CSV, so that a row of the sheet
//! is a line of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use rust_xlsxwriter::Workbook;
use zhengcha_engine::claims::{Charset, Cutter, Format, Position};

use super::pool::Chunks;
use super::source::Told;
use crate::input::{self, Cell, Flow, Limits, Row, TableSink, TableSource};

/// Digits of a number cell that a spreadsheet keeps.
const NUMBER_DIGITS_KEPT: f64 = 1e15;
/// Stands for a cell whose value was lost: no field can hold it, so that the claim is `unusable`.
const LOST: &str = "\u{1A}";
/// Rows of a sheet, the header counted. More verdicts go on to a further sheet.
const SHEET_ROWS_MAX: u32 = 1_048_576;

/// Reads the first sheet that holds anything; others are named on stderr and left out.
pub(super) fn read(
    path: &Path,
    from: Option<Position>,
    told: Told<'_>,
    chunks: &mut Chunks,
) -> anyhow::Result<()> {
    let mut lines = Lines {
        cutter: Cutter::new(Format::Csv, Charset::Utf8),
        from: from.map_or(0, |position| position.offset),
        chunks,
        told,
        written: 0,
        columns: 0,
        line: Vec::new(),
        sheet: Sheet::NotYet,
    };
    let name = path.display().to_string();
    input::read_file(path, &name, &Limits::default(), &mut lines)?;
    while let Some(chunk) = lines.cutter.finish()? {
        lines.put(chunk)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sheet {
    NotYet,
    Reading,
    Done,
}

struct Lines<'c> {
    cutter: Cutter,
    /// What ends before here was judged in an earlier run.
    from: u64,
    chunks: &'c mut Chunks,
    told: Told<'c>,
    /// Lines written so far.
    written: u64,
    /// Of the header: rows end with their last filled cell.
    columns: usize,
    line: Vec<u8>,
    sheet: Sheet,
}

impl Lines<'_> {
    fn put(&mut self, chunk: zhengcha_engine::claims::Chunk) -> anyhow::Result<()> {
        // The same workbook is cut at the same places each time.
        if chunk.end().offset > self.from {
            self.chunks.put(chunk)?;
        }
        Ok(())
    }
}

impl TableSink for Lines<'_> {
    fn begin(&mut self, source: &TableSource) -> anyhow::Result<()> {
        if self.sheet == Sheet::Done
            && let Some(sheet) = &source.sheet
        {
            self.note(&source.file, format!("the sheet {sheet} is left out: one sheet is read"));
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        if self.sheet == Sheet::Done {
            return Ok(Flow::SkipTable);
        }
        self.sheet = Sheet::Reading;
        self.line.clear();
        // Empty rows of the sheet are empty lines, so that lines and rows have the same numbers.
        while self.written + 1 < row.number {
            self.line.push(b'\n');
            self.written += 1;
        }
        let filled = row.cells.iter().rposition(|cell| *cell != Cell::Empty).map_or(0, |at| at + 1);
        if self.columns == 0 {
            self.columns = filled;
        }
        for at in 0..filled.max(self.columns) {
            if at > 0 {
                self.line.push(b',');
            }
            put_cell(&mut self.line, row.cells.get(at).unwrap_or(&Cell::Empty));
        }
        self.line.push(b'\n');
        self.written += 1;
        self.cutter.push(&self.line);
        while let Some(chunk) = self.cutter.next_chunk()? {
            self.put(chunk)?;
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if self.sheet == Sheet::Reading {
            self.sheet = Sheet::Done;
        }
        Ok(())
    }

    fn note(&mut self, file: &str, message: String) {
        // Where nobody reads notes there is nobody to tell.
        let _told = writeln!(std::io::stderr(), "{file}: {message}");
    }

    fn progress(&mut self, _: &str, done_bytes: u64, _: u64) {
        (self.told)(done_bytes);
    }
}

fn put_cell(line: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => put_text(line, text),
        Cell::Date(date) => put_text(line, &date.to_string()),
        Cell::Number(number) if number.fract() == 0.0 && number.abs() < NUMBER_DIGITS_KEPT => {
            put_text(line, &format!("{number:.0}"));
        }
        Cell::Number(_)
        | Cell::Bool(_)
        | Cell::Formula
        | Cell::Error
        | Cell::Undecodable
        | Cell::BadDate => put_text(line, LOST),
    }
}

fn put_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => line.extend_from_slice(b"\"\""),
            // One row, one line.
            b'\n' | b'\r' => line.push(b' '),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}

/// Writes the verdicts of a CSV into a workbook.
pub(super) fn write(csv: &Path, workbook: &File) -> anyhow::Result<()> {
    write_of(csv, workbook, SHEET_ROWS_MAX)
}

fn write_of(csv: &Path, workbook: &File, sheet_rows_max: u32) -> anyhow::Result<()> {
    let mut rows = csv::Reader::from_path(csv).context("the verdicts cannot be read back")?;
    let columns: Vec<String> = rows
        .headers()?
        .iter()
        .map(|column| column.trim_start_matches('\u{FEFF}').to_owned())
        .collect();
    let mut book = Workbook::new();
    let mut row = csv::StringRecord::new();
    let mut more = rows.read_record(&mut row)?;
    let mut number = 1;
    loop {
        let sheet = book.add_worksheet_with_constant_memory()?;
        sheet.set_name(if number == 1 {
            "verdicts".to_owned()
        } else {
            format!("verdicts {number}")
        })?;
        for (at, column) in (0u16..).zip(&columns) {
            sheet.write_string(0, at, column)?;
        }
        for at in 1..sheet_rows_max {
            if !more {
                break;
            }
            for (column, text) in (0u16..).zip(&row) {
                if !text.is_empty() {
                    sheet.write_string(at, column, text)?;
                }
            }
            more = rows.read_record(&mut row)?;
        }
        if !more {
            break;
        }
        number += 1;
    }
    book.save_to_writer(workbook)?;
    Ok(())
}
