//! Normal forms of names and numbers, one implementation for loading and for asking.
//!
//! Numbers have one normal form, stored and matched alike. Names have two: [`name_display`], which
//! is stored and shown, and [`name_key`], which is matched; `name_key(name_display(x))` is always
//! `name_key(x)`, so a stored name and a typed one meet. Every function here is idempotent, total
//! and borrows when the text is normal already. `docs/KEYS.md` tells the same to people.
//!
//! Knows nothing of files, widths or whether a value is right: that is for the loader to judge.

mod characters;
mod name;
mod number;
mod query;

pub use name::{name_display, name_key};
pub use number::{certificate_number, id_number, ticket_number};
pub use query::{
    NormalPair, QUERY_FIELD_MAX_BYTES, QUERY_FIELD_MAX_CHARS, QueryError, is_blank, query_field,
    query_pair,
};

/// Raised with every change of what these functions return. A snapshot records it, since keys made
/// by one version need not be found by another.
pub const NORMALIZER_VERSION: u32 = 1;

/// The version of Unicode that the composition tables (NFC) come from: major, minor, update.
pub const UNICODE_VERSION: (u8, u8, u8) = unicode_normalization::UNICODE_VERSION;
