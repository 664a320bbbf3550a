//! The judgement of one claim: a pure function of the claim, its record and the catalogue.
//!
//! 人社鉴函〔2019〕20号 asks that the register answer the tax authority; 国发〔2018〕41号 第八条 gives the
//! deduction. Promises the least that is true: fields that differ are named, their values never; a
//! record under review says so and nothing else; what two key fields do not find is not found, whatever
//! else was right.

use super::claim::Claim;
use super::field::{ClaimField, FieldSet};
use super::find::Found;
use crate::key::normalize;
use crate::record::View;
use crate::tables::Catalogue;

/// 3,600 yuan for the year of the certificate (国发〔2018〕41号 第八条).
pub const DEDUCTION_YUAN: u32 = 3600;
/// The first year in which it is due (国发〔2018〕41号: in force from 2019-01-01).
pub const DEDUCTION_FIRST_YEAR: u16 = 2019;
/// 评定成绩 of those who failed.
const GRADE_NOT_QUALIFIED: u8 = 1;

/// What is said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// A record has everything the claim says.
    Match,
    /// The record differs in some field.
    Mismatch,
    /// No record has two of the key fields.
    NotFound,
    /// The record is under review (人社鉴函〔2019〕20号 五).
    UnderReview,
    /// The claim cannot be judged.
    Invalid,
}

impl Verdict {
    /// Every verdict, in the order of the summary.
    pub const ALL: [Self; 5] =
        [Self::Match, Self::Mismatch, Self::NotFound, Self::UnderReview, Self::Invalid];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Mismatch => "mismatch",
            Self::NotFound => "not_found",
            Self::UnderReview => "under_review",
            Self::Invalid => "invalid",
        }
    }
}

/// Why no deduction is due. Of several the first in this order is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoDeduction {
    /// The claim does not match.
    NoMatch,
    /// Before 2019 (国发〔2018〕41号).
    NotInForce,
    /// The certificate is of another year (第八条: 在取得相关证书的当年).
    OtherYear,
    /// 评定成绩 不合格: nothing was obtained.
    NotQualified,
    /// Not in the catalogue on the day of issue.
    NotInCatalogue,
    /// One certificate a person and year, and an earlier claim was granted.
    AlreadyGranted,
}

impl NoDeduction {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoMatch => "no-match",
            Self::NotInForce => "not-in-force",
            Self::OtherYear => "other-year",
            Self::NotQualified => "not-qualified",
            Self::NotInCatalogue => "not-in-catalogue",
            Self::AlreadyGranted => "already-granted",
        }
    }
}

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict, never `Invalid`.
    pub verdict: Verdict,
    /// The fields that differ; empty unless the verdict is `Mismatch`.
    pub mismatched: FieldSet,
    /// When a tax year was given: whether the deduction is due, were this the first claim of the person
    /// for that year.
    pub deduction: Option<Result<u16, NoDeduction>>,
}

/// Judges a claim by the record it is about.
#[must_use]
pub fn judge(claim: &Claim<'_>, found: Option<&Found<'_>>, catalogue: &Catalogue) -> Judgement {
    let mut mismatched = FieldSet::default();
    let verdict = match found {
        None => Verdict::NotFound,
        Some(found) if found.is_held => Verdict::UnderReview,
        Some(found) => {
            mismatched = differing(claim, found, catalogue);
            if mismatched.is_empty() { Verdict::Match } else { Verdict::Mismatch }
        }
    };
    let deduction = claim.tax_year.map(|year| match found {
        Some(found) if verdict == Verdict::Match => deduction(year, &found.view, catalogue),
        _ => Err(NoDeduction::NoMatch),
    });
    Judgement { verdict, mismatched, deduction }
}

/// The given fields that the record holds and has otherwise.
fn differing(claim: &Claim<'_>, found: &Found<'_>, catalogue: &Catalogue) -> FieldSet {
    let view = &found.view;
    let (institution, issuer) = view.bodies();
    let mut differing = FieldSet::default();
    for (field, key) in ClaimField::ALL.into_iter().zip(&claim.keys) {
        let is_held_by_record = match field {
            ClaimField::TicketNumber => view.has_ticket_number(),
            _ => true,
        };
        if key.is_some() && is_held_by_record && !found.agreeing.contains(field) {
            differing.insert(field);
        }
    }
    let others = [
        (
            ClaimField::IssueDate,
            claim.issue_date.is_some_and(|date| view.is_issued_otherwise(date)),
        ),
        (
            ClaimField::Level,
            claim.level.is_some() && view.level().is_some() && claim.level != view.level(),
        ),
        (
            ClaimField::OccupationName,
            differs(claim.occupation_name.as_deref(), view.occupation_name(), |a, b| {
                catalogue.same(a, b)
            }),
        ),
        // Either body may be given as the issuer; a record without one, as of 2013, does not say.
        (
            ClaimField::Issuer,
            differs(claim.issuer.as_deref(), issuer, is_same)
                && claim.issuer.as_deref().is_some_and(|given| !is_same(given, institution)),
        ),
        (ClaimField::Institution, differs(claim.institution.as_deref(), institution, is_same)),
    ];
    for (field, _) in others.into_iter().filter(|&(_, differs)| differs) {
        differing.insert(field);
    }
    differing
}

/// Whether a given text is another than the record holds, `""` being none.
fn differs(given: Option<&str>, held: &str, is_same: impl Fn(&str, &str) -> bool) -> bool {
    given.is_some_and(|given| !held.is_empty() && !is_same(given, held))
}

fn is_same(a: &str, b: &str) -> bool {
    a == b || normalize::ticket_number(a) == normalize::ticket_number(b)
}

/// 国发〔2018〕41号 第八条 for one certificate.
fn deduction(year: u16, view: &View<'_>, catalogue: &Catalogue) -> Result<u16, NoDeduction> {
    if year < DEDUCTION_FIRST_YEAR {
        return Err(NoDeduction::NotInForce);
    }
    let issued = view.issue_date().filter(|date| date.year() == year);
    let issued = issued.ok_or(NoDeduction::OtherYear)?;
    if view.grade() == Some(GRADE_NOT_QUALIFIED) {
        return Err(NoDeduction::NotQualified);
    }
    if !catalogue.counts(view.occupation_name(), issued) {
        return Err(NoDeduction::NotInCatalogue);
    }
    Ok(year)
}
