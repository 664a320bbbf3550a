//! 等级 as people write it.

use crate::key::normalize;

/// Words of each level, from the first on (职业技能鉴定编码规则, 2013 and 2019 wording).
const WORDS: [&[&str]; 5] = [
    &["1", "一级", "高级技师", "一", "I"],
    &["2", "二级", "技师", "二", "II"],
    &["3", "三级", "高级工", "高级技能", "高级", "三", "III"],
    &["4", "四级", "中级工", "中级技能", "中级", "四", "IV"],
    &["5", "五级", "初级工", "初级技能", "初级", "五", "V"],
];
const PREFIXES: [&str; 2] = ["国家职业资格", "职业资格"];

/// The level 1 to 5 of a number, a word, or several words that agree: `三级/高级工`, `高级工(三级)`.
pub(super) fn level(text: &str) -> Option<u8> {
    let text = normalize::ticket_number(text);
    let mut parts = text.split(['/', '(', ')', '、']).filter(|part| !part.is_empty());
    let first = word(parts.next()?)?;
    parts.all(|part| word(part) == Some(first)).then_some(first)
}

fn word(text: &str) -> Option<u8> {
    let bare = PREFIXES.into_iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    (1..).zip(WORDS).find_map(|(level, words)| words.contains(&bare).then_some(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_words_and_both() {
        for (text, expected) in [
            ("1", Some(1)),
            ("５", Some(5)),
            ("三级", Some(3)),
            ("国家职业资格三级", Some(3)),
            ("三级/高级工", Some(3)),
            ("三级／高级技能", Some(3)),
            ("高级工（三级）", Some(3)),
            (" 技 师 ", Some(2)),
            ("高级技师", Some(1)),
            ("三级/技师", None),
            ("0", None),
            ("6", None),
            ("六级", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(level(text), expected, "{text}");
        }
    }
}
