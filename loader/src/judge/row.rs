//! The fields of one row, read one after the other.

use std::borrow::Cow;

use zhengcha_engine::key::normalize;
use zhengcha_engine::key::resident_id::ResidentId;
use zhengcha_engine::{Certificate, Date, IdType};

use super::cell::{self, Value, WholeNumber, whole_number};
use super::certificate_number::{self, NumberKind};
use super::finding::{Detail, Finding};
use super::rule::Rule;
use super::workspace::{Repeat, Workspace};
use super::{id_number, values, width};
use crate::input::{Cell, Row};
use crate::layout::{FieldName, HeaderMap};
use crate::tables::Tables;

/// What a row says beside its certificate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What a number built after GB 11643 says.
    pub(super) resident: Option<ResidentId>,
    pub(super) number_kind: NumberKind,
    /// The level of its own column.
    pub(super) level_column: Option<u8>,
}

/// Reads every field of `row` into `work.certificate`; what breaks a rule goes to `findings` and
/// stays blank.
pub(super) fn read(
    tables: &Tables,
    header: &HeaderMap,
    row: &Row<'_>,
    work: &mut Workspace,
    findings: &mut Vec<Finding>,
) -> Facts {
    let mut fields = Fields { tables, header, row, findings };
    let mut facts = Facts::default();
    let (certificate, repeats) = work.for_layout(header.layout());
    fields.text(FieldName::Name, normalize::name_display, &mut certificate.name);
    certificate.gender = fields.code(FieldName::Gender);
    certificate.birth_date = fields.date(FieldName::BirthDate);
    certificate.education = fields.code(FieldName::Education);
    certificate.issue_date = fields.date(FieldName::IssueDate);
    fields.ticket_number(&mut certificate.ticket_number);
    let texts = [
        (FieldName::OccupationCode, &mut certificate.occupation_code),
        (FieldName::OccupationName, &mut certificate.occupation_name),
    ];
    let (occupation_repeats, body_repeats) = repeats.split_at_mut(texts.len());
    for ((field, text), repeat) in texts.into_iter().zip(occupation_repeats) {
        fields.repeated_text(field, text, repeat);
    }
    certificate.level = fields.code(FieldName::Level);
    certificate.theory_score = fields.score(FieldName::TheoryScore);
    certificate.skill_score = fields.score(FieldName::SkillScore);
    certificate.review_score = fields.score(FieldName::ReviewScore);
    certificate.grade = fields.code(FieldName::Grade);
    let texts = [
        (FieldName::Institution, &mut certificate.institution),
        (FieldName::Issuer, &mut certificate.issuer),
    ];
    for ((field, text), repeat) in texts.into_iter().zip(body_repeats) {
        fields.repeated_text(field, text, repeat);
    }
    fields.long_name(&certificate.name);
    fields.certificate_number(certificate, &mut facts);
    let declared = fields.code(FieldName::IdType).and_then(IdType::from_code);
    fields.id_number(declared, certificate, &mut facts);
    facts.level_column = certificate.level;
    facts
}

/// Fills what the numbers tell when its own column is blank. Only for a row that is accepted, so
/// that a column that broke a rule is not mistaken for a blank one.
pub(super) fn complete(certificate: &mut Certificate, facts: &Facts) {
    if certificate.birth_date.is_none() {
        certificate.birth_date = facts.resident.map(|resident| resident.birth_date);
    }
    if certificate.level.is_none() && facts.number_kind == NumberKind::Coded {
        certificate.level = certificate_number::level(&certificate.certificate_number)
            .filter(|level| (1..=5).contains(level));
    }
}

struct Fields<'r, 'c> {
    tables: &'r Tables,
    header: &'r HeaderMap,
    row: &'r Row<'c>,
    findings: &'r mut Vec<Finding>,
}

impl<'c> Fields<'_, 'c> {
    fn report(&mut self, field: FieldName, rule: Rule, detail: Detail) {
        self.findings.push(Finding::on(field, rule, detail));
    }

    /// The value of a field. Rules `missing`, `formula` and `undecodable`.
    fn value(&mut self, field: FieldName) -> Option<Value<'c>> {
        match cell::value(self.header.cell(self.row, field)) {
            Ok(Some(value)) => return Some(value),
            Ok(None) => self.missing(field),
            Err(rule) => self.report(field, rule, Detail::None),
        }
        None
    }

    /// Rule `missing`.
    fn missing(&mut self, field: FieldName) {
        if self.tables.layouts.demand(self.header.layout(), field).required {
            self.report(field, Rule::Missing, Detail::None);
        }
    }

    /// Rule `too-long`.
    fn too_long(&mut self, field: FieldName, normal: &str) {
        let demand = self.tables.layouts.demand(self.header.layout(), field);
        if let Some(limit) = demand.width_bytes
            && let Some(found) = width::is_wider(normal, limit)
        {
            self.report(field, Rule::TooLong, Detail::Width { found, limit });
        }
    }

    /// Rule `long-name`; a name that is too long altogether has said so already.
    fn long_name(&mut self, name: &str) {
        let demand = self.tables.layouts.demand(self.header.layout(), FieldName::Name);
        if let Some(limit) = demand.warn_above_bytes
            && let Some(found) = width::is_wider(name, limit)
            && demand.width_bytes.is_none_or(|width| found <= width)
        {
            self.report(FieldName::Name, Rule::LongName, Detail::Width { found, limit });
        }
    }

    /// A text that often is that of the row before: then all is known of it.
    fn repeated_text(&mut self, field: FieldName, out: &mut String, last: &mut Repeat) {
        let cell = self.header.cell(self.row, field);
        if let Cell::Text(text) = cell
            && last.is_sound
            && last.delivered == text
        {
            return;
        }
        let before = self.findings.len();
        let normal = match field {
            FieldName::OccupationCode => normalize::ticket_number,
            _ => normalize::name_display,
        };
        self.text(field, normal, out);
        last.is_sound = false;
        if let Cell::Text(text) = cell
            && self.findings.len() == before
        {
            last.delivered.clear();
            last.delivered.push_str(text);
            last.is_sound = true;
        }
    }

    fn text(&mut self, field: FieldName, normal: fn(&str) -> Cow<'_, str>, out: &mut String) {
        out.clear();
        match self.value(field) {
            None => return,
            Some(Value::Text(text)) => out.push_str(&normal(text)),
            Some(Value::Number(number)) => out.push_str(&number.to_string()),
            Some(Value::Date(_) | Value::Unfit) => {
                return self.report(field, Rule::Code, Detail::CellKind);
            }
        }
        if out.is_empty() {
            self.missing(field);
        }
        self.too_long(field, out);
    }

    /// 准考证号 is opaque, but a number cell may have lost digits. Rule `id-numeric`.
    fn ticket_number(&mut self, out: &mut String) {
        const FIELD: FieldName = FieldName::TicketNumber;
        out.clear();
        match self.value(FIELD) {
            None => return,
            Some(Value::Text(text)) => out.push_str(&normalize::ticket_number(text)),
            Some(Value::Number(number)) => match whole_number(number) {
                WholeNumber::Exact(digits) => out.push_str(&digits),
                WholeNumber::DigitsLost | WholeNumber::NotWhole => {
                    return self.report(FIELD, Rule::IdNumeric, Detail::None);
                }
            },
            Some(Value::Date(_) | Value::Unfit) => {
                return self.report(FIELD, Rule::Code, Detail::CellKind);
            }
        }
        if cell::is_scientific(out) {
            self.report(FIELD, Rule::IdNumeric, Detail::None);
        }
        self.too_long(FIELD, out);
    }

    fn date(&mut self, field: FieldName) -> Option<Date> {
        let value = self.value(field)?;
        let date = values::date(value);
        if date.is_none() {
            self.report(field, Rule::Date, Detail::None);
        }
        date
    }

    fn score(&mut self, field: FieldName) -> Option<u16> {
        let value = self.value(field)?;
        let score = values::score(value);
        if score.is_none() {
            self.report(field, Rule::Score, Detail::None);
        }
        score
    }

    fn code(&mut self, field: FieldName) -> Option<u8> {
        let value = self.value(field)?;
        let code = values::code(value, field, &self.tables.codes);
        if code.is_none() {
            self.report(field, Rule::Code, Detail::None);
        }
        code
    }

    fn certificate_number(&mut self, certificate: &mut Certificate, facts: &mut Facts) {
        const FIELD: FieldName = FieldName::CertificateNumber;
        certificate.certificate_number.clear();
        let Some(value) = self.value(FIELD) else { return };
        match certificate_number::read(value, self.header.layout()) {
            Ok(number) => {
                if number.zero_restored {
                    self.report(FIELD, Rule::LeadingZeroRestored, Detail::None);
                }
                self.too_long(FIELD, &number.normal);
                facts.number_kind = number.kind;
                certificate.certificate_number.push_str(&number.normal);
            }
            Err((rule, detail)) => {
                self.report(FIELD, rule, detail);
                self.too_long_as_well(FIELD, value, normalize::certificate_number);
            }
        }
    }

    /// A number of the wrong shape may be too wide besides, which is a rule of its own.
    fn too_long_as_well(
        &mut self,
        field: FieldName,
        value: Value<'_>,
        normal: fn(&str) -> Cow<'_, str>,
    ) {
        if let Value::Text(text) = value {
            self.too_long(field, &normal(text));
        }
    }

    fn id_number(
        &mut self,
        declared: Option<IdType>,
        certificate: &mut Certificate,
        facts: &mut Facts,
    ) {
        const FIELD: FieldName = FieldName::IdNumber;
        certificate.id_number.clear();
        certificate.id_type = IdType::default();
        let Some(value) = self.value(FIELD) else { return };
        match id_number::read(value, declared) {
            Ok(number) => {
                self.too_long(FIELD, &number.normal);
                facts.resident = number.resident;
                certificate.id_type = number.kind;
                certificate.id_number.push_str(&number.normal);
            }
            Err((rule, detail)) => {
                self.report(FIELD, rule, detail);
                self.too_long_as_well(FIELD, value, normalize::id_number);
            }
        }
    }
}
