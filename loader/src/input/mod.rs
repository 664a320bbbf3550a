//! Bytes to raw rows: csv, dbf, xlsx, xls, jdx, and zip archives of these, told apart by content.
//!
//! Readers push rows into a [`TableSink`] and know nothing of certificates: they neither recognise
//! headers nor judge values. Every reader works in bounded memory and within the limits of
//! [`limits`].

use std::sync::Arc;

/// What kind of file the content turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-, tab- or semicolon-separated text.
    Csv,
    /// dBase III or FoxPro table.
    Dbf,
    /// Office Open XML workbook.
    Xlsx,
    /// BIFF workbook of Excel 5 to 2003.
    Xls,
}

/// Where a table comes from, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableSource {
    /// The file as given, or `outer.zip/inner.csv` for a member of an archive.
    pub file: Arc<str>,
    /// The sheet, for workbooks.
    pub sheet: Option<Arc<str>>,
    /// The format found.
    pub format: Format,
}

/// One cell as delivered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing, or nothing but white space.
    Empty,
    /// Text, decoded strictly; outer white space kept.
    Text(&'a str),
    /// A number cell of a workbook or a numeric DBF column. DBF and CSV numbers that are written as
    /// plain digits come as `Text`, since no digit is lost there.
    Number(f64),
    /// A date cell.
    Date(zhengcha_engine::Date),
    /// A truth value.
    Bool(bool),
    /// A formula, or text that a spreadsheet would run as one (`=`, `+`, `-`, `@` in front of a word).
    Formula,
    /// An error value of a spreadsheet such as `#N/A`.
    Error,
    /// Bytes that are not text in the encoding of the file.
    Undecodable,
    /// A date cell or date column whose content is no day of the calendar.
    BadDate,
}

/// One row that is not empty, as delivered.
#[derive(Debug)]
pub struct Row<'a> {
    /// What a person sees: the spreadsheet row or the line on which the record starts, the header
    /// counted; for DBF the record number from 1.
    pub number: u64,
    /// Cells by column position; trailing empty cells may be missing.
    pub cells: &'a [Cell<'a>],
}

/// What the consumer wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on with the next row.
    Continue,
    /// Leave the rest of this table out (a sheet that is no certificate table).
    SkipTable,
}

/// Receives the tables of a file, row by row, in file order.
pub trait TableSink {
    /// A table starts. A csv or dbf file is one table, a workbook one for each sheet.
    ///
    /// # Errors
    /// Ends the reading of the file.
    fn begin(&mut self, source: &TableSource) -> anyhow::Result<()>;

    /// The next row; the first of a table holds its headers (for DBF the column names, as row 0).
    ///
    /// # Errors
    /// Ends the reading of the file.
    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow>;

    /// The table has ended (also after [`Flow::SkipTable`]).
    ///
    /// # Errors
    /// Ends the reading of the file.
    fn end(&mut self) -> anyhow::Result<()>;

    /// Something about the file that its sender should know and that is no row's fault,
    /// for example a memo column left out or deleted DBF records passed over.
    fn note(&mut self, file: &str, message: String);
}
