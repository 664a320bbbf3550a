//! xxh3 sums. They answer accident, not malice: only the loader's account may write to a store.

#[cfg(feature = "build")]
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Bytes of a section that are summed by themselves, so that several threads can read one section.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

/// 64-bit sum of a section, from the sums of its pieces of [`PIECE_BYTES`] (the last may be shorter).
#[must_use]
pub(crate) fn section_sum(pieces: &[u64]) -> u64 {
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_le_bytes()).collect();
    xxh3_64(&bytes)
}

/// [`section_sum`] of a section in memory.
#[cfg(test)]
pub(crate) fn sum_of_section(bytes: &[u8]) -> u64 {
    section_sum(&bytes.chunks(PIECE_BYTES).map(sum64).collect::<Vec<_>>())
}

/// 64-bit sum of a header, a piece of a section, a short text.
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

/// The sum of a section that is written part by part.
#[cfg(feature = "build")]
pub(crate) struct RunningSum {
    pieces: Vec<u64>,
    last: Box<Xxh3>,
    last_bytes: usize,
}

#[cfg(feature = "build")]
impl RunningSum {
    pub(crate) fn new() -> Self {
        Self { pieces: Vec::new(), last: Box::new(Xxh3::new()), last_bytes: 0 }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.last_bytes));
            self.last.update(now);
            self.last_bytes += now.len();
            if self.last_bytes == PIECE_BYTES {
                self.close();
            }
            bytes = later;
        }
    }

    fn close(&mut self) {
        self.pieces.push(self.last.digest());
        self.last.reset();
        self.last_bytes = 0;
    }

    pub(crate) fn finish(mut self) -> u64 {
        if self.last_bytes > 0 {
            self.close();
        }
        section_sum(&self.pieces)
    }
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;

    #[test]
    fn a_running_sum_is_that_of_the_pieces_however_it_is_fed() {
        let bytes: Vec<u8> = (0..2 * PIECE_BYTES + 12345).map(|n| ((n * n) >> 7) as u8).collect();
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, bytes.len()] {
            let bytes = &bytes[..length];
            for part in [1 << 16, 3_000_001, bytes.len().max(1)] {
                let mut running = RunningSum::new();
                bytes.chunks(part).for_each(|part| running.update(part));
                assert_eq!(running.finish(), sum_of_section(bytes), "{length} bytes by {part}");
            }
        }
    }
}
