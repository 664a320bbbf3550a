//! Judges a chunk of claims: parse, find, judge, write. All that can be done in any order.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr;

use super::claim::{Claim, Invalid, Written};
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

/// A row of the stream, its claim counted in the order of the chunk.
enum Row {
    Claim,
    Invalid(Invalid, u64),
}

/// What a chunk says.
#[derive(Default)]
struct Rows<'t> {
    rows: Vec<(Cow<'t, str>, Row)>,
    claims: Vec<Claim<'t>>,
    allowed: u64,
}

impl<'t> Rows<'t> {
    fn push(&mut self, mut written: Written<'t>, wrong: Option<Invalid>, line: u64) {
        let wrong =
            if self.rows.len() as u64 >= self.allowed { Some(Invalid::Quota) } else { wrong };
        let (reference, claim) = match wrong {
            Some(wrong) => (written.reference(), Err(wrong)),
            None => written.normal(),
        };
        let row = match claim {
            Ok(claim) => {
                self.claims.push(claim);
                Row::Claim
            }
            Err(invalid) => Row::Invalid(invalid, line),
        };
        self.rows.push((reference, row));
    }

    fn push_nameless(&mut self, wrong: Invalid, line: u64) {
        self.push(Written::default(), Some(wrong), line);
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
        for (reference, row) in &rows.rows {
            let out = &mut judged.bytes;
            match *row {
                Row::Invalid(reason, line) => {
                    judged.counts.count(Verdict::Invalid);
                    self.output.invalid(out, reference, reason, line);
                }
                Row::Claim => {
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

fn rows(chunk: &Chunk) -> Rows<'static> {
    Rows { allowed: chunk.allowed, ..Rows::default() }
}

fn read_csv<'t>(chunk: &Chunk, text: &'t str, is_lossy: bool) -> Rows<'t> {
    let mut rows: Rows<'t> = rows(chunk);
    let mut fields = Vec::new();
    let (mut at, mut line) = (0, chunk.first_line);
    while at < text.len() {
        let record = csv::split(text, at, &mut fields);
        let whole = &text[at..record.end];
        let lines = if fields.len() > 1 && !whole.contains('"') { 1 } else { lines_of(whole) };
        if !whole.trim_ascii().is_empty() {
            let reference = chunk.header.reference(&fields);
            let wrong = if whole.len() > CLAIM_BYTES_MAX {
                Some(Invalid::TooLong)
            } else if !record.is_well_formed {
                Some(Invalid::Malformed)
            } else if is_lossy && whole.contains(char::REPLACEMENT_CHARACTER) {
                Some(Invalid::Undecodable)
            } else {
                None
            };
            match chunk.header.claim(&mut fields) {
                Ok(written) if wrong != Some(Invalid::Malformed) => rows.push(written, wrong, line),
                _ => {
                    let mut written = Written::default();
                    if record.is_well_formed {
                        written.give(super::ClaimField::Reference, reference);
                    }
                    rows.push(written, Some(wrong.unwrap_or(Invalid::Malformed)), line);
                }
            }
        }
        at = record.end;
        line += lines;
    }
    rows
}

fn lines_of(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

fn read_lines(chunk: &Chunk) -> Rows<'_> {
    let mut rows = rows(chunk);
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
    let mut rows = rows(chunk);
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
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let (written, wrong) = json::claim(text);
            rows.push(written, wrong, line);
        }
        Err(_) => rows.push_nameless(Invalid::Undecodable, line),
    }
}
