//! Dates, scores and codes.

use zhengcha_engine::Date;
use zhengcha_engine::key::normalize;

use super::cell::{Value, WholeNumber, whole_number};
use crate::layout::FieldName;
use crate::tables::Codes;

/// 100 points in tenths.
const SCORE_MAX_TENTHS: u16 = 1000;
/// A number cell may be this far from a tenth of a point: what calculating with floats leaves.
const SCORE_TOLERANCE_TENTHS: f64 = 1e-6;
/// Levels, genders and grades run to 9, education to 99.
const CODE_MAX_DIGITS: usize = 2;

/// Rule `date`: a date cell, or `YYYY-MM-DD`, `YYYY/M/D`, `YYYY.M.D`, `YYYYMMDD`, `YYYY年M月D日`.
pub(super) fn date(value: Value<'_>) -> Option<Date> {
    match value {
        Value::Date(date) => Some(date),
        Value::Text(text) => Date::parse(text),
        // Eight digits as a number are still eight digits; a serial number of a day has five.
        Value::Number(number) => match whole_number(number) {
            WholeNumber::Exact(digits) if digits.len() == 8 => Date::parse(&digits),
            _ => None,
        },
        Value::Unfit => None,
    }
}

fn decimal(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    if !digits.contains(&text.len()) {
        return None;
    }
    text.bytes()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// Rule `score`: 0 to 100 with at most one decimal, in tenths of a point.
pub(super) fn score(value: Value<'_>) -> Option<u16> {
    let tenths = match value {
        Value::Text(text) => {
            let plain = spelt_tenths(text);
            plain.or_else(|| spelt_tenths(&normalize::ticket_number(text)))?
        }
        Value::Number(number) => {
            let tenths = (number * 10.0).round();
            let exact = (number * 10.0 - tenths).abs() < SCORE_TOLERANCE_TENTHS;
            if !exact || !(0.0..=f64::from(SCORE_MAX_TENTHS)).contains(&tenths) {
                return None;
            }
            tenths as u16
        }
        Value::Date(_) | Value::Unfit => return None,
    };
    (tenths <= SCORE_MAX_TENTHS).then_some(tenths)
}

fn spelt_tenths(text: &str) -> Option<u16> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let whole = u16::try_from(decimal(whole, 1..=3)?).ok()?;
    Some(whole * 10 + u16::try_from(decimal(tenth, 1..=1)?).ok()?)
}

/// Rule `code`: the codes of a field, or words that stand for them.
pub(super) fn code(value: Value<'_>, field: FieldName, codes: &Codes) -> Option<u8> {
    let number = match value {
        Value::Text(text) => {
            let text = normalize::ticket_number(text);
            match decimal(&text, 1..=CODE_MAX_DIGITS) {
                Some(number) => number,
                None => return word(&text, field, codes),
            }
        }
        Value::Number(number) => match whole_number(number) {
            WholeNumber::Exact(digits) => decimal(&digits, 1..=CODE_MAX_DIGITS)?,
            _ => return None,
        },
        Value::Date(_) | Value::Unfit => return None,
    };
    let number = u8::try_from(number).ok()?;
    let is_known = match field {
        FieldName::Gender => matches!(number, 0 | 1 | 2 | 9),
        FieldName::Education => return education(number),
        FieldName::Level => matches!(number, 1..=5),
        FieldName::Grade => matches!(number, 1..=4),
        FieldName::IdType => matches!(number, 1..=7 | 9),
        _ => false,
    };
    is_known.then_some(number)
}

/// 91 to 99 of the collection table, or 10 to 90 of GB 4658, whose tens digit says the same.
fn education(number: u8) -> Option<u8> {
    match number {
        91..=99 => Some(number),
        10..=90 => Some(90 + number / 10),
        _ => None,
    }
}

/// A word of the field, for levels also several that agree: `三级/高级工`, `高级工(三级)`.
fn word(text: &str, field: FieldName, codes: &Codes) -> Option<u8> {
    if let Some(code) = codes.code(field, text) {
        return Some(code);
    }
    if field != FieldName::Level {
        return None;
    }
    let mut parts = text.split(['/', '(', ')', '、']).filter(|part| !part.is_empty());
    let code = codes.code(field, parts.next()?)?;
    parts.all(|part| codes.code(field, part) == Some(code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Tables;

    #[test]
    fn dates_in_every_form() {
        let day = Date::new(2019, 4, 6);
        for text in [
            "2019-04-06",
            "2019/4/6",
            "2019/04/06",
            "2019.4.6",
            "20190406",
            "2019年4月6日",
            "2019年04月06日",
            "２０１９－０４－０６",
            "2019 年 4 月 6 日",
        ] {
            assert_eq!(date(Value::Text(text)), day, "{text}");
        }
        assert_eq!(date(Value::Date(day.unwrap())), day);
        assert_eq!(date(Value::Number(20_190_406.0)), day);
        for text in [
            "2019-4-6",
            "2019-02-29",
            "43561",
            "2019/4",
            "2019/4/6/1",
            "19-04-06",
            "2019.4/6",
            "2019-04-06 00:00:00",
            "2019年4月",
            "2019/13/1",
            "201904",
            "4/6/2019",
            "2019/004/6",
            "-",
            "年月日",
        ] {
            assert_eq!(date(Value::Text(text)), None, "{text}");
        }
        for number in [43_561.0, 20_190_230.0, 2019.5, -20_190_406.0] {
            assert_eq!(date(Value::Number(number)), None, "{number}");
        }
        assert_eq!(date(Value::Unfit), None);
    }

    #[test]
    fn scores_just_inside_and_just_outside() {
        for (text, tenths) in [
            ("0", 0),
            ("0.1", 1),
            ("84.8", 848),
            ("100", 1000),
            ("100.0", 1000),
            ("099.9", 999),
            ("８４．８", 848),
            ("60", 600),
        ] {
            assert_eq!(score(Value::Text(text)), Some(tenths), "{text}");
        }
        for text in
            ["100.1", "101", "-0.1", "84.85", "84.", ".5", "84,8", "合格", "1000", "1e2", "84.8分"]
        {
            assert_eq!(score(Value::Text(text)), None, "{text}");
        }
        for (number, tenths) in [
            (84.8, Some(848)),
            (0.0, Some(0)),
            (100.0, Some(1000)),
            (0.1 + 0.2, Some(3)),
            (100.1, None),
            (-0.1, None),
            (84.85, None),
            (f64::NAN, None),
            (1e300, None),
        ] {
            assert_eq!(score(Value::Number(number)), tenths, "{number}");
        }
    }

    #[test]
    fn every_tenth_survives_a_number_cell_and_a_text() {
        for tenths in 0..=SCORE_MAX_TENTHS {
            assert_eq!(score(Value::Number(f64::from(tenths) / 10.0)), Some(tenths));
            let text = format!("{}.{}", tenths / 10, tenths % 10);
            assert_eq!(score(Value::Text(&text)), Some(tenths));
        }
    }

    #[test]
    fn codes_and_words() {
        let codes = Tables::embedded().unwrap().codes;
        let read = |field, text| code(Value::Text(text), field, &codes);
        for (field, given) in [
            (
                FieldName::Gender,
                &[("0", 0), ("1", 1), ("2", 2), ("9", 9), ("男", 1), ("女", 2), (" 男 ", 1)][..],
            ),
            (
                FieldName::Education,
                &[
                    ("91", 91),
                    ("99", 99),
                    ("10", 91),
                    ("20", 92),
                    ("90", 99),
                    ("大学专科和专科学校", 93),
                    ("高中", 96),
                ],
            ),
            (FieldName::Grade, &[("1", 1), ("4", 4), ("优秀", 4), ("合格", 2)]),
            (
                FieldName::Level,
                &[
                    ("1", 1),
                    ("5", 5),
                    ("一级", 1),
                    ("五级", 5),
                    ("高级技师", 1),
                    ("技师", 2),
                    ("高级工", 3),
                    ("中级工", 4),
                    ("初级工", 5),
                    ("三级/高级工", 3),
                    ("三级／高级技能", 3),
                    ("高级工（三级）", 3),
                ],
            ),
            (FieldName::IdType, &[("1", 1), ("9", 9), ("居民身份证", 1), ("护照", 2)]),
        ] {
            for &(text, expected) in given {
                assert_eq!(read(field, text), Some(expected), "{field:?} {text}");
            }
        }
        for (field, text) in [
            (FieldName::Gender, "3"),
            (FieldName::Gender, "8"),
            (FieldName::Gender, "M"),
            (FieldName::Education, "9"),
            (FieldName::Education, "100"),
            (FieldName::Education, "本科生"),
            (FieldName::Grade, "0"),
            (FieldName::Grade, "5"),
            (FieldName::Level, "0"),
            (FieldName::Level, "6"),
            (FieldName::Level, "三级/技师"),
            (FieldName::Level, "六级"),
            (FieldName::Level, "/"),
            (FieldName::IdType, "8"),
        ] {
            assert_eq!(read(field, text), None, "{field:?} {text}");
        }
        assert_eq!(code(Value::Number(1.0), FieldName::Gender, &codes), Some(1));
        assert_eq!(code(Value::Number(1.5), FieldName::Gender, &codes), None);
        assert_eq!(code(Value::Unfit, FieldName::Gender, &codes), None);
    }
}
