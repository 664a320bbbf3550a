//! Certificate numbers (职业技能鉴定编码规则): shape, and what the 16 digits say.

use std::borrow::Cow;

use zhengcha_engine::key::normalize;

use super::cell::{Value, WholeNumber, is_scientific, whole_number};
use super::finding::Detail;
use super::rule::Rule;
use crate::layout::Layout;

/// Characters of a number in the layout of 2013.
const NUMBER_CHARS_2013: usize = 16;
/// Digits of a number cell that has lost one leading zero.
const ZERO_LOST_DIGITS: usize = 15;
/// Digits of a Shanghai number as delivered.
const SHANGHAI_DIGITS: usize = 13;
/// Two-digit years from here on are of the last century.
const CENTURY_TURN: u16 = 90;

/// How far a number can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberKind {
    /// 16 digits: year, 机构编码, level, sequence.
    Coded,
    /// Delivered with the 13 digits of Shanghai.
    Shanghai,
    /// Letters, or another length.
    #[default]
    Other,
}

/// A number that can be stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CertificateNumber<'a> {
    pub(super) normal: Cow<'a, str>,
    pub(super) kind: NumberKind,
    pub(super) zero_restored: bool,
}

/// Rules `certificate-number`, `id-numeric` and `leading-zero-restored`.
pub(super) fn read(
    value: Value<'_>,
    layout: Layout,
) -> Result<CertificateNumber<'_>, (Rule, Detail)> {
    let mut zero_restored = false;
    let normal = match value {
        Value::Text(text) => normalize::certificate_number(text),
        Value::Number(number) => match whole_number(number) {
            WholeNumber::Exact(digits) if digits.len() == ZERO_LOST_DIGITS => {
                zero_restored = true;
                Cow::Owned(format!("0{digits}"))
            }
            WholeNumber::Exact(digits) => {
                Cow::Owned(normalize::certificate_number(&digits).into_owned())
            }
            WholeNumber::DigitsLost => return Err((Rule::IdNumeric, Detail::None)),
            WholeNumber::NotWhole => return Err((Rule::CertificateNumber, Detail::None)),
        },
        _ => return Err((Rule::CertificateNumber, Detail::None)),
    };
    if is_scientific(&normal) {
        return Err((Rule::IdNumeric, Detail::None));
    }
    if !normal.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        return Err((Rule::CertificateNumber, Detail::None));
    }
    if layout == Layout::Of2013 && normal.len() != NUMBER_CHARS_2013 {
        let found = u16::try_from(normal.len()).unwrap_or(u16::MAX);
        let detail = Detail::Length { found, expected: NUMBER_CHARS_2013 as u16 };
        return Err((Rule::CertificateNumber, detail));
    }
    let kind = kind(value, &normal);
    Ok(CertificateNumber { normal, kind, zero_restored })
}

fn kind(delivered: Value<'_>, normal: &str) -> NumberKind {
    if normal.len() != NUMBER_CHARS_2013 || !normal.bytes().all(|byte| byte.is_ascii_digit()) {
        return NumberKind::Other;
    }
    let digits_delivered = match delivered {
        // Normal form put zeros in front of 13 digits and of nothing else.
        Value::Text(text) if normal.starts_with("000") => normalize::ticket_number(text).len(),
        Value::Number(number) if number < 1e13 => SHANGHAI_DIGITS,
        _ => NUMBER_CHARS_2013,
    };
    if digits_delivered == SHANGHAI_DIGITS { NumberKind::Shanghai } else { NumberKind::Coded }
}

/// Digits 1 and 2 as a year; for [`NumberKind::Coded`] alone.
pub(super) fn year(number: &str) -> Option<u16> {
    let two: u16 = number.get(..2)?.parse().ok()?;
    Some(if two >= CENTURY_TURN { 1900 + two } else { 2000 + two })
}

/// Digits 3 and 4; for [`NumberKind::Coded`] alone.
pub(super) fn issuer_code(number: &str) -> Option<u8> {
    number.get(2..4)?.parse().ok()
}

/// Digit 11; for [`NumberKind::Coded`] alone.
pub(super) fn level(number: &str) -> Option<u8> {
    number.get(10..11)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: &str) -> Result<CertificateNumber<'_>, (Rule, Detail)> {
        read(Value::Text(number), Layout::Of2013)
    }

    #[test]
    fn the_example_of_the_table() {
        let number = text(" 0101 1202 0110 0058").unwrap();
        assert_eq!(number.normal, "0101120201100058");
        assert_eq!(number.kind, NumberKind::Coded);
        assert_eq!(year(&number.normal), Some(2001));
        assert_eq!(issuer_code(&number.normal), Some(1));
        assert_eq!(level(&number.normal), Some(1));
        assert_eq!(year("90"), Some(1990));
        assert_eq!(year("89"), Some(2089));
    }

    #[test]
    fn lengths_by_layout() {
        for wrong in ["010112020110005", "01011202011000581", "Y000123000000195000001"] {
            assert!(matches!(text(wrong), Err((Rule::CertificateNumber, Detail::Length { .. }))));
            let number = read(Value::Text(wrong), Layout::Of2019).unwrap();
            assert_eq!((number.normal, number.kind), (wrong.into(), NumberKind::Other));
        }
        assert_eq!(text("A101120201100058").unwrap().kind, NumberKind::Other);
        for wrong in ["0101-12020110005", "010112020110005证", "010112020110005*"] {
            assert_eq!(text(wrong), Err((Rule::CertificateNumber, Detail::None)), "{wrong}");
        }
    }

    #[test]
    fn shanghai_is_told_by_what_was_delivered() {
        assert_eq!(text("0912345678901").unwrap().kind, NumberKind::Shanghai);
        assert_eq!(text("0912345678901").unwrap().normal, "0000912345678901");
        assert_eq!(text("0000912345678901").unwrap().kind, NumberKind::Coded);
        let number = read(Value::Number(1_912_345_678_901.0), Layout::Of2013).unwrap();
        assert_eq!(number.normal, "0001912345678901");
        assert_eq!(number.kind, NumberKind::Shanghai);
    }

    #[test]
    fn number_cells() {
        let number = read(Value::Number(101_120_201_100_058.0), Layout::Of2013).unwrap();
        assert_eq!(number.normal, "0101120201100058");
        assert!(number.zero_restored);
        let lost = Err((Rule::IdNumeric, Detail::None));
        assert_eq!(read(Value::Number(1_601_120_201_100_058.0), Layout::Of2013), lost);
        assert_eq!(text("1.60112E+15"), lost);
        assert!(read(Value::Number(1.5), Layout::Of2019).is_err());
        assert!(read(Value::Number(-1.0), Layout::Of2019).is_err());
        assert!(read(Value::Number(f64::NAN), Layout::Of2019).is_err());
    }
}
