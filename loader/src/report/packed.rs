//! Findings as they lie in temporary files: of one size, and read back as they were.

use zhengcha_engine::Date;

use super::findings::{Note, Place};
use crate::judge::{Detail, Finding, Rule};
use crate::layout::FieldName;

/// Bytes of a packed finding: place, rule, field, kind of detail, six bytes of detail.
pub(super) const PACKED_BYTES: usize = 19;

/// The field of a finding that has none.
const NO_FIELD: u8 = u8::MAX;

pub(super) fn pack(note: &Note) -> [u8; PACKED_BYTES] {
    let mut bytes = [0; PACKED_BYTES];
    let Place { delivery, member, sheet, row } = note.place;
    for (slot, word) in bytes.chunks_exact_mut(2).zip([delivery, member, sheet]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    bytes[6..10].copy_from_slice(&row.to_le_bytes());
    bytes[10] = note.finding.rule as u8;
    bytes[11] = note.finding.field.map_or(NO_FIELD, |field| field as u8);
    let (kind, low, high) = detail_words(note.finding.detail);
    bytes[12] = kind;
    bytes[13..15].copy_from_slice(&low.to_le_bytes());
    bytes[15..19].copy_from_slice(&high.to_le_bytes());
    bytes
}

fn detail_words(detail: Detail) -> (u8, u16, u32) {
    match detail {
        Detail::None => (0, 0, 0),
        Detail::Width { found, limit } => (1, found, limit.into()),
        Detail::Length { found, expected } => (2, found, expected.into()),
        Detail::IdShape => (3, 0, 0),
        Detail::IdBirthDate => (4, 0, 0),
        Detail::CheckCharacter(character) => (5, 0, character.into()),
        Detail::IdKind => (6, 0, 0),
        Detail::CellKind => (7, 0, 0),
        Detail::IssuedBeforeBirth => (8, 0, 0),
        Detail::IssuedAfter(day) => {
            (9, day.year(), u32::from(day.month()) * 100 + u32::from(day.day()))
        }
        Detail::Years { number, issued } => (10, number, issued.into()),
        Detail::Levels { number, column } => (11, number.into(), column.into()),
        Detail::IssuerCode(code) => (12, code.into(), 0),
        Detail::Days(days) => (13, 0, days),
        Detail::OtherRow { file, row } => (14, file, row),
    }
}

/// `None` for bytes that [`pack`] does not make.
pub(super) fn unpack(bytes: &[u8; PACKED_BYTES]) -> Option<Note> {
    let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let long = |at: usize| u32::from(word(at)) | u32::from(word(at + 2)) << 16;
    let place = Place { delivery: word(0), member: word(2), sheet: word(4), row: long(6) };
    let rule = *Rule::ALL.get(usize::from(bytes[10]))?;
    let field = match bytes[11] {
        NO_FIELD => None,
        field => Some(*FieldName::ALL.get(usize::from(field))?),
    };
    let (low, high) = (word(13), long(15));
    let byte = |word: u32| u8::try_from(word).ok();
    let half = |word: u32| u16::try_from(word).ok();
    let detail = match bytes[12] {
        0 => Detail::None,
        1 => Detail::Width { found: low, limit: half(high)? },
        2 => Detail::Length { found: low, expected: half(high)? },
        3 => Detail::IdShape,
        4 => Detail::IdBirthDate,
        5 => Detail::CheckCharacter(char::from_u32(high)?),
        6 => Detail::IdKind,
        7 => Detail::CellKind,
        8 => Detail::IssuedBeforeBirth,
        9 => Detail::IssuedAfter(Date::new(low, byte(high / 100)?, byte(high % 100)?)?),
        10 => Detail::Years { number: low, issued: half(high)? },
        11 => Detail::Levels { number: byte(low.into())?, column: byte(high)? },
        12 => Detail::IssuerCode(byte(low.into())?),
        13 => Detail::Days(high),
        14 => Detail::OtherRow { file: low, row: high },
        _ => return None,
    };
    Some(Note { place, finding: Finding { rule, field, detail } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detail_comes_back() {
        let day = Date::new(2019, 12, 31).unwrap();
        let details = [
            Detail::None,
            Detail::Width { found: 65_535, limit: 50 },
            Detail::Length { found: 3, expected: 65_535 },
            Detail::IdShape,
            Detail::IdBirthDate,
            Detail::CheckCharacter('X'),
            Detail::IdKind,
            Detail::CellKind,
            Detail::IssuedBeforeBirth,
            Detail::IssuedAfter(day),
            Detail::Years { number: 2001, issued: 1999 },
            Detail::Levels { number: 9, column: 5 },
            Detail::IssuerCode(99),
            Detail::Days(u32::MAX),
            Detail::OtherRow { file: 65_535, row: u32::MAX },
        ];
        let fields = FieldName::ALL.map(Some).into_iter().chain([None]).cycle();
        for ((rule, field), detail) in Rule::ALL.into_iter().zip(fields).zip(details.repeat(2)) {
            let place = Place { delivery: 65_535, member: 1, sheet: 2, row: u32::MAX - 1 };
            let note = Note { place, finding: Finding { rule, field, detail } };
            assert_eq!(unpack(&pack(&note)), Some(note));
        }
        assert_eq!(unpack(&[0xFF; PACKED_BYTES]), None);
    }

    #[test]
    fn rules_and_fields_stand_in_order() {
        assert!(Rule::ALL.iter().enumerate().all(|(index, &rule)| rule as usize == index));
        assert!(FieldName::ALL.iter().enumerate().all(|(index, &field)| field as usize == index));
    }
}
