//! Office Open XML workbooks, streamed cell by cell.
//!
//! Promises rows in sheet order with nothing held but the shared strings and one row. The package
//! is looked through by [`package`](super::package) before the reader opens it.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calamine::{DataRef, Reader, SheetType, Xlsx, XlsxCellReader, XlsxError};
use zhengcha_engine::Date;

use super::archive::Budget;
use super::cell::{RowBuffer, serial_date};
use super::csv::PROGRESS_ROWS;
use super::error::{Blame, Place, SHORTEN, SPLIT};
use super::source::Source;
use super::{Cell, Flow, Format, InputError, Limits, TableSink, TableSource, archive, package};

type Workbook = Xlsx<BufReader<Source>>;

/// Reads every worksheet as a table.
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
    drop(zip);
    source.restart_progress();
    let mut workbook = guarded(Place::File, blame, || Xlsx::new(BufReader::new(source.clone())))?;
    let is_1904 = workbook.has_1904_epoch();
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    for sheet in &sheets {
        let name = Some(Arc::from(sheet.as_str()));
        sink.begin(&TableSource { file: Arc::from(file), sheet: name, format: Format::Xlsx })?;
        let table = Sheet { source, name: sheet, is_1904, limits, blame };
        table.read(&mut workbook, sink)?;
        sink.end()?;
    }
    Ok(())
}

/// Runs a step of the foreign reader: its errors get a place, its panics end the file alone.
fn guarded<T>(
    place: Place,
    blame: Blame<'_>,
    step: impl FnOnce() -> Result<T, XlsxError>,
) -> Result<T, InputError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(XlsxError::Password)) => {
            Err(InputError::Encrypted { file: blame.file.to_owned(), what: "the workbook" })
        }
        Ok(Err(error)) => Err(blame.damaged(place, "a sound workbook", describe(&error))),
        Err(_) => Err(blame.reader_failed(place)),
    }
}

/// The error without the cell content that some of them quote.
fn describe(error: &XlsxError) -> String {
    match error {
        XlsxError::Unrecognized { typ, .. } => format!("an unknown {typ}"),
        XlsxError::CellError(_) => "an unknown error value".to_owned(),
        XlsxError::CellTAttribute(_) => "an unknown type of cell".to_owned(),
        XlsxError::ParseFloat(_) | XlsxError::ParseInt(_) => "a number that is none".to_owned(),
        other => other.to_string(),
    }
}

/// One sheet and what is needed to read and to blame it.
struct Sheet<'a> {
    source: &'a Source,
    name: &'a str,
    is_1904: bool,
    limits: &'a Limits,
    blame: Blame<'a>,
}

impl Sheet<'_> {
    fn read(&self, workbook: &mut Workbook, sink: &mut dyn TableSink) -> Result<(), InputError> {
        let place = Place::Sheet(self.name.to_owned());
        let mut cells = guarded(place, self.blame, || workbook.worksheet_cells_reader(self.name))?;
        let mut row = RowBuffer::default();
        let mut number = 0u64;
        while let Some((at, cell)) = self.next_cell(&mut cells, number)? {
            let (at_row, at_column) = (u64::from(at.0) + 1, at.1 as usize);
            if at_row != number {
                if at_row < number {
                    let place = self.row_place(number);
                    return Err(self.blame.damaged(
                        place,
                        "rows in rising order",
                        "an earlier row",
                    ));
                }
                if self.emit(&row, number, sink)? == Flow::SkipTable {
                    return Ok(());
                }
                row.clear();
                number = at_row;
            }
            self.push(&mut row, number, at_column, cell)?;
        }
        self.emit(&row, number, sink)?;
        Ok(())
    }

    fn row_place(&self, row: u64) -> Place {
        Place::Row { sheet: self.name.to_owned(), row }
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

    /// The next cell that is not empty.
    fn next_cell<'c>(
        &self,
        cells: &mut XlsxCellReader<'c, BufReader<Source>>,
        number: u64,
    ) -> Result<Option<PlacedValue<'c>>, InputError> {
        loop {
            let step = AssertUnwindSafe(|| cells.next_cell_with_formula_metadata());
            let record = match catch_unwind(step) {
                Ok(Ok(Some(record))) => record,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => {
                    let place = self.row_place(number.max(1));
                    return Err(self.blame.damaged(place, "a sound sheet", describe(&error)));
                }
                Err(_) => return Err(self.blame.reader_failed(self.row_place(number.max(1)))),
            };
            let value = match (record.formula, record.value) {
                (Some(_), _) => Value::Other(Cell::Formula),
                (None, DataRef::Empty) => continue,
                (None, value) => self.value(value),
            };
            return Ok(Some((record.pos, value)));
        }
    }

    fn value<'c>(&self, value: DataRef<'c>) -> Value<'c> {
        Value::Other(match value {
            DataRef::SharedString(text) => return Value::Shared(text),
            DataRef::String(text) => return Value::Own(text),
            DataRef::Int(number) => Cell::Number(number as f64),
            DataRef::Float(number) => Cell::Number(number),
            DataRef::Bool(truth) => Cell::Bool(truth),
            DataRef::DateTime(time) if time.is_duration() => Cell::Number(time.as_f64()),
            DataRef::DateTime(time) => {
                serial_date(time.as_f64(), self.is_1904).map_or(Cell::BadDate, Cell::Date)
            }
            DataRef::DateTimeIso(text) => {
                text.get(..10).and_then(Date::parse_iso).map_or(Cell::BadDate, Cell::Date)
            }
            DataRef::DurationIso(_) => Cell::BadDate,
            DataRef::Error(_) => Cell::Error,
            DataRef::Empty => Cell::Empty,
        })
    }

    fn push(
        &self,
        row: &mut RowBuffer,
        number: u64,
        column: usize,
        value: Value<'_>,
    ) -> Result<(), InputError> {
        let limits = self.limits;
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
        let text = match &value {
            Value::Shared(text) => *text,
            Value::Own(text) => text.as_str(),
            Value::Other(cell) => {
                row.push(*cell);
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

/// A value with its row and column from 0.
type PlacedValue<'c> = ((u32, u32), Value<'c>);

/// A cell as the foreign reader gives it, still holding its text.
enum Value<'c> {
    Shared(&'c str),
    Own(String),
    Other(Cell<'static>),
}
