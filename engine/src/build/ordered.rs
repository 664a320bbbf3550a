//! Certificate-first indexes: the fingerprints of the records in their own order.

use super::file::SectionFile;
use super::parallel;
use super::progress::Progress;
use super::records::RecordsReader;
use crate::error::BuildError;
use crate::format::section::SectionKind;
use crate::format::{BLOCK_RECORDS, INDEX_BLOCK_BYTES};
use crate::index::Probe;
use crate::key::Mode;
use crate::record::Record;

/// Writes the sections of one index; `tree` and `runs`, known from writing the records, stand in the
/// first of these indexes alone.
pub(super) fn write(
    file: &mut SectionFile,
    mode: Mode,
    records: &RecordsReader,
    (tree, runs): (&[u8], &[u8]),
    threads: usize,
    progress: &dyn Progress,
) -> Result<(), BuildError> {
    progress.begin(mode.index_name(), records.records());
    let has_tree = mode.has_tree();
    if has_tree {
        file.section(SectionKind::Tree(mode), tree)?;
    }
    file.begin(SectionKind::Blocks(mode))?;
    let mut bytes = 0;
    parallel::in_order(
        threads,
        records.blocks(),
        Vec::new,
        |buffer, block| fingerprints(mode, records, block, buffer),
        |fingerprints| {
            bytes += fingerprints.len();
            progress.advance(bytes as u64 / 2);
            file.write(&fingerprints)
        },
    )?;
    let padding = bytes.next_multiple_of(INDEX_BLOCK_BYTES) - bytes;
    file.write(&[0; INDEX_BLOCK_BYTES][..padding])?;
    file.end()?;
    if has_tree {
        file.section(SectionKind::Runs(mode), runs)?;
    }
    Ok(())
}

fn fingerprints(
    mode: Mode,
    records: &RecordsReader,
    block: usize,
    buffer: &mut Vec<u8>,
) -> Result<Vec<u8>, BuildError> {
    let mut fingerprints = Vec::with_capacity(BLOCK_RECORDS * 2);
    for bytes in records.block(block, buffer)? {
        let record = Record::from_bytes(bytes);
        let probe = Probe::new(mode, record.pair_words(mode));
        fingerprints.extend_from_slice(&(probe.hash as u16).to_le_bytes());
    }
    Ok(fingerprints)
}
