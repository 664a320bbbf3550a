//! Judges a chunk of claims: parse, find, judge, write. All that can be done in any order.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr;

use super::claim::{Claim, Invalid, Reading};
use super::csv;
use super::cut::{CLAIM_BYTES_MAX, Chunk, Format};
use super::find::find;
use super::granted::Grant;
use super::json;
use super::judge::{Verdict, judge};
use super::render::Output;
use crate::holds::Holds;
use crate::snapshot::Snapshot;
use crate::tables::Catalogue;

/// Judges chunks against one generation. Shared by threads.
#[derive(Clone)]
pub struct Judge {
    snapshot: Arc<Snapshot>,
    catalogue: Arc<Catalogue>,
    output: Output,
}

/// Claims by verdict, in the order of [`Verdict::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; 5]);

impl Counts {
    /// Claims of one verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }

    /// All claims.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.0.iter().sum()
    }

    /// One more of a verdict.
    pub(super) fn count(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    /// So many of each verdict, in the order of [`Verdict::ALL`].
    #[must_use]
    pub fn new(counts: [u64; 5]) -> Self {
        Self(counts)
    }

    /// Adds those of another part.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}

/// A deduction that is due unless the person has one for that year already.
pub(super) struct Due {
    pub(super) grant: Grant,
    /// The end of its row, which says so.
    pub(super) tail: std::ops::Range<usize>,
}

/// A chunk judged, to be taken by [`Closing`](super::Closing) in the order of the stream.
pub struct Judged {
    pub(super) bytes: Vec<u8>,
    pub(super) dues: Vec<Due>,
    pub(super) counts: Counts,
}

impl Judged {
    /// The claims of the chunk by verdict.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// Rows that go through the searches together: many enough to keep those busy, few enough for the nearer
/// cache.
const GROUP_ROWS: usize = 256;

/// The reference of a row, and what is wrong with it on which line.
type Row<'t> = (Cow<'t, str>, Option<(Invalid, u64)>);

/// Takes the rows of a chunk and judges them by groups.
struct Rows<'t, 'j> {
    judge: &'j Judge,
    holds: &'j Holds,
    /// Claims that may still be judged.
    allowed: u64,
    rows: Vec<Row<'t>>,
    claims: Vec<Claim<'t>>,
    judged: Judged,
}

impl<'t, 'j> Rows<'t, 'j> {
    fn of(chunk: &Chunk, judge: &'j Judge, holds: &'j Holds) -> Self {
        Self {
            judge,
            holds,
            allowed: chunk.allowed,
            rows: Vec::with_capacity(GROUP_ROWS),
            claims: Vec::with_capacity(GROUP_ROWS),
            judged: Judged {
                // A verdict is not half as long as its claim, nearly always.
                bytes: Vec::with_capacity(chunk.bytes.len() / 2),
                dues: Vec::new(),
                counts: Counts::default(),
            },
        }
    }

    #[inline]
    fn push(&mut self, reading: Reading<'t>, line: u64) {
        let Reading { claim, reference, mut wrong, .. } = reading;
        match self.allowed.checked_sub(1) {
            Some(left) => self.allowed = left,
            None => wrong = Some(Invalid::Quota),
        }
        self.rows.push((reference, wrong.map(|wrong| (wrong, line))));
        if wrong.is_none() {
            self.claims.push(claim);
        }
        if self.rows.len() == GROUP_ROWS {
            self.end_group();
        }
    }

    fn push_nameless(&mut self, wrong: Invalid, line: u64) {
        let mut reading = Reading::default();
        reading.note(wrong);
        self.push(reading, line);
    }

    /// Judges the rows gathered so far.
    fn end_group(&mut self) {
        let Judge { snapshot, catalogue, output } = self.judge;
        let mut found = find(snapshot, &self.claims);
        for found in found.iter_mut().flatten() {
            found.view.prefetch_texts();
            found.is_held =
                !self.holds.is_empty() && self.holds.contains(&found.view.certificate_number());
        }
        let mut claims = self.claims.iter().zip(&found);
        let Judged { bytes, dues, counts } = &mut self.judged;
        for (reference, wrong) in &self.rows {
            if let Some((reason, line)) = *wrong {
                counts.count(Verdict::Invalid);
                output.invalid(bytes, reference, reason, line);
                continue;
            }
            let Some((claim, found)) = claims.next() else { continue };
            let judgement = judge(claim, found.as_ref(), catalogue);
            counts.count(judgement.verdict);
            let tail = output.judged(bytes, reference, &claim.order, &judgement);
            if let (Some(Ok(year)), Some(found)) = (judgement.deduction, found) {
                let tail = bytes.len() - tail..bytes.len();
                dues.push(Due { grant: Grant::of(&found.view, year), tail });
            }
        }
        self.rows.clear();
        self.claims.clear();
    }

    fn end(mut self) -> Judged {
        self.end_group();
        self.judged
    }
}

impl Judge {
    /// Against this generation and catalogue, writing like this.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, catalogue: Arc<Catalogue>, output: Output) -> Self {
        Self { snapshot, catalogue, output }
    }

    /// The generation.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// How it writes.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output
    }

    /// Judges a chunk, with what is under review at the moment.
    #[must_use]
    pub fn judge(&self, chunk: &Chunk, holds: &Holds) -> Judged {
        match chunk.format {
            Format::Csv => {
                let (text, is_lossy) = chunk.text();
                let mut rows = Rows::of(chunk, self, holds);
                read_csv(chunk, &text, is_lossy, &mut rows);
                rows.end()
            }
            Format::Ndjson => {
                let mut rows = Rows::of(chunk, self, holds);
                read_lines(chunk, &mut rows);
                rows.end()
            }
            Format::Array => {
                let mut rows = Rows::of(chunk, self, holds);
                read_elements(chunk, &mut rows);
                rows.end()
            }
        }
    }
}

fn read_csv<'t>(chunk: &Chunk, text: &'t str, is_lossy: bool, rows: &mut Rows<'t, '_>) {
    let mut fields = Vec::new();
    let is_quoted = memchr(b'"', text.as_bytes()).is_some();
    let (mut at, mut line) = (0, chunk.first_line);
    while at < text.len() {
        let record = if is_quoted {
            csv::split(text, at, &mut fields)
        } else {
            csv::split_unquoted(text, at, &mut fields)
        };
        let whole = &text[at..record.end];
        if fields.len() > 1 || !whole.trim_ascii().is_empty() {
            let mut reading = Reading::default();
            if whole.len() > CLAIM_BYTES_MAX {
                reading.note(Invalid::TooLong);
            } else if !record.is_well_formed {
                reading.note(Invalid::Malformed);
                fields.clear();
            } else if is_lossy && whole.contains(char::REPLACEMENT_CHARACTER) {
                reading.note(Invalid::Undecodable);
            }
            chunk.header.read(&mut fields, &mut reading);
            rows.push(reading, line);
        }
        at = record.end;
        line += if record.is_one_line { 1 } else { lines_of(whole) };
    }
}

fn lines_of(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

fn read_lines<'t>(chunk: &'t Chunk, rows: &mut Rows<'t, '_>) {
    let mut line = chunk.first_line;
    let mut rest = &*chunk.bytes;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len() - 1) + 1;
        read_json(rows, &rest[..end], line);
        rest = &rest[end..];
        line += 1;
    }
}

fn read_elements<'t>(chunk: &'t Chunk, rows: &mut Rows<'t, '_>) {
    let mut start = 0;
    for (place, &end) in (chunk.first_line..).zip(&chunk.ends) {
        let element = &chunk.bytes[start..end];
        if element.trim_ascii().is_empty() {
            rows.push_nameless(Invalid::Malformed, place);
        } else {
            read_json(rows, element, place);
        }
        start = end;
    }
}

/// One JSON text; a blank line is none.
fn read_json<'t>(rows: &mut Rows<'t, '_>, bytes: &'t [u8], line: u64) {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return;
    }
    if bytes.len() > CLAIM_BYTES_MAX {
        return rows.push_nameless(Invalid::TooLong, line);
    }
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => {
            let mut reading = Reading::default();
            json::read(text, &mut reading);
            rows.push(reading, line);
        }
        Err(_) => rows.push_nameless(Invalid::Undecodable, line),
    }
}
