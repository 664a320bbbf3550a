//! What an upload came to: counts by file, findings by row, for people and for programs.
//!
//! Findings keep their place as numbers and become text only while they are written; more of them than
//! fit a bound lie in temporary files. Counts are of rows, not of findings. Knows no rule's meaning.

mod findings;
mod guard;
mod json;
mod packed;
mod sheet;
mod summary;
mod write;

pub use findings::{FINDINGS_IN_MEMORY, Findings, Notes, Place};
pub use summary::summary;
pub use write::{ReportFormat, ReportPathError};

use std::io;
use std::sync::Arc;

use crate::input::Format;
use crate::judge::{Detail, Finding, Severity};
use crate::layout::Layout;

/// Everything one command found.
#[derive(Clone, Debug, Default)]
pub struct UploadReport {
    /// The files in the order given.
    pub files: Vec<FileReport>,
    /// The findings, in order.
    pub findings: Findings,
    /// The generation published, when one was.
    pub generation: Option<u64>,
}

/// One file, or one member of an archive.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// As given, or `outer.zip/inner.csv`.
    pub path: String,
    /// SHA-256 of the content in lower-case hexadecimal digits.
    pub sha256: String,
    /// What the content turned out to be.
    pub format: Option<Format>,
    /// The layout of its tables.
    pub layout: Option<Layout>,
    /// Sheets by the index that [`PlacedFinding::sheet`] uses.
    pub sheets: Vec<Arc<str>>,
    /// Rows judged: accepted and rejected.
    pub rows: u64,
    /// Rows accepted, with warnings or without.
    pub accepted: u64,
    /// Rows accepted with warnings.
    pub warned: u64,
    /// Rows kept out.
    pub rejected: u64,
    /// Sheets skipped, columns left out and the like.
    pub notes: Vec<String>,
    /// Why the file was refused as a whole.
    pub error: Option<String>,
}

impl FileReport {
    /// Counts one row that was judged.
    pub fn count(&mut self, accepted: bool, warned: bool) {
        self.rows += 1;
        if accepted {
            self.accepted += 1;
            self.warned += u64::from(warned);
        } else {
            self.rejected += 1;
        }
    }
}

/// A finding and the row it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedFinding {
    /// Index into [`UploadReport::files`].
    pub file: u16,
    /// Index into [`FileReport::sheets`], or [`NO_SHEET`].
    pub sheet: u16,
    /// The row as a person sees it.
    pub row: u32,
    /// What is wrong.
    pub finding: Finding,
}

const _: () = assert!(size_of::<PlacedFinding>() <= 32);

/// The sheet of a format that has none.
pub const NO_SHEET: u16 = u16::MAX;

impl PlacedFinding {
    fn place(&self) -> (u16, u16, u32) {
        (self.file, self.sheet, self.row)
    }
}

impl UploadReport {
    /// Rows read, accepted, accepted with warnings, rejected, over all files.
    #[must_use]
    pub fn totals(&self) -> [u64; 4] {
        self.files.iter().fold([0; 4], |[rows, accepted, warned, rejected], file| {
            [
                rows + file.rows,
                accepted + file.accepted,
                warned + file.warned,
                rejected + file.rejected,
            ]
        })
    }

    /// Findings of one severity, as they will be shown.
    fn entries(&self, severity: Severity) -> impl Iterator<Item = io::Result<Entry<'_>>> {
        self.findings.iter(severity).map(move |placed| Ok(Entry { report: self, placed: placed? }))
    }

    fn path(&self, file: u16) -> &str {
        self.files.get(usize::from(file)).map_or("", |file| file.path.as_str())
    }
}

/// One finding with all that its line in a report shows.
struct Entry<'a> {
    report: &'a UploadReport,
    placed: PlacedFinding,
}

impl<'a> Entry<'a> {
    fn file(&self) -> &'a str {
        self.report.path(self.placed.file)
    }

    fn sheet(&self) -> Option<&'a str> {
        let file = self.report.files.get(usize::from(self.placed.file))?;
        file.sheets.get(usize::from(self.placed.sheet)).map(AsRef::as_ref)
    }

    fn field(&self) -> Option<&'static str> {
        self.placed.finding.field.map(crate::layout::FieldName::name)
    }

    fn rule(&self) -> &'static str {
        self.placed.finding.rule.id()
    }

    /// The message; a row of another file is named with that file.
    fn message(&self) -> String {
        let message = self.placed.finding.message();
        match self.placed.finding.detail {
            Detail::OtherRow { file, .. } if file != self.placed.file => {
                format!("{message} (the other row is in {})", self.report.path(file))
            }
            _ => message,
        }
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Dbf => "dbf",
        Format::Xlsx => "xlsx",
        Format::Xls => "xls",
    }
}
