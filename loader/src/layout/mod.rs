//! Which column is which: headers in, [`HeaderMap`] out.
//!
//! A header is known by its full Chinese name, that name cut to 10 GBK bytes as DBF cuts it, its
//! short name or its JSON name, in any column order. Names, aliases, required fields and widths
//! are data (`data/headers.csv`, `data/fields.csv`); nothing here judges a value.

mod field;
mod headers;

pub use field::{FieldName, Layout};
pub use headers::{FieldDemand, HeaderError, HeaderMap, Headers, Layouts, Recognised};

/// A sheet is a certificate table when its first row that is not empty has this many known headers.
pub const KNOWN_HEADERS_MIN: usize = 3;
/// This many unknown columns are named in a report; a wider sheet is cut off there.
pub const UNKNOWN_COLUMNS_NAMED_MAX: usize = 32;
/// An unknown header is quoted up to this length in characters.
pub const UNKNOWN_HEADER_MAX_CHARS: usize = 40;
/// Columns beyond this one are not looked at; the widest sheet of a workbook has 16,384.
pub const COLUMNS_MAX: usize = 16_384;
