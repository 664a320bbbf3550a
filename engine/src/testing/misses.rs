//! Questions that almost hit: what a lookup must not answer with the certificate they were made of.

use crate::certificate::Certificate;
use crate::key::{Field, Mode};

/// A question for one mode, in the order of [`Mode::fields`], that the certificate does not answer.
///
/// Another certificate of the same register may: the reference model knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The two fields asked for.
    pub mode: Mode,
    /// The value of the first field.
    pub first: String,
    /// The value of the second field.
    pub second: String,
    /// What was done to the certificate's own values.
    pub change: &'static str,
}

/// Near misses of a certificate for every mode whose two fields it has: one character off (which one
/// follows from `seed`), one too few, one too many, the two fields swapped.
#[must_use]
pub fn misses(certificate: &Certificate, seed: u64) -> Vec<NearMiss> {
    let mut misses = Vec::new();
    for mode in Mode::ALL {
        let (first, second) = mode.fields();
        let (first, second) = (value(certificate, first), value(certificate, second));
        if first.is_empty() || second.is_empty() {
            continue;
        }
        let mut add = |change, first: String, second: String| {
            misses.push(NearMiss { mode, first, second, change });
        };
        add("first one off", one_off(first, seed), second.to_owned());
        add("second one off", first.to_owned(), one_off(second, seed));
        add("first cut", cut(first), second.to_owned());
        add("second cut", first.to_owned(), cut(second));
        add("first longer", format!("{first}1"), second.to_owned());
        add("second longer", first.to_owned(), format!("{second}1"));
        if first != second {
            add("swapped", second.to_owned(), first.to_owned());
        }
    }
    misses
}

fn value(certificate: &Certificate, field: Field) -> &str {
    match field {
        Field::IdNumber => &certificate.id_number,
        Field::CertificateNumber => &certificate.certificate_number,
        Field::TicketNumber => &certificate.ticket_number,
        Field::Name => &certificate.name,
    }
}

/// The text with one letter, digit or Hanzi replaced by the next of its kind. A separator or a
/// space is passed over, for it may fold away.
fn one_off(text: &str, seed: u64) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let start = (seed % characters.len() as u64) as usize;
    let places = (start..characters.len()).chain(0..start);
    let place = places.into_iter().find(|&place| characters[place].is_alphanumeric());
    let place = place.unwrap_or(start);
    characters[place] = match characters[place] {
        '9' => '0',
        'Z' => 'A',
        'z' => 'a',
        digit @ '0'..='8' => char::from(digit as u8 + 1),
        letter if letter.is_ascii_alphabetic() => char::from(letter as u8 + 1),
        '王' => '玉',
        _ => '王',
    };
    characters.into_iter().collect()
}

/// The text without its last letter, digit or Hanzi.
fn cut(text: &str) -> String {
    let mut text = text.to_owned();
    while text.pop().is_some_and(|last| !last.is_alphanumeric()) {}
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    #[test]
    fn no_near_miss_equals_its_certificate() {
        for (seed, certificate) in Generator::new(11).take(2000).enumerate() {
            let misses = misses(&certificate, seed as u64);
            let modes = if certificate.ticket_number.is_empty() { 3 } else { 6 };
            assert_eq!(misses.len(), modes * 7);
            for miss in misses {
                let (first, second) = miss.mode.fields();
                let own = (value(&certificate, first), value(&certificate, second));
                assert_ne!((miss.first.as_str(), miss.second.as_str()), own, "{}", miss.change);
            }
        }
    }
}
