//! Questions as a file, to be carried to another machine and asked there of the same register.
//!
//! NDJSON: a header, then a line for each question. Every line ends with a sum of what stands before it,
//! so that damage is named by its line.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;
use zhengcha_engine::key::Mode;

use super::{Kind, Question, QuestionSet, Shown, Wanted};

/// Raised when what a line means changes.
const FORMAT: &str = "zhengcha-questions-1";
const CURE: &str = "copy the file again from where it was written, or draw the questions anew";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    wanted: Wanted,
    as_of: Vec<Option<Box<str>>>,
    questions: usize,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    mode: Cow<'l, str>,
    kind: Kind,
    subject: u32,
    body: Cow<'l, str>,
    shown: Cow<'l, [Shown]>,
}

impl Line<'_> {
    fn of(question: &Question) -> anyhow::Result<Line<'_>> {
        let body =
            std::str::from_utf8(&question.body).context("the body of a question is no text")?;
        Ok(Line {
            mode: question.mode.name().into(),
            kind: question.kind,
            subject: question.subject,
            body: body.into(),
            shown: Cow::Borrowed(&question.shown),
        })
    }

    fn question(self) -> Option<Question> {
        Some(Question {
            mode: Mode::ALL.into_iter().find(|mode| mode.name() == self.mode)?,
            kind: self.kind,
            subject: self.subject,
            body: self.body.into_owned().into_bytes().into(),
            shown: self.shown.into_owned().into(),
        })
    }
}

impl QuestionSet {
    /// SHA-256 over what was wanted, all questions and all right answers.
    pub(super) fn digest_now(&self) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(serde_json::to_vec(&(FORMAT, &self.wanted, &self.as_of))?);
        for question in &self.questions {
            hasher.update(b"\n");
            hasher.update(serde_json::to_vec(&Line::of(question)?)?);
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written; nothing has its name then that had it not before.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let context = || format!("{}: the questions cannot be written", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .with_context(context)?;
        let mut out = BufWriter::new(temporary);
        let header = Header {
            format: FORMAT.to_owned(),
            wanted: self.wanted.clone(),
            as_of: self.as_of.clone(),
            questions: self.questions.len(),
            digest: self.digest.clone(),
        };
        put(&mut out, &header).with_context(context)?;
        for question in &self.questions {
            put(&mut out, &Line::of(question)?).with_context(context)?;
        }
        let temporary = out.into_inner().map_err(|error| anyhow!("{}", error.error()));
        temporary.with_context(context)?.persist(path).with_context(context)?;
        Ok(())
    }

    /// Reads what [`QuestionSet::write`] wrote.
    ///
    /// # Errors
    /// When it cannot be read or is not as written, with the line and what to do.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("{}: the questions cannot be read", path.display()))?;
        let mut lines = (1u64..).zip(BufReader::new(file).split(b'\n'));
        let mut next = || -> anyhow::Result<Option<(u64, Vec<u8>)>> {
            let Some((number, line)) = lines.next() else { return Ok(None) };
            let line = line.with_context(|| format!("{}: line {number}", path.display()))?;
            Ok(Some((number, line)))
        };
        let damaged =
            |number: u64, what: &str| anyhow!("{}: line {number}: {what}; {CURE}", path.display());
        let Some((_, first)) = next()? else {
            bail!("{}: empty; {CURE}", path.display());
        };
        let header: Header = parse(&first).map_err(|what| damaged(1, what))?;
        ensure!(
            header.format == FORMAT,
            "{}: written as {}, this program reads {FORMAT}; draw the questions anew with it",
            path.display(),
            header.format
        );
        ensure!(
            header.as_of.len() == header.wanted.uploads.len() + 1,
            damaged(1, "not as many dates as uploads")
        );
        let mut set = Self {
            wanted: header.wanted,
            as_of: header.as_of,
            digest: header.digest,
            questions: Vec::new(),
        };
        while let Some((number, line)) = next()? {
            let line: Line<'_> = parse(&line).map_err(|what| damaged(number, what))?;
            let question = line.question().ok_or_else(|| damaged(number, "no such mode"))?;
            set.questions.push(question);
        }
        let (found, promised) = (set.questions.len(), header.questions);
        ensure!(
            found == promised,
            damaged(found as u64 + 1, &format!("{found} questions up to here, not {promised}"))
        );
        ensure!(
            set.digest_now()? == set.digest,
            "{}: its lines are whole, but not those of its digest in line 1; {CURE}",
            path.display()
        );
        Ok(set)
    }
}

/// Writes a line and its sum.
fn put(out: &mut impl Write, line: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    let sum = xxh3_64(&text);
    // Into the object, before its closing brace.
    text.pop();
    writeln!(text, ",\"sum\":\"{sum:016x}\"}}")?;
    Ok(out.write_all(&text)?)
}

/// Reads a line and checks its sum.
fn parse<T: for<'l> Deserialize<'l>>(line: &[u8]) -> Result<T, &'static str> {
    const SUM_BYTES: usize = ",\"sum\":\"0123456789abcdef\"}".len();
    let text = line.len().checked_sub(SUM_BYTES).and_then(|end| line.split_at_checked(end));
    let (text, sum) = text.ok_or("cut off, or no line of questions")?;
    let text = [text, b"}"].concat();
    let expected = format!(",\"sum\":\"{:016x}\"}}", xxh3_64(&text));
    if sum != expected.as_bytes() {
        return Err("damaged: its sum is another");
    }
    serde_json::from_slice(&text).map_err(|_| "not as written by this program")
}
