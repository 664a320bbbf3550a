//! Files to judged, compared and accepted rows.

use super::batch::{self, Copies};
use super::merge::Comparison;
use super::pool::Pool;
use super::run::{ROWS_IN_MEMORY, Run};
use super::scratch::Scratch;
use super::sink::FileSink;
use crate::input::{self, Limits};
use crate::judge::Judge;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::report::{FINDINGS_IN_MEMORY, FileReport, Findings, Notes, UploadReport};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zhengcha_engine::Snapshot;
use zhengcha_engine::build::{BatchWriter, Finished};

/// Name of the segment of accepted records in the folder of an upload.
pub const ACCEPTED: &str = "accepted.seg";

/// What each thread may keep in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// See [`ROWS_IN_MEMORY`].
    pub rows: usize,
    /// See [`FINDINGS_IN_MEMORY`].
    pub findings: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rows: ROWS_IN_MEMORY, findings: FINDINGS_IN_MEMORY }
    }
}

/// What is to be read, and how it is to be judged.
pub struct Request<'a> {
    /// The upload files.
    pub files: &'a [PathBuf],
    /// The layout, when it is not to follow from the headers.
    pub layout: Option<Layout>,
    /// The rules on a row.
    pub judge: &'a Judge,
    /// Header names, codes, catalogue and regions.
    pub tables: &'a crate::tables::Tables,
    /// Whether numbers of other persons are accepted, for old registers.
    pub legacy: bool,
    /// The register the rows are judged against.
    pub register: Option<&'a Snapshot>,
    /// An empty folder that gets copies of the files, the accepted records and, meanwhile, temporary
    /// files; without one nothing is kept, and temporary files go to the system's folder for them.
    pub folder: Option<&'a Path>,
    /// Threads that read and judge; what comes out does not depend on it.
    pub threads: usize,
    /// What each of them may keep in memory.
    pub bounds: Bounds,
}

/// An upload, read and judged in full.
pub struct Upload {
    /// Files, counts, findings.
    pub report: UploadReport,
    /// The segment of the records to store, synced, in the request's folder; `None` when there are no
    /// such records, or no folder.
    pub accepted: Option<Finished>,
    /// How many records are to be stored.
    pub stored: u64,
    /// How many of these replace a record of the register.
    pub corrections: u64,
    /// Rows that the register already has.
    pub unchanged: u64,
    /// The delivered files as they are called in the request's folder, with their SHA-256.
    pub delivered: Vec<(String, String)>,
}

/// What came of one delivered file.
type Read = anyhow::Result<(Vec<FileReport>, String)>;

/// Reads and judges every file of an upload.
///
/// # Errors
/// When a file cannot be read as a whole: then nothing of the upload counts. The folder of the request
/// may then hold anything.
pub fn read(request: &Request<'_>, progress: &dyn Progress) -> anyhow::Result<Upload> {
    let temporary = std::env::temp_dir();
    let scratch = Scratch::new(request.folder.unwrap_or(&temporary));
    let copies = request.folder.map(Copies::new).transpose()?;
    progress.begin("reading and judging (bytes)", total_bytes(request.files));
    let results: Vec<Mutex<Option<Read>>> =
        request.files.iter().map(|_| Mutex::default()).collect();
    let pool = Pool::new(request, progress);
    let lanes = pool.run(&scratch, |number, lane| {
        let path = &request.files[number];
        let name = path.display().to_string();
        let mut sink = FileSink::new(&pool, lane, number, &name);
        let read = read_one(path, number, &name, copies.as_ref(), &mut sink);
        let result = read.and_then(|read| sink.close(read));
        let is_read = result.is_ok();
        *results[number].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        is_read
    });
    let (mut report, first_files, digests) = gather(results)?;
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for lane in lanes {
        runs.extend(lane.runs);
        notes.push(lane.notes);
    }
    let mut compared = Notes::new(request.bounds.findings);
    let rows = runs.iter().map(|run: &Run| run.len() as u64).sum();
    progress.begin("comparing with the register", rows);
    let path = request.folder.map(|folder| folder.join(ACCEPTED));
    let mut writer = path.as_deref().map(BatchWriter::create).transpose()?;
    let comparison = Comparison {
        runs: &runs,
        register: request.register,
        legacy: request.legacy,
        scratch: &scratch,
        first_files: &first_files,
        files: &mut report.files,
        notes: &mut compared,
        writer: writer.as_mut(),
    };
    let outcome = comparison.run(progress)?;
    notes.push(compared);
    report.findings = Findings::new(notes, first_files.into());
    let accepted = match writer {
        Some(writer) if outcome.stored > 0 => Some(writer.finish()?.sync()?),
        _ => None,
    };
    let names = copies.map(Copies::finish).transpose()?.unwrap_or_default();
    progress.finish();
    Ok(Upload {
        report,
        accepted,
        stored: outcome.stored,
        corrections: outcome.corrections,
        unchanged: outcome.unchanged,
        delivered: names.into_iter().zip(digests).collect(),
    })
}

fn total_bytes(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum()
}

fn read_one(
    path: &Path,
    number: usize,
    name: &str,
    copies: Option<&Copies>,
    sink: &mut FileSink<'_, '_>,
) -> anyhow::Result<Result<input::FileRead, input::InputError>> {
    let limits = Limits::default();
    let Some(copies) = copies else { return Ok(input::read_file(path, name, &limits, sink)) };
    // An upload file that is not there is told of before a copy is made.
    if let Err(error) = path.metadata() {
        return Err(error).with_context(|| format!("{name}: cannot be read; check that it exists"));
    }
    let copy = copies.create(&batch::stored_name(number + 1, path))?;
    Ok(input::read_copied(path, name, copy, |copy| copies.is_whole(copy), &limits, sink))
}

/// The files of the report in the order given, where those of each delivered file begin, and digests;
/// or the error of the first file that has one.
fn gather(
    results: Vec<Mutex<Option<Read>>>,
) -> anyhow::Result<(UploadReport, Vec<u16>, Vec<String>)> {
    let mut report = UploadReport::default();
    let (mut first_files, mut digests) = (Vec::new(), Vec::new());
    for result in results {
        let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Files behind one that failed are not read.
        let Some(result) = result else { continue };
        let (files, sha256) = result?;
        first_files.push(report.files.len() as u16);
        report.files.extend(files);
        u16::try_from(report.files.len()).context("more files than a report can name")?;
        digests.push(sha256);
    }
    Ok((report, first_files, digests))
}
