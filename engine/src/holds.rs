//! Certificate numbers under review (人社鉴函〔2019〕20号 第五条), outside every snapshot.
//!
//! ```text
//! zhengcha-holds 1
//! hold 0101120201100058
//! sum 5c…32 hexadecimal digits…d2
//! ```
//!
//! One line a number, rising, each once; the sum covers the lines before it. Valid only when byte-equal
//! to what [`Holds::emit`] writes. A missing or damaged list is an error: its reader must show nothing
//! rather than a held record.

use crate::checksum::{hex128, sum128};
use crate::error::OpenError;
use crate::manifest::read_text;
use crate::store::Store;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const HEADER: &str = "zhengcha-holds 1\n";
/// Longest list read: some million numbers.
const HOLDS_BYTES_MAX: u64 = 64 << 20;

/// The numbers under review, in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    numbers: BTreeSet<String>,
}

impl Holds {
    /// A list of these numbers.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = String>) -> Self {
        Self { numbers: numbers.into_iter().collect() }
    }

    /// Whether a certificate number is under review.
    #[must_use]
    pub fn contains(&self, certificate_number: &str) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(certificate_number)
    }

    /// How many numbers are under review.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no number is under review.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The text of the file.
    #[must_use]
    pub fn emit(&self) -> String {
        let mut text = HEADER.to_owned();
        for number in &self.numbers {
            let _ = writeln!(text, "hold {number}");
        }
        let sum = hex128(sum128(text.as_bytes()));
        let _ = writeln!(text, "sum {sum}");
        text
    }

    /// Reads exactly what [`Holds::emit`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.lines().filter_map(|line| line.strip_prefix("hold ")).map(str::to_owned);
        let holds = Self::new(numbers);
        (holds.emit() == text).then_some(holds)
    }

    /// Reads the list of a store.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Corrupt` when it is not as written, `Io`.
    pub fn read(store: &Store) -> Result<Self, OpenError> {
        let path = store.holds_path();
        let text = read_text(&path, HOLDS_BYTES_MAX)?;
        Self::parse(&text)
            .ok_or_else(|| OpenError::corrupt(&path, "list", "its sum or a line is not as written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_every_damage_refused() {
        for holds in [
            Holds::default(),
            Holds::new(["0101120201100058".to_owned(), "S000123000001195000001".to_owned()]),
        ] {
            let text = holds.emit();
            assert_eq!(Holds::parse(&text), Some(holds));
            for end in 0..text.len() {
                assert_eq!(Holds::parse(&text[..end]), None);
            }
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                assert_eq!(
                    String::from_utf8(bytes).ok().and_then(|text| Holds::parse(&text)),
                    None
                );
            }
        }
    }
}
