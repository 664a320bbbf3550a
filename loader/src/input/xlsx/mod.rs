//! Office Open XML workbooks, streamed cell by cell.
//!
//! Promises rows in sheet order with nothing held but the packed shared strings and one row. The
//! package is looked through by [`package`](super::package) before its parts are read.

use std::io::BufRead;
use std::sync::Arc;

use super::archive::{self, Budget};
use super::cell::RowBuffer;
use super::csv::PROGRESS_ROWS;
use super::error::{Blame, Place, SHORTEN, SPLIT};
use super::source::Source;
use super::{Flow, Format, InputError, Limits, TableSink, TableSource, package};

mod cells;
mod parts;
mod strings;
mod styles;
mod xml;

use cells::{Cells, Context, Placed, Value};
use parts::Parts;
use strings::SharedStrings;
use xml::Fault;

/// Reads every worksheet as a table.
#[expect(clippy::redundant_closure, reason = "a function is not general over the lifetime")]
pub(crate) fn read(
    source: &Source,
    file: &str,
    limits: &Limits,
    budget: &mut Budget,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let blame = Blame { file, format: "xlsx" };
    let mut zip = archive::open(source, blame)?;
    package::check(&mut zip, budget, blame, limits)?;
    let mut parts = Parts::new(zip, limits, blame)?;
    let workbook = parts.workbook()?;
    let formats = parts.read(&workbook.styles, |xml| styles::read(xml))?.unwrap_or_default();
    let strings = parts.read(&workbook.strings, |xml| SharedStrings::read(xml, limits))?;
    let strings = strings.unwrap_or_default();
    let context = Context { strings, formats, is_1904: workbook.is_1904 };
    source.restart_progress();
    for sheet in &workbook.sheets {
        let name = Some(Arc::from(sheet.name.as_str()));
        sink.begin(&TableSource { file: Arc::from(file), sheet: name, format: Format::Xlsx })?;
        let Some(xml) = parts.open(&sheet.part)? else {
            let place = Place::Sheet(sheet.name.clone());
            return Err(blame.damaged(place, format!("the part {}", sheet.part), "none"));
        };
        let table = Table { source, name: &sheet.name, context: &context, limits, blame };
        table.read(Cells::new(xml, &context), sink)?;
        sink.end()?;
    }
    Ok(())
}

/// One sheet and what is needed to hand it over and to blame it.
struct Table<'a> {
    source: &'a Source,
    name: &'a str,
    context: &'a Context,
    limits: &'a Limits,
    blame: Blame<'a>,
}

impl Table<'_> {
    fn read<R: BufRead>(
        &self,
        mut cells: Cells<'_, R>,
        sink: &mut dyn TableSink,
    ) -> Result<(), InputError> {
        let mut row = RowBuffer::default();
        let mut number = 0u64;
        loop {
            let placed = match cells.next() {
                Ok(Some(placed)) => placed,
                Ok(None) => break,
                Err(fault) => return Err(self.fault(fault, number.max(u64::from(cells.row())))),
            };
            let at_row = u64::from(placed.row);
            if at_row != number {
                if at_row < number {
                    let place = self.row_place(number);
                    let found = "an earlier row";
                    return Err(self.blame.damaged(place, "rows in rising order", found));
                }
                if self.emit(&row, number, sink)? == Flow::SkipTable {
                    return Ok(());
                }
                row.clear();
                number = at_row;
            }
            self.push(&mut row, number, &placed, cells.text())?;
        }
        self.emit(&row, number, sink)?;
        Ok(())
    }

    fn row_place(&self, row: u64) -> Place {
        Place::Row { sheet: self.name.to_owned(), row }
    }

    fn fault(&self, fault: Fault, row: u64) -> InputError {
        let place = match row {
            0 => Place::Sheet(self.name.to_owned()),
            row => self.row_place(row),
        };
        fault.at(place, self.blame)
    }

    fn emit(
        &self,
        row: &RowBuffer,
        number: u64,
        sink: &mut dyn TableSink,
    ) -> Result<Flow, InputError> {
        if row.is_blank() {
            return Ok(Flow::Continue);
        }
        if number.is_multiple_of(PROGRESS_ROWS) {
            sink.progress(self.blame.file, self.source.furthest(), self.source.len());
        }
        Ok(row.emit(number, sink)?)
    }

    /// Appends a cell; `own` is its text when it has one of its own.
    fn push(
        &self,
        row: &mut RowBuffer,
        number: u64,
        placed: &Placed,
        own: &str,
    ) -> Result<(), InputError> {
        let limits = self.limits;
        let column = placed.column as usize;
        if number > u64::from(limits.sheet_rows_max) {
            let limit = u64::from(limits.sheet_rows_max);
            return Err(self.limit(number, "the number of rows", limit, SPLIT));
        }
        if column >= limits.columns_max as usize {
            let limit = u64::from(limits.columns_max);
            return Err(self.limit(number, "the number of columns", limit, SPLIT));
        }
        if column < row.len() {
            let place = self.row_place(number);
            return Err(self.blame.damaged(place, "cells in rising order", "an earlier column"));
        }
        row.pad_to(column);
        let text = match placed.value {
            Value::Own => own,
            Value::Shared(index) => self.context.strings.get(index).unwrap_or_default(),
            Value::Empty => "",
            Value::Other(cell) => {
                row.push(cell);
                return Ok(());
            }
        };
        if text.len() > limits.cell_bytes_max as usize {
            let limit = u64::from(limits.cell_bytes_max);
            return Err(self.limit(number, "the length of a cell in bytes", limit, SHORTEN));
        }
        row.push_text(text);
        Ok(())
    }

    fn limit(&self, row: u64, what: &'static str, limit: u64, cure: &'static str) -> InputError {
        self.blame.limit(self.row_place(row), what, limit, cure)
    }
}
