//! Why a file cannot be read: each message names the file, the place, what was found and the cure.
//!
//! Promises never to quote cell contents, so that errors may be logged.

use std::fmt;
use std::io;

/// Where in a file something was found, as a person looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of text, counted from 1.
    Line(u64),
    /// A record of a DBF table, counted from 1.
    Record(u64),
    /// An offset from the start of the file.
    Byte(u64),
    /// A sheet of a workbook.
    Sheet(String),
    /// A row of a sheet, counted from 1.
    Row {
        /// The sheet.
        sheet: String,
        /// The row.
        row: u64,
    },
    /// A part inside an xlsx package, with the last cell seen there.
    Part {
        /// The name of the part.
        part: String,
        /// The reference of the cell, such as `B17`, when one was seen.
        cell: Option<String>,
    },
    /// A column of a DBF table, counted from 1.
    Column(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, ", line {line}"),
            Self::Record(record) => write!(f, ", record {record}"),
            Self::Byte(byte) => write!(f, ", byte {byte}"),
            Self::Sheet(sheet) => write!(f, ", sheet {sheet}"),
            Self::Row { sheet, row } => write!(f, ", sheet {sheet}, row {row}"),
            Self::Part { part, cell: Some(cell) } => write!(f, ", part {part}, cell {cell}"),
            Self::Part { part, cell: None } => write!(f, ", part {part}"),
            Self::Column(column) => write!(f, ", column {column}"),
        }
    }
}

/// Why the reading of a file ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file could not be opened or read.
    #[error("{file}: cannot be read: {source}; check that it exists and may be read")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be copied into the store.
    #[error("{file}: cannot be copied into the store: {source}; free space there or mend the disk")]
    Copy {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{file}: is empty (0 bytes); deliver it again")]
    Empty {
        /// The file.
        file: String,
    },
    /// The file changed while it was read.
    #[error("{file}: changed while it was read; deliver it again when it is complete")]
    Changed {
        /// The file.
        file: String,
    },
    /// The content is of a known kind that holds no certificate table.
    #[error("{file}: found {found}; expected an xlsx, xls, csv or dbf table; {cure}")]
    NotATable {
        /// The file.
        file: String,
        /// What the content is.
        found: &'static str,
        /// What the sender can do.
        cure: &'static str,
    },
    /// The content is of no known kind.
    #[error(
        "{file}: unknown content, begins with the bytes {head}; no layout is known for it \
         (none is published for .jdx); export the table as xlsx, xls, csv or dbf, or a zip of these"
    )]
    Unknown {
        /// The file.
        file: String,
        /// The first bytes in hexadecimal.
        head: String,
    },
    /// The content is protected by a password.
    #[error("{file}: {what} is encrypted; remove the password and deliver it again")]
    Encrypted {
        /// The file.
        file: String,
        /// Workbook or archive member.
        what: &'static str,
    },
    /// Known format, but of a kind that is not read.
    #[error("{file}{place}: {found} is not supported; {cure}")]
    Unsupported {
        /// The file.
        file: String,
        /// Where.
        place: Box<Place>,
        /// What was found.
        found: String,
        /// What the sender can do.
        cure: &'static str,
    },
    /// The bytes contradict the format.
    #[error("{file}{place}: {format} file is damaged: expected {expected}, found {found}; {cure}")]
    Damaged {
        /// The file.
        file: String,
        /// Where.
        place: Box<Place>,
        /// The format that the content began as.
        format: &'static str,
        /// What the format asks for.
        expected: String,
        /// What stands there.
        found: String,
        /// What the sender can do.
        cure: &'static str,
    },
    /// A quoted field of a csv file never ends.
    #[error(
        "{file}, line {line}: the record that begins here has a quotation mark that is not closed \
         within {limit_bytes} bytes; close or remove it"
    )]
    EndlessQuote {
        /// The file.
        file: String,
        /// The line on which the record begins.
        line: u64,
        /// Bytes looked through at most.
        limit_bytes: u64,
    },
    /// A limit was passed; the file may be sound, yet it is not taken.
    #[error("{file}{place}: {what} passes the limit of {limit}; {cure}")]
    LimitExceeded {
        /// The file.
        file: String,
        /// Where.
        place: Box<Place>,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What the sender can do.
        cure: &'static str,
    },
    /// An archive holds nothing that could be read as a table.
    #[error("{file}: the archive holds no table; put xlsx, xls, csv or dbf files into it")]
    NoTableInArchive {
        /// The file.
        file: String,
    },
    /// A reader failed in a way that it should not; the process goes on.
    #[error(
        "{file}{place}: the {format} reader gave up on this content; open the file in a \
         spreadsheet program and save it as a new xlsx or csv file"
    )]
    ReaderFailed {
        /// The file.
        file: String,
        /// Where.
        place: Box<Place>,
        /// The format being read.
        format: &'static str,
    },
    /// The consumer of the rows ended the reading.
    #[error(transparent)]
    Sink(#[from] anyhow::Error),
}

/// The cure for damaged files.
pub(crate) const DELIVER_AGAIN: &str = "deliver it again from the original";
/// The cure for workbooks that other programs read better.
pub(crate) const SAVE_AGAIN: &str =
    "open it in a spreadsheet program and save it as a new xlsx or csv file";
/// The cure for tables that are too large.
pub(crate) const SPLIT: &str = "split the table into several files or save it as csv";
/// The cure for archives that inflate without bounds.
pub(crate) const NO_ARCHIVE: &str = "deliver the tables themselves or in smaller archives";
/// The cure for cells and records that are too large.
pub(crate) const SHORTEN: &str = "correct the cell: no certificate field is that long";

/// Builds errors that name one file, so that readers do not carry its name about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blame<'a> {
    /// The name shown to people.
    pub(crate) file: &'a str,
    /// The format being read, as named in messages.
    pub(crate) format: &'static str,
}

impl Blame<'_> {
    pub(crate) fn io(&self, source: io::Error) -> InputError {
        InputError::Io { file: self.file.to_owned(), source }
    }

    pub(crate) fn damaged(
        &self,
        place: Place,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> InputError {
        InputError::Damaged {
            file: self.file.to_owned(),
            place: Box::new(place),
            format: self.format,
            expected: expected.into(),
            found: found.into(),
            cure: DELIVER_AGAIN,
        }
    }

    pub(crate) fn limit(
        &self,
        place: Place,
        what: &'static str,
        limit: u64,
        cure: &'static str,
    ) -> InputError {
        InputError::LimitExceeded {
            file: self.file.to_owned(),
            place: Box::new(place),
            what,
            limit,
            cure,
        }
    }

    pub(crate) fn unsupported(
        &self,
        place: Place,
        found: impl Into<String>,
        cure: &'static str,
    ) -> InputError {
        InputError::Unsupported {
            file: self.file.to_owned(),
            place: Box::new(place),
            found: found.into(),
            cure,
        }
    }

    pub(crate) fn reader_failed(&self, place: Place) -> InputError {
        InputError::ReaderFailed {
            file: self.file.to_owned(),
            place: Box::new(place),
            format: self.format,
        }
    }
}
