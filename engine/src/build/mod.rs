//! Writing: rows to packed records, records to a segment, a segment to a published generation.
//!
//! Everything here is deterministic: the same certificates in whatever order give the same bytes.
//! Sorting in parallel is the caller's: [`SegmentWriter::finish_records`] hands out the keys of the
//! hashed indexes and [`SegmentWriter::finish`] takes them back in order.

mod check;
mod dictionary;
mod file;
mod merge;
mod publish;
mod rows;
mod writer;

pub use check::check_indexes;
pub use merge::{Merged, Source, merge};
pub use publish::{
    adopt_segment, create_folders, mark_verified, publish, remove_temporaries, write_atomically,
    write_holds, write_manifest,
};
pub use rows::Rows;
pub use writer::{Finished, HashedEntry, HashedKeys, SegmentWriter};
