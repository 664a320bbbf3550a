//! Reading the texts of a claim for the reference judgement, the plain way.

use crate::date::Date;

/// Whether a character is white space or has no width.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}' | '\u{2060}')
}

/// Whether nothing of a text is seen.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_unseen)
}

/// Half-width, capital letters, no white space and nothing that has no width.
pub(super) fn folded(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars().filter(|&c| !is_unseen(c)) {
        let half = match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        kept.push(half.to_ascii_uppercase());
    }
    kept
}

/// The folded text without brackets and what stands in them; whole where nothing else is left.
pub(super) fn bare(text: &str) -> String {
    let text = folded(text);
    if !text.contains(['(', ')']) {
        return text;
    }
    let mut depth = 0;
    let mut kept = String::new();
    for c in text.chars() {
        if c == '(' {
            depth += 1;
        } else if c == ')' {
            depth = std::cmp::max(depth - 1, 0);
        } else if depth == 0 {
            kept.push(c);
        }
    }
    if kept.is_empty() { text } else { kept }
}

/// `YYYY-MM-DD`.
pub(super) fn iso_day(text: &str) -> Option<Date> {
    match text.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => date_of(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?),
        _ => None,
    }
}

/// The five forms of a date: `YYYY-MM-DD`, `YYYY/M/D`, `YYYY.M.D`, `YYYYMMDD`, `YYYY年M月D日`.
pub(super) fn day(text: &str) -> Option<Date> {
    let text = folded(text);
    if text.contains('-') {
        return iso_day(&text);
    }
    if let Some(number) = digits(&text, 8) {
        return date_of(number / 10_000, number / 100 % 100, number % 100);
    }
    let parts: Vec<&str> = match text.strip_suffix('日') {
        Some(text) => {
            let (year, rest) = text.split_once('年')?;
            let (month, day) = rest.split_once('月')?;
            vec![year, month, day]
        }
        None if text.contains('/') => text.split('/').collect(),
        None => text.split('.').collect(),
    };
    let short = |text: &str| digits(text, 1).or_else(|| digits(text, 2));
    match parts[..] {
        [year, month, day] => date_of(digits(year, 4)?, short(month)?, short(day)?),
        _ => None,
    }
}

/// A level as its digit or in words, for itself or twice: `3`, `三级`, `高级工`, `三级/高级工`.
pub(super) fn level(text: &str) -> Option<u8> {
    const WORDS: [[&str; 3]; 5] = [
        ["一级", "高级技师", "高级技师"],
        ["二级", "技师", "技师"],
        ["三级", "高级工", "高级技能"],
        ["四级", "中级工", "中级技能"],
        ["五级", "初级工", "初级技能"],
    ];
    let one = |text: &str| {
        let text = text.trim_start_matches("国家").trim_start_matches("职业资格");
        let at = WORDS.iter().position(|words| words.contains(&text));
        at.map(|at| at as u8 + 1)
    };
    let text = folded(text);
    if let Some(digit) = digits(&text, 1) {
        return (1..=5).contains(&digit).then_some(digit as u8);
    }
    let levels: Vec<Option<u8>> =
        text.split(['/', '(', ')', '、']).filter(|part| !part.is_empty()).map(one).collect();
    let first = *levels.first()?;
    levels.iter().all(|level| *level == first).then_some(first)?
}

/// A year of four digits.
pub(super) fn year(text: &str) -> Option<u16> {
    digits(&folded(text), 4).map(|year| year as u16)
}

/// Exactly so many decimal digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let all = text.len() == count && text.chars().all(|c| c.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

fn date_of(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(year as u16, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_folded_and_dropped() {
        assert_eq!(folded("（粮油） 仓储管理员"), "(粮油)仓储管理员");
        for text in ["（粮油）仓储管理员", "(粮油)仓储管理员", "仓储管理员", "仓储管理员(粮(食)油)"]
        {
            assert_eq!(bare(text), "仓储管理员");
        }
        assert_eq!(bare("（粮油）"), "(粮油)");
    }

    #[test]
    fn dates_in_five_forms_and_no_other() {
        for text in [
            "2019-04-06",
            "2019/4/6",
            "2019.04.6",
            "20190406",
            "2019年4月6日",
            "２０１９年04月06日",
        ] {
            assert_eq!(day(text), Date::new(2019, 4, 6), "{text}");
        }
        for text in
            ["2019-4-6", "2019-02-29", "43561", "2019/4", "19/4/6", "2019年4月", "2019/4.6", ""]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn levels_in_digits_and_words() {
        for text in
            ["3", "３", "三级", "高级工", "三级/高级工", "高级工（三级）", "国家职业资格三级"]
        {
            assert_eq!(level(text), Some(3), "{text}");
        }
        for text in ["0", "6", "三", "三级/中级工", "特级技师", ""] {
            assert_eq!(level(text), None, "{text}");
        }
        assert_eq!(level("高级技师"), Some(1));
        assert_eq!(level("技师"), Some(2));
    }
}
