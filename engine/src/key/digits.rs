//! Decimal digits to their value, eight at a time within one word.

/// Eight times `0`.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// Eight bytes as a little-endian word.
#[inline]
pub(super) fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

/// The value of eight ASCII digits; `None` when one is none.
#[inline]
fn eight(word: u64) -> Option<u64> {
    // Both nibbles of a digit: the high one is 3, also after adding 6 to the low one.
    let high = 0xF0F0_F0F0_F0F0_F0F0;
    let are_digits =
        (word & high) == ZEROS && (word.wrapping_add(0x0606_0606_0606_0606) & high) == ZEROS;
    // Neighbours join: digits to pairs, pairs to fours, fours to eight.
    let pairs = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul((100 << 16) + 1) >> 16;
    let all = (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul((10_000 << 32) + 1) >> 32;
    are_digits.then_some(all)
}

/// The value of exactly sixteen ASCII digits.
#[inline]
pub(super) fn sixteen(bytes: &[u8; 16]) -> Option<u64> {
    let ([high, low], _) = bytes.as_chunks::<8>() else { return None };
    Some(eight(word(*high))? * 100_000_000 + eight(word(*low))?)
}

/// The value of up to nineteen ASCII digits, 0 for none.
#[inline]
pub(super) fn up_to_nineteen(bytes: &[u8]) -> Option<u64> {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return bytes.iter().try_fold(0, |value, &byte| {
            byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0'))
        });
    };
    let last = eight(word(*last))?;
    let before = &bytes[..bytes.len() - 8];
    match before.last_chunk::<8>() {
        None => Some(leading(*first, before.len())? * 100_000_000 + last),
        Some(middle) if before.len() <= 11 => {
            let high = leading(*first, before.len() - 8)?;
            let low = eight(word(*middle))? * 100_000_000 + last;
            Some(high * 10_000_000_000_000_000 + low)
        }
        Some(_) => None,
    }
}

/// The value of the first `count` of eight ASCII digits.
#[inline]
fn leading(bytes: [u8; 8], count: usize) -> Option<u64> {
    // In halves, as a shift by a whole word is none.
    let (drop, keep) = (4 * (8 - count), 4 * count);
    eight((word(bytes) << drop << drop) | (ZEROS >> keep >> keep))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Digit by digit.
    fn plain(bytes: &[u8]) -> Option<u64> {
        let are_digits = bytes.len() <= 19 && bytes.iter().all(u8::is_ascii_digit);
        are_digits.then(|| bytes.iter().fold(0, |value, &byte| value * 10 + u64::from(byte - b'0')))
    }

    proptest! {
        #[test]
        fn digits_have_their_value(text in "[0-9]{0,22}") {
            prop_assert_eq!(up_to_nineteen(text.as_bytes()), plain(text.as_bytes()));
            if let Ok(bytes) = text.as_bytes().try_into() {
                prop_assert_eq!(sixteen(bytes), plain(text.as_bytes()));
            }
        }
    }

    #[test]
    fn one_byte_that_is_no_digit_is_seen_wherever_it_stands() {
        for length in 0..=22 {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut bytes = vec![b'7'; length];
                    bytes[at] = byte;
                    assert_eq!(
                        up_to_nineteen(&bytes),
                        plain(&bytes),
                        "{byte:x} at {at} of {length}"
                    );
                    if let Ok(bytes) = bytes.as_slice().try_into() {
                        assert_eq!(sixteen(bytes), plain(bytes), "{byte:x} at {at}");
                    }
                }
            }
        }
    }
}
