//! Verdicts as bytes: CSV rows and JSON objects.

use std::io::Write as _;

use encoding_rs::GB18030;

use super::claim::Invalid;
use super::cut::{Charset, Format};
use super::field::{ClaimField, FieldOrder};
use super::judge::{DEDUCTION_YUAN, Judgement, NoDeduction};

/// How verdicts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The same for the whole stream.
    pub format: Format,
    /// JSON is UTF-8 whatever this says.
    pub charset: Charset,
}

/// Columns of a CSV of verdicts.
pub const VERDICT_COLUMNS: &str =
    "ref,verdict,mismatched,deduction_year,deduction_yuan,reason,line";

impl Output {
    /// What comes before the first verdict.
    #[must_use]
    pub fn head(self) -> Vec<u8> {
        let mark = if self.charset == Charset::Utf8 { "\u{FEFF}" } else { "" };
        match self.format {
            Format::Csv => format!("{mark}{VERDICT_COLUMNS}\r\n").into_bytes(),
            Format::Ndjson => Vec::new(),
            Format::Array => b"[\n".to_vec(),
        }
    }

    /// What comes after the summary row.
    pub(super) fn foot(self) -> &'static [u8] {
        match self.format {
            Format::Csv => b"",
            Format::Ndjson => b"\n",
            Format::Array => b"\n]\n",
        }
    }

    /// What stands between two rows of JSON.
    fn row_end(self) -> &'static [u8] {
        if self.format == Format::Array { b",\n" } else { b"\n" }
    }

    /// Writes the verdict on a claim. Gives the length of the end of the row, which says that a
    /// deduction is due, when it is.
    pub(super) fn judged(
        self,
        out: &mut Vec<u8>,
        reference: &str,
        order: &FieldOrder,
        judgement: &Judgement,
    ) -> usize {
        let mismatched = order.iter().filter(|&field| judgement.mismatched.contains(field));
        self.beginning(out, reference, judgement.verdict.name(), mismatched);
        let tail = out.len();
        match judgement.deduction {
            Some(Ok(year)) => {
                self.granted(out, year);
                return out.len() - tail;
            }
            Some(Err(reason)) => self.refused(out, Some(reason.name())),
            None => self.refused(out, None),
        }
        0
    }

    /// Writes the verdict on what is no claim.
    pub(super) fn invalid(self, out: &mut Vec<u8>, reference: &str, reason: Invalid, line: u64) {
        self.beginning(out, reference, "invalid", [].into_iter());
        let reason = reason.name();
        // A Vec takes whatever is written.
        let _written = match self.format {
            Format::Csv => write!(out, ",,{reason},{line}\r\n"),
            _ => write!(out, "\"deduction\":null,\"reason\":\"{reason}\",\"line\":{line}}}"),
        };
        self.end_row(out);
    }

    /// The end of a row whose deduction was granted already.
    pub(super) fn granted_already(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.refused(&mut out, Some(NoDeduction::AlreadyGranted.name()));
        out
    }

    fn beginning(
        self,
        out: &mut Vec<u8>,
        reference: &str,
        verdict: &str,
        mismatched: impl Iterator<Item = ClaimField>,
    ) {
        let (open, close, separator): (&[u8], &[u8], &[u8]) = match self.format {
            Format::Csv => {
                self.csv_text(out, reference);
                out.push(b',');
                out.extend_from_slice(verdict.as_bytes());
                (b",", b",", b";")
            }
            _ => {
                out.extend_from_slice(b"{\"ref\":");
                json_text(out, reference);
                out.extend_from_slice(b",\"verdict\":\"");
                out.extend_from_slice(verdict.as_bytes());
                (b"\",\"mismatched\":[", b"],", b"\",\"")
            }
        };
        out.extend_from_slice(open);
        let quote: &[u8] = if self.format == Format::Csv { b"" } else { b"\"" };
        let mut is_first = true;
        for field in mismatched {
            out.extend_from_slice(if is_first { quote } else { separator });
            out.extend_from_slice(field.name().as_bytes());
            is_first = false;
        }
        if !is_first {
            out.extend_from_slice(quote);
        }
        out.extend_from_slice(close);
    }

    fn granted(self, out: &mut Vec<u8>, year: u16) {
        let _written = match self.format {
            Format::Csv => write!(out, "{year:04},{DEDUCTION_YUAN},,\r\n"),
            _ => write!(
                out,
                "\"deduction\":{{\"year\":{year},\"yuan\":{DEDUCTION_YUAN}}},\"reason\":null}}"
            ),
        };
        self.end_row(out);
    }

    fn refused(self, out: &mut Vec<u8>, reason: Option<&str>) {
        match (self.format, reason) {
            (Format::Csv, reason) => {
                out.extend_from_slice(b",,");
                out.extend_from_slice(reason.unwrap_or_default().as_bytes());
                out.extend_from_slice(b",\r\n");
            }
            (_, Some(reason)) => {
                out.extend_from_slice(b"\"deduction\":null,\"reason\":\"");
                out.extend_from_slice(reason.as_bytes());
                out.extend_from_slice(b"\"}");
            }
            (_, None) => out.extend_from_slice(b"\"deduction\":null,\"reason\":null}"),
        }
        self.end_row(out);
    }

    fn end_row(self, out: &mut Vec<u8>) {
        if self.format != Format::Csv {
            out.extend_from_slice(self.row_end());
        }
    }

    fn csv_text(self, out: &mut Vec<u8>, text: &str) {
        let is_quoted = text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
        let quoted = is_quoted.then(|| format!("\"{}\"", text.replace('"', "\"\"")));
        let text = quoted.as_deref().unwrap_or(text);
        match self.charset {
            Charset::Gb18030 if !text.is_ascii() => {
                // GB 18030 holds every character there is.
                out.extend_from_slice(&GB18030.encode(text).0);
            }
            _ => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// A JSON text, `null` for none.
fn json_text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        out.extend_from_slice(b"null");
    } else if text.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}
