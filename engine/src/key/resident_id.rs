//! Resident numbers: GB 11643-1999 (18 characters), GB 11643-1989 (15 digits) and the way between.
//!
//! Promises to say why a number is wrong and what it tells when it is right. Knows no document
//! kinds and no table of regions: an address code outlives its district, so none is checked here.

use std::fmt;

use crate::date::Date;

/// Length of the present form in characters.
pub const LENGTH_CHARS: usize = 18;
/// Length of the form before 1999 in digits.
pub const OLD_LENGTH_DIGITS: usize = 15;

/// Weights of the first 17 digits, ISO 7064 MOD 11-2 (GB 11643-1999 annex A).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// Check characters by the weighted sum modulo 11.
const CHECK_CHARACTERS: [u8; 11] = *b"10X98765432";

/// What a right number says of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidentId {
    /// Digits 1 to 6: the place of first registration (GB/T 2260), or 9 and the nationality.
    pub address_code: u32,
    /// Digits 7 to 14.
    pub birth_date: Date,
    /// Digit 17: 1 (odd, male) or 2 (even, female), as in GB/T 2261.1.
    pub gender: u8,
}

/// Why a number is none of GB 11643-1999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResidentIdError {
    /// Not 17 digits, the first of them not 0, followed by a digit or `X`.
    Shape,
    /// Digits 7 to 14 are no day of the calendar.
    BirthDate,
    /// The last character does not fit the first 17.
    CheckCharacter {
        /// The one that would.
        expected: char,
    },
}

impl fmt::Display for ResidentIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("not 17 digits followed by a digit or X"),
            Self::BirthDate => f.write_str("digits 7 to 14 are no day of the calendar"),
            Self::CheckCharacter { expected } => {
                write!(f, "the check character should be {expected}")
            }
        }
    }
}

impl std::error::Error for ResidentIdError {}

/// The check character for 17 ASCII digits; `None` when there is anything else among them.
#[must_use]
pub fn check_character(first: &[u8; 17]) -> Option<char> {
    let mut sum = 0;
    for (digit, weight) in first.iter().zip(WEIGHTS) {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum += u32::from(digit - b'0') * weight;
    }
    Some(char::from(CHECK_CHARACTERS[(sum % 11) as usize]))
}

/// Reads a number in normal form (18 characters, upper-case `X`).
///
/// Residence permits of people from Hong Kong, Macao and Taiwan and the permanent residence card
/// of 2023 (first digit 9) are built the same way and pass too.
///
/// # Errors
/// Says which part of the number is wrong, the first that is.
pub fn parse(number: &str) -> Result<ResidentId, ResidentIdError> {
    let (first, last) = number.as_bytes().split_last_chunk::<1>().ok_or(ResidentIdError::Shape)?;
    let first: &[u8; 17] = first.try_into().map_err(|_| ResidentIdError::Shape)?;
    let expected = check_character(first).ok_or(ResidentIdError::Shape)?;
    let last = last[0];
    if first[0] == b'0' || !(last.is_ascii_digit() || last == b'X') {
        return Err(ResidentIdError::Shape);
    }
    let birth_date =
        Date::from_yyyymmdd(decimal(&first[6..14])).ok_or(ResidentIdError::BirthDate)?;
    if char::from(last) != expected {
        return Err(ResidentIdError::CheckCharacter { expected });
    }
    let gender = if (first[16] - b'0') % 2 == 1 { 1 } else { 2 };
    Ok(ResidentId { address_code: decimal(&first[..6]), birth_date, gender })
}

/// The 18-character form of a 15-digit number of GB 11643-1989, or `None` when it is none.
///
/// The century is 19, except for the sequence numbers 996 to 999, which were kept for persons
/// born in 18xx. The date must exist, so that another document's 15 digits stay as they are.
#[must_use]
pub fn upgrade(number: &str) -> Option<String> {
    let old: &[u8; OLD_LENGTH_DIGITS] = number.as_bytes().try_into().ok()?;
    if !old.iter().all(u8::is_ascii_digit) || !(b'1'..=b'8').contains(&old[0]) {
        return None;
    }
    let century: &[u8; 2] = if decimal(&old[12..]) >= 996 { b"18" } else { b"19" };
    let mut new = [0; LENGTH_CHARS];
    new[..6].copy_from_slice(&old[..6]);
    new[6..8].copy_from_slice(century);
    new[8..17].copy_from_slice(&old[6..]);
    Date::from_yyyymmdd(decimal(&new[6..14]))?;
    let (first, last) = new.split_at_mut(17);
    last[0] = check_character((&*first).try_into().ok()?)? as u8;
    String::from_utf8(new.to_vec()).ok()
}

/// The value of ASCII digits; callers have checked that they are such and at most nine.
fn decimal(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_the_standard() {
        let id = parse("11010519491231002X").unwrap();
        assert_eq!(id.address_code, 110_105);
        assert_eq!(id.birth_date, Date::new(1949, 12, 31).unwrap());
        assert_eq!(id.gender, 2);
        assert_eq!(parse("440524188001010014").unwrap().gender, 1);
    }

    #[test]
    fn residence_permits_and_the_card_of_2023_pass() {
        assert_eq!(parse("810000199408230021").unwrap().address_code, 810_000);
        assert!(parse("830000199201300022").is_ok());
        let mut card = *b"911156199001010010";
        let first: &[u8; 17] = card[..17].try_into().unwrap();
        card[17] = check_character(first).unwrap() as u8;
        assert!(parse(std::str::from_utf8(&card).unwrap()).is_ok());
    }

    #[test]
    fn each_way_to_be_wrong() {
        for shape in [
            "",
            "1101051949123100",
            "11010519491231002x",
            "1101051949123100２",
            "11010519491231002XX",
        ] {
            assert_eq!(parse(shape), Err(ResidentIdError::Shape), "{shape}");
        }
        assert_eq!(parse("01010519491231002X"), Err(ResidentIdError::Shape));
        assert_eq!(parse("11010519490231002X"), Err(ResidentIdError::BirthDate));
        assert_eq!(
            parse("110105194912310021"),
            Err(ResidentIdError::CheckCharacter { expected: 'X' })
        );
    }

    #[test]
    fn fifteen_digits_gain_century_and_check_character() {
        assert_eq!(upgrade("110105491231002").unwrap(), "11010519491231002X");
        assert_eq!(upgrade("440524800101001").unwrap(), "440524198001010013");
        assert_eq!(&upgrade("110105891231995").unwrap()[6..10], "1989");
        assert_eq!(&upgrade("110105891231996").unwrap()[6..10], "1889");
        // 1900 was no leap year, so a 29 February of the year 00 never was.
        assert_eq!(upgrade("110105000229001"), None);
        for other in [
            "110105491331002",
            "010105491231002",
            "910105491231002",
            "ABC105491231002",
            "11010549123100",
        ] {
            assert_eq!(upgrade(other), None, "{other}");
        }
    }

    /// ISO 7064 MOD 11-2 in its recursive form, which shares nothing with the weights above.
    fn oracle(digits: &[u8]) -> char {
        let mut remainder = 0;
        for digit in digits {
            remainder = (remainder + u32::from(digit - b'0')) * 2 % 11;
        }
        match (12 - remainder) % 11 {
            10 => 'X',
            value => char::from_digit(value, 10).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn check_character_agrees_with_the_recursive_form(digits in "[0-9]{17}") {
            let first: &[u8; 17] = digits.as_bytes().try_into().unwrap();
            prop_assert_eq!(check_character(first), Some(oracle(first)));
        }

        #[test]
        fn one_wrong_digit_or_two_swapped_are_always_found(
            address in "[1-8][0-9]{5}", day in 0i32..40_000, sequence in "[0-9]{3}",
            at in 0usize..17, other in 1u8..10,
        ) {
            let date = Date::from_days_since_1970(day - 30_000).unwrap();
            let first = format!("{address}{:04}{:02}{:02}{sequence}", date.year(), date.month(), date.day());
            let number = format!("{first}{}", oracle(first.as_bytes()));
            prop_assert!(parse(&number).is_ok());
            let mut wrong = number.clone().into_bytes();
            wrong[at] = (wrong[at] - b'0' + other) % 10 + b'0';
            prop_assert!(parse(std::str::from_utf8(&wrong).unwrap()).is_err());
            let mut swapped = number.clone().into_bytes();
            swapped.swap(at, (at + 1).min(16));
            if swapped != number.as_bytes() {
                prop_assert!(parse(std::str::from_utf8(&swapped).unwrap()).is_err());
            }
        }

        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC{0,20}") {
            let _ = parse(&text);
            let _ = upgrade(&text);
        }
    }
}
