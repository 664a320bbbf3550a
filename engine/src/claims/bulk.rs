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

/// The reference of a row, and what is wrong with it on which line.
type Row<'t> = (Cow<'t, str>, Option<(Invalid, u64)>);

/// What a chunk says: its claims, and of every row its reference and what is wrong with it.
struct Rows<'t> {
    rows: Vec<Row<'t>>,
    claims: Vec<Claim<'t>>,
    allowed: u64,
}

impl<'t> Rows<'t> {
    fn of(chunk: &Chunk) -> Self {
        let lines = chunk.claims_max() as usize;
        Self {
            rows: Vec::with_capacity(lines),
            claims: Vec::with_capacity(lines),
            allowed: chunk.allowed,
        }
    }

    #[inline]
    fn push(&mut self, reading: Reading<'t>, line: u64) {
        let Reading { claim, reference, mut wrong, .. } = reading;
        if self.rows.len() as u64 >= self.allowed {
            wrong = Some(Invalid::Quota);
        }
        self.rows.push((reference, wrong.map(|wrong| (wrong, line))));
        if wrong.is_none() {
            self.claims.push(claim);
        }
    }

    fn push_nameless(&mut self, wrong: Invalid, line: u64) {
        let mut reading = Reading::default();
        reading.note(wrong);
        self.push(reading, line);
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
                self.judge_rows(read_csv(chunk, &text, is_lossy), holds)
            }
            Format::Ndjson => self.judge_rows(read_lines(chunk), holds),
            Format::Array => self.judge_rows(read_elements(chunk), holds),
        }
    }

    fn judge_rows(&self, rows: Rows<'_>, holds: &Holds) -> Judged {
        let mut found = find(&self.snapshot, &rows.claims);
        if !holds.is_empty() {
            for found in found.iter_mut().flatten() {
                found.is_held = holds.contains(&found.view.certificate_number());
            }
        }
        let mut judged = Judged { bytes: Vec::new(), dues: Vec::new(), counts: Counts::default() };
        let mut claims = rows.claims.iter().zip(&found);
        for (reference, wrong) in &rows.rows {
            let out = &mut judged.bytes;
            match *wrong {
                Some((reason, line)) => {
                    judged.counts.count(Verdict::Invalid);
                    self.output.invalid(out, reference, reason, line);
                }
                None => {
                    let Some((claim, found)) = claims.next() else { continue };
                    let judgement = judge(claim, found.as_ref(), &self.catalogue);
                    judged.counts.count(judgement.verdict);
                    let tail = self.output.judged(out, reference, &claim.order, &judgement);
                    if let (Some(Ok(year)), Some(found)) = (judgement.deduction, found) {
                        let tail = out.len() - tail..out.len();
                        judged.dues.push(Due { grant: Grant::of(&found.view, year), tail });
                    }
                }
            }
        }
        judged
    }
}

fn read_csv<'t>(chunk: &Chunk, text: &'t str, is_lossy: bool) -> Rows<'t> {
    let mut rows = Rows::of(chunk);
    let mut fields = Vec::new();
    let (mut at, mut line) = (0, chunk.first_line);
    while at < text.len() {
        let record = csv::split(text, at, &mut fields);
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
    rows
}

fn lines_of(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

fn read_lines(chunk: &Chunk) -> Rows<'_> {
    let mut rows = Rows::of(chunk);
    let mut line = chunk.first_line;
    let mut rest = &*chunk.bytes;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len() - 1) + 1;
        read_json(&mut rows, &rest[..end], line);
        rest = &rest[end..];
        line += 1;
    }
    rows
}

fn read_elements(chunk: &Chunk) -> Rows<'_> {
    let mut rows = Rows::of(chunk);
    let mut start = 0;
    for (place, &end) in (chunk.first_line..).zip(&chunk.ends) {
        let element = &chunk.bytes[start..end];
        if element.trim_ascii().is_empty() {
            rows.push_nameless(Invalid::Malformed, place);
        } else {
            read_json(&mut rows, element, place);
        }
        start = end;
    }
    rows
}

/// One JSON text; a blank line is none.
fn read_json<'t>(rows: &mut Rows<'t>, bytes: &'t [u8], line: u64) {
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
