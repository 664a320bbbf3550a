//! What a segment will take, before anything is written.

use super::merge::Source;
use crate::archive::records_section_bytes;
use crate::error::BuildError;
use crate::format::section::SegmentKind;

/// Bytes of the indexes for one record: three of 4.92 for the hashed blocks, their trees, and room for three
/// stretches of certificate numbers in ten records.
const INDEX_BYTES: u64 = 18;
/// Bytes of a base's filters for one record.
const BASE_FILTER_BYTES: u64 = 6;
/// Bytes of a delta's filter for one record.
const DELTA_FILTER_BYTES: u64 = 18;
/// Header, padding and trees of the smallest segment.
const FIXED_BYTES: u64 = 1 << 17;

/// A few percent above what [`write_segment`](super::write_segment) will write; less than that only where
/// certificate numbers hardly follow each other.
#[must_use]
pub fn estimated_bytes(kind: SegmentKind, sources: &[Source<'_>]) -> u64 {
    let records: u64 = sources.iter().map(Source::len).sum();
    let texts: u64 = sources.iter().map(Source::text_bytes).sum();
    let each = match kind {
        SegmentKind::Batch => 0,
        SegmentKind::Base => INDEX_BYTES + BASE_FILTER_BYTES,
        SegmentKind::Delta => INDEX_BYTES + DELTA_FILTER_BYTES,
    };
    records_section_bytes(records) + texts + records * each + FIXED_BYTES
}

/// Refuses shadowed records that do not rise or are not there.
pub(super) fn check_sources(sources: &[Source<'_>]) -> Result<(), BuildError> {
    for source in sources {
        let shadowed = source.shadowed();
        let rise = shadowed.is_sorted_by(|a, b| a < b);
        if !rise || shadowed.last().is_some_and(|&last| last >= source.positions()) {
            return Err(BuildError::Invalid {
                place: "sources",
                detail: "shadowed records do not rise or lie past the end".to_owned(),
            });
        }
    }
    Ok(())
}
