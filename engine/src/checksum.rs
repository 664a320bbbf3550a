//! xxh3 sums. They answer accident, not malice: only the loader's account may write to a store.

#[cfg(feature = "build")]
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// 64-bit sum of a section or header.
#[must_use]
pub(crate) fn sum64(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// 128-bit sum of a small file or header, as it stands in names and manifests.
#[must_use]
pub(crate) fn sum128(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// 32 lower-case hexadecimal digits.
#[must_use]
pub(crate) fn hex128(sum: u128) -> String {
    format!("{sum:032x}")
}

/// Reads exactly what [`hex128`] writes.
#[must_use]
pub(crate) fn parse_hex128(text: &str) -> Option<u128> {
    let canonical =
        text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// A running 64-bit sum over bytes that are written piece by piece.
#[cfg(feature = "build")]
pub(crate) struct RunningSum(Box<Xxh3>);

#[cfg(feature = "build")]
impl RunningSum {
    pub(crate) fn new() -> Self {
        Self(Box::new(Xxh3::new()))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.digest()
    }
}
