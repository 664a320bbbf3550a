//! Packed fields and the hashes made of them.
//!
//! A number that has the usual shape is packed into 64 bits without loss; any other text is an
//! *escape*: a tag bit and a hash, with the text itself kept in the segment's heap and compared
//! there. Nothing but certificate numbers needs an order, and among escapes order has no meaning.

use super::Mode;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Seed of every key hash; part of the format.
pub const HASH_SEED: u64 = 0x5A48_454E_4743_4841;

/// Bits of a sort key: what the block tree spells.
pub(crate) const SORT_KEY_BITS: u32 = 56;

const ESCAPE: u64 = 1 << 63;
const CERTIFICATE_ESCAPE: u64 = 1 << (SORT_KEY_BITS - 1);

/// Name bytes kept inside the record.
pub(crate) const NAME_INLINE_BYTES: usize = 16;
/// First byte of the packed form of a longer name; no UTF-8 text begins with it.
const NAME_ESCAPE: u8 = 0xFF;

/// A certificate number as a sort key below 2^56.
///
/// 16 digits: twice their value. Anything else: bit 55 and 55 bits of its hash.
#[inline]
#[must_use]
pub(crate) fn certificate(text: &str) -> u64 {
    match digits::<16>(text.as_bytes()) {
        Some(value) => value << 1,
        None => CERTIFICATE_ESCAPE | (hash_text(text) >> 9),
    }
}

/// Whether the packed certificate number needs its text.
#[inline]
pub(crate) fn certificate_is_escape(packed: u64) -> bool {
    packed & CERTIFICATE_ESCAPE != 0
}

/// An ID number: first 17 digits times 11 plus the value of the check character, below 2^60.
#[inline]
#[must_use]
pub(crate) fn id(text: &str) -> u64 {
    let bytes = text.as_bytes();
    if let Some((head, &[last])) = bytes.split_at_checked(17)
        && let Some(value) = digits::<17>(head)
    {
        let check = match last {
            b'0'..=b'9' => u64::from(last - b'0'),
            b'X' => 10,
            _ => return ESCAPE | hash_text(text),
        };
        return value * 11 + check;
    }
    ESCAPE | hash_text(text)
}

/// A ticket number: up to 18 digits with a 1 in front, so that leading zeros count; 0 for none.
#[inline]
#[must_use]
pub(crate) fn ticket(text: &str) -> u64 {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return 0;
    }
    if bytes.len() <= 18 {
        let mut value = 1u64;
        let mut ok = true;
        for &byte in bytes {
            let digit = byte.wrapping_sub(b'0');
            ok &= digit < 10;
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        if ok {
            return value;
        }
    }
    ESCAPE | hash_text(text)
}

/// Whether a packed ID or ticket number needs its text.
#[inline]
pub(crate) fn is_escape(packed: u64) -> bool {
    packed & ESCAPE != 0
}

/// A name in matching form: up to 16 bytes as they are, zero-padded; of a longer one the hash.
#[inline]
#[must_use]
pub(crate) fn name(text: &str) -> [u64; 2] {
    let bytes = text.as_bytes();
    let mut packed = [0u8; NAME_INLINE_BYTES];
    if let Some(inline) = packed.get_mut(..bytes.len()) {
        inline.copy_from_slice(bytes);
    } else {
        packed[0] = NAME_ESCAPE;
        packed[8..].copy_from_slice(&hash_text(text).to_le_bytes());
    }
    let (low, high) = packed.split_at(8);
    [read_u64(low), read_u64(high)]
}

/// Whether a packed name needs its text.
#[inline]
pub(crate) fn name_is_escape(packed: [u64; 2]) -> bool {
    packed[0].to_le_bytes()[0] == NAME_ESCAPE
}

/// The two packed fields of a key; a name takes the last two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairWords {
    pub(crate) first: u64,
    pub(crate) second: [u64; 2],
}

/// The hash of a composite key: over the packed fields, seeded by mode.
#[inline]
#[must_use]
pub(crate) fn pair_hash(mode: Mode, words: PairWords) -> u64 {
    let mut bytes = [0u8; 24];
    bytes[..8].copy_from_slice(&words.first.to_le_bytes());
    bytes[8..16].copy_from_slice(&words.second[0].to_le_bytes());
    bytes[16..].copy_from_slice(&words.second[1].to_le_bytes());
    xxh3_64_with_seed(&bytes, HASH_SEED ^ (mode as u64))
}

fn hash_text(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Exactly `N` ASCII digits, `N` at most 18.
#[inline]
fn digits<const N: usize>(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; N] = bytes.try_into().ok()?;
    let mut value = 0u64;
    let mut ok = true;
    for &byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        ok &= digit < 10;
        value = value * 10 + u64::from(digit & 0x0F);
    }
    ok.then_some(value)
}

fn read_u64(bytes: &[u8]) -> u64 {
    let mut word = [0u8; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

/// A number unpacked into its text, without allocation.
#[derive(Clone, Copy)]
pub struct NumberText<'s> {
    heap: Option<&'s str>,
    bytes: [u8; 18],
    len: u8,
}

impl<'s> NumberText<'s> {
    pub(crate) fn heap(text: &'s str) -> Self {
        Self { heap: Some(text), bytes: [0; 18], len: 0 }
    }

    /// `value` in exactly `len` digits, at most 18.
    fn digits(mut value: u64, len: usize) -> Self {
        let mut bytes = [b'0'; 18];
        for byte in bytes[..len].iter_mut().rev() {
            *byte = b'0' + (value % 10) as u8;
            value /= 10;
        }
        Self { heap: None, bytes, len: len as u8 }
    }

    pub(crate) fn certificate(packed: u64) -> Self {
        Self::digits(packed >> 1, 16)
    }

    pub(crate) fn id(packed: u64) -> Self {
        let mut text = Self::digits(packed / 11, 17);
        text.bytes[17] = b"0123456789X"[(packed % 11) as usize];
        text.len = 18;
        text
    }

    pub(crate) fn ticket(packed: u64) -> Self {
        let len = packed.checked_ilog10().unwrap_or(0) as usize;
        Self::digits(packed - 10u64.pow(len as u32), len)
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self.heap {
            Some(text) => text,
            // Only ASCII was ever put there.
            None => std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or(""),
        }
    }
}

impl std::ops::Deref for NumberText<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_numbers_pack_and_unpack() {
        let c = certificate("0101120201100058");
        assert!(!certificate_is_escape(c));
        assert_eq!(&*NumberText::certificate(c), "0101120201100058");
        let i = id("11010519491231002X");
        assert!(!is_escape(i));
        assert_eq!(&*NumberText::id(i), "11010519491231002X");
        for text in ["0", "00", "10", "000123", "999999999999999999", "000000000000000000"] {
            let t = ticket(text);
            assert!(!is_escape(t), "{text}");
            assert_eq!(&*NumberText::ticket(t), text);
        }
    }

    #[test]
    fn other_shapes_escape() {
        for text in ["", "1", "010112020110005", "S000123000001195000001", "01011202011000A8"] {
            assert!(certificate_is_escape(certificate(text)), "{text}");
        }
        for text in ["", "E12345678", "军字第1234567号", "1101051949123100Xx", "110105491231002"]
        {
            assert!(is_escape(id(text)), "{text}");
        }
        assert!(is_escape(ticket("A1")));
        assert!(is_escape(ticket("1234567890123456789")));
        assert_eq!(ticket(""), 0);
    }

    #[test]
    fn names_up_to_sixteen_bytes_stay_inline() {
        assert!(!name_is_escape(name("王小明")));
        assert!(!name_is_escape(name("ABCDEFGHIJKLMNOP")));
        assert!(name_is_escape(name("ABCDEFGHIJKLMNOPQ")));
        assert!(!name_is_escape(name("")));
    }

    proptest! {
        #[test]
        fn packing_keeps_certificate_order(a in 0u64..10_000_000_000_000_000, b in 0u64..10_000_000_000_000_000) {
            let (ta, tb) = (format!("{a:016}"), format!("{b:016}"));
            prop_assert_eq!(ta.cmp(&tb), certificate(&ta).cmp(&certificate(&tb)));
            let packed = certificate(&ta);
            let text = NumberText::certificate(packed);
            prop_assert_eq!(&*text, ta.as_str());
        }

        #[test]
        fn different_tickets_pack_apart(a in "[0-9]{1,18}", b in "[0-9]{1,18}") {
            prop_assert_eq!(a == b, ticket(&a) == ticket(&b));
            let packed = ticket(&a);
            let text = NumberText::ticket(packed);
            prop_assert_eq!(&*text, a.as_str());
        }
    }
}
