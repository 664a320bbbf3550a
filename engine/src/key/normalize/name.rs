//! Names: the form that is shown and the form that is matched.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::characters::{NAME_SEPARATOR, fold_for_name, is_hanzi, is_invisible, is_padding};

/// Folding once nearly always ends it; a few letters need a second or third time, because composing
/// can meet what folding has made. No character is known to need more.
const FOLD_ROUNDS_MAX: usize = 6;

/// 姓名 as stored and shown: trimmed, without padding between Hanzi, in NFC, otherwise as
/// delivered.
#[must_use]
pub fn name_display(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown_alone) {
        return Cow::Borrowed(text);
    }
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => unpad(text),
        _ => Cow::Owned(unpad(&text.nfc().collect::<String>()).into_owned()),
    }
}

/// 姓名 as matched: what [`name_display`] does, and separator look-alikes as U+00B7 with no space
/// beside it, full-width forms as half-width, letters in one case, runs of spaces as one,
/// invisible characters dropped, private-use code points of old GBK systems as the real character.
#[must_use]
pub fn name_key(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_common(c) || c.is_ascii_uppercase() || c == NAME_SEPARATOR) {
        return Cow::Borrowed(text);
    }
    let mut key = fold_once(text);
    for _ in 1..FOLD_ROUNDS_MAX {
        let next = fold_once(&key);
        if next == key {
            break;
        }
        key = next;
    }
    Cow::Owned(key)
}

/// Hanzi that are their own normal form in every respect: nearly every character of nearly every
/// name.
fn is_common(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}')
}

/// Characters that are shown as delivered wherever they stand, for they compose with none of the
/// others and are no padding: common Hanzi, printed ASCII, full-width forms of it, U+00B7.
fn is_shown_alone(c: char) -> bool {
    is_common(c) || matches!(c, '!'..='~' | '\u{FF01}'..='\u{FF5E}' | NAME_SEPARATOR)
}

fn unpad(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim_matches(is_padding);
    if !trimmed.contains(is_padding) {
        return Cow::Borrowed(trimmed);
    }
    let mut shown = String::with_capacity(trimmed.len());
    let mut padding = String::new();
    let mut previous = None;
    for c in trimmed.chars() {
        if is_padding(c) {
            // A line break or tab inside a name is a space that came the wrong way.
            padding.push(if c.is_control() { ' ' } else { c });
            continue;
        }
        if !(is_hanzi(c) && previous.is_some_and(is_hanzi)) {
            shown.push_str(&padding);
        }
        padding.clear();
        shown.push(c);
        previous = Some(c);
    }
    Cow::Owned(shown)
}

fn fold_once(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut spaced = false;
    let mut previous = None;
    for c in text.nfc().filter(|&c| !is_invisible(c)) {
        if c.is_whitespace() {
            spaced = true;
            continue;
        }
        let c = fold_for_name(c);
        if let Some(previous) = previous
            && spaced
            && previous != NAME_SEPARATOR
            && c != NAME_SEPARATOR
            && !(is_hanzi(previous) && is_hanzi(c))
        {
            key.push(' ');
        }
        spaced = false;
        previous = Some(c);
        // Down and up again: both cases of letters that have more than two forms meet.
        key.extend(c.to_lowercase().flat_map(char::to_uppercase));
    }
    if key.is_ascii() { key } else { key.nfc().collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_alone_is_in_normal_form() {
        for c in ('\0'..='\u{FFFF}').filter(|&c| is_shown_alone(c)) {
            let text = format!("白{c}·{c}A（");
            assert_eq!(unpad(&text.nfc().collect::<String>()), text);
            assert!(matches!(name_display(&text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn shown_as_delivered_but_for_padding() {
        for (given, shown) in [
            ("白京", "白京"),
            ("  张\u{3000}三 ", "张三"),
            ("张 \u{200B}三\u{FEFF}", "张三"),
            ("阿不都克里木•阿不都热合曼", "阿不都克里木•阿不都热合曼"),
            ("John  Smith", "John  Smith"),
            ("John\nSmith\t", "John Smith"),
            ("张 John", "张 John"),
            ("Ｊohn", "Ｊohn"),
            ("Jose\u{301}", "José"),
            ("\u{F900}", "豈"),
            ("张\u{E000}", "张\u{E000}"),
            ("", ""),
            ("\u{3000}", ""),
        ] {
            assert_eq!(name_display(given), shown);
        }
    }

    #[test]
    fn matched_over_all_that_varies() {
        for (key, variants) in [
            ("白京", &["白京", " 白　京", "白\u{200B}京", "白\u{FE00}京"][..]),
            (
                "阿不都·热合曼",
                &[
                    "阿不都•热合曼",
                    "阿不都・热合曼",
                    "阿不都．热合曼",
                    "阿不都‧热合曼",
                    "阿不都.热合曼",
                    "阿不都\u{FF65}热合曼",
                    "阿不都\u{387}热合曼",
                    "阿不都 · 热合曼",
                ],
            ),
            (
                "JOHN SMITH",
                &["John Smith", "JOHN   SMITH", "ｊｏｈｎ\u{3000}ｓｍｉｔｈ", "john\u{A0}smith"],
            ),
            ("J·SMITH", &["J. Smith", "j.smith", "J · Smith"]),
            ("JOSÉ STRASSE", &["José Straße", "jose\u{301} strasse"]),
            ("\u{9FB4}\u{20087}", &["\u{E81E}\u{E816}", "\u{E81E} \u{20087}"]),
            ("张 JOHN", &["张  john"]),
        ] {
            for variant in variants {
                assert_eq!(name_key(variant), key, "{variant:?}");
            }
        }
        assert_ne!(name_key("阿不都热合曼"), name_key("阿不都·热合曼"));
        assert_ne!(
            name_key("東"),
            name_key("东"),
            "traditional and simplified never meet silently"
        );
    }

    #[test]
    fn normal_names_are_borrowed() {
        for name in ["白京", "", "阿不都克里木·阿不都热合曼"] {
            assert!(matches!(name_key(name), Cow::Borrowed(_)), "{name}");
            assert!(matches!(name_display(name), Cow::Borrowed(_)), "{name}");
        }
        assert!(matches!(name_display(" John Smith"), Cow::Owned(_)));
        assert!(matches!(name_display(" 白京 "), Cow::Borrowed("白京")));
    }

    #[test]
    fn every_character_between_two_others_is_folded_once_for_all() {
        // Past these planes nothing has case, composes or is folded.
        let all =
            ('\0'..'\u{20000}').chain('\u{2F800}'..'\u{2FA20}').chain('\u{E0000}'..'\u{E0200}');
        for c in all.filter(|&c| !is_common(c)) {
            for text in [format!("张{c}三"), format!("i{c}\u{301}"), format!("{c}")] {
                let key = name_key(&text).into_owned();
                assert_eq!(name_key(&key), key, "{c:?}");
                let shown = name_display(&text).into_owned();
                assert_eq!(name_display(&shown), shown, "{c:?}");
                assert_eq!(name_key(&shown), key, "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn idempotent_and_one_key_for_stored_and_typed(
            text in "([张三李A-Za-z .·•]|[Ａ-ｚ\u{E815}-\u{E864}\u{F900}-\u{FA60}]|[\u{300}-\u{345}\u{200B}\u{3000}\u{FE00}]|\\PC|.){0,16}",
        ) {
            let key = name_key(&text).into_owned();
            prop_assert_eq!(&name_key(&key), &key);
            let shown = name_display(&text).into_owned();
            prop_assert_eq!(&name_display(&shown), &shown);
            prop_assert_eq!(&name_key(&shown), &key);
        }
    }
}
