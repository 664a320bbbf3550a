//! Cells as values: what is blank, what is broken, what number cells keep.

use super::rule::Rule;
use crate::input::Cell;
use zhengcha_engine::Date;

/// Whole numbers of up to this many digits survive a number cell.
const EXACT_DIGITS: usize = 15;
const EXACT_LIMIT: f64 = 1e15;

/// A cell that can be looked at further.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Not blank, and text throughout.
    Text(&'a str),
    Number(f64),
    Date(Date),
    /// A truth value or a date cell without a date: right in no field.
    Unfit,
}

/// The value of a cell, `None` when blank.
///
/// Rules `formula` and `undecodable`.
pub(super) fn value(cell: Cell<'_>) -> Result<Option<Value<'_>>, Rule> {
    Ok(Some(match cell {
        Cell::Empty => return Ok(None),
        Cell::Text(text) if is_plain(text) => Value::Text(text),
        Cell::Text(text) => {
            let text = text.trim_matches(is_blank);
            if text.is_empty() {
                return Ok(None);
            }
            if runs_as_formula(text) {
                return Err(Rule::Formula);
            }
            if text.chars().any(is_no_text) {
                return Err(Rule::Undecodable);
            }
            Value::Text(text)
        }
        Cell::Number(number) => Value::Number(number),
        Cell::Date(date) => Value::Date(date),
        Cell::Bool(_) | Cell::BadDate => Value::Unfit,
        Cell::Formula | Cell::Error => return Err(Rule::Formula),
        Cell::Undecodable => return Err(Rule::Undecodable),
    }))
}

/// Whether this is text that nothing can be wrong with here: printed ASCII and common Hanzi, beginning
/// as no formula does. Nearly every cell is.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // All of it: to stop at the first that does not fit would cost a branch for each.
    let fit = |fit: bool, &byte: &u8| fit & FITS[usize::from(byte)];
    bytes.first().is_some_and(|first| !matches!(first, b'=' | b'@' | b'+' | b'-'))
        && bytes.iter().fold(true, fit)
}

/// The bytes of printed ASCII and common Hanzi.
const FITS: [bool; 256] = {
    let mut fits = [false; 256];
    let mut byte = 0u8;
    loop {
        // U+4000 to U+9FFF begin with E4 to E9; 80 to BF are the bytes that follow.
        fits[byte as usize] = matches!(byte, b'!'..=b'~' | 0x80..=0xBF | 0xE4..=0xE9);
        if byte == u8::MAX {
            break fits;
        }
        byte += 1;
    }
};

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}' | '\u{FEFF}')
}

fn is_no_text(c: char) -> bool {
    (c.is_control() && !c.is_whitespace()) || c == char::REPLACEMENT_CHARACTER
}

/// `=` or `@` in front of anything, `+` or `-` in front of a word, as spreadsheets take it.
fn runs_as_formula(text: &str) -> bool {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some('=' | '@'), Some(_)) => true,
        (Some('+' | '-'), Some(next)) => next.is_alphabetic() || next == '(',
        _ => false,
    }
}

/// What is left of a number that was meant to be written with digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WholeNumber {
    /// All digits are there, but for zeros in front.
    Exact(String),
    /// More than 15 significant digits: the last ones are gone.
    DigitsLost,
    /// A fraction, negative or not finite.
    NotWhole,
}

pub(super) fn whole_number(number: f64) -> WholeNumber {
    if !number.is_finite() || number < 0.0 || number.fract() != 0.0 {
        WholeNumber::NotWhole
    } else if number >= EXACT_LIMIT {
        WholeNumber::DigitsLost
    } else {
        let digits = format!("{number:.0}");
        debug_assert!(digits.len() <= EXACT_DIGITS);
        WholeNumber::Exact(digits)
    }
}

/// Text such as `1.1E+17`, which a spreadsheet makes of a long number. Takes the normal form.
pub(super) fn is_scientific(text: &str) -> bool {
    if !text.as_bytes().contains(&b'+') {
        return false;
    }
    let Some((mantissa, exponent)) = text.split_once("E+") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_broken_and_fit() {
        for blank in ["", " ", "\u{3000}\t", "\u{200B}", "\u{FEFF} "] {
            assert_eq!(value(Cell::Text(blank)), Ok(None));
        }
        assert_eq!(value(Cell::Empty), Ok(None));
        for formula in ["=1+1", "=A1", "@SUM(A1)", "+cmd", "-x", "-(1)"] {
            assert_eq!(value(Cell::Text(formula)), Err(Rule::Formula), "{formula}");
        }
        for plain in ["-5", "+5", "-", "=", "84.8"] {
            assert_eq!(value(Cell::Text(plain)), Ok(Some(Value::Text(plain))));
        }
        assert_eq!(value(Cell::Error), Err(Rule::Formula));
        assert_eq!(value(Cell::Formula), Err(Rule::Formula));
        for broken in [Cell::Undecodable, Cell::Text("白\u{FFFD}"), Cell::Text("白\u{0}京")] {
            assert_eq!(value(broken), Err(Rule::Undecodable));
        }
        assert_eq!(value(Cell::Text("白\n京")), Ok(Some(Value::Text("白\n京"))));
    }

    #[test]
    fn fifteen_digits_are_kept_and_sixteen_are_not() {
        let exact = |digits: &str| WholeNumber::Exact(digits.into());
        assert_eq!(whole_number(999_999_999_999_999.0), exact("999999999999999"));
        assert_eq!(whole_number(1e15), WholeNumber::DigitsLost);
        assert_eq!(whole_number(0.0), exact("0"));
        assert_eq!(whole_number(0.5), WholeNumber::NotWhole);
        assert_eq!(whole_number(f64::INFINITY), WholeNumber::NotWhole);
    }

    #[test]
    fn scientific_notation() {
        for text in ["1.1E+17", "1E+17", "1.10105E+17"] {
            assert!(is_scientific(text), "{text}");
        }
        for text in ["1E17", "E+17", "1.E+17", "1.1E+", "A1E+17", "1.1E+1X", "11"] {
            assert!(!is_scientific(text), "{text}");
        }
    }
}
