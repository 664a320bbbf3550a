//! Filters over composite keys, read off the records just written.

use super::hashed::hash_for;
use super::parallel;
use super::progress::Progress;
use super::records::RecordsReader;
use crate::error::BuildError;
use crate::filter::FilterBuilder;
use crate::key::Mode;
use crate::record::Record;
use crate::segment::CERTIFICATE_FIRST_MODES;

/// The filters of a base over the keys of the certificate-first modes, all from one reading of the records.
pub(super) fn of_certificate_first_modes(
    records: &RecordsReader,
    threads: usize,
    progress: &dyn Progress,
) -> Result<[FilterBuilder; CERTIFICATE_FIRST_MODES.len()], BuildError> {
    progress.begin("filtering keys", records.records());
    let mut filters = CERTIFICATE_FIRST_MODES.map(|_| FilterBuilder::of_base(records.records()));
    let mut added = 0;
    parallel::in_order(
        threads,
        records.blocks(),
        Vec::new,
        |buffer, block| {
            let records = records.block(block, buffer)?;
            let hashes = CERTIFICATE_FIRST_MODES.map(|mode| {
                let hashes =
                    records.iter().filter_map(|it| hash_for(mode, &Record::from_bytes(it)));
                hashes.collect::<Vec<u64>>()
            });
            Ok::<_, BuildError>((records.len() as u64, hashes))
        },
        |(records, hashes)| {
            for (filter, hashes) in filters.iter_mut().zip(hashes) {
                filter.add_all(&hashes);
            }
            added += records;
            progress.advance(added);
            Ok(())
        },
    )?;
    Ok(filters)
}

/// The filter of a delta, over the keys of all six modes.
pub(super) fn of_all(records: &RecordsReader) -> Result<Vec<u8>, BuildError> {
    let mut buffer = Vec::new();
    let mut each_block = |take: &mut dyn FnMut(&[u64])| {
        for block in 0..records.blocks() {
            let records = records.block(block, &mut buffer)?.iter().map(Record::from_bytes);
            let hashes = records.flat_map(|record| {
                Mode::ALL.into_iter().filter_map(move |mode| hash_for(mode, &record))
            });
            take(&hashes.collect::<Vec<u64>>());
        }
        Ok::<_, BuildError>(())
    };
    let mut keys = 0;
    each_block(&mut |hashes| keys += hashes.len())?;
    let mut filter = FilterBuilder::new(keys);
    each_block(&mut |hashes| filter.add_all(hashes))?;
    Ok(filter.finish())
}
