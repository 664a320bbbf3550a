//! The reference judgement of claims: slow, obvious, written from the rules alone.
//!
//! It shares nothing with the judgement that serves but the normal form of keys and the lookup of two
//! fields, both tested on their own. Its texts are owned, its records are whole copies, and the persons
//! granted a deduction stand in one set. A difference from it is a bug, in it or in what is tested.
//!
//! Rules: 国发〔2018〕41号 第八条 (a deduction of 3,600 yuan in the year in which the certificate is
//! obtained, from 2019-01-01), one certificate a person and year; 国家职业资格目录 on the issue date.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::claims_catalogue::PlainCatalogue;
use super::claims_text::{day, folded, is_blank, level, year};
use crate::certificate::Certificate;
use crate::date::Date;
use crate::holds::Holds;
use crate::key::{Field, Mode, normalize};
use crate::lookup::Query;
use crate::record::View;
use crate::snapshot::Snapshot;

/// Yuan of one deduction (国发〔2018〕41号 第八条).
pub const DEDUCTION_YUAN: u16 = 3_600;
/// First year of the deduction.
const FIRST_TAX_YEAR: u16 = 2019;
/// 评定成绩 不合格.
const NOT_QUALIFIED: u8 = 1;
/// Characters of a key in normal form.
const KEY_CHARS_MAX: usize = 64;

/// A claim: its fields by name, in the order in which they were written. Blank ones count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainClaim {
    /// Name of the field and text as written.
    pub fields: Vec<(&'static str, String)>,
}

impl PlainClaim {
    /// A claim of these fields.
    #[must_use]
    pub fn new(fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|&(name, text)| (name, text.to_owned())).collect();
        Self { fields }
    }

    /// The text of a field, unless it is blank or absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.fields.iter().find(|(field, _)| *field == name)?;
        (!is_blank(text)).then_some(text.as_str())
    }
}

/// What must be answered to a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainVerdict {
    /// `match`, `mismatch`, `not_found`, `under_review` or `invalid`.
    pub verdict: &'static str,
    /// Names of the fields that differ, in the order of the claim.
    pub mismatched: Vec<&'static str>,
    /// The year for which a deduction is due.
    pub deduction_year: Option<u16>,
    /// Why none is due, or why the claim is invalid.
    pub reason: Option<&'static str>,
}

impl PlainVerdict {
    /// A claim that cannot be judged.
    #[must_use]
    pub fn invalid(reason: &'static str) -> Self {
        Self { verdict: "invalid", reason: Some(reason), ..Self::default() }
    }

    fn none_due(verdict: &'static str, mismatched: Vec<&'static str>, asked: bool) -> Self {
        let reason = asked.then_some("no-match");
        Self { verdict, mismatched, deduction_year: None, reason }
    }
}

/// A verdict before earlier claims are considered: who would be granted a deduction by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    verdict: PlainVerdict,
    person: Option<String>,
}

impl From<PlainVerdict> for Judgement {
    fn from(verdict: PlainVerdict) -> Self {
        Self { verdict, person: None }
    }
}

/// The persons granted a deduction so far, each with the year: at most one a person and year.
#[derive(Default)]
pub struct Granted(HashSet<(String, u16)>);

impl Granted {
    /// The verdict of the next claim of the stream.
    pub fn close(&mut self, judgement: Judgement) -> PlainVerdict {
        let Judgement { mut verdict, person } = judgement;
        if let (Some(person), Some(year)) = (person, verdict.deduction_year)
            && !self.0.insert((person, year))
        {
            verdict.deduction_year = None;
            verdict.reason = Some("already-granted");
        }
        verdict
    }
}

/// Judges claims by one generation.
pub struct ClaimsModel<'s> {
    /// The certificates.
    pub snapshot: &'s Snapshot,
    /// Numbers under review.
    pub holds: &'s Holds,
    /// 国家职业资格目录.
    pub catalogue: &'s PlainCatalogue,
}

impl ClaimsModel<'_> {
    /// Judges a claim by itself; [`Granted::close`] brings in the claims before it.
    #[must_use]
    pub fn judge(&self, claim: &PlainClaim) -> Judgement {
        match self.judge_valid(claim) {
            Ok(judgement) => judgement,
            Err(reason) => PlainVerdict::invalid(reason).into(),
        }
    }

    fn judge_valid(&self, claim: &PlainClaim) -> Result<Judgement, &'static str> {
        let keys = keys(claim)?;
        let issue_date = readable(claim.get("issue_date"), day, "date")?;
        let level = readable(claim.get("level"), level, "level")?;
        let tax_year = readable(claim.get("tax_year"), year, "tax-year")?;
        let asked = tax_year.is_some();
        let Some(record) = self.record(&keys) else {
            return Ok(PlainVerdict::none_due("not_found", Vec::new(), asked).into());
        };
        if self.holds.contains(&record.certificate_number) {
            return Ok(PlainVerdict::none_due("under_review", Vec::new(), asked).into());
        }
        let differs = |name: &str| match name {
            "issue_date" => differ(issue_date, record.issue_date),
            "level" => differ(level, record.level),
            "occupation_name" => self.occupation_differs(claim, &record),
            "issuer" => issuer_differs(claim, &record),
            "institution" => {
                differ(text_of(claim.get("institution")), text_of(Some(&record.institution)))
            }
            _ => keys
                .iter()
                .any(|(field, key)| field.name() == name && key_differs(&record, *field, key)),
        };
        let mismatched: Vec<&'static str> =
            claim.fields.iter().map(|&(name, _)| name).filter(|name| differs(name)).collect();
        if !mismatched.is_empty() {
            return Ok(PlainVerdict::none_due("mismatch", mismatched, asked).into());
        }
        let Some(tax_year) = tax_year else {
            return Ok(PlainVerdict { verdict: "match", ..PlainVerdict::default() }.into());
        };
        let reason = self.no_deduction(&record, tax_year);
        let deduction_year = reason.is_none().then_some(tax_year);
        let person = deduction_year.map(|_| record.id_number);
        let verdict = PlainVerdict { verdict: "match", mismatched, deduction_year, reason };
        Ok(Judgement { verdict, person })
    }

    /// The record of a claim: one with which at least two keys agree; the one agreeing most, then the
    /// newest, then the one with the lowest number.
    fn record(&self, keys: &[(Field, String)]) -> Option<Certificate> {
        let agreeing = |view: &View<'_>| {
            keys.iter().filter(|(field, key)| view.key_text(*field) == *key).count()
        };
        let pairs = (0..keys.len()).flat_map(|at| (at + 1..keys.len()).map(move |to| (at, to)));
        let mut found: Vec<View<'_>> = Vec::new();
        for (at, to) in pairs {
            let ((one, first), (other, second)) = (&keys[at], &keys[to]);
            let mode = Mode::of(*one, *other)?;
            let (first, second) =
                if mode.fields().0 == *one { (first, second) } else { (second, first) };
            found.extend(self.snapshot.lookup(Query::new(mode, first, second)));
            // Any record that agrees with all keys is among those that agree with these two.
            if found.iter().any(|view| agreeing(view) == keys.len()) {
                break;
            }
        }
        let rank = |view: &View<'_>| {
            let issued = view.issue_date().map(Date::days_since_1970);
            (Reverse(agreeing(view)), Reverse(issued), view.key_text(Field::CertificateNumber))
        };
        found.iter().min_by_key(|view| rank(view)).map(View::to_certificate)
    }

    fn occupation_differs(&self, claim: &PlainClaim, record: &Certificate) -> bool {
        claim
            .get("occupation_name")
            .is_some_and(|name| !self.catalogue.same_qualification(name, &record.occupation_name))
    }

    /// The first reason that applies, if any.
    fn no_deduction(&self, record: &Certificate, tax_year: u16) -> Option<&'static str> {
        let issued = record.issue_date?;
        if tax_year < FIRST_TAX_YEAR {
            Some("not-in-force")
        } else if issued.year() != tax_year {
            Some("other-year")
        } else if record.grade == Some(NOT_QUALIFIED) {
            Some("not-qualified")
        } else if !self.catalogue.lists(&record.occupation_name, issued) {
            Some("not-in-catalogue")
        } else {
            None
        }
    }
}

/// The given key fields in normal form.
fn keys(claim: &PlainClaim) -> Result<Vec<(Field, String)>, &'static str> {
    let mut keys = Vec::new();
    for field in Field::ALL {
        let Some(text) = claim.get(field.name()) else { continue };
        let key = match field {
            Field::IdNumber => normalize::id_number(text),
            Field::CertificateNumber => normalize::certificate_number(text),
            Field::TicketNumber => normalize::ticket_number(text),
            Field::Name => normalize::name_key(text),
        };
        if key.chars().count() > KEY_CHARS_MAX {
            return Err("too-long");
        }
        if key.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err("unusable");
        }
        keys.push((field, key.into_owned()));
    }
    if keys.len() < 2 { Err("two-fields-required") } else { Ok(keys) }
}

fn readable<T>(
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
    reason: &'static str,
) -> Result<Option<T>, &'static str> {
    text.map(|text| read(text).ok_or(reason)).transpose()
}

/// Whether both are there and not the same.
fn differ<T: PartialEq>(claimed: Option<T>, held: Option<T>) -> bool {
    claimed.is_some() && held.is_some() && claimed != held
}

fn text_of(text: Option<&str>) -> Option<String> {
    text.map(folded).filter(|text| !text.is_empty())
}

/// 发证机关 may be given as the record's 发证机关 or as its 鉴定中心; a record without 发证机关, as the layout of
/// 2013 has it, does not say.
fn issuer_differs(claim: &PlainClaim, record: &Certificate) -> bool {
    let claimed = text_of(claim.get("issuer"));
    let (issuer, institution) = (text_of(Some(&record.issuer)), text_of(Some(&record.institution)));
    differ(claimed.clone(), issuer) && claimed != institution
}

/// The key a record has in a field; none where it has none.
fn key_of(record: &Certificate, field: Field) -> Option<String> {
    let key = match field {
        Field::IdNumber => record.id_number.clone(),
        Field::CertificateNumber => record.certificate_number.clone(),
        Field::TicketNumber => record.ticket_number.clone(),
        Field::Name => normalize::name_key(&record.name).into_owned(),
    };
    (!key.is_empty()).then_some(key)
}

fn key_differs(record: &Certificate, field: Field, key: &str) -> bool {
    key_of(record, field).is_some_and(|held| held != key)
}
