//! Writing: rows to packed records, records to a segment, a segment to a published generation.
//!
//! Everything here is deterministic: the same certificates in whatever order give the same bytes.
//! Merging, sorting and checking use as many threads as the caller allows; how many cannot be seen in
//! the bytes.

mod background;
mod batch;
mod check;
mod delta;
mod dictionary;
mod estimate;
mod file;
mod filters;
mod hashed;
mod merge;
mod parallel;
mod partition;
mod progress;
mod publish;
mod records;
mod rows;
mod segment;
#[cfg(test)]
mod tests;

pub use batch::BatchWriter;
pub use check::{check_indexes, check_records};
pub use delta::{Replaced, check_delta, left_to_serve, replaced, shadows};
pub use estimate::estimated_bytes;
pub use merge::Source;
pub use progress::{Progress, Silent};
pub use publish::{
    Staged, adopt_segment, create_folders, is_marked, mark_verified, publish, remove_temporaries,
    stage_holds, unmark, write_atomically, write_holds, write_manifest,
};
pub use rows::Rows;
pub use segment::{Finished, Plan, Unsynced, write_segment};
