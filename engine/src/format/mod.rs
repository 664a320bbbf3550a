//! Format 5 of a segment: header, section table, section kinds. `docs/FORMAT.md` draws every byte.
//!
//! Parsing is a total function over byte slices: any bytes give a [`header::Header`] or an error.

pub mod header;
pub mod section;

/// Version of the segment format written here. Version 0 marks development builds.
pub const FORMAT_VERSION: u32 = 5;
/// Oldest version read here.
pub const FORMAT_VERSION_OLDEST: u32 = 5;
/// Sections begin at multiples of this.
pub const PAGE_BYTES: usize = 4096;
/// Records of one block: what is archived and validated as a unit.
pub const BLOCK_RECORDS: usize = 1 << 16;
/// Entries of one index block of a hashed mode.
pub const HASHED_BLOCK_ENTRIES: usize = 13;
/// Bits of a record number with what stands above it in a block of a hashed mode.
pub const HASHED_WORD_BITS: usize = 31;
/// Bytes of an index block: one cache line.
pub const INDEX_BLOCK_BYTES: usize = 64;
/// Records of one segment: the last number of [`HASHED_WORD_BITS`] means "no record".
pub const SEGMENT_RECORDS_MAX: u64 = (1 << HASHED_WORD_BITS) - 1;

/// Names the record layout, the archive features, the key scheme and the index encoding. Anything
/// that moves a byte changes this text, and with it the fingerprint in every header.
pub const SCHEMA: &str = "zhengcha segment 2; record 64: id u64, certificate u64, ticket u64, \
    name 16, extension u32, birth u16, issue u16, occupation u32, body u32, scores u32, codes u32; \
    rkyv 0.8 little_endian aligned pointer_width_32; fst 3; keys xxh3-64 over packed fields, tickets to 19 digits; \
    sort key 56 bits spelt 8+8+8x5; stretches of numbers; blocks of 13 x (31 bits, u8); filters of 64-byte lines; \
    section sums over sums of 4 MiB";

/// Fingerprint of [`SCHEMA`].
#[must_use]
pub fn schema_fingerprint() -> u64 {
    crate::checksum::sum64(SCHEMA.as_bytes())
}
