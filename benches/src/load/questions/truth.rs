//! What is right: every certificate of the register compared with every question that could mean it.
//!
//! Each question is filed under its first field. A certificate is looked up by each of its fields in a
//! bit table of hashes, which lets nearly none through, and what is let through is compared as text.

use std::cell::OnceCell;
use std::collections::HashMap;

use anyhow::Context;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;
use zhengcha_engine::key::normalize::{self, NormalPair};
use zhengcha_engine::key::{Field, Mode};
use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::progress::Progress;

use super::uploads::Acceptance;
use super::{Shown, Wanted, pieces, shown};

/// Bits of the table for each different text: three of a hundred other texts pass.
const BITS_EACH: usize = 32;
/// The fields that come first in some mode.
const FIRST_FIELDS: [Field; 3] = [Field::IdNumber, Field::CertificateNumber, Field::TicketNumber];

/// Questions by their first field.
struct Filed<'q> {
    bits: Vec<u64>,
    by_text: HashMap<&'q str, Vec<u32>>,
}

impl<'q> Filed<'q> {
    fn new(field: Field, asked: &'q [NormalPair]) -> Self {
        let mut by_text: HashMap<&str, Vec<u32>> = HashMap::new();
        for (number, pair) in (0..).zip(asked) {
            if pair.mode.fields().0 == field {
                by_text.entry(&pair.first).or_default().push(number);
            }
        }
        let words = (by_text.len() * BITS_EACH).div_ceil(64).next_power_of_two();
        let mut filed = Self { bits: vec![0; words], by_text };
        for text in filed.by_text.keys() {
            let (word, bit) = place(words, text);
            filed.bits[word] |= bit;
        }
        filed
    }

    fn get(&self, text: &str) -> &[u32] {
        let (word, bit) = place(self.bits.len(), text);
        if self.bits[word] & bit == 0 {
            return &[];
        }
        self.by_text.get(text).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Where the bit of a text is among a power of two of words.
fn place(words: usize, text: &str) -> (usize, u64) {
    let hash = xxh3_64(text.as_bytes());
    ((hash >> 6) as usize & (words - 1), 1 << (hash & 63))
}

/// A certificate that answers a question.
struct Found {
    question: u32,
    issued: Option<Date>,
    shown: Shown,
}

/// What one piece of the register holds.
#[derive(Default)]
struct Read {
    since: u32,
    latest: Option<Date>,
    found: Vec<Found>,
}

/// What the whole register says.
pub(super) struct Truth {
    /// For each question, in the order of the answer.
    pub(super) shown: Vec<Box<[Shown]>>,
    /// Latest issue date with so many uploads, from none on.
    pub(super) as_of: Vec<Option<Box<str>>>,
}

/// Reads the whole register once, on all threads.
///
/// # Errors
/// When there are not so many certificates.
pub(super) fn find(
    wanted: &Wanted,
    asked: &[NormalPair],
    acceptance: &Acceptance,
    progress: &dyn Progress,
) -> anyhow::Result<Truth> {
    let total = wanted.records + wanted.uploads.iter().sum::<u64>();
    progress.begin("finding the right answers", total);
    let done = std::sync::atomic::AtomicU64::new(0);
    let filed = FIRST_FIELDS.map(|field| Filed::new(field, asked));
    let read: Vec<Read> = pieces::all(wanted)?
        .par_bridge()
        .map(|piece| {
            let records = piece.records();
            let mut read = Read { since: piece.since, ..Read::default() };
            let mut failure = None;
            piece.for_each(acceptance, |_, certificate| {
                read.latest = read.latest.max(certificate.issue_date);
                let found = compare(certificate, read.since, asked, &filed, &mut read.found);
                failure = found.err();
                failure.is_none()
            });
            let before = done.fetch_add(records, std::sync::atomic::Ordering::Relaxed);
            progress.advance(before + records);
            failure.map_or(Ok(read), Err)
        })
        .collect::<Result<_, _>>()
        .context("a certificate cannot be shown")?;
    progress.finish();
    Ok(gather(wanted.uploads.len(), asked.len(), read))
}

/// Adds a certificate to every question whose two fields it has.
fn compare(
    certificate: &Certificate,
    since: u32,
    asked: &[NormalPair],
    filed: &[Filed<'_>; 3],
    found: &mut Vec<Found>,
) -> serde_json::Result<()> {
    let json = OnceCell::new();
    for (field, filed) in FIRST_FIELDS.into_iter().zip(filed) {
        // A blank ticket is no ticket that anybody could ask for.
        let text = text(certificate, field);
        if text.is_empty() {
            continue;
        }
        for &question in filed.get(text) {
            let pair = &asked[question as usize];
            if !has_second(certificate, pair.mode, &pair.second) {
                continue;
            }
            if json.get().is_none() {
                let _ = json.set(shown::json(certificate)?);
            }
            found.push(Found {
                question,
                issued: certificate.issue_date,
                shown: Shown {
                    since,
                    number: certificate.certificate_number.as_str().into(),
                    json: json.get().map(String::as_str).unwrap_or_default().into(),
                },
            });
        }
    }
    Ok(())
}

fn has_second(certificate: &Certificate, mode: Mode, asked: &str) -> bool {
    match mode.fields().1 {
        Field::Name => normalize::name_key(&certificate.name) == asked,
        field => text(certificate, field) == asked,
    }
}

/// A field of a certificate as it stands there, which for numbers is their normal form.
pub(super) fn text(certificate: &Certificate, field: Field) -> &str {
    match field {
        Field::IdNumber => &certificate.id_number,
        Field::CertificateNumber => &certificate.certificate_number,
        Field::TicketNumber => &certificate.ticket_number,
        Field::Name => &certificate.name,
    }
}

fn gather(uploads: usize, questions: usize, read: Vec<Read>) -> Truth {
    let mut latest = vec![None; uploads + 1];
    let mut found: Vec<Found> = Vec::with_capacity(read.iter().map(|read| read.found.len()).sum());
    for read in read {
        let of = &mut latest[read.since as usize];
        *of = read.latest.max(*of);
        found.extend(read.found);
    }
    // Newest first, those without a date last, then by number.
    found.par_sort_unstable_by(|a, b| {
        a.question
            .cmp(&b.question)
            .then_with(|| b.issued.cmp(&a.issued))
            .then_with(|| a.shown.number.cmp(&b.shown.number))
    });
    let mut found = found.into_iter().peekable();
    let shown = (0..questions as u32)
        .map(|question| {
            std::iter::from_fn(|| found.next_if(|found| found.question == question))
                .map(|found| found.shown)
                .collect()
        })
        .collect();
    let as_of = latest.iter().scan(None, |so_far, of| {
        *so_far = (*so_far).max(*of);
        Some(so_far.map(|date: Date| date.to_string().into()))
    });
    Truth { shown, as_of: as_of.collect() }
}
