//! Fields typed otherwise: the same in normal form, or just not.

use zhengcha_engine::key::Field;
use zhengcha_engine::key::normalize::query_field;
use zhengcha_engine::testing::{Random, resident_id};
use zhengcha_engine::{Certificate, Date};

use super::truth::text;

/// What people type for `·`.
const SEPARATORS: [&str; 3] = ["•", "・", "."];
/// How often another way to type is drawn before the field is left as it is.
const TRIES: u32 = 8;

/// The field typed in another way that means the same; as it is when none was found.
pub(super) fn typed(certificate: &Certificate, field: Field, random: &mut Random) -> String {
    let plain = text(certificate, field);
    let means = |typed: &str| query_field(field, typed).map(std::borrow::Cow::into_owned).ok();
    let normal = means(plain);
    for _ in 0..TRIES {
        let typed = match random.below(5) {
            0 => full_width(plain),
            1 => plain.to_lowercase(),
            2 => spaced(plain, if field == Field::Name { 1 } else { 4 }, random),
            3 if field == Field::Name => {
                plain.replace('·', SEPARATORS[random.below(SEPARATORS.len() as u32) as usize])
            }
            3 if field == Field::IdNumber => fifteen_digits(plain).unwrap_or_default(),
            3 if field == Field::CertificateNumber => {
                plain.strip_prefix("000").unwrap_or_default().to_owned()
            }
            _ => format!(" {plain}\u{3000}"),
        };
        if typed != plain && means(&typed) == normal {
            return typed;
        }
    }
    plain.to_owned()
}

fn full_width(plain: &str) -> String {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        _ => c,
    };
    plain.chars().map(wide).collect()
}

/// In groups, with a space of one kind between them.
fn spaced(plain: &str, group: usize, random: &mut Random) -> String {
    let space = [' ', '\u{3000}', '\u{A0}'][random.below(3) as usize];
    let mut spaced = String::with_capacity(plain.len() * 2);
    for (at, c) in plain.chars().enumerate() {
        if at > 0 && at % group == 0 {
            spaced.push(space);
        }
        spaced.push(c);
    }
    spaced
}

/// The form of a resident number before 1999, for those born in this form's century.
fn fifteen_digits(plain: &str) -> Option<String> {
    (plain.len() == 18 && plain.get(6..8)? == "19").then(|| [&plain[..6], &plain[8..17]].concat())
}

/// The text with one digit changed; `None` when it has no digit.
pub(super) fn one_digit(plain: &str, random: &mut Random) -> Option<String> {
    let digits: Vec<usize> = plain
        .bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
        .map(|(at, _)| at)
        .collect();
    let &at = digits.get(random.below(digits.len() as u32) as usize)?;
    let digit = (plain.as_bytes()[at] - b'0' + 1 + random.below(9) as u8) % 10;
    Some([&plain[..at], &digit.to_string(), &plain[at + 1..]].concat())
}

/// A well-formed number of the kind that stands there; nobody should have it.
pub(super) fn absent(certificate: &Certificate, field: Field, random: &mut Random) -> String {
    let plain = text(certificate, field);
    match field {
        Field::IdNumber => {
            let day = Date::from_days_since_1970(random.below(12_000) as i32);
            let county = plain.get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(110_105);
            match day {
                Some(birth) => resident_id(county, birth, random.below(990)),
                None => plain.to_owned(),
            }
        }
        // Another sequence of the same body and level, or another seat.
        _ => other_ending(plain, random),
    }
}

fn other_ending(plain: &str, random: &mut Random) -> String {
    let kept = plain.len().saturating_sub(5);
    let (kept, ending) = plain.split_at_checked(kept).unwrap_or((plain, ""));
    let digits = ending.chars().map(|_| char::from(b'0' + random.below(10) as u8));
    kept.chars().chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use zhengcha_engine::testing::Generator;

    #[test]
    fn typed_otherwise_means_the_same() {
        let mut random = Random::new(3);
        let (mut changed, mut all, mut lengths) = (0, 0, HashSet::new());
        for certificate in Generator::new(8).take(3_000) {
            for field in Field::ALL {
                let plain = text(&certificate, field);
                if plain.is_empty() {
                    continue;
                }
                let typed = typed(&certificate, field, &mut random);
                assert_eq!(query_field(field, &typed), query_field(field, plain));
                all += 1;
                changed += usize::from(typed != plain);
                if field == Field::IdNumber {
                    lengths.insert(typed.len());
                }
            }
        }
        assert!(changed * 100 > all * 99, "{changed} of {all}");
        assert!(lengths.contains(&15), "the old form must have been tried");
    }

    #[test]
    fn one_digit_is_one_digit() {
        let mut random = Random::new(4);
        for certificate in Generator::new(9).take(1_000) {
            let number = &certificate.certificate_number;
            let changed = one_digit(number, &mut random).unwrap();
            assert_eq!(changed.len(), number.len());
            let differing = changed.bytes().zip(number.bytes()).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 1);
        }
        assert_eq!(one_digit("军字第号", &mut random), None);
    }
}
