//! Tables that change with the world and are needed by more than one program.
//!
//! Each is built in and replaced whole by the file of its name in a folder, by custom
//! `<store>/tables/`. Promises a checked table or an error that names file, line and column. Knows
//! no certificate. What each file holds and where it comes from stands in `data/README.md`.

mod catalogue;
mod source;

pub use catalogue::{CATALOGUE_TABLES, Catalogue};
pub use source::{Line, Source, TABLE_FILE_MAX_BYTES, TableError};
