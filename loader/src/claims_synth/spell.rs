//! Other spellings of the same, and spellings that are nearly the same.

use zhengcha_engine::Date;
use zhengcha_engine::testing::Random;

/// Marks that people and programs type for the `·` of a name.
const SEPARATORS: [&str; 9] = ["•", "・", "．", "‧", ".", "\u{FF65}", "∙", " · ", "⋅"];
/// What text is padded with.
const PADDINGS: [&str; 5] = [" ", "  ", "\u{3000}", "\u{A0}", "\t"];
/// Words for levels 1 to 5.
const LEVELS: [[&str; 3]; 5] = [
    ["一级", "高级技师", "一级/高级技师"],
    ["二级", "技师", "二级/技师"],
    ["三级", "高级工", "三级/高级工"],
    ["四级", "中级工", "中级工（四级）"],
    ["五级", "初级工", "职业资格五级"],
];
/// Distance from an ASCII character to its full-width form.
const FULL_WIDTH_OFFSET: u32 = 0xFEE0;

/// The number with one of its digits another one.
pub(super) fn digit_off(text: &str, random: &mut Random) -> String {
    let places: Vec<usize> =
        text.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(at, _)| at).collect();
    if places.is_empty() {
        return format!("{text}1");
    }
    let place = places[random.below(places.len() as u32) as usize];
    let old = text.as_bytes()[place] - b'0';
    let new = (u32::from(old) + 1 + random.below(9)) % 10;
    format!("{}{new}{}", &text[..place], &text[place + 1..])
}

/// The number with two neighbouring digits that differ the wrong way round.
pub(super) fn transposed(text: &str, random: &mut Random) -> String {
    let bytes = text.as_bytes();
    let swappable = |at: &usize| {
        let (a, b) = (bytes[*at], bytes[*at + 1]);
        a != b && a.is_ascii_digit() && b.is_ascii_digit()
    };
    let places: Vec<usize> = (0..bytes.len().saturating_sub(1)).filter(swappable).collect();
    if places.is_empty() {
        return digit_off(text, random);
    }
    let place = places[random.below(places.len() as u32) as usize];
    let (a, b) = (char::from(bytes[place]), char::from(bytes[place + 1]));
    format!("{}{b}{a}{}", &text[..place], &text[place + 2..])
}

/// The former 15 digits of a resident number, where it has some that lead back to it
/// (GB 11643-1989: born in 19xx, sequence below 996).
pub(super) fn old_id(id: &str) -> Option<String> {
    let resident = id.len() == 18 && id.bytes().take(17).all(|byte| byte.is_ascii_digit());
    let kept = resident && &id[6..8] == "19" && &id[14..17] < "996";
    kept.then(|| format!("{}{}", &id[..6], &id[8..17]))
}

/// The 13 digits of a Shanghai number that is stored with `000` in front.
pub(super) fn shanghai(number: &str) -> Option<&str> {
    let digits = number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_digit());
    number.strip_prefix("000").filter(|_| digits)
}

/// Another separator, or the other case of Latin letters; `None` for a name with neither.
pub(super) fn other_name(name: &str, random: &mut Random) -> Option<String> {
    if name.contains('·') {
        return Some(name.replace('·', random.pick(&SEPARATORS)));
    }
    name.bytes()
        .any(|byte| byte.is_ascii_alphabetic())
        .then(|| if random.below(2) == 0 { name.to_lowercase() } else { name.to_uppercase() })
}

/// ASCII letters and digits full-width.
pub(super) fn full_width(text: &str) -> String {
    let wide = |c: char| match c {
        '0'..='9' | 'A'..='Z' | 'a'..='z' => {
            char::from_u32(u32::from(c) + FULL_WIDTH_OFFSET).unwrap_or(c)
        }
        other => other,
    };
    text.chars().map(wide).collect()
}

/// Padding at the ends, and inside where it changes nothing: in numbers, and in names of two Hanzi.
pub(super) fn padded(text: &str, random: &mut Random) -> String {
    let mut inner = |text: &str| {
        let count = text.chars().count();
        let hanzi_pair = count == 2 && text.chars().all(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
        let number = count > 6 && text.is_ascii() && text.bytes().any(|byte| byte.is_ascii_digit());
        let at = match () {
            () if hanzi_pair => 3,
            () if number => 6,
            () => return text.to_owned(),
        };
        format!("{}{}{}", &text[..at], random.pick(&PADDINGS), &text[at..])
    };
    let inner = inner(text);
    format!("{}{inner}{}", random.pick(&PADDINGS), random.pick(&PADDINGS))
}

/// Brackets half-width or left out with what stands in them; a scope added where there are none.
pub(super) fn brackets(name: &str, random: &mut Random) -> String {
    let Some((before, rest)) = name.split_once('（') else {
        return format!("{name}{}", random.pick(&["（数控）", "(普通)", "（不分等级）"]));
    };
    let Some((scope, after)) = rest.split_once('）') else { return name.to_owned() };
    if random.below(2) == 0 {
        format!("{before}({scope}){after}")
    } else {
        format!("{before}{after}")
    }
}

/// The day in one of the forms other than `YYYY-MM-DD`.
pub(super) fn date_form(date: Date, random: &mut Random) -> String {
    let (y, m, d) = (date.year(), date.month(), date.day());
    match random.below(5) {
        0 => format!("{y}年{m}月{d}日"),
        1 => format!("{y}年{m:02}月{d:02}日"),
        2 => format!("{y:04}{m:02}{d:02}"),
        3 => format!("{y}/{m}/{d}"),
        _ => format!("{y}.{m}.{d}"),
    }
}

/// The level in words.
pub(super) fn level_words(level: u8, random: &mut Random) -> String {
    let words = LEVELS.get(usize::from(level.wrapping_sub(1))).unwrap_or(&LEVELS[0]);
    random.pick(words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_differ_in_what_they_say() {
        let mut random = Random::new(1);
        for number in ["0101120201100058", "11010519491231002X", "H12345678", "军字第0012345号"]
        {
            for _ in 0..200 {
                let differing = |other: &str| {
                    assert_eq!(number.len(), other.len());
                    number.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count()
                };
                assert_eq!(differing(&digit_off(number, &mut random)), 1);
                assert_eq!(differing(&transposed(number, &mut random)), 2);
            }
        }
        assert_eq!(digit_off("AB", &mut random), "AB1");
    }

    #[test]
    fn old_numbers_only_where_they_lead_back() {
        assert_eq!(old_id("440524198001010013").as_deref(), Some("440524800101001"));
        for id in ["440524188001010014", "440524198001019966", "440524200001010013", "H12345678"] {
            assert_eq!(old_id(id), None);
        }
        assert_eq!(shanghai("0000912345678901"), Some("0912345678901"));
        assert_eq!(shanghai("0101120201100058"), None);
    }
}
