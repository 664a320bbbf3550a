//! One claim: as written, and in normal form.

use std::borrow::Cow;

use super::field::{ClaimField, FieldOrder, FieldSet};
use super::level::level;
use crate::date::Date;
use crate::key::Field;
use crate::key::normalize::{self, QUERY_FIELD_MAX_BYTES, QueryError};

/// The longest `ref`, in bytes of UTF-8.
pub const REFERENCE_BYTES_MAX: usize = 256;
/// A claim needs this many key fields.
const KEYS_MIN: usize = 2;

/// Why a claim is not one. The names never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invalid {
    /// No JSON object, or not as many columns as the header has.
    Malformed,
    /// A JSON member that no claim has.
    UnknownField,
    /// A JSON member twice.
    DuplicateField,
    /// A JSON value of another kind than text.
    NotText,
    /// Fewer than two of the four key fields.
    TwoFieldsRequired,
    /// Longer than any value can be.
    TooLong,
    /// Control characters, or a number that lost digits where it came from.
    Unusable,
    /// Bytes that are no text in the charset.
    Undecodable,
    /// `issue_date` is no date.
    Date,
    /// `level` is no level.
    Level,
    /// `tax_year` is no year.
    TaxYear,
    /// The asker's quota was used up before this claim.
    Quota,
}

impl Invalid {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Malformed,
        Self::UnknownField,
        Self::DuplicateField,
        Self::NotText,
        Self::TwoFieldsRequired,
        Self::TooLong,
        Self::Unusable,
        Self::Undecodable,
        Self::Date,
        Self::Level,
        Self::TaxYear,
        Self::Quota,
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownField => "unknown-field",
            Self::DuplicateField => "duplicate-field",
            Self::NotText => "not-text",
            Self::TwoFieldsRequired => "two-fields-required",
            Self::TooLong => "too-long",
            Self::Unusable => "unusable",
            Self::Undecodable => "undecodable",
            Self::Date => "date",
            Self::Level => "level",
            Self::TaxYear => "tax-year",
            Self::Quota => "quota",
        }
    }
}

/// A claim in normal form. Its reference is kept apart: no judgement looks at it.
#[derive(Clone, Debug, Default)]
pub struct Claim<'t> {
    /// The key fields in normal form, in the order of [`Field::ALL`]; at least two are given.
    pub(super) keys: [Option<Cow<'t, str>>; 4],
    pub(super) issue_date: Option<Date>,
    pub(super) occupation_name: Option<Cow<'t, str>>,
    pub(super) issuer: Option<Cow<'t, str>>,
    pub(super) institution: Option<Cow<'t, str>>,
    pub(super) level: Option<u8>,
    pub(super) tax_year: Option<u16>,
    pub(super) order: FieldOrder,
}

/// A row as it is read: the claim as far as it is one, and what is wrong with it.
#[derive(Default)]
pub(super) struct Reading<'t> {
    pub(super) claim: Claim<'t>,
    /// What the asker calls it by; `""` when it is not given or too long to be told again.
    pub(super) reference: Cow<'t, str>,
    /// The first thing that is wrong: with the row, its reference or a key field, then with the number of
    /// key fields, then with another field.
    pub(super) wrong: Option<Invalid>,
    /// The first thing that is wrong with another field.
    wrong_beside: Option<Invalid>,
    given: FieldSet,
}

impl<'t> Reading<'t> {
    /// Notes something wrong, unless something was wrong before.
    pub(super) fn note(&mut self, wrong: Invalid) {
        self.wrong.get_or_insert(wrong);
    }

    /// Takes a field as written; a blank one is not given.
    #[inline]
    pub(super) fn give(&mut self, field: ClaimField, text: Cow<'t, str>) {
        if self.given.contains(field) {
            return self.note(Invalid::DuplicateField);
        }
        self.given.insert(field);
        if is_blank(&text) {
            return;
        }
        if let Err(wrong) = self.set(field, text) {
            if field.key().is_some() || field == ClaimField::Reference {
                self.note(wrong);
            } else {
                self.wrong_beside.get_or_insert(wrong);
            }
        }
    }

    #[inline]
    fn set(&mut self, field: ClaimField, text: Cow<'t, str>) -> Result<(), Invalid> {
        let claim = &mut self.claim;
        match field {
            ClaimField::IdNumber => claim.keys[0] = Some(normal_key(Field::IdNumber, text)?),
            ClaimField::CertificateNumber => {
                claim.keys[1] = Some(normal_key(Field::CertificateNumber, text)?);
            }
            ClaimField::TicketNumber => {
                claim.keys[2] = Some(normal_key(Field::TicketNumber, text)?);
            }
            ClaimField::Name => claim.keys[3] = Some(normal_key(Field::Name, text)?),
            ClaimField::Reference if text.len() > REFERENCE_BYTES_MAX => {
                return Err(Invalid::TooLong);
            }
            ClaimField::Reference => self.reference = text,
            ClaimField::IssueDate => {
                claim.issue_date = Some(Date::parse(&text).ok_or(Invalid::Date)?);
            }
            ClaimField::OccupationName => claim.occupation_name = Some(sound(text)?),
            ClaimField::Issuer => claim.issuer = Some(sound(text)?),
            ClaimField::Institution => claim.institution = Some(sound(text)?),
            ClaimField::Level => claim.level = Some(level(&text).ok_or(Invalid::Level)?),
            ClaimField::TaxYear => claim.tax_year = Some(year(&text).ok_or(Invalid::TaxYear)?),
        }
        Ok(())
    }

    /// The row is whole: a claim has at least two key fields.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.claim.keys.iter().flatten().count() < KEYS_MIN {
            self.note(Invalid::TwoFieldsRequired);
        }
        self.wrong = self.wrong.or(self.wrong_beside);
    }
}

/// A text that is compared folded, so that it can stay as it is for now.
#[inline]
fn sound(text: Cow<'_, str>) -> Result<Cow<'_, str>, Invalid> {
    if text.len() > QUERY_FIELD_MAX_BYTES {
        return Err(Invalid::TooLong);
    }
    let is_control = |byte: u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if text.bytes().any(is_control) { Err(Invalid::Unusable) } else { Ok(text) }
}

fn is_blank(text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        // Nearly every value begins with something that is seen.
        [first, ..] if first.is_ascii_graphic() => false,
        _ => text.chars().all(normalize::is_blank),
    }
}

#[inline]
fn normal_key(field: Field, text: Cow<'_, str>) -> Result<Cow<'_, str>, Invalid> {
    if field != Field::Name && matches!(text.len(), 16 | 18) && is_plain(&text) {
        return Ok(text);
    }
    let normal = match text {
        Cow::Borrowed(text) => normalize::query_field(field, text),
        Cow::Owned(text) => {
            normalize::query_field(field, &text).map(|normal| Cow::Owned(normal.into_owned()))
        }
    };
    normal.map_err(|error| match error {
        QueryError::TooLong { .. } => Invalid::TooLong,
        QueryError::Unusable { .. } | QueryError::TwoFieldsRequired => Invalid::Unusable,
    })
}

/// Nothing but ASCII digits and capital letters: of the usual lengths, which no older form has, a number is
/// in normal form then.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |is, byte| is & (byte.is_ascii_digit() | byte.is_ascii_uppercase()))
}

/// Four digits, with or without 年.
fn year(text: &str) -> Option<u16> {
    if let &[a, b, c, d] = text.as_bytes()
        && text.bytes().all(|byte| byte.is_ascii_digit())
    {
        let digits = [a, b, c, d].map(|digit| u16::from(digit - b'0'));
        return Some(digits.into_iter().fold(0, |year, digit| year * 10 + digit))
            .filter(|&year| year > 0);
    }
    let text = normalize::ticket_number(text);
    let digits = text.strip_suffix('年').unwrap_or(&text);
    let fits = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok().filter(|&year| year > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(fields: &[(ClaimField, &'static str)]) -> Result<Claim<'static>, Invalid> {
        let mut reading = Reading::default();
        for &(field, text) in fields {
            reading.give(field, Cow::Borrowed(text));
        }
        reading.end();
        reading.wrong.map_or(Ok(reading.claim), Err)
    }

    #[test]
    fn two_key_fields_are_needed_and_blank_ones_do_not_count() {
        use ClaimField::{CertificateNumber, IdNumber, Name, Reference};
        let few = Some(Invalid::TwoFieldsRequired);
        assert_eq!(normal(&[]).err(), few);
        assert_eq!(normal(&[(Name, "白京"), (Reference, "1")]).err(), few);
        assert_eq!(normal(&[(Name, "白京"), (IdNumber, " \u{3000}")]).err(), few);
        assert_eq!(normal(&[(ClaimField::Level, "9"), (Name, "白京")]).err(), few);
        let claim = normal(&[(Name, " 白　京"), (CertificateNumber, "0912345678901")]).unwrap();
        assert_eq!(claim.keys[1].as_deref(), Some("0000912345678901"));
        assert_eq!(claim.keys[3].as_deref(), Some("白京"));
        assert_eq!(claim.keys[0], None);
    }

    #[test]
    fn each_field_that_cannot_be_read_has_its_reason() {
        use ClaimField::{IdNumber, IssueDate, Level, Name, OccupationName, Reference, TaxYear};
        let with = |field, text| normal(&[(IdNumber, "1"), (Name, "白京"), (field, text)]).err();
        let long: &'static str = "长".repeat(400).leak();
        for (field, text, reason) in [
            (IssueDate, "2019-02-29", Some(Invalid::Date)),
            (IssueDate, "2020年2月29日", None),
            (IssueDate, "20200229", None),
            (IssueDate, "", None),
            (Level, "六级", Some(Invalid::Level)),
            (Level, "三级/高级工", None),
            (TaxYear, "19", Some(Invalid::TaxYear)),
            (TaxYear, "２０１９年", None),
            (OccupationName, long, Some(Invalid::TooLong)),
            (OccupationName, "车\u{1A}工", Some(Invalid::Unusable)),
            (Reference, long, Some(Invalid::TooLong)),
        ] {
            assert_eq!(with(field, text), reason, "{field:?} {text}");
        }
        assert_eq!(normal(&[(IdNumber, long), (Name, "白京")]).err(), Some(Invalid::TooLong));
        assert_eq!(normal(&[(IdNumber, "1\u{0}"), (Name, "白")]).err(), Some(Invalid::Unusable));
    }

    #[test]
    fn names_of_reasons_are_distinct() {
        let names: std::collections::HashSet<_> = Invalid::ALL.map(Invalid::name).into();
        assert_eq!(names.len(), Invalid::ALL.len());
    }
}
