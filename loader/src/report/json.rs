//! The report for programs.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Entry, FileReport, UploadReport, format_name};
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

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            file: &'a str,
            sheet: Option<&'a str>,
            row: u32,
            field: Option<&'static str>,
            rule: &'static str,
            message: String,
        }
        Shown {
            file: self.file(),
            sheet: self.sheet(),
            row: self.placed.row,
            field: self.field(),
            rule: self.rule(),
            message: self.message(),
        }
        .serialize(serializer)
    }
}

/// Entries of one severity, written one by one.
struct Entries<'a>(&'a UploadReport, Severity);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.entries(self.1))
    }
}

impl Serialize for UploadReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            files: &'a [FileReport],
            rejects: Entries<'a>,
            warnings: Entries<'a>,
            generation: Option<u64>,
        }
        Shown {
            files: &self.files,
            rejects: Entries(self, Severity::Reject),
            warnings: Entries(self, Severity::Warn),
            generation: self.generation,
        }
        .serialize(serializer)
    }
}

impl UploadReport {
    /// Writes the report as JSON, without holding its text, and a line end.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_json(&self, mut writer: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut writer, self)?;
        writer.write_all(b"\n")
    }
}
