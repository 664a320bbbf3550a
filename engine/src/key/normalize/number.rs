//! Numbers of documents, certificates and admission tickets.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::characters::{half_width, is_invisible};
use crate::key::resident_id;

/// Length of the Shanghai certificate numbers that are asked for with zeros put in front.
const SHANGHAI_DIGITS: usize = 13;
const SHANGHAI_PREFIX: &str = "000";

/// 证件号码: the common form of numbers, and 15-digit resident numbers upgraded to 18.
///
/// Old and new form must find the same record. Only a well-formed 15-digit number with a real date
/// is upgraded (GB 11643-1989), never the 15 characters of another document.
#[must_use]
pub fn id_number(text: &str) -> Cow<'_, str> {
    let number = fold(text);
    if number.len() == resident_id::OLD_LENGTH_DIGITS
        && let Some(upgraded) = resident_id::upgrade(&number)
    {
        return Cow::Owned(upgraded);
    }
    number
}

/// 证书编号: the common form of numbers, and 13-digit Shanghai numbers with `000` in front.
#[must_use]
pub fn certificate_number(text: &str) -> Cow<'_, str> {
    let number = fold(text);
    if number.len() == SHANGHAI_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Cow::Owned(format!("{SHANGHAI_PREFIX}{number}"));
    }
    number
}

/// 准考证号: the common form of numbers and no more; the number is opaque.
#[must_use]
pub fn ticket_number(text: &str) -> Cow<'_, str> {
    fold(text)
}

/// Half-width, upper case (ASCII letters only), no spaces and nothing invisible; Hanzi in NFC.
fn fold(text: &str) -> Cow<'_, str> {
    if is_plain(text) || text.chars().all(is_folded) {
        return Cow::Borrowed(text);
    }
    let trimmed = text.trim();
    if is_plain(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    let mut folded = String::with_capacity(trimmed.len());
    folded.extend(
        trimmed
            .chars()
            .filter(|&c| !c.is_whitespace() && !is_invisible(c))
            .map(|c| half_width(c).to_ascii_uppercase()),
    );
    // Last, because dropping what stands between two characters can bring a pair together.
    if folded.is_ascii() { Cow::Owned(folded) } else { Cow::Owned(folded.nfc().collect()) }
}

/// Whether this is nothing but ASCII digits and capital letters, as nearly every number is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Characters that are their own normal form wherever they stand: printed ASCII without small letters,
/// and common Hanzi, which compose with nothing.
fn is_folded(c: char) -> bool {
    matches!(c, '!'..='`' | '{'..='~' | '\u{4E00}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn width_case_and_spaces() {
        for (given, normal) in [
            ("", ""),
            ("11010519491231002x", "11010519491231002X"),
            (" 110105 19491231 002X\u{3000}", "11010519491231002X"),
            ("１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
            ("\u{FEFF}110105\u{A0}1949\u{200B}1231002X\t\r\n", "11010519491231002X"),
            ("军字第 0012345 号", "军字第0012345号"),
            ("e1234\u{2003}5678", "E12345678"),
            ("(a)-1/2", "(A)-1/2"),
        ] {
            assert_eq!(id_number(given), normal);
            assert_eq!(ticket_number(given), normal);
            assert_eq!(certificate_number(given), normal);
        }
    }

    #[test]
    fn old_resident_numbers_are_upgraded_and_nothing_else() {
        assert_eq!(id_number("110105 491231 002"), "11010519491231002X");
        assert_eq!(id_number("１１０１０５４９１２３１００２"), "11010519491231002X");
        assert_eq!(id_number("110105491331002"), "110105491331002", "no such month");
        assert_eq!(id_number("USA110080010001"), "USA110080010001", "the card before 2023");
        assert_eq!(certificate_number("110105491231002"), "110105491231002");
        assert_eq!(ticket_number("110105491231002"), "110105491231002");
    }

    #[test]
    fn shanghai_numbers_gain_their_zeros() {
        assert_eq!(certificate_number("0912345678901"), "0000912345678901");
        assert_eq!(certificate_number("091234567890"), "091234567890");
        assert_eq!(certificate_number("09123456789012"), "09123456789012");
        assert_eq!(certificate_number("A912345678901"), "A912345678901");
        assert_eq!(ticket_number("0912345678901"), "0912345678901");
    }

    #[test]
    fn normal_numbers_are_borrowed() {
        for number in ["11010519491231002X", "0101120201100058", "", " 0101120201100058 "] {
            assert!(matches!(id_number(number), Cow::Borrowed(_)), "{number:?}");
            assert!(matches!(certificate_number(number), Cow::Borrowed(_)), "{number:?}");
        }
    }

    #[test]
    fn what_counts_as_folded_is_in_normal_form() {
        for c in ('\0'..='\u{FFFF}').filter(|&c| is_folded(c)) {
            assert!(!c.is_whitespace() && !is_invisible(c) && half_width(c) == c, "{c:?}");
            assert!(!c.is_ascii_lowercase(), "{c:?}");
            let text = format!("证{c}1{c}");
            assert_eq!(text.nfc().collect::<String>(), text);
        }
    }

    #[test]
    fn every_character_alone_is_folded_once_for_all() {
        for c in '\0'..='\u{30000}' {
            let text = format!("1{c}2");
            let once = ticket_number(&text).into_owned();
            assert_eq!(ticket_number(&once), once, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn idempotent(text in "([0-9A-Za-z ]|[０-９Ａ-ｚ]|[\u{300}-\u{310}\u{200B}\u{3000}\u{FE00}]|\\PC){0,20}") {
            for normal in [id_number, certificate_number, ticket_number] {
                let once = normal(&text).into_owned();
                prop_assert_eq!(normal(&once).into_owned(), once);
            }
        }

        #[test]
        fn dressing_a_number_changes_nothing(
            number in "[0-9A-Z]{1,20}", spaces in prop::collection::vec(0usize..7, 21),
        ) {
            const DRESS: [&str; 7] = ["", "", "", " ", "\u{3000}", "\u{200B}", "\u{A0}"];
            let dressed: String = number.chars().zip(&spaces).flat_map(|(c, &space)| {
                let wide = char::from_u32(u32::from(c) + 0xFEE0).unwrap();
                let shown = if space % 2 == 0 { wide.to_lowercase().next().unwrap() } else { c };
                DRESS[space].chars().chain([shown])
            }).collect();
            prop_assert_eq!(id_number(&dressed), id_number(&number));
            prop_assert_eq!(certificate_number(&dressed), certificate_number(&number));
        }
    }
}
