//! Numbers as the rules give them: identity numbers, other documents, certificate and ticket numbers.

use std::borrow::Cow;

use super::random::{Random, mix_below};
use crate::certificate::{Certificate, IdType};
use crate::date::Date;

/// Weights of GB 11643-1999 for the first 17 characters (ISO 7064 MOD 11-2).
const ID_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const ID_CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// Sequences from here on marked centenarians in 15-digit numbers, which are upgraded to 18xx.
const CENTENARIAN_SEQUENCE: u32 = 996;
/// Certificates issued after this year are never delivered with a 15-digit number.
const LAST_YEAR_OF_15_DIGITS: u16 = 2006;
/// One in so many of the certificates that could be is delivered with 15 digits: 1 % of all.
const ONE_IN_15_DIGITS: u32 = 23;

/// The identity number for an address code, a birth date and a sequence (odd for men) below 1000,
/// with its check character (GB 11643-1999).
#[must_use]
pub fn resident_id(address: u32, birth: Date, sequence: u32) -> String {
    let mut id = String::with_capacity(18);
    push_resident_id(&mut id, address, birth, sequence);
    id
}

/// Appends what [`resident_id`] returns to an empty text.
pub(super) fn push_resident_id(id: &mut String, address: u32, birth: Date, sequence: u32) {
    push_digits(id, address, 6);
    push_digits(id, u32::from(birth.year()), 4);
    push_digits(id, u32::from(birth.month()) * 100 + u32::from(birth.day()), 4);
    push_digits(id, sequence, 3);
    let sum: u32 =
        id.bytes().zip(ID_WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    id.push(ID_CHECK[(sum % 11) as usize]);
}

/// The identity number as its unit might have delivered it: about 1 % of all, in old certificates,
/// come in the 15-digit form of GB 11643-1989, from which the stored 18 digits follow.
#[must_use]
pub fn delivered_id(certificate: &Certificate) -> Cow<'_, str> {
    let id = certificate.id_number.as_str();
    let old = certificate.issue_date.is_some_and(|date| date.year() <= LAST_YEAR_OF_15_DIGITS);
    let short = old
        && certificate.id_type == IdType::Resident
        && id.len() == 18
        && id.is_ascii()
        && &id[6..8] == "19"
        && id[14..17].parse::<u32>().is_ok_and(|sequence| sequence < CENTENARIAN_SEQUENCE);
    if !short {
        return Cow::Borrowed(id);
    }
    let hash = certificate
        .certificate_number
        .bytes()
        .fold(0u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    if mix_below(hash, ONE_IN_15_DIGITS) == 0 {
        Cow::Owned(format!("{}{}", &id[..6], &id[8..17]))
    } else {
        Cow::Borrowed(id)
    }
}

/// Appends the last `width` digits of `value`, at most ten, with leading zeros.
pub(super) fn push_digits(text: &mut String, mut value: u32, width: usize) {
    let mut digits = [b'0'; 10];
    let first = digits.len() - width;
    for digit in digits[first..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    text.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
}

/// `count` random digits.
pub(super) fn push_random_digits(text: &mut String, random: &mut Random, count: u32) {
    for _ in 0..count {
        push_digits(text, random.below(10), 1);
    }
}

/// A document that is no resident identity number, in the shapes met in practice.
/// Appended to an empty text.
pub(super) fn push_other_document(
    number: &mut String,
    kind: IdType,
    birth: Date,
    random: &mut Random,
) {
    match kind {
        IdType::HongKongMacaoPermit => {
            number.push(if random.below(4) == 0 { 'M' } else { 'H' });
            push_random_digits(number, random, 8);
        }
        IdType::TaiwanPermit => push_random_digits(number, random, 8),
        IdType::Passport => {
            number.push(char::from(b'A' + random.below(26) as u8));
            push_random_digits(number, random, 8);
        }
        IdType::ResidencePermit => {
            let address = [810_000, 820_000, 830_000][random.below(3) as usize];
            push_resident_id(number, address, birth, random.below(CENTENARIAN_SEQUENCE));
        }
        IdType::ForeignerPermanentResident if random.below(2) == 0 => {
            let address = 900_000 + random.below(100_000);
            push_resident_id(number, address, birth, random.below(CENTENARIAN_SEQUENCE));
        }
        IdType::ForeignerPermanentResident => {
            number.push_str(random.pick(&["USA", "GBR", "CAN", "KOR", "JPN", "FRA"]));
            push_random_digits(number, random, 12);
        }
        IdType::Military => {
            number.push_str(if random.below(2) == 0 { "军字第" } else { "士字第" });
            push_random_digits(number, random, 7);
            number.push('号');
        }
        IdType::Resident | IdType::Other => {
            number.push_str("QT");
            push_random_digits(number, random, 10);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters_of_the_standard() {
        let day = |y, m, d| Date::new(y, m, d).unwrap();
        assert_eq!(resident_id(110_105, day(1949, 12, 31), 2), "11010519491231002X");
        assert_eq!(resident_id(440_524, day(1880, 1, 1), 1), "440524188001010014");
        assert_eq!(resident_id(810_000, day(1994, 8, 23), 2), "810000199408230021");
        assert_eq!(
            resident_id(830_000, day(1992, 1, 20), 30 - 8),
            resident_id(830_000, day(1992, 1, 20), 22)
        );
    }

    #[test]
    fn fifteen_digits_only_where_they_can_be_upgraded() {
        let certificate = |issued, id: &str, serial: u32| Certificate {
            certificate_number: format!("99010000004{serial:05}"),
            id_number: id.into(),
            issue_date: Date::new(issued, 5, 1),
            ..Certificate::default()
        };
        let short = |issued, id| {
            (1..2000)
                .filter(|&serial| {
                    let certificate = certificate(issued, id, serial);
                    let delivered = delivered_id(&certificate);
                    assert!(delivered == id || delivered == "440524800101001");
                    delivered.len() == 15
                })
                .count()
        };
        assert!(short(1999, "440524198001010013") > 50);
        assert_eq!(short(2007, "440524198001010013"), 0);
        assert_eq!(short(2006, "440524188001010014"), 0, "another century");
        assert_eq!(short(2006, "440524198001019966"), 0, "would become 18xx");
        assert_eq!(short(2006, "军字第0123456号"), 0);
    }
}
