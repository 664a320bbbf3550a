//! Rules over several fields of one row, one function each.

use zhengcha_engine::{Certificate, Date, IdType};

use super::certificate_number::{self, NumberKind};
use super::finding::{Detail, Finding};
use super::row::Facts;
use super::rule::Rule;
use super::scope::OrgScope;
use crate::layout::{FieldName, Layout};
use crate::tables::{Catalogue, Issuers, Regions};

/// Days within which a certificate must be searchable (人社鉴函〔2019〕20号 二).
const LATE_AFTER_DAYS: i32 = 30;
/// Numbers are given out in one year for certificates dated in the next, and the other way round.
const YEARS_APART_MAX: u16 = 1;
/// 评定成绩 of those who failed.
const GRADE_NOT_QUALIFIED: u8 = 1;

/// A row whose fields have been read one by one.
pub(super) struct Draft<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) facts: &'a Facts,
    pub(super) layout: Layout,
}

impl Draft<'_> {
    fn number(&self) -> Option<&str> {
        (self.facts.number_kind == NumberKind::Coded)
            .then_some(self.certificate.certificate_number.as_str())
    }
}

/// Rule `birth-date-mismatch`.
pub(super) fn birth_date_mismatch(draft: &Draft<'_>) -> Option<Finding> {
    let differs = draft.certificate.birth_date? != draft.facts.resident?.birth_date;
    differs.then(|| Finding::on(FieldName::BirthDate, Rule::BirthDateMismatch, Detail::None))
}

/// Rule `date-order`.
pub(super) fn date_order(draft: &Draft<'_>, today: Date) -> Option<Finding> {
    let issued = draft.certificate.issue_date?;
    let born =
        draft.certificate.birth_date.or(draft.facts.resident.map(|resident| resident.birth_date));
    let detail = if issued > today {
        Detail::IssuedAfter(today)
    } else if born.is_some_and(|born| issued < born) {
        Detail::IssuedBeforeBirth
    } else {
        return None;
    };
    Some(Finding::on(FieldName::IssueDate, Rule::DateOrder, detail))
}

/// Rule `not-qualified`.
pub(super) fn not_qualified(draft: &Draft<'_>) -> Option<Finding> {
    (draft.certificate.grade == Some(GRADE_NOT_QUALIFIED))
        .then(|| Finding::on(FieldName::Grade, Rule::NotQualified, Detail::None))
}

/// Rule `gender-id-mismatch`.
pub(super) fn gender_id_mismatch(draft: &Draft<'_>) -> Option<Finding> {
    let stated = draft.certificate.gender.filter(|gender| matches!(gender, 1 | 2))?;
    (stated != draft.facts.resident?.gender)
        .then(|| Finding::on(FieldName::Gender, Rule::GenderIdMismatch, Detail::None))
}

/// Rule `unknown-region`; the card of foreign residents carries a nationality instead.
pub(super) fn unknown_region(draft: &Draft<'_>, regions: &Regions) -> Option<Finding> {
    if draft.certificate.id_type == IdType::ForeignerPermanentResident {
        return None;
    }
    let resident = draft.facts.resident?;
    let issued = draft.certificate.issue_date.map_or(u16::MAX, Date::year);
    (!regions.is_known(resident.address_code, resident.birth_date.year(), issued))
        .then(|| Finding::on(FieldName::IdNumber, Rule::UnknownRegion, Detail::None))
}

/// Rule `unknown-issuer-code`.
pub(super) fn unknown_issuer_code(draft: &Draft<'_>, issuers: &Issuers) -> Option<Finding> {
    let code = certificate_number::issuer_code(draft.number()?)?;
    (!issuers.is_known(code)).then(|| {
        Finding::on(FieldName::CertificateNumber, Rule::UnknownIssuerCode, Detail::IssuerCode(code))
    })
}

/// Rule `year-mismatch`.
pub(super) fn year_mismatch(draft: &Draft<'_>) -> Option<Finding> {
    let number = certificate_number::year(draft.number()?)?;
    let issued = draft.certificate.issue_date?.year();
    (number.abs_diff(issued) > YEARS_APART_MAX).then(|| {
        let detail = Detail::Years { number, issued };
        Finding::on(FieldName::CertificateNumber, Rule::YearMismatch, detail)
    })
}

/// Rule `level-mismatch`.
pub(super) fn level_mismatch(draft: &Draft<'_>) -> Option<Finding> {
    let column = draft.facts.level_column?;
    let number = certificate_number::level(draft.number()?)?;
    (column != number).then(|| {
        Finding::on(FieldName::Level, Rule::LevelMismatch, Detail::Levels { number, column })
    })
}

/// Rule `late`.
pub(super) fn late(draft: &Draft<'_>, today: Date) -> Option<Finding> {
    let issued = draft.certificate.issue_date?;
    let days = today.days_since_1970() - issued.days_since_1970();
    (days > LATE_AFTER_DAYS).then(|| {
        let detail = Detail::Days(days.unsigned_abs());
        Finding::on(FieldName::IssueDate, Rule::Late, detail)
    })
}

/// Rule `scope`; judged on rows that pass all others.
pub(super) fn scope(draft: &Draft<'_>, org: &OrgScope) -> Option<Finding> {
    (!org.covers(&draft.certificate.certificate_number, draft.facts.number_kind))
        .then(|| Finding::on(FieldName::CertificateNumber, Rule::Scope, Detail::None))
}

/// Rule `catalogue`; judged on rows that pass all others.
pub(super) fn catalogue(draft: &Draft<'_>, catalogue: &Catalogue) -> Option<Finding> {
    if draft.layout != Layout::Of2019 {
        return None;
    }
    let listed = catalogue.lists(&draft.certificate.occupation_name, draft.certificate.issue_date?);
    (listed == Some(false))
        .then(|| Finding::on(FieldName::OccupationName, Rule::Catalogue, Detail::None))
}
