//! One table file: where it is read from and how its lines become values.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

/// A table in the store may be this large.
pub const TABLE_FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file is there but cannot be read.
    #[error("table {file} cannot be read: {source}; repair it or take it away")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The content is not what the table needs.
    #[error("table {file}, line {line}, column {column}: {problem}")]
    Wrong {
        /// Name of the file.
        file: String,
        /// Line from 1, 0 for the file as a whole.
        line: u64,
        /// Name of the column, or `-`.
        column: String,
        /// What is wrong and what is expected.
        problem: String,
    },
}

/// The text of a table and where it came from.
pub struct Source<'a> {
    name: &'a str,
    text: Cow<'a, str>,
    /// Whether a file of the store took the place of the built-in text.
    pub from_store: bool,
}

impl<'a> Source<'a> {
    /// The file of this name in `folder` where there is one, else the built-in text.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn open(
        folder: Option<&Path>,
        name: &'a str,
        embedded: &'a str,
    ) -> Result<Self, TableError> {
        let Some(path) = folder.map(|folder| folder.join(name)) else {
            return Ok(Self::embedded(name, embedded));
        };
        let unreadable =
            |source| TableError::Unreadable { file: path.display().to_string(), source };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::embedded(name, embedded));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut text = String::new();
        file.take(TABLE_FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > TABLE_FILE_MAX_BYTES {
            return Err(unreadable(io::Error::other(format!(
                "it is larger than {TABLE_FILE_MAX_BYTES} bytes"
            ))));
        }
        Ok(Self { name, text: Cow::Owned(text), from_store: true })
    }

    fn embedded(name: &'a str, text: &'a str) -> Self {
        Self { name, text: Cow::Borrowed(text), from_store: false }
    }

    /// Hands every line to `take`; the first line must hold exactly `columns`.
    ///
    /// # Errors
    /// The header differs, a line is no CSV, or `take` refuses it.
    pub fn each(
        &self,
        columns: &[&str],
        mut take: impl FnMut(&Line<'_>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let text = self.text.strip_prefix('\u{FEFF}').unwrap_or(&self.text);
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let found = reader.headers().map_err(|error| self.csv(&error))?;
        if found.iter().map(str::trim).ne(columns.iter().copied()) {
            return Err(self.at(1, "-", format!("the header must be {}", columns.join(","))));
        }
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| self.csv(&error))? {
            let number = record.position().map_or(0, csv::Position::line);
            take(&Line { source: self, columns, record: &record, number })?;
        }
        Ok(())
    }

    /// An error of the file as a whole.
    #[must_use]
    pub fn wrong(&self, problem: impl Into<String>) -> TableError {
        self.at(0, "-", problem)
    }

    fn at(&self, line: u64, column: &str, problem: impl Into<String>) -> TableError {
        TableError::Wrong {
            file: self.name.to_owned(),
            line,
            column: column.to_owned(),
            problem: problem.into(),
        }
    }

    fn csv(&self, error: &csv::Error) -> TableError {
        self.at(error.position().map_or(0, csv::Position::line), "-", error.to_string())
    }
}

/// One line of a table.
pub struct Line<'a> {
    source: &'a Source<'a>,
    columns: &'a [&'a str],
    record: &'a csv::StringRecord,
    number: u64,
}

impl Line<'_> {
    /// The text of a column, `""` when blank.
    #[must_use]
    pub fn get(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The text of a column that may not be blank.
    ///
    /// # Errors
    /// It is blank.
    pub fn filled(&self, column: usize) -> Result<&str, TableError> {
        match self.get(column) {
            "" => Err(self.wrong(column, "it is blank")),
            text => Ok(text),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn number<T: FromStr>(&self, column: usize) -> Result<T, TableError> {
        self.get(column)
            .parse()
            .map_err(|_| self.wrong(column, "a whole number of fitting size is expected"))
    }

    /// A whole number, or nothing.
    ///
    /// # Errors
    /// It is neither.
    pub fn optional<T: FromStr>(&self, column: usize) -> Result<Option<T>, TableError> {
        if self.get(column).is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }

    /// An error of one column of this line.
    #[must_use]
    pub fn wrong(&self, column: usize, problem: &str) -> TableError {
        self.source.at(self.number, self.columns.get(column).copied().unwrap_or("-"), problem)
    }
}
