//! How far a run has come, on disk, so that another can go on from there.
//!
//! `FILE.part.state` is replaced as a whole, after everything it speaks of is on the disk: so many bytes
//! of `FILE.part`, so many grants in `FILE.part.grants`. What lies beyond belongs to nobody and is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use zhengcha_engine::build::Staged;
use zhengcha_engine::claims::{Counts, Grant, Position, Verdict};

/// Version of the state file.
const STATE_VERSION: u32 = 1;
/// Bytes of a grant in the journal.
const GRANT_BYTES: usize = 17;

/// What the claims file was when the run began: the same file must be there when it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    path: PathBuf,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Claims {
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{}: the claims cannot be read", path.display());
        let metadata = fs::metadata(path).with_context(cannot)?;
        Ok(Self {
            path: fs::canonicalize(path).with_context(cannot)?,
            bytes: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    pub(super) claims: Claims,
    pub(super) generation: u64,
    /// Charsets of claims and of verdicts, as on the command line.
    pub(super) charsets: [String; 2],
    offset: u64,
    line: u64,
    is_within_claim: bool,
    is_after_comma: bool,
    is_closed: bool,
    pub(super) part_bytes: u64,
    pub(super) grants: u64,
    counts: [u64; 5],
}

impl State {
    pub(super) fn new(claims: Claims, generation: u64, charsets: [String; 2]) -> Self {
        Self {
            version: STATE_VERSION,
            claims,
            generation,
            charsets,
            offset: 0,
            line: 0,
            is_within_claim: false,
            is_after_comma: false,
            is_closed: false,
            part_bytes: 0,
            grants: 0,
            counts: [0; 5],
        }
    }

    /// Where to go on; `None` at the very beginning.
    pub(super) fn position(&self) -> Option<Position> {
        let Self { offset, line, is_within_claim, is_after_comma, is_closed, .. } = *self;
        (line > 0).then_some(Position { offset, line, is_within_claim, is_after_comma, is_closed })
    }

    pub(super) fn advance(&mut self, end: Position, counts: Counts) {
        (self.offset, self.line) = (end.offset, end.line);
        self.is_within_claim = end.is_within_claim;
        self.is_after_comma = end.is_after_comma;
        self.is_closed = end.is_closed;
        self.counts = Verdict::ALL.map(|verdict| counts.of(verdict));
    }

    pub(super) fn counts(&self) -> Counts {
        Counts::new(self.counts)
    }
}

/// The three files beside the verdicts to be.
pub(super) struct Journal {
    pub(super) part: PathBuf,
    grants_path: PathBuf,
    state_path: PathBuf,
    grants: File,
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl Journal {
    /// Whether a run for this file was begun and not finished.
    pub(super) fn part_of(out: &Path) -> PathBuf {
        beside(out, ".part")
    }

    /// Opens the journal of a run, and the part with a lock on it.
    pub(super) fn open(out: &Path) -> anyhow::Result<(Self, File)> {
        let open = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .with_context(|| format!("{}: cannot be written", path.display()))
        };
        let part = Self::part_of(out);
        let (grants_path, state_path) = (beside(&part, ".grants"), beside(&part, ".state"));
        let part_file = open(&part)?;
        if part_file.try_lock().is_err() {
            bail!("{}: another run is writing it; wait for it to end", part.display());
        }
        let grants = open(&grants_path)?;
        Ok((Self { part, grants_path, state_path, grants }, part_file))
    }

    /// The state of the run to go on with, if one was ever saved.
    pub(super) fn read_state(&self) -> anyhow::Result<Option<State>> {
        let text = match fs::read(&self.state_path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{}: cannot be read", self.state_path.display()));
            }
        };
        let state: State = serde_json::from_slice(&text).with_context(|| {
            format!("{}: is damaged; remove it and start again", self.state_path.display())
        })?;
        if state.version != STATE_VERSION {
            bail!("{}: was written by another release; start again", self.state_path.display());
        }
        Ok(Some(state))
    }

    /// Calls `take` with each grant of a state, and cuts off what came after.
    pub(super) fn read_grants(&mut self, grants: u64) -> anyhow::Result<Vec<Grant>> {
        let damaged = || format!("{}: is damaged; start again", self.grants_path.display());
        let mut reader = BufReader::new(&self.grants);
        reader.rewind()?;
        let mut all = Vec::new();
        for _ in 0..grants {
            let mut bytes = [0; GRANT_BYTES];
            reader.read_exact(&mut bytes).with_context(damaged)?;
            all.push(Grant::from_bytes(&bytes).with_context(damaged)?);
        }
        self.grants.set_len(grants * GRANT_BYTES as u64)?;
        self.grants.seek(SeekFrom::End(0))?;
        Ok(all)
    }

    /// Adds grants; on the disk with the next [`save`](Self::save).
    pub(super) fn add_grants(&mut self, grants: &[Grant]) -> anyhow::Result<()> {
        let bytes: Vec<u8> = grants.iter().flat_map(|grant| grant.to_bytes()).collect();
        self.grants
            .write_all(&bytes)
            .with_context(|| format!("{}: cannot be written", self.grants_path.display()))
    }

    /// Makes a state the one to go on from. The part must be on the disk already.
    pub(super) fn save(&self, state: &State) -> anyhow::Result<()> {
        self.grants
            .sync_data()
            .with_context(|| format!("{}: cannot be written", self.grants_path.display()))?;
        Ok(Staged::write(&self.state_path, &serde_json::to_vec_pretty(state)?)?.put()?)
    }

    /// Removes what is of no use once the verdicts are whole.
    pub(super) fn remove(self) {
        // Left behind they do no harm: a new run begins them anew.
        let _removed = fs::remove_file(self.state_path);
        let _removed = fs::remove_file(self.grants_path);
    }
}
