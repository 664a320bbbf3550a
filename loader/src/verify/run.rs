//! One run from a file of claims to a file of verdicts.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use zhengcha_engine::claims::{Charset, Closing, Judge, Output, Summary};
use zhengcha_engine::tables::Catalogue;
use zhengcha_engine::{Holds, Snapshot, Store};

use super::journal::{Claims, Journal, State};
use super::kind::Kind;
use super::part::{Part, folder_of, summary_path};
use super::{pool, source};
use crate::progress::Progress;

/// What is under review is looked at again after this long, so that a hold counts from then on.
const HOLDS_INTERVAL: Duration = Duration::from_millis(500);

/// What is to be verified, and how.
#[derive(Clone, Debug)]
pub struct Job {
    /// The file of claims.
    pub claims: PathBuf,
    /// The file of verdicts to be.
    pub out: PathBuf,
    /// Go on with a run that did not finish.
    pub resume: bool,
    /// Charset of a CSV of claims; found from its content by default.
    pub charset: Option<Charset>,
    /// Charset of a CSV of verdicts; that of the claims by default.
    pub out_charset: Option<Charset>,
    /// Time between two places from which a run can go on.
    pub save_interval: Duration,
    /// Threads that judge.
    pub threads: usize,
}

/// Runs the job; says how the claims came out.
///
/// # Errors
/// When the claims cannot be read, the store is not fit, or the verdicts cannot be written. FILE is not
/// there then; what was judged stays in `FILE.part` for a run with `resume`.
pub fn run(store: &Store, job: &Job, progress: &dyn Progress) -> anyhow::Result<Summary> {
    let kinds = (Kind::of(&job.claims)?, Kind::of(&job.out)?);
    refuse_overwriting(job)?;
    let claims = Claims::of(&job.claims)?;
    let charset = match (kinds.0, job.charset) {
        (Kind::Csv, Some(charset)) => charset,
        (Kind::Csv, None) => source::charset(&job.claims)?,
        _ => Charset::Utf8,
    };
    let out_charset = match kinds.1 {
        Kind::Csv => job.out_charset.unwrap_or(charset),
        _ => Charset::Utf8,
    };
    let output = Output { format: kinds.1.format(), charset: out_charset };
    let catalogue = Arc::new(Catalogue::load(Some(&store.tables_dir()))?);
    let holds = FollowedHolds::read(store)?;

    let (journal, part) = Journal::open(&job.out)?;
    let earlier = if job.resume { journal.read_state()? } else { None };
    let charsets = [charset, out_charset].map(|charset| format!("{charset:?}"));
    let snapshot = Arc::new(open(store, earlier.as_ref().map(|state| state.generation))?);
    let state = match earlier {
        Some(state) if state.claims != claims || state.charsets != charsets => bail!(
            "{}: is not the file, or not the charset, that {} was begun with; start again without --resume",
            job.claims.display(),
            journal.part.display()
        ),
        Some(state) => state,
        None => State::new(claims.clone(), snapshot.generation(), charsets),
    };
    let from = state.position();
    let closing = Closing::new(output, folder_of(&job.out));
    let mut part = Part::open((&job.out, kinds.1), (journal, part), state, closing)?;

    progress.begin("bytes of claims judged", claims.bytes());
    let judge = Judge::new(snapshot, catalogue, output);
    pool::run(
        job.threads,
        |chunks| {
            source::read(
                &job.claims,
                kinds.0,
                charset,
                from,
                &|bytes| progress.advance(bytes),
                chunks,
            )
        },
        |chunk| judge.judge(chunk, &holds.now()),
        |end, judged| {
            holds.follow()?;
            part.take(end, judged)?;
            part.save(job.save_interval)
        },
    )?;
    progress.finish();
    if Claims::of(&job.claims)? != claims {
        bail!("{}: changed while it was read; start again", job.claims.display());
    }
    part.finish()
}

fn refuse_overwriting(job: &Job) -> anyhow::Result<()> {
    if job.out.exists() {
        bail!("{}: is there already; name another file or remove it", job.out.display());
    }
    let part = Journal::part_of(&job.out);
    if !job.resume && part.exists() {
        bail!(
            "{}: a run for this file was not finished; go on with --resume, or remove it",
            part.display()
        );
    }
    // Of a run that ended between the two: the file it speaks of never came to be.
    match fs::remove_file(summary_path(&job.out)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be written", job.out.display()))
        }
        _ => Ok(()),
    }
}

fn open(store: &Store, generation: Option<u64>) -> anyhow::Result<Snapshot> {
    match generation {
        Some(generation) => Snapshot::open_generation(store, generation, None).with_context(|| {
            format!("generation {generation}, with which the run began, is gone; start again without --resume")
        }),
        None => Snapshot::open_current(store, None)?.with_context(|| {
            format!("no generation in {} yet; load an upload file first", store.root().display())
        }),
    }
}

/// What is under review, looked at again and again.
struct FollowedHolds {
    store: Store,
    holds: Mutex<(Arc<Holds>, Instant)>,
}

impl FollowedHolds {
    fn read(store: &Store) -> anyhow::Result<Self> {
        let holds = Arc::new(Holds::read(store)?);
        Ok(Self { store: store.clone(), holds: Mutex::new((holds, Instant::now())) })
    }

    fn now(&self) -> Arc<Holds> {
        Arc::clone(&self.holds.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Reads the list again when it is time. Without it nothing may be said.
    fn follow(&self) -> anyhow::Result<()> {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        if holds.1.elapsed() >= HOLDS_INTERVAL {
            *holds = (Arc::new(Holds::read(&self.store)?), Instant::now());
        }
        Ok(())
    }
}
