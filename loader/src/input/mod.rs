//! Bytes to raw rows: csv, dbf, xlsx, xls, jdx, and zip archives of these, told apart by content.
//!
//! Readers push rows into a [`TableSink`] and know nothing of certificates: they neither recognise
//! headers nor judge values. Every reader works in bounded memory and within the limits of
//! [`limits`].

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub mod error;
pub mod limits;

mod archive;
mod biff;
mod cell;
mod csv;
mod dbf;
mod encoding;
mod package;
mod piece;
mod records;
mod sniff;
mod source;
mod xls;
mod xlsx;

pub(crate) use encoding::looks_like_utf8;
pub use error::{InputError, Place};
pub use limits::Limits;
pub use piece::{Piece, PieceSink, Taker};

use error::Blame;
use sniff::Kind;
use source::Source;

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

    /// Where pieces of csv and dbf tables go, asked before each; `None` to take their rows in order.
    fn pieces(&mut self) -> Option<&mut dyn PieceSink> {
        None
    }

    /// How far the reading has come, for a progress bar: every few thousand rows, in bytes of the
    /// file or archive member being read.
    fn progress(&mut self, file: &str, done_bytes: u64, total_bytes: u64) {
        let _ = (file, done_bytes, total_bytes);
    }
}

/// What was read of one delivered file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileRead {
    /// The format found, or `None` for an archive.
    pub format: Option<Format>,
    /// SHA-256 of the delivered bytes in lower-case hexadecimal.
    pub sha256: String,
    /// Number of delivered bytes.
    pub bytes: u64,
    /// The members of an archive that were read as tables, in archive order; else empty.
    pub members: Vec<MemberRead>,
}

/// What was read of one member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberRead {
    /// `outer.zip/inner.csv`.
    pub file: String,
    /// The format found.
    pub format: Format,
    /// SHA-256 of the inflated bytes in lower-case hexadecimal.
    pub sha256: String,
    /// Number of inflated bytes.
    pub bytes: u64,
}

/// Reads every table of the file at `path` into `sink`, naming the file `display_name`.
///
/// The format follows from the content alone. Rows already handed over do not count when an error
/// follows: the file as a whole is refused then.
///
/// # Errors
/// When the file cannot be read, is no table, is damaged, encrypted or beyond `limits`, or when
/// the sink ends the reading.
pub fn read_file(
    path: &Path,
    display_name: &str,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<FileRead, InputError> {
    let blame = Blame { file: display_name, format: "upload" };
    let source = Source::open(path).map_err(|error| blame.io(error))?;
    let survey = source::survey(&source, blame, limits.file_bytes_max, None)?;
    let read = read_surveyed(&source, survey, blame, limits, sink)?;
    check_unchanged(&source, blame)?;
    Ok(read)
}

/// As [`read_file`], from a copy: the bytes are read from `path` once, copied, and all that is judged
/// is judged from the copy. `copied` is called when the copy is whole, before its tables are read.
///
/// # Errors
/// As [`read_file`], and when the copy cannot be written.
pub fn read_copied(
    path: &Path,
    display_name: &str,
    copy: File,
    copied: impl FnOnce(&File),
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<FileRead, InputError> {
    let blame = Blame { file: display_name, format: "upload" };
    let source = Source::open(path).map_err(|error| blame.io(error))?;
    let survey = source::survey(&source, blame, limits.file_bytes_max, Some(&copy))?;
    check_unchanged(&source, blame)?;
    copied(&copy);
    let stored = Source::from_file(copy).map_err(|error| blame.io(error))?;
    let read = read_surveyed(&stored, survey, blame, limits, sink)?;
    check_unchanged(&source, blame)?;
    Ok(read)
}

fn check_unchanged(source: &Source, blame: Blame<'_>) -> Result<(), InputError> {
    if source.has_changed().map_err(|error| blame.io(error))? {
        return Err(InputError::Changed { file: blame.file.to_owned() });
    }
    Ok(())
}

fn read_surveyed(
    source: &Source,
    survey: source::Survey,
    blame: Blame<'_>,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<FileRead, InputError> {
    let mut budget = archive::Budget::new(survey.bytes);
    let mut members = Vec::new();
    let format =
        read_content(source, &survey, blame.file, 0, limits, &mut budget, &mut members, sink)?;
    Ok(FileRead { format, sha256: survey.sha256, bytes: survey.bytes, members })
}

/// Reads one file or archive member; `None` when it was an archive itself.
#[expect(clippy::too_many_arguments, reason = "the state of one recursion, used nowhere else")]
fn read_content(
    source: &Source,
    survey: &source::Survey,
    file: &str,
    depth: u32,
    limits: &Limits,
    budget: &mut archive::Budget,
    members: &mut Vec<MemberRead>,
    sink: &mut dyn TableSink,
) -> Result<Option<Format>, InputError> {
    match sniff::sniff(source, survey, file, limits)? {
        Kind::Csv => csv::read(source, file, limits, sink).map(|()| Some(Format::Csv)),
        Kind::Dbf => dbf::read(source, file, limits, sink).map(|()| Some(Format::Dbf)),
        Kind::Xlsx => xlsx::read(source, file, limits, budget, sink).map(|()| Some(Format::Xlsx)),
        Kind::Xls => xls::read(source, file, limits, sink).map(|()| Some(Format::Xls)),
        Kind::Archive => {
            archive::read(source, file, depth, limits, budget, members, sink).map(|()| None)
        }
    }
}
