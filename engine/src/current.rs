//! CURRENT: number and checksum of the live manifest, one line.
//!
//! `12 5c…32 hexadecimal digits…d2`, a line feed, nothing else. Replaced by rename; cheap to read.

use crate::checksum::{hex128, parse_hex128};
use crate::error::OpenError;
use crate::manifest::read_text;
use crate::store::Store;

/// Longest pointer: 20 digits, a space, 32 digits, a line feed.
const CURRENT_BYTES_MAX: u64 = 54;

/// The pointer to the live generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// Number of the live generation.
    pub generation: u64,
    /// xxh3-128 of its manifest file.
    pub manifest_sum: u128,
}

impl Current {
    /// The text of the file.
    #[must_use]
    pub fn emit(&self) -> String {
        format!("{} {}\n", self.generation, hex128(self.manifest_sum))
    }

    /// Reads exactly what [`Current::emit`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (generation, sum) = text.strip_suffix('\n')?.split_once(' ')?;
        let current =
            Self { generation: generation.parse().ok()?, manifest_sum: parse_hex128(sum)? };
        (current.emit() == text).then_some(current)
    }

    /// Reads the pointer of a store; `None` while nothing was ever published.
    ///
    /// # Errors
    /// `Corrupt` when the file is anything but what would be written; `Io`.
    pub fn read(store: &Store) -> Result<Option<Self>, OpenError> {
        let path = store.current_path();
        match read_text(&path, CURRENT_BYTES_MAX) {
            Err(OpenError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(text) => Self::parse(&text).map(Some).ok_or_else(|| {
                OpenError::corrupt(&path, "pointer", "not a generation number and a checksum")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_is_read() {
        let current = Current { generation: 12, manifest_sum: 0xABCD };
        let text = current.emit();
        assert_eq!(Current::parse(&text), Some(current));
        for end in 0..text.len() {
            assert_eq!(Current::parse(&text[..end]), None);
        }
        for other in [
            format!("0{text}"),
            format!("+{text}"),
            format!(" {text}"),
            format!("{text}\n"),
            text.replace("abcd", "ABCD"),
            text.replace('\n', "\r\n"),
        ] {
            assert_eq!(Current::parse(&other), None, "{other:?}");
        }
    }
}
