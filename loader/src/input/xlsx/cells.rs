//! The cells of one sheet, in the order of the part.
//!
//! Promises cells with their place and value, empty ones left out, and no allocation per cell.
//! Knows neither rows as tables have them nor limits on columns and rows.

use std::io::BufRead;

use zhengcha_engine::Date;

use super::super::Cell;
use super::super::cell::serial_date;
use super::strings::SharedStrings;
use super::styles::NumberKind;
use super::xml::{Fault, Node, Tag, Xml, push_unescaped};

/// What the cells of all sheets refer to.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) strings: SharedStrings,
    pub(super) formats: Vec<NumberKind>,
    pub(super) is_1904: bool,
}

/// A cell that is not empty.
#[derive(Debug)]
pub(super) struct Placed {
    /// Counted from 1.
    pub(super) row: u32,
    /// Counted from 0.
    pub(super) column: u32,
    pub(super) value: Value,
}

/// The value of a cell; its text stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing at all.
    Empty,
    /// Text of its own, see [`Cells::text`].
    Own,
    /// The shared string of that number.
    Shared(usize),
    Other(Cell<'static>),
}

/// The attribute `t` of a cell (ECMA-376 part 1, 18.18.11 ST_CellType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CellType {
    #[default]
    None,
    Number,
    Shared,
    Text,
    Inline,
    Bool,
    Error,
    Day,
    Unknown,
}

/// The tag of a cell.
#[derive(Debug, Default)]
struct Head {
    row: u32,
    column: u32,
    format: Option<usize>,
    cell_type: CellType,
}

/// Reads the cells of one sheet.
pub(super) struct Cells<'a, R: BufRead> {
    xml: Xml<R>,
    context: &'a Context,
    /// The depth of `sheetData` once inside.
    data_depth: Option<u32>,
    /// The row that is open, or the last one; 0 before the first.
    row: u32,
    /// Where the next cell stands unless it says otherwise.
    column: u32,
    text: String,
    raw: String,
}

impl<'a, R: BufRead> Cells<'a, R> {
    pub(super) fn new(xml: Xml<R>, context: &'a Context) -> Self {
        let (text, raw) = (String::new(), String::new());
        Self { xml, context, data_depth: None, row: 0, column: 0, text, raw }
    }

    /// The row that is being read, counted from 1; 0 before the first.
    pub(super) fn row(&self) -> u32 {
        self.row
    }

    /// The text of the last cell whose value was [`Value::Own`].
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The next cell that is not empty.
    pub(super) fn next(&mut self) -> Result<Option<Placed>, Fault> {
        let data_depth = match self.data_depth {
            Some(depth) => depth,
            None => self.find_data()?,
        };
        loop {
            let head = match self.xml.inside()? {
                Node::Open(tag) if tag.name() == "c" => Head::read(&tag, self.row, self.column)?,
                Node::Open(tag) if tag.name() == "row" => {
                    self.row = row_number(&tag, self.row)?;
                    self.column = 0;
                    continue;
                }
                Node::Close { depth } if depth < data_depth => return Ok(None),
                _ => continue,
            };
            self.column = head.column.saturating_add(1);
            match self.value(&head)? {
                Value::Empty => {}
                value => return Ok(Some(Placed { row: head.row, column: head.column, value })),
            }
        }
    }

    fn find_data(&mut self) -> Result<u32, Fault> {
        while let Some(node) = self.xml.node()? {
            if let Node::Open(tag) = node
                && tag.name() == "sheetData"
            {
                self.data_depth = Some(tag.depth);
                return Ok(tag.depth);
            }
        }
        Err(Fault::damaged("a sheet", "a part without cells"))
    }

    /// Reads on to the end of the cell.
    fn value(&mut self, head: &Head) -> Result<Value, Fault> {
        let inner = self.xml.depth();
        let mut value = Value::Empty;
        loop {
            let child = match self.xml.inside()? {
                Node::Open(tag) => Child::of(&tag),
                Node::Close { depth } if depth < inner => return Ok(value),
                _ => continue,
            };
            match child {
                // The value kept of the last calculation is not looked at.
                _ if value == Value::Other(Cell::Formula) => self.xml.skip()?,
                Child::Formula => {
                    value = Value::Other(Cell::Formula);
                    self.xml.skip()?;
                }
                Child::Value if head.cell_type != CellType::Inline => {
                    self.xml.text(&mut self.raw)?;
                    value = self.decode(head)?;
                }
                Child::Inline => {
                    self.text.clear();
                    self.xml.string(&mut self.raw, &mut self.text)?;
                    value = Value::Own;
                }
                Child::Value | Child::Other => self.xml.skip()?,
            }
        }
    }

    /// What the text of a `v` element means.
    fn decode(&mut self, head: &Head) -> Result<Value, Fault> {
        let bare = self.raw.trim_ascii();
        Ok(match head.cell_type {
            CellType::Text => {
                self.text.clear();
                push_unescaped(&self.raw, &mut self.text);
                Value::Own
            }
            CellType::Day => {
                let day = bare.get(..10).and_then(Date::parse_iso);
                Value::Other(day.map_or(Cell::BadDate, Cell::Date))
            }
            CellType::Error => Value::Other(Cell::Error),
            CellType::Unknown => {
                return Err(Fault::damaged("a sound sheet", "an unknown type of cell"));
            }
            _ if bare.is_empty() => Value::Empty,
            CellType::Shared => {
                let known = |index: &usize| self.context.strings.get(*index).is_some();
                let Some(index) = bare.parse().ok().filter(known) else {
                    let found = "a shared string that is none";
                    return Err(Fault::damaged("a sound sheet", found));
                };
                Value::Shared(index)
            }
            CellType::Bool => Value::Other(Cell::Bool(match bare {
                "0" => false,
                "1" => true,
                _ if bare.eq_ignore_ascii_case("false") => false,
                _ if bare.eq_ignore_ascii_case("true") => true,
                _ => return Err(Fault::damaged("a sound sheet", "a truth value that is none")),
            })),
            CellType::None | CellType::Number | CellType::Inline => match bare.parse() {
                Ok(number) => Value::Other(self.number(number, head.format)),
                Err(_) if head.cell_type == CellType::None => {
                    std::mem::swap(&mut self.text, &mut self.raw);
                    Value::Own
                }
                Err(_) => {
                    return Err(Fault::damaged("a sound sheet", "a number that is none"));
                }
            },
        })
    }

    fn number(&self, number: f64, format: Option<usize>) -> Cell<'static> {
        let kind = format.and_then(|format| self.context.formats.get(format));
        match kind.copied().unwrap_or_default() {
            NumberKind::Plain | NumberKind::Span => Cell::Number(number),
            NumberKind::Day => {
                serial_date(number, self.context.is_1904).map_or(Cell::BadDate, Cell::Date)
            }
        }
    }
}

/// An element inside a cell.
#[derive(Clone, Copy, Debug)]
enum Child {
    Value,
    Inline,
    Formula,
    Other,
}

impl Child {
    fn of(tag: &Tag<'_>) -> Self {
        match tag.name() {
            "v" => Self::Value,
            "is" => Self::Inline,
            "f" => Self::Formula,
            _ => Self::Other,
        }
    }
}

impl Head {
    /// `row` and `column` hold when the tag does not say where the cell stands.
    fn read(tag: &Tag<'_>, row: u32, column: u32) -> Result<Self, Fault> {
        let mut head = Self { row, column, ..Self::default() };
        tag.attributes(|key, value| {
            match key {
                "r" => (head.row, head.column) = position(&value).ok_or_else(no_place)?,
                "s" => head.format = Some(value.parse().unwrap_or(0)),
                "t" => head.cell_type = CellType::of(&value),
                _ => {}
            }
            Ok(())
        })?;
        if head.row == 0 { Err(no_place()) } else { Ok(head) }
    }
}

impl CellType {
    fn of(name: &str) -> Self {
        match name {
            "n" => Self::Number,
            "s" => Self::Shared,
            "str" => Self::Text,
            "inlineStr" | "is" => Self::Inline,
            "b" => Self::Bool,
            "e" => Self::Error,
            "d" => Self::Day,
            _ => Self::Unknown,
        }
    }
}

fn no_place() -> Fault {
    Fault::damaged("a sound sheet", "a row or cell whose place cannot be told")
}

/// The number of a row, which follows the last one unless it says otherwise.
fn row_number(tag: &Tag<'_>, last: u32) -> Result<u32, Fault> {
    let row = match tag.attribute("r")? {
        Some(number) => number.parse().ok().filter(|&row| row > 0),
        None => last.checked_add(1),
    };
    row.ok_or_else(no_place)
}

/// The row from 1 and the column from 0 of a reference such as `B7`.
fn position(reference: &str) -> Option<(u32, u32)> {
    let reference = reference.as_bytes();
    let letters = reference.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (letters, digits) = reference.split_at(letters);
    let column = letters.iter().try_fold(0u32, |column, letter| {
        let place = u32::from(letter.to_ascii_uppercase() - b'A') + 1;
        column.checked_mul(26)?.checked_add(place)
    })?;
    let row = digits.iter().try_fold(0u32, |row, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        row.checked_mul(10)?.checked_add(digit)
    })?;
    (row > 0).then_some((row, column.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Limits;

    #[test]
    fn references_are_told_exactly() {
        for (reference, want) in [
            ("A1", Some((1, 0))),
            ("b7", Some((7, 1))),
            ("Z1", Some((1, 25))),
            ("AA10", Some((10, 26))),
            ("XFD1048576", Some((1_048_576, 16_383))),
            ("A4294967295", Some((u32::MAX, 0))),
            ("A4294967296", None),
            ("ZZZZZZZZ1", None),
            ("A0", None),
            ("A", None),
            ("1", None),
            ("", None),
            ("$A$1", None),
            ("A1B", None),
            ("A-1", None),
        ] {
            assert_eq!(position(reference), want, "{reference}");
        }
    }

    fn cells(xml: &str) -> Result<Vec<(u32, u32, Value, String)>, Fault> {
        let context =
            Context { strings: SharedStrings::default(), formats: Vec::new(), is_1904: false };
        let limits = Limits::default();
        let mut cells = Cells::new(Xml::new(xml.as_bytes(), &limits), &context);
        let mut seen = Vec::new();
        while let Some(Placed { row, column, value }) = cells.next()? {
            seen.push((row, column, value, cells.text().to_owned()));
        }
        Ok(seen)
    }

    #[test]
    fn places_are_filled_in_where_they_are_missing() {
        let xml = "<x:worksheet><x:sheetViews/><x:sheetData><x:row><x:c><x:v>1</x:v></x:c><x:c/>\
                   <x:c><x:v>2</x:v></x:c></x:row><x:row r=\"5\"><x:c r=\"D5\"><x:v>3</x:v></x:c>\
                   <x:c><x:v>4</x:v></x:c></x:row><x:row/><x:row><x:c><x:v>5</x:v></x:c></x:row>\
                   </x:sheetData><x:c><x:v>no cell</x:v></x:c></x:worksheet>";
        let places: Vec<_> = cells(xml).unwrap().iter().map(|cell| (cell.0, cell.1)).collect();
        assert_eq!(places, [(1, 0), (1, 2), (5, 3), (5, 4), (7, 0)]);
    }

    #[test]
    fn damage_is_told() {
        let sheet = |rows: &str| format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        for rows in [
            "<c><v>1</v></c>",
            "<row r=\"0\"/>",
            "<row r=\"x\"/>",
            "<row><c r=\"1A\"><v>1</v></c></row>",
            "<row><c t=\"n\"><v>x</v></c></row>",
            "<row><c t=\"b\"><v>2</v></c></row>",
            "<row><c t=\"s\"><v>0</v></c></row>",
            "<row><c t=\"s\"><v>-1</v></c></row>",
            "<row><c t=\"s\"><v>x</v></c></row>",
            "<row><c t=\"q\"><v>1</v></c></row>",
            "<row><c r=A1><v>1</v></c></row>",
            "<row><c><v>1</v></row>",
            "<row r=\"4294967295\"/><row/>",
        ] {
            assert!(matches!(cells(&sheet(rows)), Err(Fault::Damaged { .. })), "{rows}");
        }
        assert!(cells("<worksheet/>").is_err());
        assert!(cells("<worksheet><sheetData><row>").is_err());
        assert!(cells(&sheet("<row r=\"4294967295\"/>")).unwrap().is_empty());
    }

    #[test]
    fn values_without_a_type_are_numbers_or_text() {
        let xml = "<worksheet><sheetData><row><c><v> 1.5e3 </v></c><c><v>x 1</v></c><c><v></v></c>\
                   <c t=\"b\"><v/></c><c t=\"inlineStr\"><v>9</v><is><t>y</t></is></c>\
                   <c t=\"str\"><v xml:space=\"preserve\"> a_x000A_</v></c><c><extLst><v>1</v></extLst></c>\
                   </row></sheetData></worksheet>";
        let seen = cells(xml).unwrap();
        assert_eq!(seen[0].2, Value::Other(Cell::Number(1500.0)));
        let texts: Vec<_> = seen[1..].iter().map(|cell| (cell.1, cell.2, &*cell.3)).collect();
        assert_eq!(texts, [(1, Value::Own, "x 1"), (4, Value::Own, "y"), (5, Value::Own, " a\n")]);
    }
}
