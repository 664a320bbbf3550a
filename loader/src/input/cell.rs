//! What text of a cell means before anyone knows its column, and the row under assembly.
//!
//! Promises the same verdict for the same text in every format. Knows no columns and no rules.

use std::ops::Range;

use zhengcha_engine::Date;

use super::{Cell, Flow, Row, TableSink};

/// First bytes of U+4000 to U+9FFF in UTF-8: common Hanzi, no white space among them.
const HANZI_FIRST: u8 = 0xE4;
const HANZI_LAST: u8 = 0xE9;

/// The cell that this text makes: empty, text with spreadsheet tricks unwrapped, or a formula.
#[must_use]
pub(crate) fn text_cell(text: &str) -> Cell<'_> {
    // Nearly every cell of a register begins with a digit, a capital or a Hanzi: decided at once.
    let Some(&first) = text.as_bytes().first() else { return Cell::Empty };
    if matches!(first, b'0'..=b'9' | b'A'..=0x7F | HANZI_FIRST..=HANZI_LAST) {
        return Cell::Text(text);
    }
    let trimmed = text.trim_start();
    match trimmed.as_bytes().first() {
        None => Cell::Empty,
        Some(b'\'') => Cell::Text(unwrap_apostrophe(text, trimmed)),
        Some(b'=') => match trimmed.trim_end().strip_prefix("=\"").and_then(closed_quote) {
            Some(inner) => text_or_empty(inner),
            None => Cell::Formula,
        },
        Some(b'@') if trimmed.trim_end().len() > 1 => Cell::Formula,
        Some(b'+' | b'-') if !is_number(&trimmed[1..]) => Cell::Formula,
        // The tab in front of a number is a spreadsheet trick as well.
        Some(b'0'..=b'9') if first == b'\t' => Cell::Text(trimmed),
        Some(_) => Cell::Text(text),
    }
}

fn text_or_empty(text: &str) -> Cell<'_> {
    if text.trim().is_empty() { Cell::Empty } else { Cell::Text(text) }
}

/// `'0101` keeps its zero in a spreadsheet; the mark is no part of the number.
fn unwrap_apostrophe<'a>(text: &'a str, trimmed: &'a str) -> &'a str {
    let rest = &trimmed[1..];
    if rest.starts_with(|c: char| c.is_ascii_digit()) { rest } else { text }
}

/// The text up to a closing quotation mark that is the only one left.
fn closed_quote(text: &str) -> Option<&str> {
    text.strip_suffix('"').filter(|inner| !inner.contains('"'))
}

/// Digits with one point and an exponent at most; nothing at all counts too: a lone dash is no
/// formula but somebody's blank.
fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || (text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && text.parse::<f64>().is_ok())
}

/// The day of a spreadsheet serial number; the time of day is not looked at. `None` for numbers that
/// are no day: below 1, the 29th of February 1900 that never was, and from the year 10000 on.
pub(crate) fn serial_date(serial: f64, is_1904: bool) -> Option<Date> {
    /// Days from 1899-12-30, day 0 of spreadsheets after their invented leap day, to 1970-01-01.
    const DAYS_TO_1970: i32 = 25_569;
    /// Days between the two epochs.
    const DAYS_1900_TO_1904: i32 = 1_462;
    const LEAP_DAY_THAT_NEVER_WAS: i32 = 60;
    if !(0.0..3_000_000.0).contains(&serial) {
        return None;
    }
    let day = serial.floor() as i32;
    let day = match (is_1904, day) {
        (true, day) => day + DAYS_1900_TO_1904,
        (false, 0 | LEAP_DAY_THAT_NEVER_WAS) => return None,
        (false, ..LEAP_DAY_THAT_NEVER_WAS) => day + 1,
        (false, _) => day,
    };
    Date::from_days_since_1970(day - DAYS_TO_1970)
}

/// A row being put together: texts in one buffer, so that no cell allocates.
#[derive(Debug, Default)]
pub(crate) struct RowBuffer {
    pub(crate) text: String,
    slots: Vec<Slot>,
}

#[derive(Clone, Debug)]
enum Slot {
    Text(Range<usize>),
    Other(Cell<'static>),
}

impl RowBuffer {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.slots.clear();
    }

    /// Columns so far.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether every cell so far is empty.
    pub(crate) fn is_blank(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot, Slot::Other(Cell::Empty)))
    }

    /// Appends the cell of an earlier slot again.
    pub(crate) fn repeat(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get(slot).cloned() {
            self.slots.push(slot);
        }
    }

    /// The cells so far in rows of so many columns.
    pub(crate) fn rows(
        &self,
        columns: usize,
    ) -> impl Iterator<Item = impl Iterator<Item = Cell<'_>>> {
        self.slots.chunks(columns.max(1)).map(|row| row.iter().map(|slot| self.cell(slot)))
    }

    fn cell(&self, slot: &Slot) -> Cell<'_> {
        match slot {
            Slot::Text(range) => Cell::Text(&self.text[range.clone()]),
            Slot::Other(cell) => *cell,
        }
    }

    /// Appends a cell without text of its own.
    pub(crate) fn push(&mut self, cell: Cell<'static>) {
        self.slots.push(Slot::Other(cell));
    }

    /// Appends the cell that `text` makes.
    pub(crate) fn push_text(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.push_from(start);
    }

    /// Appends the cell that the text since `start` of the buffer makes.
    pub(crate) fn push_from(&mut self, start: usize) {
        let (text_start, text_len, other) = match text_cell(&self.text[start..]) {
            Cell::Text(text) => {
                let offset = text.as_ptr().addr() - self.text[start..].as_ptr().addr();
                (start + offset, text.len(), None)
            }
            Cell::Formula => (0, 0, Some(Cell::Formula)),
            _ => (0, 0, Some(Cell::Empty)),
        };
        self.slots.push(match other {
            Some(cell) => Slot::Other(cell),
            None => Slot::Text(text_start..text_start + text_len),
        });
    }

    /// Fills up with empty cells until the next one stands in `column`.
    pub(crate) fn pad_to(&mut self, column: usize) {
        while self.slots.len() < column {
            self.slots.push(Slot::Other(Cell::Empty));
        }
    }

    /// Hands the row over.
    pub(crate) fn emit(&self, number: u64, sink: &mut dyn TableSink) -> anyhow::Result<Flow> {
        let cells: Vec<Cell<'_>> = self.slots.iter().map(|slot| self.cell(slot)).collect();
        sink.row(&Row { number, cells: &cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheet_tricks_are_unwrapped() {
        for (given, want) in [
            ("\t110105199001011237", "110105199001011237"),
            ("'0101120201100058", "0101120201100058"),
            (" '0101", "0101"),
            ("=\"0101120201100058\"", "0101120201100058"),
            (" =\"0101\" ", "0101"),
            ("'O'Neill", "'O'Neill"),
            ("\t张三", "\t张三"),
            (" 张三 ", " 张三 "),
            ("\u{3000}张三", "\u{3000}张三"),
        ] {
            assert_eq!(text_cell(given), Cell::Text(want), "{given:?}");
        }
    }

    #[test]
    fn formulas_are_told_from_numbers() {
        for text in [
            "=A1",
            "=1+1",
            "=5",
            "+cmd|x",
            "-2+3",
            "@SUM(A1)",
            " =HYPERLINK(\"x\")",
            "\t=1",
            "=\"a\"&\"b\"",
        ] {
            assert_eq!(text_cell(text), Cell::Formula, "{text:?}");
        }
        for text in ["-5", "+5", "-0.5", "+1.1E+17", "-", "+", "@", "-.5", "a=b"] {
            assert_eq!(text_cell(text), Cell::Text(text), "{text:?}");
        }
        // What Rust reads as a float is not yet a number to a spreadsheet.
        assert_eq!(text_cell("-inf"), Cell::Formula);
        assert_eq!(text_cell("+nan"), Cell::Formula);
    }

    #[test]
    fn serial_numbers_are_days_of_both_epochs() {
        let day = |serial, is_1904| serial_date(serial, is_1904).map(|date| date.to_string());
        assert_eq!(day(1.0, false).unwrap(), "1900-01-01");
        assert_eq!(day(59.0, false).unwrap(), "1900-02-28");
        assert_eq!(day(60.0, false), None);
        assert_eq!(day(61.0, false).unwrap(), "1900-03-01");
        assert_eq!(day(45_413.999, false).unwrap(), "2024-05-01");
        assert_eq!(day(2_958_465.0, false).unwrap(), "9999-12-31");
        assert_eq!(day(2_958_466.0, false), None);
        assert_eq!(day(0.0, true).unwrap(), "1904-01-01");
        assert_eq!(day(43_951.0, true).unwrap(), "2024-05-01");
        for none in [0.5, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(day(none, false), None, "{none}");
        }
    }

    #[test]
    fn blanks_of_every_kind_are_empty() {
        for text in ["", " ", "\t", "\u{3000}\u{3000}", "\u{a0}", "\r\n", "=\"\"", "=\" \""] {
            assert_eq!(text_cell(text), Cell::Empty, "{text:?}");
        }
    }
}
