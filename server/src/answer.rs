//! What was found, as the public may see it, and as bytes.
//!
//! [`PublicCertificate`] is the only door from a stored record to a public answer: the JSON writer here and
//! the page both go through it, so the identity number is masked in one place, and the birth date and
//! the ticket number have no way out. All misses of a generation are one and the same bytes.

use bytes::Bytes;
use zhengcha_engine::key::encode::NumberText;
use zhengcha_engine::key::normalize::NormalPair;
use zhengcha_engine::{Date, Holds, IdType, Query, Snapshot, View};

use crate::page;

/// What stands for the hidden part of an identity number, whatever its length.
const MASK: &str = "************";
/// Shown of a resident number: the region. Sequence and check digit would give it away.
const RESIDENT_SHOWN_CHARACTERS: usize = 6;
/// Shown of any other document.
const OTHER_SHOWN_CHARACTERS: usize = 2;
/// Room for the usual answer of one certificate.
const ANSWER_BYTES_USUAL: usize = 768;

/// A certificate as the public may see it.
pub enum PublicCertificate<'s> {
    /// Known, and under review: its number alone (人社鉴函〔2019〕20号 五).
    UnderReview {
        /// 证书编号.
        certificate_number: NumberText<'s>,
    },
    /// On record.
    Valid(PublicRecord<'s>),
}

/// The public side of a record.
pub struct PublicRecord<'s> {
    view: View<'s>,
}

impl PublicRecord<'_> {
    /// The identity number, masked.
    #[must_use]
    pub fn id_number_masked(&self) -> String {
        mask(&self.view.id_number(), self.view.id_type())
    }
}

fn mask(number: &str, id_type: IdType) -> String {
    [shown_of(number, id_type), MASK].concat()
}

/// The part of an identity number that is shown.
fn shown_of(number: &str, id_type: IdType) -> &str {
    let shown = match id_type {
        IdType::Resident | IdType::ResidencePermit => RESIDENT_SHOWN_CHARACTERS,
        _ => OTHER_SHOWN_CHARACTERS,
    };
    // A number of two characters must not be shown whole.
    let shown = shown.min(number.chars().count() / 2);
    let shown_bytes: usize = number.chars().take(shown).map(char::len_utf8).sum();
    number.get(..shown_bytes).unwrap_or_default()
}

/// Everything that agrees with both fields, newest first, then by number.
#[must_use]
pub fn find<'s>(
    snapshot: &'s Snapshot,
    holds: &Holds,
    pair: &NormalPair,
) -> Vec<PublicCertificate<'s>> {
    let query = Query::new(pair.mode, &pair.first, &pair.second);
    let public = |view: View<'s>| {
        if !holds.is_empty() {
            let certificate_number = view.certificate_number();
            if holds.contains(&certificate_number) {
                return PublicCertificate::UnderReview { certificate_number };
            }
        }
        PublicCertificate::Valid(PublicRecord { view })
    };
    let mut matches = snapshot.lookup(query);
    let Some(first) = matches.next() else { return Vec::new() };
    let Some(second) = matches.next() else { return vec![public(first)] };
    let mut views = vec![first, second];
    views.extend(matches);
    sort(&mut views);
    views.into_iter().map(public).collect()
}

/// The same as records: for those who may see every field.
pub(crate) fn find_views<'s>(snapshot: &'s Snapshot, pair: &NormalPair) -> Vec<View<'s>> {
    let query = Query::new(pair.mode, &pair.first, &pair.second);
    let mut views: Vec<_> = snapshot.lookup(query).collect();
    sort(&mut views);
    views
}

/// Newest first, then by number.
fn sort(views: &mut [View<'_>]) {
    views.sort_by(|a, b| {
        let by_number = || a.certificate_number().as_str().cmp(b.certificate_number().as_str());
        b.issue_date().cmp(&a.issue_date()).then_with(by_number)
    });
}

/// The parts of answers that stay the same while a generation serves.
pub struct Template {
    head: Vec<u8>,
    miss: Bytes,
    status: Bytes,
}

impl Template {
    /// Prepares the answers of a snapshot.
    #[must_use]
    pub fn new(snapshot: &Snapshot, holds: &Holds) -> Self {
        let as_of = snapshot.as_of().map(|date| date.to_string());
        let mut head = Vec::new();
        head.extend_from_slice(b"{\"generation\":");
        put_number(&mut head, snapshot.generation());
        head.extend_from_slice(b",\"as_of\":");
        put_text_or_null(&mut head, as_of.as_deref().unwrap_or_default());
        let mut miss = head.clone();
        miss.extend_from_slice(b",\"count\":0,\"certificates\":[]}");
        let status = serde_json::json!({
            "generation": snapshot.generation(),
            "as_of": as_of,
            "records": snapshot.records(),
            "built_at": snapshot.built_at(),
            "holds": holds.len(),
        });
        head.extend_from_slice(b",\"count\":");
        Self { head, miss: miss.into(), status: status.to_string().into() }
    }

    /// The answer to `/v1/status`.
    #[must_use]
    pub fn status(&self) -> Bytes {
        self.status.clone()
    }

    /// The answer to a query.
    #[must_use]
    pub fn answer(&self, found: &[PublicCertificate<'_>]) -> Bytes {
        if found.is_empty() {
            return self.miss.clone();
        }
        let mut out = Vec::with_capacity(ANSWER_BYTES_USUAL * found.len());
        self.put_answer(&mut out, found);
        out.into()
    }

    /// Appends the answer to a query.
    pub fn put_answer(&self, out: &mut Vec<u8>, found: &[PublicCertificate<'_>]) {
        self.put_each(out, found.len(), |out, index| put_certificate(out, &found[index]));
    }

    /// The answer with so many certificates, each of them put there by `put`.
    pub(crate) fn answer_with(&self, count: usize, put: impl FnMut(&mut Vec<u8>, usize)) -> Bytes {
        let mut out = Vec::with_capacity(ANSWER_BYTES_USUAL * count.max(1));
        self.put_each(&mut out, count, put);
        out.into()
    }

    fn put_each(&self, out: &mut Vec<u8>, count: usize, mut put: impl FnMut(&mut Vec<u8>, usize)) {
        if count == 0 {
            return out.extend_from_slice(&self.miss);
        }
        out.extend_from_slice(&self.head);
        put_number(out, count as u64);
        out.extend_from_slice(b",\"certificates\":[");
        for index in 0..count {
            if index > 0 {
                out.push(b',');
            }
            put(out, index);
        }
        out.extend_from_slice(b"]}");
    }
}

fn put_certificate(out: &mut Vec<u8>, certificate: &PublicCertificate<'_>) {
    let record = match certificate {
        PublicCertificate::UnderReview { certificate_number } => {
            return put_under_review(out, certificate_number);
        }
        PublicCertificate::Valid(record) => record,
    };
    let view = &record.view;
    put_certificate_with(out, view, |out| {
        out.push(b'"');
        put_escaped(out, shown_of(&view.id_number(), view.id_type()));
        out.extend_from_slice(MASK.as_bytes());
        out.push(b'"');
    });
    out.push(b'}');
}

/// A record under review: its number alone.
pub(crate) fn put_under_review(out: &mut Vec<u8>, certificate_number: &str) {
    out.extend_from_slice(b"{\"status\":\"under_review\",\"certificate_number\":");
    put_text(out, certificate_number);
    out.push(b'}');
}

/// The fields that the public may see, the identity number as `put_id_number` shows it; the object is
/// left open for more.
pub(crate) fn put_certificate_with(
    out: &mut Vec<u8>,
    view: &View<'_>,
    put_id_number: impl FnOnce(&mut Vec<u8>),
) {
    out.extend_from_slice(b"{\"status\":\"valid\",\"certificate_number\":");
    put_text(out, &view.certificate_number());
    out.extend_from_slice(b",\"name\":");
    put_text(out, &view.name());
    out.extend_from_slice(b",\"gender\":");
    put_code(out, view.gender());
    out.extend_from_slice(b",\"id_number\":");
    put_id_number(out);
    out.extend_from_slice(b",\"education\":");
    put_code(out, view.education());
    out.extend_from_slice(b",\"occupation_code\":");
    put_text_or_null(out, view.occupation_code());
    out.extend_from_slice(b",\"occupation_name\":");
    put_text_or_null(out, view.occupation_name());
    out.extend_from_slice(b",\"level\":");
    put_code(out, view.level());
    out.extend_from_slice(b",\"theory_score\":");
    put_score(out, view.theory_score());
    out.extend_from_slice(b",\"skill_score\":");
    put_score(out, view.skill_score());
    out.extend_from_slice(b",\"review_score\":");
    put_score(out, view.review_score());
    out.extend_from_slice(b",\"grade\":");
    put_code(out, view.grade());
    out.extend_from_slice(b",\"issue_date\":");
    put_date(out, view.issue_date());
    out.extend_from_slice(b",\"institution\":");
    put_text_or_null(out, view.institution());
    out.extend_from_slice(b",\"issuer\":");
    put_text_or_null(out, view.issuer());
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A code of the collection table, as text.
pub(crate) fn put_code(out: &mut Vec<u8>, code: Option<u8>) {
    let Some(code) = code else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    put_number(out, u64::from(code));
    out.push(b'"');
}

/// Tenths of a point, always with the decimal.
fn put_score(out: &mut Vec<u8>, tenths: Option<u16>) {
    let Some(tenths) = tenths else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    put_number(out, u64::from(tenths / 10));
    out.push(b'.');
    put_number(out, u64::from(tenths % 10));
    out.push(b'"');
}

pub(crate) fn put_date(out: &mut Vec<u8>, date: Option<Date>) {
    let Some(date) = date else { return out.extend_from_slice(b"null") };
    let digit = |number: u16| b'0' + u8::try_from(number % 10).unwrap_or(0);
    let (year, month, day) = (date.year(), u16::from(date.month()), u16::from(date.day()));
    out.extend_from_slice(&[
        b'"',
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
        b'"',
    ]);
}

pub(crate) fn put_text_or_null(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        put_text(out, text);
    }
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_escaped(out, text);
    out.push(b'"');
}

/// Text with the escapes of RFC 8259.
fn put_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = first_escaped(rest) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            control => {
                let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit & 15)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[hex(control >> 4), hex(control)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Where the first byte that needs an escape is. Eight at a time, since nearly no text has one.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::MAX / 255;
    const TOP: u64 = EACH * 0x80;
    let needs = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    // A byte below `limit` (at most 128) borrows from its top bit, unless that was set before.
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word & TOP;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, chunk) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (EACH * u64::from(b'"'));
        let backslash = word ^ (EACH * u64::from(b'\\'));
        // A borrow may mark a byte above one that is marked rightly, never alone.
        if (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) != 0 {
            return chunk.iter().position(needs).map(|at| index * 8 + at);
        }
    }
    tail.iter().position(needs).map(|at| bytes.len() - tail.len() + at)
}

/// The same answer for the page.
#[must_use]
pub fn cards(found: &[PublicCertificate<'_>]) -> Vec<page::Card> {
    found.iter().map(card).collect()
}

fn card(certificate: &PublicCertificate<'_>) -> page::Card {
    let record = match certificate {
        PublicCertificate::UnderReview { certificate_number } => {
            let certificate_number = certificate_number.as_str().to_owned();
            return page::Card::UnderReview { certificate_number };
        }
        PublicCertificate::Valid(record) => record,
    };
    let view = &record.view;
    page::Card::Valid(Box::new(page::CertificateCard {
        name: view.name().as_str().to_owned(),
        gender: view.gender(),
        id_number: record.id_number_masked(),
        education: view.education(),
        occupation_name: view.occupation_name().to_owned(),
        occupation_code: view.occupation_code().to_owned(),
        level: view.level(),
        certificate_number: view.certificate_number().as_str().to_owned(),
        theory_score: view.theory_score(),
        skill_score: view.skill_score(),
        review_score: view.review_score(),
        grade: view.grade(),
        issue_date: view.issue_date(),
        institution: view.institution().to_owned(),
        issuer: view.issuer().to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_leave_the_region_and_never_the_whole() {
        let masked = |number, id_type| mask(number, id_type);
        assert_eq!(masked("110105194912310025", IdType::Resident), "110105************");
        assert_eq!(masked("810000199001010012", IdType::ResidencePermit), "810000************");
        assert_eq!(masked("E12345678", IdType::Passport), "E1************");
        assert_eq!(masked("军字第1号", IdType::Military), "军字************");
        assert_eq!(masked("AB", IdType::Other), "A************");
        assert_eq!(masked("A", IdType::Other), "************");
        assert_eq!(masked("", IdType::Resident), "************");
    }

    #[test]
    fn scores_and_dates_are_written_in_full() {
        let score = |tenths| {
            let mut out = Vec::new();
            put_score(&mut out, tenths);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(score(Some(848)), "\"84.8\"");
        assert_eq!(score(Some(1000)), "\"100.0\"");
        assert_eq!(score(Some(0)), "\"0.0\"");
        assert_eq!(score(None), "null");
        let mut out = Vec::new();
        put_date(&mut out, Date::new(2001, 10, 2));
        assert_eq!(out, b"\"2001-10-02\"");
    }

    proptest! {
        #[test]
        fn the_first_escaped_byte_is_found(bytes in proptest::collection::vec(
            prop_oneof![Just(b'a'), Just(b'"'), Just(b'\\'), any::<u8>()], 0..40,
        )) {
            let plain = bytes.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            prop_assert_eq!(first_escaped(&bytes), plain);
        }

        #[test]
        fn text_reads_back_as_itself(text in any::<String>()) {
            let mut out = Vec::new();
            put_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn a_resident_number_shows_its_region_alone(number in "[0-9]{17}[0-9X]") {
            let masked = mask(&number, IdType::Resident);
            prop_assert_eq!(masked.len(), number.len());
            prop_assert_eq!(&masked[6..], MASK);
        }
    }
}
