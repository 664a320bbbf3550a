//! The report for programs.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{FileReport, UploadReport, format_name};
use crate::judge::Severity;

impl Serialize for FileReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            path: &'a str,
            sha256: &'a str,
            format: Option<&'static str>,
            layout: Option<crate::layout::Layout>,
            rows: u64,
            accepted: u64,
            warned: u64,
            rejected: u64,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            notes: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
        }
        Shown {
            path: &self.path,
            sha256: &self.sha256,
            format: self.format.map(format_name),
            layout: self.layout,
            rows: self.rows,
            accepted: self.accepted,
            warned: self.warned,
            rejected: self.rejected,
            notes: &self.notes,
            error: self.error.as_deref(),
        }
        .serialize(serializer)
    }
}

/// Writes the findings of one severity as an array.
///
/// The same bytes as `serde_json` would write, in a fraction of its time: an old register has a
/// finding a row, whose file and sheet are those of the row before.
fn write_entries(
    report: &UploadReport,
    severity: Severity,
    writer: &mut impl Write,
) -> io::Result<()> {
    let mut last = None;
    let mut start = Vec::new();
    let mut line = Vec::new();
    writer.write_all(b"[")?;
    for (number, entry) in report.entries(severity).enumerate() {
        let entry = entry?;
        let place = (entry.placed.file, entry.placed.sheet);
        if last.replace(place) != Some(place) {
            start.clear();
            start.extend_from_slice(b"{\"file\":");
            serde_json::to_writer(&mut start, entry.file())?;
            start.extend_from_slice(b",\"sheet\":");
            serde_json::to_writer(&mut start, &entry.sheet())?;
            start.extend_from_slice(b",\"row\":");
        }
        line.clear();
        if number > 0 {
            line.push(b',');
        }
        line.extend_from_slice(&start);
        write!(line, "{}", entry.placed.row)?;
        line.extend_from_slice(b",\"field\":");
        serde_json::to_writer(&mut line, &entry.field())?;
        line.extend_from_slice(b",\"rule\":");
        serde_json::to_writer(&mut line, entry.rule())?;
        line.extend_from_slice(b",\"message\":");
        serde_json::to_writer(&mut line, &entry.message())?;
        line.push(b'}');
        writer.write_all(&line)?;
    }
    writer.write_all(b"]")
}

impl UploadReport {
    /// Writes the report as JSON, without holding its text, and a line end.
    ///
    /// # Errors
    /// What the writer says, or the temporary files of the findings.
    pub fn write_json(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(b"{\"files\":")?;
        serde_json::to_writer(&mut writer, &self.files)?;
        writer.write_all(b",\"rejects\":")?;
        write_entries(self, Severity::Reject, &mut writer)?;
        writer.write_all(b",\"warnings\":")?;
        write_entries(self, Severity::Warn, &mut writer)?;
        writer.write_all(b",\"generation\":")?;
        serde_json::to_writer(&mut writer, &self.generation)?;
        writer.write_all(b"}\n")
    }
}
