//! What peers of the set-up "three" share: which index a mode uses, and a certificate as columns.

use zhengcha_engine::testing::{Packed, pack_field};
use zhengcha_engine::{Field, Mode};

/// The field whose index finds fewest candidates: the certificate number, then the ID number.
pub(super) fn index_field(mode: Mode) -> Field {
    match mode {
        Mode::IC | Mode::CT | Mode::CN => Field::CertificateNumber,
        Mode::IT | Mode::IN => Field::IdNumber,
        Mode::TN => Field::TicketNumber,
    }
}

/// The column of a field.
pub(super) fn column(field: Field) -> &'static str {
    match field {
        Field::IdNumber => "id",
        Field::CertificateNumber => "certificate",
        Field::TicketNumber => "ticket",
        Field::Name => "name",
    }
}

/// The bytes of a certificate that have no column of their own.
pub(super) fn rest(packed: &Packed<'_>, bytes: &mut Vec<u8>) {
    bytes.clear();
    // The low half of the first word is never used.
    bytes.extend_from_slice(&((packed.words[5] >> 32) as u32).to_le_bytes());
    bytes.extend_from_slice(&packed.words[6].to_le_bytes());
    bytes.extend_from_slice(&packed.words[7].to_le_bytes());
    bytes.extend_from_slice(packed.extension);
}

/// Puts a certificate together from its columns.
pub(super) fn from_columns<'c>(
    numbers: [i64; 3],
    name: &str,
    rest: &'c [u8],
) -> anyhow::Result<Packed<'c>> {
    anyhow::ensure!(rest.len() >= 20, "a row has no rest");
    let word = |at: usize, len: usize| {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(&rest[at..at + len]);
        u64::from_le_bytes(bytes)
    };
    let [id, certificate, ticket] = numbers.map(|number| number as u64);
    let name = pack_field(Field::Name, name);
    let words =
        [id, certificate, ticket, name[0], name[1], word(0, 4) << 32, word(4, 8), word(12, 8)];
    Ok(Packed { words, extension: &rest[20..] })
}
