//! Packed fields and the hashes made of them.
//!
//! A number that has the usual shape is packed into 64 bits without loss; any other text is an
//! *escape*: a tag bit and a hash, with the text itself kept in the segment's heap and compared
//! there. Nothing but certificate numbers needs an order, and among escapes order has no meaning.

use super::{Mode, digits};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Seed of every key hash; part of the format.
pub const HASH_SEED: u64 = 0x5A48_454E_4743_4841;

/// Bits of a sort key: what the block tree spells.
pub(crate) const SORT_KEY_BITS: u32 = 56;

const ESCAPE: u64 = 1 << 63;
/// Above every packed number of 19 digits.
const TICKET_ESCAPE: u64 = 0b11 << 62;
/// Where packed ticket numbers of 19 digits begin: above those of 18 with their 1 in front.
const TICKET_19_DIGITS: u64 = 2 * 10u64.pow(18);
const _: () = assert!(TICKET_19_DIGITS + 10u64.pow(19) <= TICKET_ESCAPE);
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
    match text.as_bytes().try_into().ok().and_then(digits::sixteen) {
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
    packed_id(text.as_bytes()).unwrap_or_else(|| ESCAPE | hash_text(text))
}

#[inline]
fn packed_id(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; 18] = bytes.try_into().ok()?;
    let (head, [seventeenth, check]) = bytes.split_first_chunk::<16>()? else { return None };
    let check = match check {
        b'0'..=b'9' => u64::from(check - b'0'),
        b'X' => 10,
        _ => return None,
    };
    let digit = seventeenth.is_ascii_digit().then(|| u64::from(seventeenth - b'0'))?;
    Some((digits::sixteen(head)? * 10 + digit) * 11 + check)
}

/// A ticket number: up to 18 digits with a 1 in front, so that leading zeros count, 19 digits above
/// these; 0 for none.
#[inline]
#[must_use]
pub(crate) fn ticket(text: &str) -> u64 {
    match (text.len(), digits::up_to_nineteen(text.as_bytes())) {
        (0, _) => 0,
        (length, Some(value)) => TICKET_BEGINS[length] + value,
        (_, None) => TICKET_ESCAPE | (hash_text(text) >> 2),
    }
}

/// What is added to the value of a ticket number, by its length: each length has its own range.
const TICKET_BEGINS: [u64; 20] = {
    let mut begins = [0; 20];
    let mut len = 0;
    while len < 19 {
        begins[len] = 10u64.pow(len as u32);
        len += 1;
    }
    begins[19] = TICKET_19_DIGITS;
    begins
};

/// Whether a packed ticket number needs its text.
#[inline]
pub(crate) fn ticket_is_escape(packed: u64) -> bool {
    packed >= TICKET_ESCAPE
}

/// Whether a packed ID number needs its text.
#[inline]
pub(crate) fn id_is_escape(packed: u64) -> bool {
    packed & ESCAPE != 0
}

/// A name in matching form: up to 16 bytes as they are, zero-padded; of a longer one the hash.
#[inline]
#[must_use]
pub(crate) fn name(text: &str) -> [u64; 2] {
    let bytes = text.as_bytes();
    let length = bytes.len();
    if length > NAME_INLINE_BYTES {
        return [u64::from(NAME_ESCAPE), hash_text(text)];
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // The last eight bytes overlap the first; in halves, as a shift by a whole word is none.
        let overlap = 4 * (NAME_INLINE_BYTES - length);
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last) >> overlap >> overlap];
    }
    [bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0]
}

/// Whether a packed name needs its text.
#[inline]
pub(crate) fn name_is_escape(packed: [u64; 2]) -> bool {
    packed[0] == u64::from(NAME_ESCAPE)
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

/// A number unpacked into its text, without allocation.
#[derive(Clone, Copy)]
pub struct NumberText<'s> {
    heap: Option<&'s str>,
    bytes: [u8; NUMBER_BYTES],
    len: u8,
}

/// Digits of the longest number that is packed.
const NUMBER_BYTES: usize = 19;

impl<'s> NumberText<'s> {
    pub(crate) fn heap(text: &'s str) -> Self {
        Self { heap: Some(text), bytes: [0; NUMBER_BYTES], len: 0 }
    }

    /// `value` in exactly `len` digits, at most 19.
    fn digits(mut value: u64, len: usize) -> Self {
        let mut bytes = [b'0'; NUMBER_BYTES];
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
        let len = match packed {
            TICKET_19_DIGITS.. => 19,
            shorter => shorter.checked_ilog10().unwrap_or(0) as usize,
        };
        Self::digits(packed - TICKET_BEGINS[len], len)
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
        assert!(!id_is_escape(i));
        assert_eq!(&*NumberText::id(i), "11010519491231002X");
        let tickets = ["0", "00", "10", "000123", "999999999999999999", "000000000000000000"];
        for text in tickets.into_iter().chain(["9999999999999999999", "0000000000000000000"]) {
            let t = ticket(text);
            assert!(!ticket_is_escape(t), "{text}");
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
            assert!(id_is_escape(id(text)), "{text}");
        }
        for text in ["A1", "123456789012345678A", "12345678901234567890"] {
            assert!(ticket_is_escape(ticket(text)), "{text}");
        }
        assert_eq!(ticket(""), 0);
    }

    #[test]
    fn names_up_to_sixteen_bytes_stay_inline() {
        assert!(!name_is_escape(name("王小明")));
        assert!(!name_is_escape(name("ABCDEFGHIJKLMNOP")));
        assert!(name_is_escape(name("ABCDEFGHIJKLMNOPQ")));
        assert!(!name_is_escape(name("")));
        for text in ["", "A", "王", "ABCD", "王小", "ABCDEFGH", "王小明", "ABCDEFGHIJKLMNOP"]
        {
            let mut bytes = [0; NAME_INLINE_BYTES];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            let (words, _) = bytes.as_chunks::<8>();
            assert_eq!(name(text), [0, 1].map(|at| u64::from_le_bytes(words[at])), "{text}");
        }
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
        fn different_tickets_pack_apart(a in "[0-9]{1,19}", b in "[0-9]{1,19}") {
            prop_assert_eq!(a == b, ticket(&a) == ticket(&b));
            let packed = ticket(&a);
            let text = NumberText::ticket(packed);
            prop_assert_eq!(&*text, a.as_str());
        }
    }
}
