//! Small workbooks of Excel 97 to 2003: BIFF8 records in a compound file.
//!
//! Enough for samples and tests: one sheet, text as plain `LABEL` records, numbers and days. The
//! whole table is held in memory. Formulas are written as text.

use std::io::{Read, Seek, Write};
use std::time::SystemTime;

use anyhow::ensure;

use super::{Column, TableWriter, Value};

const SHEET: &str = "Sheet1";
/// Rows that this writer takes; the format itself has 65,536.
const ROWS_MAX: u16 = 10_000;
/// Characters of one cell that fit a record without continuation.
const CELL_CHARS_MAX: usize = 255;

const BOF: u16 = 0x0809;
const EOF: u16 = 0x000A;
const CODEPAGE: u16 = 0x0042;
const FONT: u16 = 0x0031;
const XF: u16 = 0x00E0;
const STYLE: u16 = 0x0293;
const BOUNDSHEET: u16 = 0x0085;
const DIMENSIONS: u16 = 0x0200;
const WINDOW1: u16 = 0x003D;
const WINDOW2: u16 = 0x023E;
const LABEL: u16 = 0x0204;
const NUMBER: u16 = 0x0203;

const BIFF8: u16 = 0x0600;
const PART_GLOBALS: u16 = 0x0005;
const PART_SHEET: u16 = 0x0010;
/// Number formats built into the program.
const FORMAT_GENERAL: u16 = 0;
const FORMAT_DAY: u16 = 14;
/// Cell formats: fifteen that every workbook starts with, then ours.
const STYLE_XFS: u16 = 15;
const XF_GENERAL: u16 = STYLE_XFS;
const XF_DAY: u16 = STYLE_XFS + 1;

/// Writes an xls file.
pub struct XlsWriter<W: Read + Write + Seek> {
    out: W,
    columns: u16,
    rows: u16,
    cells: Vec<u8>,
}

impl<W: Read + Write + Seek> XlsWriter<W> {
    /// Starts a workbook with the full names of the columns.
    ///
    /// # Errors
    /// When a name is too long for a cell.
    pub fn new(out: W, columns: &[Column]) -> anyhow::Result<Self> {
        let count = u16::try_from(columns.len())?;
        let mut writer = Self { out, columns: count, rows: 0, cells: Vec::new() };
        let headers: Vec<_> = columns.iter().map(|column| Value::text(column.header)).collect();
        writer.row(&headers)?;
        Ok(writer)
    }

    fn workbook(&self) -> anyhow::Result<Vec<u8>> {
        let mut stream = Vec::new();
        begin(&mut stream, PART_GLOBALS);
        record(&mut stream, CODEPAGE, &1200u16.to_le_bytes());
        record(
            &mut stream,
            WINDOW1,
            &[0, 0, 0, 0, 0x40, 0x38, 0, 0x20, 0x38, 0, 0, 0, 0, 0, 1, 0, 0x58, 2],
        );
        for _ in 0..4 {
            record(&mut stream, FONT, &font());
        }
        for _ in 0..STYLE_XFS {
            record(&mut stream, XF, &cell_format(FORMAT_GENERAL, 0xFFF5));
        }
        record(&mut stream, XF, &cell_format(FORMAT_GENERAL, 0x0001));
        record(&mut stream, XF, &cell_format(FORMAT_DAY, 0x0001));
        record(&mut stream, STYLE, &[0, 0x80, 0, 0xFF]);
        let mut sheet = vec![0; 4];
        sheet.extend([0, 0, SHEET.len() as u8, 0]);
        sheet.extend(SHEET.as_bytes());
        // The sheet starts after this record (four bytes of head) and the end of the globals.
        let sheet_start = u32::try_from(stream.len() + 4 + sheet.len() + 4)?;
        sheet[..4].copy_from_slice(&sheet_start.to_le_bytes());
        record(&mut stream, BOUNDSHEET, &sheet);
        record(&mut stream, EOF, &[]);

        begin(&mut stream, PART_SHEET);
        let mut dimensions = Vec::new();
        dimensions.extend(0u32.to_le_bytes());
        dimensions.extend(u32::from(self.rows).to_le_bytes());
        dimensions.extend(0u16.to_le_bytes());
        dimensions.extend(self.columns.to_le_bytes());
        dimensions.extend([0; 2]);
        record(&mut stream, DIMENSIONS, &dimensions);
        stream.extend(&self.cells);
        record(&mut stream, WINDOW2, &[0xB6, 6, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        record(&mut stream, EOF, &[]);
        Ok(stream)
    }

    fn cell(&mut self, column: u16, value: &Value<'_>) -> anyhow::Result<()> {
        let (format, number) = match value {
            Value::Empty => return Ok(()),
            Value::Number(number) => (XF_GENERAL, *number),
            // Day 1 is 1900-01-01 and day 60 a 29 February that never was.
            Value::Date(date) => (XF_DAY, f64::from(date.days_since_1970()) + 25_569.0),
            Value::Text(_) | Value::Formula(_) => return self.label(column, &value.to_text()),
        };
        let mut body = self.place(column, format);
        body.extend(number.to_le_bytes());
        record(&mut self.cells, NUMBER, &body);
        Ok(())
    }

    fn label(&mut self, column: u16, text: &str) -> anyhow::Result<()> {
        let units: Vec<u16> = text.encode_utf16().collect();
        ensure!(units.len() <= CELL_CHARS_MAX, "a cell of {} characters", units.len());
        let mut body = self.place(column, XF_GENERAL);
        body.extend((units.len() as u16).to_le_bytes());
        body.push(1);
        body.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        record(&mut self.cells, LABEL, &body);
        Ok(())
    }

    fn place(&self, column: u16, format: u16) -> Vec<u8> {
        [self.rows, column, format].iter().flat_map(|part| part.to_le_bytes()).collect()
    }
}

impl<W: Read + Write + Seek> TableWriter for XlsWriter<W> {
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()> {
        ensure!(self.rows < ROWS_MAX, "more than {ROWS_MAX} rows");
        for (column, value) in (0..self.columns).zip(values) {
            self.cell(column, value)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        let stream = self.workbook()?;
        let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, self.out)?;
        file.create_stream("/Workbook")?.write_all(&stream)?;
        // The root carries the moment of writing; equal rows shall make equal files.
        file.set_modified_time("/", SystemTime::UNIX_EPOCH)?;
        file.flush()?;
        file.into_inner().flush()?;
        Ok(())
    }
}

fn record(stream: &mut Vec<u8>, kind: u16, body: &[u8]) {
    stream.extend(kind.to_le_bytes());
    stream.extend((body.len() as u16).to_le_bytes());
    stream.extend(body);
}

fn begin(stream: &mut Vec<u8>, part: u16) {
    let mut body = Vec::new();
    body.extend(BIFF8.to_le_bytes());
    body.extend(part.to_le_bytes());
    // Build and year of a program that wrote this format, no history flags, oldest reader BIFF8.
    body.extend(0x0DBBu16.to_le_bytes());
    body.extend(0x07CCu16.to_le_bytes());
    body.extend([0; 4]);
    body.extend(6u32.to_le_bytes());
    record(stream, BOF, &body);
}

/// Arial, ten points, plain.
fn font() -> Vec<u8> {
    let mut body = vec![0xC8, 0, 0, 0, 0xFF, 0x7F, 0x90, 1, 0, 0, 0, 0, 0, 0];
    body.extend([5, 0]);
    body.extend(b"Arial");
    body
}

/// A cell format; `kind` tells a style (`0xFFF5`) from a cell of the first style (`0x0001`).
fn cell_format(number_format: u16, kind: u16) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0u16.to_le_bytes());
    body.extend(number_format.to_le_bytes());
    body.extend(kind.to_le_bytes());
    body.extend([0x20, 0, 0, if kind == 1 { 0x04 } else { 0 }]);
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0x20]);
    body
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader};
    use zhengcha_engine::Date;

    use super::super::{TableLayout, columns};
    use super::*;

    fn write(rows: &[Vec<Value<'_>>]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let columns = &columns(TableLayout::Of2013)[..4];
        let mut writer = Box::new(XlsWriter::new(&mut out, columns).unwrap());
        rows.iter().for_each(|row| writer.row(row).unwrap());
        writer.finish().unwrap();
        out.into_inner()
    }

    #[test]
    fn another_reader_sees_the_same_table() {
        let row = vec![
            Value::text("𠮷·白京"),
            Value::Empty,
            Value::Date(Date::new(1981, 2, 28).unwrap()),
            Value::Number(84.8),
        ];
        // Some fifty rows fill more than the small sectors of the container.
        for count in [1, 200] {
            let bytes = write(&vec![row.clone(); count]);
            assert_eq!(bytes, write(&vec![row.clone(); count]), "same rows, same bytes");
            let mut workbook = calamine::Xls::new(Cursor::new(bytes)).unwrap();
            let range = workbook.worksheet_range(SHEET).unwrap();
            assert_eq!(range.height(), count + 1);
            assert_eq!(range.get((0, 2)), Some(&Data::String("出生日期".into())));
            let last = range.rows().next_back().unwrap();
            assert_eq!(last[0], Data::String("𠮷·白京".into()));
            assert!(
                matches!(&last[2], Data::DateTime(day) if day.as_f64() == 29_645.0),
                "{last:?}"
            );
            assert_eq!(last[3], Data::Float(84.8));
        }
    }
}
