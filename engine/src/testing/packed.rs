//! Certificates and keys in the engine's own packing, for benches that give other stores the same
//! compact form to hold.

use crate::key::encode::{self, PairWords};
use crate::key::{Field, Mode};
use crate::record::{Record, View, extension_bytes, extension_text, flag};

/// Words of a packed certificate.
pub const PACKED_WORDS: usize = 8;

/// A certificate as 64 bytes and, where something does not fit them, the extension.
///
/// Words: ID, certificate and ticket number, two of the name; birth (bits 32 to 47) and issue date (48
/// to 63); numbers of the occupation (low half) and body in the dictionaries of what the view reads;
/// scores (low half), flags and codes. Words but the sixth and seventh equal for equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed<'s> {
    /// The fixed part.
    pub words: [u64; PACKED_WORDS],
    /// Texts that do not fit, empty for nearly every certificate.
    pub extension: &'s [u8],
}

impl<'s> Packed<'s> {
    /// Packs what a view shows.
    #[must_use]
    #[inline]
    pub fn of(view: &View<'s>) -> Self {
        let record = &view.record;
        let extension = if record.extension == 0 {
            &[]
        } else {
            extension_bytes(view.texts.heap(), record).unwrap_or_default()
        };
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        Self {
            words: [
                record.id,
                record.certificate,
                record.ticket,
                record.name[0],
                record.name[1],
                two(0, u32::from(record.birth) | u32::from(record.issue) << 16),
                two(record.occupation, record.body),
                two(record.scores, record.codes),
            ],
            extension,
        }
    }

    /// The words of a field; the second is 0 but for names.
    #[must_use]
    #[inline]
    pub fn field(&self, field: Field) -> [u64; 2] {
        match field {
            Field::IdNumber => [self.words[0], 0],
            Field::CertificateNumber => [self.words[1], 0],
            Field::TicketNumber => [self.words[2], 0],
            Field::Name => [self.words[3], self.words[4]],
        }
    }

    /// The hash of the two fields of a mode.
    #[must_use]
    #[inline]
    pub fn hash(&self, mode: Mode) -> u64 {
        let (first, second) = mode.fields();
        pair_hash(mode, self.field(first), self.field(second))
    }
}

/// What is asked, packed: two fields in normal form in the order of [`Mode::fields`].
#[derive(Clone, Copy, Debug)]
pub struct PackedKey<'q> {
    /// The mode.
    pub mode: Mode,
    words: [[u64; 2]; 2],
    texts: [&'q str; 2],
}

impl<'q> PackedKey<'q> {
    /// Packs a question.
    #[must_use]
    #[inline]
    pub fn new(mode: Mode, first: &'q str, second: &'q str) -> Self {
        let fields = mode.fields();
        let words = [pack_field(fields.0, first), pack_field(fields.1, second)];
        Self { mode, words, texts: [first, second] }
    }

    /// The words of one of the two fields; 0 for another.
    #[must_use]
    #[inline]
    pub fn field(&self, field: Field) -> [u64; 2] {
        let (first, second) = self.mode.fields();
        if field == first {
            self.words[0]
        } else if field == second {
            self.words[1]
        } else {
            [0; 2]
        }
    }

    /// The hash of both fields, equal to [`Packed::hash`] of a certificate that has them.
    #[must_use]
    #[inline]
    pub fn hash(&self) -> u64 {
        pair_hash(self.mode, self.words[0], self.words[1])
    }

    /// Whether a certificate has both fields; escapes are compared as text.
    #[must_use]
    #[inline]
    pub fn agrees(&self, packed: &Packed<'_>) -> bool {
        let (first, second) = self.mode.fields();
        packed.field(first) == self.words[0]
            && packed.field(second) == self.words[1]
            && (packed.extension.is_empty()
                || [first, second].into_iter().zip(self.texts).all(|(field, text)| {
                    escape_text(packed, field).is_none_or(|escaped| escaped == text)
                }))
    }
}

/// The packed form of a field in normal form; the second word is 0 but for names.
#[must_use]
#[inline]
pub fn pack_field(field: Field, text: &str) -> [u64; 2] {
    match field {
        Field::IdNumber => [encode::id(text), 0],
        Field::CertificateNumber => [encode::certificate(text), 0],
        Field::TicketNumber => [encode::ticket(text), 0],
        Field::Name => encode::name(text),
    }
}

fn pair_hash(mode: Mode, first: [u64; 2], second: [u64; 2]) -> u64 {
    encode::pair_hash(mode, PairWords { first: first[0], second })
}

/// The text of a field whose packed form is only a hash.
#[cold]
fn escape_text<'p>(packed: &Packed<'p>, field: Field) -> Option<&'p str> {
    let flag = match field {
        Field::IdNumber => flag::ID,
        Field::CertificateNumber => flag::CERTIFICATE,
        Field::TicketNumber => flag::TICKET,
        Field::Name => flag::NAME_KEY,
    };
    let record = Record { codes: (packed.words[7] >> 32) as u32, ..Record::default() };
    (record.flags() & flag != 0).then(|| extension_text(packed.extension, &record, flag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Rows;
    use crate::testing::{Generator, misses};

    #[test]
    fn a_certificate_agrees_with_its_own_fields_and_with_no_near_miss() {
        let mut rows = Rows::new();
        let certificates: Vec<_> = Generator::new(5).take(4000).collect();
        for certificate in &certificates {
            rows.push(certificate).unwrap();
        }
        let mut extended = 0;
        for (row, certificate) in certificates.iter().enumerate() {
            let view = rows.view(row as u32);
            let packed = Packed::of(&view);
            extended += usize::from(!packed.extension.is_empty());
            for mode in Mode::ALL {
                let (first, second) = mode.fields();
                let (first, second) = (view.key_text(first), view.key_text(second));
                let key = PackedKey::new(mode, &first, &second);
                assert!(key.agrees(&packed));
                assert_eq!(key.hash(), packed.hash(mode));
            }
            for miss in misses(certificate, row as u64) {
                assert!(!PackedKey::new(miss.mode, &miss.first, &miss.second).agrees(&packed));
            }
        }
        assert!(extended > 0, "escapes must have been tried");
    }
}
