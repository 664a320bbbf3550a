//! Claims as bytes of a file, and verdicts as rows of csv.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::ensure;
use zhengcha_engine::Date;
use zhengcha_engine::claims::Charset;
use zhengcha_engine::testing::{DEDUCTION_YUAN, PlainVerdict};

use super::ClaimFormat;
use super::broken::Flaw;
use super::kind::Mix;
use super::make::Made;
use super::shape::{FIELDS, HEADERS, INSTITUTION, ISSUE_DATE, LEVEL, TAX_YEAR, TICKET};
use crate::synth::xlsx::XlsxWriter;
use crate::synth::{Column, Kind, TableWriter as _, Value};

/// Stands for a byte that is no text until the text is encoded; no name or number has it.
const NOT_TEXT_MARK: char = '\u{10FFFD}';
/// What takes its place: no character begins with it in UTF-8 or GB18030.
const NOT_TEXT: u8 = 0xFF;
/// Begins a csv in UTF-8.
const BOM: &str = "\u{FEFF}";
/// The header of verdicts.
const VERDICT_HEADER: &str = "ref,verdict,mismatched,deduction_year,deduction_yuan,reason,line";
/// Width that a workbook does not ask for.
const NO_WIDTH: u8 = 0;

/// How claims are written as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextForm {
    pub(super) format: ClaimFormat,
    pub(super) mix: Mix,
    pub(super) charset: Charset,
}

impl TextForm {
    /// Positions of the columns of a csv: those that claims of the mix fill.
    fn columns(self) -> impl Iterator<Item = usize> {
        let plain = self.mix == Mix::Plain;
        (0..FIELDS.len()).filter(move |at| !plain || ![TICKET, INSTITUTION, LEVEL].contains(at))
    }

    /// What comes before the first claim.
    pub(super) fn head(self) -> Vec<u8> {
        if self.format != ClaimFormat::Csv {
            return Vec::new();
        }
        let mut text = String::new();
        if self.charset == Charset::Utf8 {
            text.push_str(BOM);
        }
        text.push_str("ref");
        for at in self.columns() {
            text.push(',');
            text.push_str(FIELDS[at]);
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// Lines that stand before the first claim.
    pub(super) fn head_lines(self) -> u64 {
        u64::from(self.format != ClaimFormat::Ndjson)
    }

    /// Appends a claim and gives the lines it takes.
    pub(super) fn push(self, made: &Made, text: &mut String) -> u64 {
        let start = text.len();
        match self.format {
            ClaimFormat::Csv => self.push_csv(made, text),
            ClaimFormat::Ndjson => push_json(made, text),
            ClaimFormat::Xlsx => return 1,
        }
        text[start..].matches('\n').count() as u64
    }

    fn push_csv(self, made: &Made, text: &mut String) {
        push_cell(text, &made.reference);
        let mut fields = made.claim.fields.iter().peekable();
        for at in self.columns() {
            text.push(',');
            let Some((name, cell)) = fields.next_if(|(name, _)| *name == FIELDS[at]) else {
                continue;
            };
            push_cell(text, cell);
            if made.flaw == Some(Flaw::Undecodable) && *name == "name" {
                text.push(NOT_TEXT_MARK);
            }
        }
        if made.flaw == Some(Flaw::Malformed) {
            text.push_str(",,");
        }
        text.push_str("\r\n");
    }

    /// The text in the charset of the file.
    pub(super) fn encode(self, text: String) -> anyhow::Result<Vec<u8>> {
        if self.charset == Charset::Utf8 && !text.contains(NOT_TEXT_MARK) {
            return Ok(text.into_bytes());
        }
        let mut bytes = Vec::with_capacity(text.len());
        for (at, part) in text.split(NOT_TEXT_MARK).enumerate() {
            if at > 0 {
                bytes.push(NOT_TEXT);
            }
            match self.charset {
                Charset::Utf8 => bytes.extend_from_slice(part.as_bytes()),
                Charset::Gb18030 => {
                    let (encoded, _, lossy) = encoding_rs::GB18030.encode(part);
                    ensure!(!lossy, "a character has no form in GB18030");
                    bytes.extend_from_slice(&encoded);
                }
            }
        }
        Ok(bytes)
    }
}

/// A cell of csv, in quotes where it must be.
fn push_cell(text: &mut String, cell: &str) {
    if cell.contains([',', '"', '\r', '\n']) {
        let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
    } else {
        text.push_str(cell);
    }
}

fn push_json(made: &Made, text: &mut String) {
    if made.flaw == Some(Flaw::Malformed) {
        text.push_str("{\"ref\"\n");
        return;
    }
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let _ = write!(text, "{{\"ref\":{}", quoted(&made.reference));
    for (name, value) in &made.claim.fields {
        // No JSON number begins with 0.
        let number = *name == "tax_year"
            && value.bytes().all(|byte| byte.is_ascii_digit())
            && !value.starts_with('0');
        let written = match made.flaw {
            Some(Flaw::NotText) if *name == "certificate_number" => Cow::Borrowed("{}"),
            Some(Flaw::Undecodable) if *name == "name" => {
                Cow::Owned(quoted(&format!("{value}{NOT_TEXT_MARK}")))
            }
            // A number or text: both are allowed.
            _ if number && made.reference.ends_with(['0', '2', '4', '6', '8']) => {
                Cow::Borrowed(value.as_str())
            }
            _ => Cow::Owned(quoted(value)),
        };
        let _ = write!(text, ",\"{name}\":{written}");
    }
    match (made.flaw, made.claim.fields.first()) {
        (Some(Flaw::UnknownField), _) => text.push_str(",\"phone\":\"1\""),
        (Some(Flaw::DuplicateField), Some((name, value))) => {
            let _ = write!(text, ",\"{name}\":{}", quoted(value));
        }
        _ => {}
    }
    text.push_str("}\n");
}

/// Writes a workbook of claims: days as date cells and years as numbers where they are plain.
pub(super) struct Book(Box<XlsxWriter>);

impl Book {
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        let column =
            |header| Column { header, short: header, kind: Kind::Text, width_bytes: NO_WIDTH };
        let columns: Vec<Column> = ["序号"].into_iter().chain(HEADERS).map(column).collect();
        Ok(Self(Box::new(XlsxWriter::new(path, &columns)?)))
    }

    pub(super) fn push(&mut self, made: &Made) -> anyhow::Result<()> {
        let cells = (0..FIELDS.len()).map(|at| match made.claim.get(FIELDS[at]) {
            None => Value::Empty,
            Some(text) => match (at, Date::parse_iso(text), text.parse::<u16>()) {
                (ISSUE_DATE, Some(day), _) => Value::Date(day),
                (TAX_YEAR, _, Ok(year)) if text.len() == 4 => Value::Number(f64::from(year)),
                _ => Value::text(text),
            },
        });
        let row: Vec<Value<'_>> =
            [Value::text(made.reference.as_str())].into_iter().chain(cells).collect();
        self.0.row(&row)
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.0.finish()
    }
}

/// What comes before the first verdict.
pub(super) fn verdict_head() -> String {
    format!("{BOM}{VERDICT_HEADER}\r\n")
}

/// Appends a verdict; `line` is where its claim begins.
pub(super) fn push_verdict(text: &mut String, reference: &str, verdict: &PlainVerdict, line: u64) {
    push_cell(text, reference);
    let _ = write!(text, ",{},", verdict.verdict);
    for (at, field) in verdict.mismatched.iter().enumerate() {
        let _ = write!(text, "{}{field}", if at > 0 { ";" } else { "" });
    }
    text.push(',');
    if let Some(year) = verdict.deduction_year {
        let _ = write!(text, "{year},{DEDUCTION_YUAN}");
    } else {
        text.push(',');
    }
    let _ = write!(text, ",{},", verdict.reason.unwrap_or_default());
    if verdict.verdict == "invalid" {
        let _ = write!(text, "{line}");
    }
    text.push_str("\r\n");
}

/// The reference a verdict on a claim carries: as far as it can be read.
pub(super) fn read_reference(made: &Made, format: ClaimFormat) -> &str {
    match (made.flaw, format) {
        (Some(Flaw::Malformed | Flaw::Undecodable), ClaimFormat::Ndjson) => "",
        _ => &made.reference,
    }
}
