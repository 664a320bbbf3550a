//! Writes invented certificates as upload files: a made-up register to try, to test and to measure
//! with, of any size and with no real person in it.
//!
//! The writers put out what they are given, right or wrong, so that samples can hold bad rows on
//! purpose. They promise the same bytes for the same rows. They know nothing of rules: what is
//! acceptable is judged elsewhere.

pub mod columns;
pub mod csv;
pub mod dbf;
pub mod xls;
pub mod xlsx;

use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context;
use zhengcha_engine::testing::Generator;
use zhengcha_engine::{Certificate, Date};

pub use columns::{Column, Kind, TableLayout, columns, values};

/// Rows of one file, so that a workbook stays below the 1,048,576 rows of a sheet.
pub const ROWS_PER_FILE_MAX: u64 = 500_000;

/// One cell to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// An empty cell.
    Empty,
    /// Text as it stands.
    Text(Cow<'a, str>),
    /// A number: a number cell of a workbook, digits elsewhere.
    Number(f64),
    /// A day: a date cell of a workbook, a date column of a DBF file, `YYYY-MM-DD` in csv.
    Date(Date),
    /// A formula without its `=`; as text with the `=` where there are no formulas.
    Formula(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Text, or an empty cell for empty text.
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// The cell as plain text, for formats without cell types.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Formula(formula) => Cow::Owned(format!("={formula}")),
        }
    }
}

/// Receives the rows of one table; the header was written when it was made.
pub trait TableWriter {
    /// Writes the next row, a value for each column.
    ///
    /// # Errors
    /// When the row cannot be written or does not fit the format.
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()>;

    /// Ends the table and writes what is still held back.
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// The formats an upload file can be made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynthFormat {
    /// UTF-8 with a byte order mark, as spreadsheets write it.
    Csv,
    /// dBase III, GBK, short column names.
    Dbf,
    /// Office Open XML workbook, one sheet.
    Xlsx,
}

impl SynthFormat {
    /// The usual ending of a file name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Dbf => "dbf",
            Self::Xlsx => "xlsx",
        }
    }

    fn create(self, path: &Path, layout: TableLayout) -> anyhow::Result<Box<dyn TableWriter>> {
        let columns = columns(layout);
        let file = || File::create(path).map(BufWriter::new);
        Ok(match self {
            Self::Csv => {
                Box::new(csv::CsvWriter::new(file()?, csv::CsvEncoding::Utf8Bom, columns)?)
            }
            Self::Dbf => Box::new(dbf::DbfWriter::new(file()?, columns)?),
            Self::Xlsx => Box::new(xlsx::XlsxWriter::new(path, columns)?),
        })
    }
}

/// What [`synth`] has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthSummary {
    /// The files, in the order of their numbers.
    pub files: Vec<PathBuf>,
    /// Rows in all of them.
    pub records: u64,
}

/// Writes `records` invented certificates into `out_dir`, which is made if need be, as
/// `register-0001.csv` and so on with at most [`ROWS_PER_FILE_MAX`] rows each.
///
/// # Errors
/// When a file cannot be written, when a file of that name is there already, or when the generator
/// has no more certificates (past some hundred millions).
pub fn synth(
    records: u64,
    seed: u64,
    out_dir: &Path,
    format: SynthFormat,
    layout: TableLayout,
) -> anyhow::Result<SynthSummary> {
    std::fs::create_dir_all(out_dir)
        .with_context(|| format!("cannot make the folder {}", out_dir.display()))?;
    let generator = Generator::new(seed);
    let mut certificates = match layout {
        TableLayout::Of2013 => generator.sixteen_digits(),
        TableLayout::Of2019 => generator,
    };
    let mut summary = SynthSummary { files: Vec::new(), records: 0 };
    while summary.records < records {
        let name = format!("register-{:04}.{}", summary.files.len() + 1, format.extension());
        let path = out_dir.join(name);
        anyhow::ensure!(!path.exists(), "{} is there already", path.display());
        let rows = (records - summary.records).min(ROWS_PER_FILE_MAX);
        let written = write_file(&mut certificates, rows, &path, format, layout)
            .with_context(|| format!("cannot write {}", path.display()))?;
        summary.files.push(path);
        summary.records += written;
        anyhow::ensure!(written == rows, "only {} certificates can be made", summary.records);
    }
    Ok(summary)
}

fn write_file(
    certificates: &mut impl Iterator<Item = Certificate>,
    rows: u64,
    path: &Path,
    format: SynthFormat,
    layout: TableLayout,
) -> anyhow::Result<u64> {
    let mut table = format.create(path, layout)?;
    let mut written = 0;
    while written < rows {
        let Some(certificate) = certificates.next() else { break };
        table.row(&values(&certificate, layout))?;
        written += 1;
    }
    table.finish()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_bytes_in_every_format_and_layout() {
        for format in [SynthFormat::Csv, SynthFormat::Dbf, SynthFormat::Xlsx] {
            for layout in [TableLayout::Of2013, TableLayout::Of2019] {
                let folder = tempfile::tempdir().unwrap();
                let [first, second] = ["a", "b"].map(|name| {
                    let out = folder.path().join(name);
                    let summary = synth(400, 9, &out, format, layout).unwrap();
                    assert_eq!(summary.records, 400);
                    assert_eq!(summary.files.len(), 1);
                    std::fs::read(&summary.files[0]).unwrap()
                });
                assert!(!first.is_empty() && first == second, "{format:?} {layout:?}");
            }
        }
    }

    #[test]
    fn it_never_writes_over_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let make = || synth(3, 1, folder.path(), SynthFormat::Csv, TableLayout::Of2013);
        make().unwrap();
        assert!(make().unwrap_err().to_string().contains("there already"));
    }

    #[test]
    fn no_records_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/er");
        let summary = synth(0, 1, &out, SynthFormat::Dbf, TableLayout::Of2019).unwrap();
        assert_eq!(summary, SynthSummary { files: Vec::new(), records: 0 });
        assert!(out.is_dir());
    }
}
