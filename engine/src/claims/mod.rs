//! Bulk verification: claims in, verdicts out (人社鉴函〔2019〕20号; 国发〔2018〕41号 第八条).
//!
//! ```text
//! bytes ─▶ Cutter ─▶ Chunk ─▶ Judge (any thread, any order) ─▶ Judged ─▶ Closing (in order) ─▶ bytes, Summary
//! ```
//!
//! [`Cutter`] cuts a stream of CSV, NDJSON or a JSON array into chunks of whole claims; [`Judge`]
//! parses a chunk, finds the record of each claim with many searches in flight, judges it by the pure
//! function [`judge`] and writes the verdict; [`Closing`] grants one deduction a person and year, counts,
//! and makes the digest. The service and the command drive the same three, so that they give the same
//! bytes. Memory is constant however long the stream is. No stored value ever goes out.

mod bulk;
mod claim;
mod closing;
mod csv;
mod cut;
mod error;
mod field;
mod find;
mod granted;
mod json;
mod judge;
mod level;
mod render;
mod spill;

pub use bulk::{Counts, Judge, Judged};
pub use claim::{Claim, Invalid, REFERENCE_BYTES_MAX};
pub use closing::{Closing, Summary};
pub use cut::{CHUNK_BYTES, CLAIM_BYTES_MAX, Charset, Chunk, Cutter, Format, Position};
pub use error::StreamError;
pub use field::{ClaimField, FieldSet};
pub use find::Found;
pub use granted::{GRANTS_IN_MEMORY_MAX, Grant};
pub use judge::{DEDUCTION_FIRST_YEAR, DEDUCTION_YUAN, Judgement, NoDeduction, Verdict, judge};
pub use render::{Output, VERDICT_COLUMNS};
