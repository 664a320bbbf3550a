//! Header recognition.

use std::collections::HashMap;

use zhengcha_engine::key::normalize;

use super::{
    COLUMNS_MAX, FieldName, KNOWN_HEADERS_MIN, Layout, UNKNOWN_COLUMNS_NAMED_MAX,
    UNKNOWN_HEADER_MAX_CHARS,
};
use crate::input::{Cell, Row};

/// DBF column names end after this many bytes; five Hanzi in GBK.
const DBF_NAME_MAX_GBK_BYTES: usize = 10;

/// What a layout demands of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldDemand {
    /// Whether a row must fill it and a file must have its column.
    pub required: bool,
    /// Width in GB18030 bytes of the normal form.
    pub width_bytes: Option<u16>,
    /// A width over which a value is accepted with a warning.
    pub warn_above_bytes: Option<u16>,
}

/// Headers and demands of both layouts, as the data files give them.
#[derive(Clone, Debug)]
pub struct Layouts {
    known: HashMap<String, (FieldName, Option<Layout>)>,
    titles: HashMap<FieldName, Vec<(String, Option<Layout>)>>,
    demands: [[FieldDemand; FieldName::COUNT]; 2],
}

impl Layouts {
    /// Takes headers (field, header, the layout it is a sign of) and the demands of both layouts.
    ///
    /// # Errors
    /// Gives the index of the header that also stands for another field.
    pub(crate) fn new(
        headers: &[(FieldName, String, Option<Layout>)],
        demands: [[FieldDemand; FieldName::COUNT]; 2],
    ) -> Result<Self, usize> {
        let mut layouts = Self { known: HashMap::new(), titles: HashMap::new(), demands };
        for field in FieldName::ALL {
            layouts.known.insert(folded(field.name()), (field, None));
        }
        for (index, (field, header, layout)) in headers.iter().enumerate() {
            layouts.titles.entry(*field).or_default().push((header.clone(), *layout));
            for spelling in [folded(header), cut_for_dbf(&folded(header))] {
                match layouts.known.insert(spelling, (*field, *layout)) {
                    Some((other, _)) if other != *field => return Err(index),
                    _ => {}
                }
            }
        }
        Ok(layouts)
    }

    /// What `layout` demands of `field`.
    #[must_use]
    pub fn demand(&self, layout: Layout, field: FieldName) -> FieldDemand {
        self.demands[layout as usize][field as usize]
    }

    /// The header of a field as the layout prints it, for messages.
    #[must_use]
    pub fn title(&self, layout: Layout, field: FieldName) -> &str {
        let titles = self.titles.get(&field).map(Vec::as_slice).unwrap_or_default();
        titles
            .iter()
            .find(|(_, of)| of.is_none_or(|of| of == layout))
            .map_or(field.name(), |(title, _)| title)
    }

    /// Reads the first row of a table that is not empty.
    ///
    /// # Errors
    /// The table is one of certificates, but cannot be read: see [`HeaderError`].
    pub fn recognise(&self, row: &Row<'_>, forced: Option<Layout>) -> Result<Headers, HeaderError> {
        let mut columns: [Option<u16>; FieldName::COUNT] = [None; FieldName::COUNT];
        let mut duplicate = None;
        let mut unknown = Vec::new();
        let mut unknown_count = 0;
        let mut known = 0;
        let mut signs = [0u32; 2];
        for (position, cell) in (0u16..).zip(row.cells.iter().take(COLUMNS_MAX)) {
            if *cell == Cell::Empty {
                continue;
            }
            let found = match cell {
                Cell::Text(text) => self.known.get(&folded(text)),
                _ => None,
            };
            let Some(&(field, layout)) = found else {
                unknown_count += 1;
                if unknown.len() < UNKNOWN_COLUMNS_NAMED_MAX {
                    unknown.push(quoted(cell, position));
                }
                continue;
            };
            known += 1;
            if let Some(layout) = layout {
                signs[layout as usize] += 1;
            }
            match columns[field as usize] {
                None => columns[field as usize] = Some(position),
                Some(first) if duplicate.is_none() => {
                    duplicate = Some(HeaderError::Duplicate {
                        field: field.name(),
                        first: usize::from(first) + 1,
                        second: usize::from(position) + 1,
                    });
                }
                Some(_) => {}
            }
        }
        if known < KNOWN_HEADERS_MIN {
            return Ok(Headers::NotATable { known });
        }
        if let Some(error) = duplicate {
            return Err(error);
        }
        let follows = if signs[Layout::Of2019 as usize] > signs[Layout::Of2013 as usize]
            || (signs[0] == signs[1] && columns[FieldName::Issuer as usize].is_some())
        {
            Layout::Of2019
        } else {
            Layout::Of2013
        };
        let layout = forced.unwrap_or(follows);
        let missing: Vec<&str> = FieldName::ALL
            .into_iter()
            .filter(|&field| {
                self.demand(layout, field).required && columns[field as usize].is_none()
            })
            .map(|field| self.title(layout, field))
            .collect();
        if !missing.is_empty() {
            return Err(HeaderError::Missing {
                layout: layout.name(),
                columns: missing.join(", "),
                forced: forced.is_some(),
            });
        }
        Ok(Headers::Table(Recognised {
            map: HeaderMap { layout, columns },
            unknown,
            unknown_count,
        }))
    }
}

/// What the first row of a table turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Headers {
    /// A certificate table.
    Table(Recognised),
    /// Something else, to be named in the report and skipped.
    NotATable {
        /// Known headers found, fewer than [`KNOWN_HEADERS_MIN`].
        known: usize,
    },
}

/// The headers of a certificate table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Where each field stands.
    pub map: HeaderMap,
    /// Columns that are left out, as they are called, the first [`UNKNOWN_COLUMNS_NAMED_MAX`].
    pub unknown: Vec<String>,
    /// How many are left out.
    pub unknown_count: usize,
}

/// Where each field stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderMap {
    layout: Layout,
    columns: [Option<u16>; FieldName::COUNT],
}

impl HeaderMap {
    /// The layout, forced or found.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The position of a field from 0, when the table has it.
    #[must_use]
    pub fn column(&self, field: FieldName) -> Option<usize> {
        self.columns[field as usize].map(usize::from)
    }

    /// The cell of a field; what the table or the row does not have is empty.
    #[must_use]
    pub fn cell<'a>(&self, row: &Row<'a>, field: FieldName) -> Cell<'a> {
        self.column(field).and_then(|column| row.cells.get(column)).copied().unwrap_or(Cell::Empty)
    }
}

/// Why a certificate table cannot be read. The file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Two columns mean the same field.
    #[error(
        "columns {first} and {second} both mean {field}; remove one of them and load the file again"
    )]
    Duplicate {
        /// JSON name of the field.
        field: &'static str,
        /// Column from 1.
        first: usize,
        /// Column from 1.
        second: usize,
    },
    /// Columns that the layout requires are absent.
    #[error(
        "missing required columns of the {layout} layout: {columns}; add them{}",
        if *.forced { ", or leave the layout to be found by its headers" }
        else { ", or force the other layout if this is not the one meant" }
    )]
    Missing {
        /// `2013` or `2019`.
        layout: &'static str,
        /// Their headers, joined by commas.
        columns: String,
        /// Whether the operator named the layout.
        forced: bool,
    },
}

/// The form headers are compared in: no spaces or line breaks anywhere, half-width, upper case.
fn folded(header: &str) -> String {
    normalize::ticket_number(header).into_owned()
}

/// The header as far as a DBF column name holds it.
fn cut_for_dbf(header: &str) -> String {
    let mut bytes = 0;
    header
        .chars()
        .take_while(|c| {
            bytes += if c.is_ascii() { 1 } else { 2 };
            bytes <= DBF_NAME_MAX_GBK_BYTES
        })
        .collect()
}

fn quoted(cell: &Cell<'_>, position: u16) -> String {
    match cell {
        Cell::Text(text) => {
            let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut name: String = shown.chars().take(UNKNOWN_HEADER_MAX_CHARS).collect();
            if name.len() < shown.len() {
                name.push('…');
            }
            name
        }
        _ => format!("column {}", u32::from(position) + 1),
    }
}
