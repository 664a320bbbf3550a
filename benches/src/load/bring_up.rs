//! A server of invented certificates with the questions for it, brought up for a run.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::cores::Cores;
use super::plan::{Subject, numbers_to_hold};
use super::questions::{Mix, QuestionSet, Timeline, Wanted};
use super::service::{self, Events, Loader, Service, Store};
use crate::programs;

/// The generation that a made register has.
const BASE_GENERATION: u64 = 1;
/// Certificates of each upload that is loaded in mid-run, at most; a twentieth of a small register.
const UPLOAD_ROWS_MAX: u64 = 10_000;
const UPLOAD_SHARE: u64 = 20;

/// What is to be brought up.
#[derive(Clone, Debug)]
pub struct BringUp {
    /// Where registers and questions are kept from run to run, and files of the run are put.
    pub work: PathBuf,
    /// Certificates.
    pub records: u64,
    /// Of the register, the questions and their order.
    pub seed: u64,
    /// People asked for.
    pub subjects: usize,
    /// How often what is asked.
    pub mix: Mix,
    /// Uploads that will be loaded in mid-run.
    pub swaps: usize,
    /// Whether the public listener speaks TLS.
    pub is_tls: bool,
    /// More arguments of the server.
    pub server_arguments: Vec<OsString>,
    /// Threads that send.
    pub threads: usize,
}

/// What was brought up.
pub struct BroughtUp {
    /// To be driven.
    pub subject: Subject,
    /// Bytes of the served segments.
    pub store_bytes: u64,
}

impl BringUp {
    /// Which questions.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let rows = UPLOAD_ROWS_MAX.min(self.records / UPLOAD_SHARE).max(1);
        Wanted {
            uploads: vec![rows; self.swaps],
            question_seed: self.seed,
            ..Wanted::new(self.records, self.seed, self.subjects)
        }
    }

    /// Makes the register and the questions unless they are there, and starts a server on a store that is
    /// lent to this run alone. The server is kept to half of the cores, the calling thread to the others.
    ///
    /// # Errors
    /// When there is no room, or a program fails.
    pub fn start(&self) -> anyhow::Result<BroughtUp> {
        fs::create_dir_all(&self.work)
            .with_context(|| format!("{}: cannot be made", self.work.display()))?;
        let work = fs::canonicalize(&self.work)?;
        let lock = lock(&work)?;
        let loader = Loader::new(programs::own_loader()?);
        eprintln!("register of {} certificates, made unless it is there", self.records);
        let store = Store::prepare(&loader, &work, self.records, self.seed)?;
        let set = Arc::new(questions(&self.wanted(), &work)?);

        let split = Cores::allowed()?.split();
        // What an earlier run left, it left because it was killed.
        let folder = work.join("run");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let lent = store.lend(&folder.join("store"))?;
        let mut uploads = Vec::new();
        for number in 1..=self.swaps as u32 {
            let path = folder.join(format!("upload-{number}.csv"));
            set.write_upload(number, &path)?;
            uploads.push(path);
        }
        let service = Service::start(service::Settings {
            words: programs::own_server()?,
            store: lent,
            folder: folder.clone(),
            is_tls: self.is_tls,
            cores: split.server.clone(),
            arguments: self.server_arguments.clone(),
        })?;
        split.kit.keep_to()?;
        let timeline = Arc::new(Timeline::new(BASE_GENERATION, self.swaps as u32));
        let numbers = numbers_to_hold(&set);
        let events =
            Events::new(loader.beside(split.server), Arc::clone(&timeline), uploads, numbers);
        let subject = Subject {
            target: service.target(),
            service: Some(service),
            set,
            mix: self.mix,
            timeline,
            events,
            folder,
            threads: self.threads,
            seed: self.seed,
            lock: Some(lock),
        };
        Ok(BroughtUp { subject, store_bytes: store.segment_bytes() })
    }
}

/// One run at a time works in a folder: the next would take away the store that the first one serves.
fn lock(work: &Path) -> anyhow::Result<File> {
    let path = work.join("lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    file.try_lock().with_context(|| {
        format!(
            "{}: another load test works in this folder; wait for it, or give another --work",
            work.display()
        )
    })?;
    Ok(file)
}

/// The questions, kept beside the register they are about.
fn questions(wanted: &Wanted, work: &Path) -> anyhow::Result<QuestionSet> {
    let path = work.join(format!("questions-{}-{}.ndjson", wanted.records, wanted.seed));
    if let Ok(set) = QuestionSet::read(&path)
        && set.wanted == *wanted
    {
        return Ok(set);
    }
    eprintln!("questions about {} people, with every right answer", wanted.subjects);
    let set = QuestionSet::draw(wanted)?;
    set.write(&path)?;
    Ok(set)
}

/// Ends a subject's server and takes away the files of the run.
///
/// # Errors
/// When the server does not end well.
pub fn take_down(subject: Subject) -> anyhow::Result<()> {
    let Subject { service, folder, lock: _lock, .. } = subject;
    let ended = service.map_or(Ok(()), Service::stop);
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    ended
}
