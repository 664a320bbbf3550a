//! Numbers of identity documents: resident numbers with their check character, others by shape.

use std::borrow::Cow;

use zhengcha_engine::IdType;
use zhengcha_engine::key::normalize;
use zhengcha_engine::key::resident_id::{self, ResidentId, ResidentIdError};

use super::cell::{Value, WholeNumber, is_scientific, whole_number};
use super::finding::Detail;
use super::rule::Rule;

/// A text with this many digits is meant as a resident number, whatever else stands in it. The
/// longest number of another kind in use has 12.
const RESIDENT_MIN_DIGITS: usize = 13;
/// Numbers of other documents are at least this long in characters.
const OTHER_MIN_CHARS: usize = 5;
/// Numbers of other documents that are digits throughout have at least this many.
const OTHER_MIN_DIGITS: usize = 7;
/// The card of foreign residents before 2023: three letters and twelve digits.
const OLD_CARD_LETTERS: usize = 3;
const OLD_CARD_CHARS: usize = 15;

/// A number that can be stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IdNumber<'a> {
    pub(super) normal: Cow<'a, str>,
    pub(super) kind: IdType,
    /// What a number built after GB 11643 says.
    pub(super) resident: Option<ResidentId>,
}

/// Rules `id-number` and `id-numeric`; `declared` is the 证件类型 beside it.
pub(super) fn read(
    value: Value<'_>,
    declared: Option<IdType>,
) -> Result<IdNumber<'_>, (Rule, Detail)> {
    let normal = match value {
        Value::Text(text) => normalize::id_number(text),
        Value::Number(number) => match whole_number(number) {
            WholeNumber::Exact(digits) => Cow::Owned(normalize::id_number(&digits).into_owned()),
            WholeNumber::DigitsLost => return Err((Rule::IdNumeric, Detail::None)),
            WholeNumber::NotWhole => return Err((Rule::IdNumber, Detail::IdShape)),
        },
        _ => return Err((Rule::IdNumber, Detail::CellKind)),
    };
    if is_scientific(&normal) {
        return Err((Rule::IdNumeric, Detail::None));
    }
    let wrong = |detail| (Rule::IdNumber, detail);
    if is_meant_as_resident(&normal) {
        let resident = resident_id::parse(&normal).map_err(|error| {
            wrong(match error {
                ResidentIdError::Shape => Detail::IdShape,
                ResidentIdError::BirthDate => Detail::IdBirthDate,
                ResidentIdError::CheckCharacter { expected } => Detail::CheckCharacter(expected),
            })
        })?;
        let inferred = kind_of_resident(resident);
        let kind = match declared {
            None | Some(IdType::Resident) => inferred,
            Some(IdType::ResidencePermit) if inferred != IdType::ForeignerPermanentResident => {
                IdType::ResidencePermit
            }
            Some(IdType::ForeignerPermanentResident)
                if inferred == IdType::ForeignerPermanentResident =>
            {
                inferred
            }
            Some(IdType::Other) => IdType::Other,
            Some(_) => return Err(wrong(Detail::IdKind)),
        };
        return Ok(IdNumber { normal, kind, resident: Some(resident) });
    }
    let inferred = kind_of_other(&normal).ok_or(wrong(Detail::IdShape))?;
    let kind = match declared {
        Some(IdType::Resident | IdType::ResidencePermit) => return Err(wrong(Detail::IdShape)),
        Some(IdType::ForeignerPermanentResident) if !is_old_card(&normal) => {
            return Err(wrong(Detail::IdKind));
        }
        Some(kind) => kind,
        None => inferred,
    };
    Ok(IdNumber { normal, kind, resident: None })
}

/// The kinds that share the shape of GB 11643: 港澳台居民居住证 by its address codes
/// (港澳台居民居住证申领发放办法 第三条), the card of foreign residents of 2023 by its first digit.
fn kind_of_resident(resident: ResidentId) -> IdType {
    match resident.address_code {
        810_000 | 820_000 | 830_000 => IdType::ResidencePermit,
        900_000..=999_999 => IdType::ForeignerPermanentResident,
        _ => IdType::Resident,
    }
}

fn is_meant_as_resident(number: &str) -> bool {
    number.bytes().filter(u8::is_ascii_digit).count() >= RESIDENT_MIN_DIGITS
}

fn is_old_card(number: &str) -> bool {
    number.len() == OLD_CARD_CHARS
        && number.bytes().take(OLD_CARD_LETTERS).all(|byte| byte.is_ascii_uppercase())
        && number.bytes().skip(OLD_CARD_LETTERS).all(|byte| byte.is_ascii_digit())
}

/// The kind a number of another document has by its shape, `None` when it is no document's.
fn kind_of_other(number: &str) -> Option<IdType> {
    let mut digits = 0;
    let mut hanzi = 0;
    let mut chars = 0;
    for c in number.chars() {
        chars += 1;
        match c {
            '0'..='9' => digits += 1,
            'A'..='Z' | '(' | ')' | '-' => {}
            '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' => hanzi += 1,
            _ => return None,
        }
    }
    if digits == 0 || chars < OTHER_MIN_CHARS || (digits == chars && digits < OTHER_MIN_DIGITS) {
        return None;
    }
    let letters_first = number.bytes().take_while(u8::is_ascii_uppercase).count();
    Some(if hanzi > 0 {
        IdType::Military
    } else if is_old_card(number) {
        IdType::ForeignerPermanentResident
    } else if digits == chars {
        if digits == 8 { IdType::TaiwanPermit } else { IdType::Other }
    } else if number.contains('(') {
        IdType::TaiwanPermit
    } else if letters_first == 1
        && matches!(digits, 8 | 10)
        && digits + 1 == chars
        && number.starts_with(['H', 'M'])
    {
        IdType::HongKongMacaoPermit
    } else if letters_first > 0 && number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        IdType::Passport
    } else {
        IdType::Other
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: &str) -> Result<IdType, Detail> {
        read(Value::Text(number), None).map(|id| id.kind).map_err(|(rule, detail)| {
            assert_eq!(rule, Rule::IdNumber, "{number}");
            detail
        })
    }

    #[test]
    fn kinds_by_shape() {
        for (number, expected) in [
            ("11010519491231002x", IdType::Resident),
            ("110105491231002", IdType::Resident),
            ("810000199408230021", IdType::ResidencePermit),
            ("830000199201300022", IdType::ResidencePermit),
            ("H12345678", IdType::HongKongMacaoPermit),
            ("M1234567890", IdType::HongKongMacaoPermit),
            ("12345678", IdType::TaiwanPermit),
            ("1234567890(A)", IdType::TaiwanPermit),
            ("E12345678", IdType::Passport),
            ("EA1234567", IdType::Passport),
            ("USA110080010001", IdType::ForeignerPermanentResident),
            ("军字第0012345号", IdType::Military),
            ("123456789", IdType::Other),
        ] {
            assert_eq!(kind(number), Ok(expected), "{number}");
        }
    }

    #[test]
    fn each_way_to_be_wrong() {
        assert_eq!(kind("110105194912310021"), Err(Detail::CheckCharacter('X')));
        assert_eq!(kind("11010519490231002X"), Err(Detail::IdBirthDate));
        for shape in [
            "11010519810228XXXX",
            "1101051949123100",
            "110105491331002",
            "11010519491231002",
            "123456",
            "ABCDEFGH",
            "E1234567*",
            "E1",
            "白京",
            "1101051949123100211",
        ] {
            assert_eq!(kind(shape), Err(Detail::IdShape), "{shape}");
        }
    }

    #[test]
    fn the_declared_kind_decides_among_what_fits() {
        let with = |number, kind| read(Value::Text(number), Some(kind)).map(|id| id.kind);
        let id = "11010519491231002X";
        assert_eq!(with(id, IdType::Resident), Ok(IdType::Resident));
        assert_eq!(with(id, IdType::Passport), Err((Rule::IdNumber, Detail::IdKind)));
        assert_eq!(with("E12345678", IdType::Resident), Err((Rule::IdNumber, Detail::IdShape)));
        assert_eq!(with("12345678", IdType::Passport), Ok(IdType::Passport));
        assert_eq!(with("E12345678", IdType::Other), Ok(IdType::Other));
    }

    #[test]
    fn number_cells_keep_fifteen_digits() {
        let fifteen = read(Value::Number(110_105_491_231_002.0), None).unwrap();
        assert_eq!(fifteen.normal, "11010519491231002X");
        let lost = Err((Rule::IdNumeric, Detail::None));
        assert_eq!(read(Value::Number(440_524_188_001_010_014.0), None), lost);
        assert_eq!(read(Value::Text("4.40524E+17"), None), lost);
        assert_eq!(read(Value::Number(0.5), None), Err((Rule::IdNumber, Detail::IdShape)));
    }
}
