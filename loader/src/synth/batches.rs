//! A register as accepted batches, which wait in the store to be compiled.
//!
//! Records are packed as they are made and never pass through a file: nobody judges them, for the
//! generator makes none that a rule would reject. While one batch is written the next is made, so that
//! about two lie in memory.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use serde_json::json;
use zhengcha_engine::build::{Finished, Rows, Source};
use zhengcha_engine::testing::{Part, Register};
use zhengcha_engine::{Certificate, Store};

use super::{COUNTED_RECORDS, Count, Wanted};
use crate::compile::{self, Plan};
use crate::generation::OpenStore;
use crate::ledger::BatchRow;
use crate::progress::{Progress, Silent};
use crate::report::{FileReport, ReportFormat, UploadReport};
use crate::{clock, space};

/// Bytes of a record in a batch, rounded up, to ask for room.
const ROW_BYTES: u64 = 72;
/// Folder of a batch under construction; cleared away at the next command after a kill.
const BATCH_TEMPORARY: &str = "new.tmp";
/// The unit that uploads.
const ORG: &str = "all";

/// Rows of one part with the order a segment wants them in.
type Made = (Rows, Vec<u32>);

/// Refuses a register for which the store's disk has no room; changes nothing.
///
/// # Errors
/// When there are not so many certificates, or there is not enough room.
pub fn ensure_room(store: &Store, wanted: &Wanted) -> anyhow::Result<()> {
    wanted.register()?;
    space::ensure_free(store.root(), wanted.records * ROW_BYTES)
}

/// Writes a register into the store as batches of about ten million records, which wait from then
/// on, and returns their names. Memory: some 1.5 GB, or as much as the register takes if it is less.
///
/// # Errors
/// When there are not so many certificates, or the store cannot be written; no batch is left then.
pub fn synth_batches(
    open: &mut OpenStore,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<String>> {
    let register = wanted.register()?;
    let made = write_all(open, wanted, register, progress).and_then(|names| {
        let detail = json!({ "batches": names, "records": wanted.records, "seed": wanted.seed });
        open.ledger.let_wait(&clock::timestamp()?, "synth", &detail)?;
        Ok(names)
    });
    made.inspect_err(|_| {
        let _ = fs::remove_dir_all(open.store.batches_dir().join(BATCH_TEMPORARY));
        // What cannot be removed now is at the next command.
        let _ = open.remove_unfinished_batches();
    })
}

fn write_all(
    open: &mut OpenStore,
    wanted: &Wanted,
    mut register: Register,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<String>> {
    let count = Count::begin("inventing certificates", wanted.records, progress);
    let parts_per_batch = (wanted.batch_records / wanted.part_records).max(1) as usize;
    let folder = open.store.batches_dir().join(BATCH_TEMPORARY);
    let mut names = Vec::new();
    let mut ready: Vec<Made> = Vec::new();
    loop {
        let parts: Vec<Part> = register.by_ref().take(parts_per_batch).collect();
        let name = open.next_batch()?;
        let (written, made) = rayon::join(
            || write_batch(&folder, &name, &ready, wanted.seed),
            || parts.into_par_iter().map(|part| make(part, &count)).collect::<Result<_, _>>(),
        );
        if let Some(finished) = written? {
            open.place_batch(&row(&name, &finished)?, &folder)?;
            names.push(name);
        }
        ready = made?;
        if ready.is_empty() {
            return Ok(names);
        }
    }
}

/// Makes the rows of one part.
fn make(part: Part, count: &Count<'_>) -> anyhow::Result<Made> {
    let mut rows = Rows::new();
    let mut stream = part.certificates();
    let mut certificate = Certificate::default();
    let mut uncounted = 0;
    while stream.fill(&mut certificate) {
        rows.push(&certificate)?;
        uncounted += 1;
        if uncounted == COUNTED_RECORDS {
            count.add(uncounted);
            uncounted = 0;
        }
    }
    count.add(uncounted);
    let order = rows.in_order(0..rows.len() as u32);
    Ok((rows, order))
}

/// Writes the folder of a batch and syncs it; of no rows, nothing.
fn write_batch(
    folder: &Path,
    name: &str,
    made: &[Made],
    seed: u64,
) -> anyhow::Result<Option<Finished>> {
    if made.is_empty() {
        return Ok(None);
    }
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make", folder.display()))?;
    let sources: Vec<Source<'_>> =
        made.iter().map(|(rows, order)| Source::Rows(rows, order)).collect();
    let path = folder.join("accepted.seg");
    let finished = compile::write(&path, &Plan::batch(&sources), &Silent)?;
    let report = UploadReport {
        files: vec![FileReport {
            path: format!("(invented: batch {name}, seed {seed})"),
            rows: finished.records,
            accepted: finished.records,
            ..FileReport::default()
        }],
        ..UploadReport::default()
    };
    report.write_file(&folder.join("report.json"), ReportFormat::Json)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{}: cannot sync", folder.display()))?;
    Ok(Some(finished))
}

fn row(name: &str, finished: &Finished) -> anyhow::Result<BatchRow> {
    Ok(BatchRow {
        name: name.to_owned(),
        org: ORG.to_owned(),
        received: clock::timestamp()?,
        counts: [finished.records, finished.records, 0, 0],
        segment: finished.id.clone(),
        files: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zhengcha_engine::Segment;

    fn batches(threads: usize, wanted: &Wanted) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("store"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut open = OpenStore::open_or_make(&store).unwrap();
        let names = pool.install(|| synth_batches(&mut open, wanted, &Silent)).unwrap();
        let path = |name: &String| store.batches_dir().join(name).join("accepted.seg");
        names.iter().map(|name| fs::read(path(name)).unwrap()).collect()
    }

    #[test]
    fn any_number_of_threads_makes_the_same_batches() {
        let wanted = Wanted { records: 3_000, seed: 4, part_records: 300, batch_records: 1_000 };
        let made = [1, 2, 5].map(|threads| batches(threads, &wanted));
        assert_eq!(made[0].len(), 4);
        assert!(made[0] == made[1] && made[1] == made[2]);
        assert!(made[0] != batches(2, &Wanted { seed: 5, ..wanted }));
    }

    #[test]
    fn a_batch_holds_the_certificates_of_the_register_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("store"));
        let mut open = OpenStore::open_or_make(&store).unwrap();
        let wanted = Wanted { part_records: 1_000, ..Wanted::new(2_500, 6) };
        let names = synth_batches(&mut open, &wanted, &Silent).unwrap();
        let path = store.batches_dir().join(&names[0]).join("accepted.seg");
        let segment = Segment::open(&path).unwrap();
        assert_eq!(segment.kind(), zhengcha_engine::format::section::SegmentKind::Batch);
        let mut stored: Vec<Certificate> =
            segment.views().map(|view| view.to_certificate()).collect();
        let mut made: Vec<Certificate> =
            Register::new(6, 2_500, 1_000).flat_map(Part::certificates).collect();
        let number = |it: &Certificate| it.certificate_number.clone();
        stored.sort_by_key(number);
        made.sort_by_key(number);
        assert_eq!(stored, made);
        assert_eq!(open.ledger.waiting().unwrap()[0].records, 2_500);
    }

    #[test]
    fn no_records_no_batches() {
        assert!(batches(2, &Wanted::new(0, 1)).is_empty());
    }
}
