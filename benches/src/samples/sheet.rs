//! One table of samples: rows from certificates, some changed, each with what it must be told.

use std::borrow::Cow;

use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::synth::{TableLayout, Value, columns, values};

/// How a table is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    CsvUtf8,
    CsvGb18030,
    Dbf,
    Xls,
    Xlsx,
}

/// A finding on one cell or row: field name, rule, whether it rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) field: &'static str,
    pub(super) rule: &'static str,
    pub(super) rejects: bool,
}

/// The row is rejected under this rule.
pub(super) const fn reject(field: &'static str, rule: &'static str) -> Told {
    Told { field, rule, rejects: true }
}

/// The row is accepted with this warning.
pub(super) const fn warn(field: &'static str, rule: &'static str) -> Told {
    Told { field, rule, rejects: false }
}

/// A row to write and what a load must say of it.
pub(super) struct SampleRow {
    pub(super) values: Vec<Value<'static>>,
    pub(super) told: Vec<Told>,
    /// What is special about it; empty for an ordinary row.
    pub(super) note: &'static str,
    pub(super) issued: Option<Date>,
}

impl SampleRow {
    pub(super) fn is_rejected(&self) -> bool {
        self.told.iter().any(|told| told.rejects)
    }
}

/// One table.
pub(super) struct Sheet {
    /// File name, or `archive.zip/member`.
    pub(super) file: String,
    pub(super) container: Container,
    pub(super) layout: TableLayout,
    /// What the file shows.
    pub(super) shows: &'static str,
    pub(super) rows: Vec<SampleRow>,
}

impl Sheet {
    pub(super) fn new(
        file: &str,
        container: Container,
        layout: TableLayout,
        shows: &'static str,
    ) -> Self {
        Self { file: file.to_owned(), container, layout, shows, rows: Vec::new() }
    }

    /// Adds a certificate as it is.
    pub(super) fn good(&mut self, certificate: &Certificate) -> &mut Self {
        self.special(certificate, "", &[], |_| {})
    }

    /// Adds a row that is worth a note, after `change` has been at its cells.
    pub(super) fn special(
        &mut self,
        certificate: &Certificate,
        note: &'static str,
        told: &[Told],
        change: impl FnOnce(&mut Cells<'_>),
    ) -> &mut Self {
        let mut values: Vec<_> = values(certificate, self.layout).into_iter().map(owned).collect();
        change(&mut Cells { values: &mut values, layout: self.layout });
        let mut told = told.to_vec();
        // Names of minorities are often wider than the twenty bytes of the 2013 table.
        let wide = width_bytes(&certificate.name) > NAME_BYTES_2013;
        if wide && !told.iter().any(|told| told.rejects || told.rule == "long-name") {
            told.push(warn("name", "long-name"));
        }
        let issued = certificate.issue_date;
        self.rows.push(SampleRow { values, told, note, issued });
        self
    }

    /// The number under which a person sees the row at this position.
    pub(super) fn row_number(&self, position: usize) -> usize {
        match self.container {
            Container::Dbf => position + 1,
            _ => position + 2,
        }
    }
}

const NAME_BYTES_2013: usize = 20;

/// Bytes in GB18030 of a name made of Hanzi, separators and Latin letters without accents.
fn width_bytes(name: &str) -> usize {
    name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// The cells of a row, by the full name of their column.
pub(super) struct Cells<'a> {
    values: &'a mut [Value<'static>],
    layout: TableLayout,
}

impl Cells<'_> {
    fn at(&mut self, header: &str) -> &mut Value<'static> {
        let position = columns(self.layout).iter().position(|column| column.header == header);
        &mut self.values[position.expect("a column of the layout")]
    }

    pub(super) fn set(&mut self, header: &str, value: Value<'static>) {
        *self.at(header) = value;
    }

    pub(super) fn text(&mut self, header: &str, text: &str) {
        self.set(header, Value::text(text.to_owned()));
    }

    pub(super) fn clear(&mut self, header: &str) {
        self.set(header, Value::Empty);
    }

    /// Rewrites the text of a cell.
    pub(super) fn edit(&mut self, header: &str, edit: impl FnOnce(&str) -> String) {
        let text = edit(&self.at(header).to_text());
        self.set(header, Value::text(text));
    }
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Empty => Value::Empty,
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        Value::Number(number) => Value::Number(number),
        Value::Date(date) => Value::Date(date),
        Value::Formula(formula) => Value::Formula(Cow::Owned(formula.into_owned())),
    }
}

/// Stands in a cell for bytes that are no text.
pub(super) const BROKEN_TEXT: &str = "〓";
/// [`BROKEN_TEXT`] in GB18030.
const BROKEN_TEXT_GB18030: [u8; 2] = [0xA1, 0xFE];
/// What is written instead: no character of GB18030 starts with it.
const NO_TEXT: [u8; 2] = [0xFF, 0xFF];

/// Puts bytes that are no text where [`BROKEN_TEXT`] stands in a file in GB18030.
pub(super) fn break_text(mut bytes: Vec<u8>) -> Vec<u8> {
    for at in 0..bytes.len().saturating_sub(1) {
        if bytes[at..at + 2] == BROKEN_TEXT_GB18030 {
            bytes[at..at + 2].copy_from_slice(&NO_TEXT);
        }
    }
    bytes
}
