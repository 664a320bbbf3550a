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

use crate::checksum::{hex128, sum64, sum128};
use crate::error::OpenError;
use crate::filter::{FilterBuilder, may_hold};
use crate::manifest::read_text;
use crate::store::Store;
use std::fmt::{self, Write as _};

const HEADER: &str = "zhengcha-holds 1\n";
/// Longest list written or read: 64 MiB, some 2,900,000 numbers of 16 digits.
pub const HOLDS_BYTES_MAX: u64 = 64 << 20;

/// The numbers under review, in normal form.
#[derive(Clone, PartialEq, Eq)]
pub struct Holds {
    /// Rising, each once.
    numbers: Vec<String>,
    /// Answers for nearly all that is not held from one cache line, however long the list.
    filter: Vec<u8>,
}

impl Holds {
    /// A list of these numbers.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = String>) -> Self {
        let mut numbers: Vec<String> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut filter = FilterBuilder::new(numbers.len());
        numbers.iter().for_each(|number| filter.add(sum64(number.as_bytes())));
        Self { numbers, filter: filter.finish() }
    }

    /// Whether a certificate number is under review.
    #[must_use]
    pub fn contains(&self, certificate_number: &str) -> bool {
        !self.numbers.is_empty()
            && may_hold(&self.filter, sum64(certificate_number.as_bytes()))
            && self.numbers.binary_search_by(|held| held.as_str().cmp(certificate_number)).is_ok()
    }

    /// The numbers, rising.
    #[must_use]
    pub fn numbers(&self) -> &[String] {
        &self.numbers
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
    /// `Holds` when there is none or it is not as written, `Io`.
    pub fn read(store: &Store) -> Result<Self, OpenError> {
        let path = store.holds_path();
        let refused = |reason| OpenError::Holds { path: path.clone(), reason };
        let text = read_text(&path, HOLDS_BYTES_MAX).map_err(|error| match error {
            OpenError::NotFound { .. } => refused("no such file"),
            OpenError::Corrupt { .. } => refused("damaged: too long, or no text"),
            other => other,
        })?;
        Self::parse(&text).ok_or_else(|| refused("damaged: its sum or a line is not as written"))
    }
}

impl Default for Holds {
    fn default() -> Self {
        Self::new([])
    }
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holds").field("numbers", &self.numbers.len()).finish_non_exhaustive()
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

    #[test]
    fn a_long_list_contains_its_numbers_and_no_other() {
        let number = |n: u64| format!("{:016}", n * 7);
        let holds = Holds::new((0..100_000).rev().map(number));
        assert_eq!(holds.len(), 100_000);
        for n in 0..100_000 {
            let number = number(n);
            assert!(holds.contains(&number));
            for other in
                [format!("{:016}", n * 7 + 1 + n % 6), format!("0{number}"), number[1..].to_owned()]
            {
                assert!(!holds.contains(&other), "{other}");
            }
        }
        assert!(
            !holds.contains("") && !Holds::default().contains("") && Holds::default().is_empty()
        );
        let read = Holds::parse(&holds.emit());
        assert_eq!(read.as_ref(), Some(&holds));
        assert!(holds.numbers().is_sorted());
    }

    #[test]
    fn a_missing_or_damaged_file_names_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        for text in [None, Some(&b"hold 0101120201100058\n"[..]), Some(b"\xFF"), Some(b"")] {
            if let Some(text) = text {
                std::fs::write(store.holds_path(), text).unwrap();
            }
            let message = Holds::read(&store).unwrap_err().to_string();
            assert!(
                message.contains("holds --rewrite") && message.contains("/holds: "),
                "{message}"
            );
        }
    }
}
