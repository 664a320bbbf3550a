//! The verdicts as they come to be: `FILE.part`, and its becoming FILE.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use zhengcha_engine::build::Staged;
use zhengcha_engine::claims::{Closing, Judged, Position, Summary};

use super::journal::{Journal, State};
use super::kind::Kind;
use super::workbook;

const COPY_BYTES: usize = 1 << 20;

/// Verdicts under construction.
pub(super) struct Part {
    out: PathBuf,
    kind: Kind,
    file: File,
    journal: Journal,
    state: State,
    closing: Closing,
    saved: Instant,
}

impl Part {
    /// Begins a run, or goes on with one of which a state is given.
    pub(super) fn open(
        (out, kind): (&Path, Kind),
        (mut journal, mut file): (Journal, File),
        state: State,
        mut closing: Closing,
    ) -> anyhow::Result<Self> {
        let damaged =
            || format!("{}: is damaged; remove it and start again", journal.part.display());
        if file.metadata()?.len() < state.part_bytes {
            bail!(damaged());
        }
        if state.position().is_some() {
            let mut left = (&file).take(state.part_bytes);
            let mut buffer = vec![0; COPY_BYTES];
            loop {
                let read = left.read(&mut buffer).with_context(damaged)?;
                if read == 0 {
                    break;
                }
                closing.resume_bytes(&buffer[..read]);
            }
        }
        file.set_len(state.part_bytes)?;
        file.seek(SeekFrom::Start(state.part_bytes))?;
        let grants = journal.read_grants(state.grants)?;
        closing.resume(grants, state.counts())?;
        closing.keep_new_grants();
        let (out, saved) = (out.to_owned(), Instant::now());
        let mut part = Self { out, kind, file, journal, state, closing, saved };
        if part.state.position().is_none() {
            let head = part.closing.head();
            part.write(&head)?;
        }
        Ok(part)
    }

    /// Takes the next chunk.
    pub(super) fn take(&mut self, end: Position, judged: Judged) -> anyhow::Result<()> {
        let bytes = self.closing.take(judged).context("a temporary file cannot be used")?;
        self.write(&bytes)?;
        let grants = self.closing.new_grants();
        self.journal.add_grants(&grants)?;
        self.state.grants += grants.len() as u64;
        self.state.advance(end, self.closing.counts());
        Ok(())
    }

    /// Makes this a place to go on from, when the last one is so long ago.
    pub(super) fn save(&mut self, interval: Duration) -> anyhow::Result<()> {
        if self.saved.elapsed() >= interval {
            self.file.sync_data().with_context(|| self.cannot_write())?;
            self.journal.save(&self.state)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| self.cannot_write())?;
        self.state.part_bytes += bytes.len() as u64;
        Ok(())
    }

    fn cannot_write(&self) -> String {
        format!(
            "{}: cannot be written; what is judged stays, go on with --resume",
            self.journal.part.display()
        )
    }

    /// Makes the verdicts whole: the summary first, then the file under its name.
    pub(super) fn finish(self) -> anyhow::Result<Summary> {
        let cannot_write = self.cannot_write();
        let Self { out, kind, mut file, journal, state, closing, .. } = self;
        let (last, summary) = closing.end(state.generation);
        file.write_all(&last).and_then(|()| file.sync_all()).context(cannot_write)?;
        let text = format!("{}\n", summary.to_json());
        Staged::write(&summary_path(&out), text.as_bytes())?.put()?;
        if kind == Kind::Workbook {
            let write = |file: &mut File| workbook::write(&journal.part, file);
            Staged::write_with(&out, |file| write(file).map_err(io::Error::other))?.put()?;
            fs::remove_file(&journal.part)?;
        } else {
            put_in_place(&journal.part, &out)?;
        }
        File::open(folder_of(&out))?.sync_all()?;
        journal.remove();
        Ok(summary)
    }
}

/// The folder a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the summary of a file of verdicts lies.
pub(super) fn summary_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".summary.json");
    PathBuf::from(name)
}

/// Never over a file that came to be in the meantime.
fn put_in_place(part: &Path, out: &Path) -> anyhow::Result<()> {
    renameat_with(CWD, part, CWD, out, RenameFlags::NOREPLACE).with_context(|| {
        format!("{}: cannot take its name; the verdicts are in {}", out.display(), part.display())
    })
}
