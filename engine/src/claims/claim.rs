//! One claim: as written, and in normal form.

use std::borrow::Cow;

use super::field::{ClaimField, FieldOrder};
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

/// A claim as written: texts by field, in the order given.
#[derive(Default)]
pub(super) struct Written<'t> {
    texts: [Option<Cow<'t, str>>; ClaimField::COUNT],
    order: FieldOrder,
}

impl<'t> Written<'t> {
    /// Takes a field; `false` when it was given before.
    pub(super) fn give(&mut self, field: ClaimField, text: Cow<'t, str>) -> bool {
        let place = &mut self.texts[field as usize];
        if place.is_some() {
            return false;
        }
        *place = Some(text);
        self.order.push(field);
        true
    }

    /// What the asker calls it by; `""` when it is not given or too long to be told again.
    pub(super) fn reference(&mut self) -> Cow<'t, str> {
        self.texts[ClaimField::Reference as usize]
            .take()
            .filter(|text| text.len() <= REFERENCE_BYTES_MAX)
            .unwrap_or_default()
    }

    fn take(&mut self, field: ClaimField) -> Option<Cow<'t, str>> {
        self.texts[field as usize].take().filter(|text| !is_blank(text))
    }

    /// The claim in normal form, its reference apart.
    pub(super) fn normal(mut self) -> (Cow<'t, str>, Result<Claim<'t>, Invalid>) {
        let too_long = self.texts[ClaimField::Reference as usize]
            .as_ref()
            .is_some_and(|text| text.len() > REFERENCE_BYTES_MAX);
        let reference = self.reference();
        let claim = if too_long { Err(Invalid::TooLong) } else { self.claim() };
        (reference, claim)
    }

    fn claim(mut self) -> Result<Claim<'t>, Invalid> {
        let mut keys = [const { None }; 4];
        for (field, key) in Field::ALL.into_iter().zip(&mut keys) {
            if let Some(text) = self.take(ClaimField::ALL[field as usize]) {
                *key = Some(normal_key(field, text)?);
            }
        }
        if keys.iter().flatten().count() < KEYS_MIN {
            return Err(Invalid::TwoFieldsRequired);
        }
        let issue_date = match self.take(ClaimField::IssueDate) {
            Some(text) => Some(Date::parse(&text).ok_or(Invalid::Date)?),
            None => None,
        };
        let level = match self.take(ClaimField::Level) {
            Some(text) => Some(level(&text).ok_or(Invalid::Level)?),
            None => None,
        };
        let tax_year = match self.take(ClaimField::TaxYear) {
            Some(text) => Some(year(&text).ok_or(Invalid::TaxYear)?),
            None => None,
        };
        Ok(Claim {
            keys,
            issue_date,
            occupation_name: self.text(ClaimField::OccupationName)?,
            issuer: self.text(ClaimField::Issuer)?,
            institution: self.text(ClaimField::Institution)?,
            level,
            tax_year,
            order: self.order,
        })
    }

    /// A text that is compared folded, so that it can stay as it is for now.
    fn text(&mut self, field: ClaimField) -> Result<Option<Cow<'t, str>>, Invalid> {
        let text = self.take(field);
        match &text {
            Some(text) if text.len() > QUERY_FIELD_MAX_BYTES => Err(Invalid::TooLong),
            Some(text) if text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
                Err(Invalid::Unusable)
            }
            _ => Ok(text),
        }
    }
}

/// A claim in normal form. Its reference is kept apart: no judgement looks at it.
#[derive(Clone, Default)]
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

fn is_blank(text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        // Nearly every value begins with something that is seen.
        [first, ..] if first.is_ascii_graphic() => false,
        _ => text.chars().all(normalize::is_blank),
    }
}

fn normal_key(field: Field, text: Cow<'_, str>) -> Result<Cow<'_, str>, Invalid> {
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

/// Four digits, with or without 年.
fn year(text: &str) -> Option<u16> {
    let text = normalize::ticket_number(text);
    let digits = text.strip_suffix('年').unwrap_or(&text);
    let fits = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok().filter(|&year| year > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(fields: &[(ClaimField, &'static str)]) -> Result<Claim<'static>, Invalid> {
        let mut written = Written::default();
        for &(field, text) in fields {
            assert!(written.give(field, Cow::Borrowed(text)));
        }
        written.normal().1
    }

    #[test]
    fn two_key_fields_are_needed_and_blank_ones_do_not_count() {
        use ClaimField::{CertificateNumber, IdNumber, Name, Reference};
        let few = Some(Invalid::TwoFieldsRequired);
        assert_eq!(normal(&[]).err(), few);
        assert_eq!(normal(&[(Name, "白京"), (Reference, "1")]).err(), few);
        assert_eq!(normal(&[(Name, "白京"), (IdNumber, " \u{3000}")]).err(), few);
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
