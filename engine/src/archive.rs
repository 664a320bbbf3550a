//! The only place that reads rkyv archives: checked when a segment is verified, unchecked after.
#![allow(unsafe_code)]

use crate::error::OpenError;
use crate::format::BLOCK_RECORDS;
use crate::record::{RECORD_BYTES, StoredRecord};
use rkyv::rancor::Error as ArchiveError;
use rkyv::string::ArchivedString;
use rkyv::vec::ArchivedVec;
use std::path::Path;

/// Bytes of the root behind the records of a block: a relative pointer and a length.
const ROOT_BYTES: usize = size_of::<ArchivedVec<StoredRecord>>();
/// Bytes of a full block: records, root, zeros up to the next record-sized boundary.
pub(crate) const BLOCK_BYTES: usize = BLOCK_RECORDS * RECORD_BYTES + RECORD_BYTES;
const _: () = assert!(ROOT_BYTES == 8);
const _: () = assert!(align_of::<StoredRecord>() == 8);

/// Length of the records section for this many records.
pub(crate) fn records_section_bytes(records: u64) -> u64 {
    let blocks = records.div_ceil(BLOCK_RECORDS as u64);
    (records + blocks) * RECORD_BYTES as u64
}

/// What follows the records of a block: the root of its archive, then zeros.
#[cfg(feature = "build")]
pub(crate) fn block_end(records: usize) -> [u8; RECORD_BYTES] {
    let mut end = [0; RECORD_BYTES];
    // The root stands right behind the records and points back to the first of them.
    let back = -((records * RECORD_BYTES) as i32);
    end[..4].copy_from_slice(&back.to_le_bytes());
    end[4..ROOT_BYTES].copy_from_slice(&(records as u32).to_le_bytes());
    end
}

/// Checks that a records section is as long as its records ask for.
pub(crate) fn check_records_length(
    path: &Path,
    section: &[u8],
    records: u64,
) -> Result<(), OpenError> {
    if section.len() as u64 == records_section_bytes(records) {
        return Ok(());
    }
    let detail = format!("{} bytes for {records} records", section.len());
    Err(OpenError::corrupt(path, "records", detail))
}

/// Validates every block of a records section.
pub(crate) fn verify_records(path: &Path, section: &[u8], records: u64) -> Result<(), OpenError> {
    let corrupt = |detail: String| OpenError::corrupt(path, "records", detail);
    check_records_length(path, section, records)?;
    let mut left = records as usize;
    for (number, block) in section.chunks(BLOCK_BYTES).enumerate() {
        let count = left.min(BLOCK_RECORDS);
        left -= count;
        let (archive, padding) = block.split_at(count * RECORD_BYTES + ROOT_BYTES);
        let archived = rkyv::access::<ArchivedVec<StoredRecord>, ArchiveError>(archive)
            .map_err(|error| corrupt(format!("block {number}: {error}")))?;
        if archived.len() != count || archived.as_ptr().cast::<u8>() != archive.as_ptr() {
            return Err(corrupt(format!("block {number} does not hold {count} records")));
        }
        if padding.iter().any(|&byte| byte != 0) {
            return Err(corrupt(format!("padding of block {number}")));
        }
    }
    Ok(())
}

/// Where a record lies in a records section.
#[inline]
pub(crate) fn record_at(number: u32) -> usize {
    let number = number as usize;
    number * RECORD_BYTES + number / BLOCK_RECORDS * RECORD_BYTES
}

/// The record with this number in a records section that passed [`verify_records`].
///
/// # Panics
/// When the section has no such record.
#[inline]
pub(crate) fn record(section: &[u8], number: u32) -> &StoredRecord {
    let at = record_at(number);
    let bytes = &section[at..at + RECORD_BYTES];
    // SAFETY: the slice is exactly one `StoredRecord` long and begins on its alignment: sections
    // begin on pages of a page-aligned map and `at` is a multiple of 64. `StoredRecord` is made of
    // little-endian integers without padding (sizes and offsets asserted in `record.rs`), for which
    // every bit pattern is valid.
    unsafe { rkyv::access_unchecked::<StoredRecord>(bytes) }
}

/// A dictionary entry: two texts that occur together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, rkyv::Archive, rkyv::Serialize)]
#[rkyv(archived = StoredPair)]
#[cfg_attr(not(feature = "build"), expect(dead_code, reason = "only its stored form is read"))]
pub(crate) struct Pair {
    pub(crate) first: String,
    pub(crate) second: String,
}

/// Validates a dictionary section and returns its number of entries.
pub(crate) fn verify_dictionary(
    path: &Path,
    place: &str,
    section: &[u8],
) -> Result<u32, OpenError> {
    let archived = rkyv::access::<ArchivedVec<StoredPair>, ArchiveError>(section)
        .map_err(|error| OpenError::corrupt(path, place, error.to_string()))?;
    u32::try_from(archived.len())
        .map_err(|_| OpenError::corrupt(path, place, "more entries than record fields can name"))
}

/// An entry of a dictionary section that passed [`verify_dictionary`]; `("", "")` past its end.
#[inline]
pub(crate) fn pair(section: &[u8], index: u32) -> (&str, &str) {
    // SAFETY: callers hold sections of a verified segment only: `verify_dictionary` walked the
    // whole archive (pointers, lengths, UTF-8) over these very bytes, which never change since.
    let archived = unsafe { rkyv::access_unchecked::<ArchivedVec<StoredPair>>(section) };
    match archived.get(index as usize) {
        Some(pair) => (ArchivedString::as_str(&pair.first), ArchivedString::as_str(&pair.second)),
        None => ("", ""),
    }
}

/// The older records of one segment that a delta replaces or withdraws.
#[derive(Clone, Debug, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(archived = StoredShadows)]
pub struct Shadows {
    /// Id of the older segment, as in the manifest.
    pub segment: String,
    /// Its record numbers, rising.
    pub records: Vec<u32>,
}

/// Reads and validates a shadows section.
pub(crate) fn read_shadows(path: &Path, section: &[u8]) -> Result<Vec<Shadows>, OpenError> {
    let corrupt = |detail: String| OpenError::corrupt(path, "shadows", detail);
    let archived = rkyv::access::<ArchivedVec<StoredShadows>, ArchiveError>(section)
        .map_err(|error| corrupt(error.to_string()))?;
    let mut all = Vec::with_capacity(archived.len());
    for shadows in archived.iter() {
        let records: Vec<u32> = shadows.records.iter().map(|number| number.to_native()).collect();
        if records.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(corrupt("record numbers do not rise".to_owned()));
        }
        all.push(Shadows { segment: shadows.segment.as_str().to_owned(), records });
    }
    Ok(all)
}

/// Serialises a value the sections above hold.
#[cfg(feature = "build")]
pub(crate) fn archive<T>(value: &T) -> Result<rkyv::util::AlignedVec, crate::error::BuildError>
where
    T: for<'a> rkyv::Serialize<
            rkyv::api::high::HighSerializer<
                rkyv::util::AlignedVec,
                rkyv::ser::allocator::ArenaHandle<'a>,
                ArchiveError,
            >,
        >,
{
    rkyv::to_bytes::<ArchiveError>(value).map_err(|error| crate::error::BuildError::Invalid {
        place: "archive",
        detail: error.to_string(),
    })
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn a_block_written_by_hand_is_the_archive_of_its_records() {
        for count in [1usize, 2, 1000, BLOCK_RECORDS] {
            let records: Vec<Record> = (0..count as u64)
                .map(|n| Record {
                    id: n.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    certificate: n << 1,
                    ticket: !n,
                    name: [n ^ 7, n ^ 9],
                    extension: n as u32,
                    birth: n as u16,
                    issue: !n as u16,
                    occupation: n as u32 + 1,
                    body: n as u32 + 2,
                    scores: n as u32 + 3,
                    codes: n as u32 + 4,
                })
                .collect();
            let by_hand: Vec<u8> = records
                .iter()
                .flat_map(|record| record.to_bytes())
                .chain(block_end(count))
                .collect();
            let mut expected = archive(&records).unwrap().to_vec();
            expected.resize((count + 1) * RECORD_BYTES, 0);
            assert!(by_hand == expected, "{count} records");
            let (bytes, _) = by_hand.as_chunks::<RECORD_BYTES>();
            assert!(bytes.iter().map(Record::from_bytes).take(count).eq(records));
        }
    }
}
