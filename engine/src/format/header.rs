//! The first 4,096 bytes of a segment: header, section table, their sum.

use super::section::{SectionKind, SegmentKind};
use super::{FORMAT_VERSION, FORMAT_VERSION_OLDEST, PAGE_BYTES, SEGMENT_RECORDS_MAX};
use crate::checksum::sum64;
use crate::date::Date;
use crate::error::OpenError;
use crate::key::{encode, normalize};
use std::path::Path;

/// Modelled on PNG: a high bit against 7-bit transport, line ends against text-mode copies.
pub const MAGIC: [u8; 8] = *b"\x89ZCS\r\n\x1a\n";

const VERSION_AT: usize = MAGIC.len();
const KIND_AT: usize = VERSION_AT + 4;
const FILE_BYTES_AT: usize = KIND_AT + 4;
const RECORDS_AT: usize = FILE_BYTES_AT + 8;
const NORMALIZER_AT: usize = RECORDS_AT + 8;
const UNICODE_AT: usize = NORMALIZER_AT + 4;
const SEED_AT: usize = UNICODE_AT + 4;
const SCHEMA_AT: usize = SEED_AT + 8;
const AS_OF_AT: usize = SCHEMA_AT + 8;
const SECTION_COUNT_AT: usize = AS_OF_AT + 4;
const FIELDS_END: usize = SECTION_COUNT_AT + 4;
const TABLE_AT: usize = 256;
const ENTRY_BYTES: usize = 32;
const SUM_AT: usize = PAGE_BYTES - 8;
/// Entries the section table has room for.
pub const SECTIONS_MAX: usize = 64;
const _: () = assert!(FIELDS_END <= TABLE_AT);
const _: () = assert!(TABLE_AT + SECTIONS_MAX * ENTRY_BYTES <= SUM_AT);

/// One row of the section table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionEntry {
    /// What the section holds.
    pub kind: SectionKind,
    /// First byte in the file; a multiple of the page size.
    pub offset: u64,
    /// Bytes, without the zero padding behind them.
    pub length: u64,
    /// xxh3-64 of the bytes.
    pub sum: u64,
}

/// A parsed header: every field lies within its range and every section within the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the segment is for.
    pub kind: SegmentKind,
    /// Length of the file.
    pub file_bytes: u64,
    /// Certificates in the segment.
    pub records: u64,
    /// Latest issue date in the segment.
    pub as_of: Option<Date>,
    /// The sections, in file order.
    pub sections: Vec<SectionEntry>,
}

/// Unicode version of the normaliser's tables as one number.
fn unicode_version() -> u32 {
    let (major, minor, patch) = normalize::UNICODE_VERSION;
    (u32::from(major) << 16) | (u32::from(minor) << 8) | u32::from(patch)
}

impl Header {
    /// The 4,096 bytes of this header.
    #[must_use]
    pub fn emit(&self) -> [u8; PAGE_BYTES] {
        let mut page = [0u8; PAGE_BYTES];
        let as_of = self.as_of.map_or(0, |date| {
            u32::from(date.year()) * 10_000 + u32::from(date.month()) * 100 + u32::from(date.day())
        });
        page[..MAGIC.len()].copy_from_slice(&MAGIC);
        put_u32(&mut page, VERSION_AT, FORMAT_VERSION);
        put_u32(&mut page, KIND_AT, self.kind.code());
        put_u64(&mut page, FILE_BYTES_AT, self.file_bytes);
        put_u64(&mut page, RECORDS_AT, self.records);
        put_u32(&mut page, NORMALIZER_AT, normalize::NORMALIZER_VERSION);
        put_u32(&mut page, UNICODE_AT, unicode_version());
        put_u64(&mut page, SEED_AT, encode::HASH_SEED);
        put_u64(&mut page, SCHEMA_AT, super::schema_fingerprint());
        put_u32(&mut page, AS_OF_AT, as_of);
        put_u32(&mut page, SECTION_COUNT_AT, self.sections.len() as u32);
        for (index, section) in self.sections.iter().enumerate() {
            let at = TABLE_AT + index * ENTRY_BYTES;
            put_u32(&mut page, at, section.kind.code());
            put_u64(&mut page, at + 8, section.offset);
            put_u64(&mut page, at + 16, section.length);
            put_u64(&mut page, at + 24, section.sum);
        }
        let sum = sum64(&page[..SUM_AT]);
        put_u64(&mut page, SUM_AT, sum);
        page
    }

    /// Reads a header and checks it against the length of its file.
    ///
    /// # Errors
    /// `Incompatible` for another kind of file or version, `Corrupt` for anything else that
    /// [`Header::emit`] would not have written.
    pub fn parse(path: &Path, page: &[u8], file_bytes: u64) -> Result<Self, OpenError> {
        let corrupt = |place: &str, detail: String| OpenError::corrupt(path, place, detail);
        let incompatible = |what, found: String, expected: String| OpenError::Incompatible {
            path: path.to_owned(),
            what,
            found,
            expected,
        };
        if page.len() < PAGE_BYTES {
            return Err(corrupt(
                "header",
                format!("the file has {file_bytes} bytes, a header takes {PAGE_BYTES}"),
            ));
        }
        let page = &page[..PAGE_BYTES];
        if page[..MAGIC.len()] != MAGIC {
            return Err(incompatible(
                "file type",
                "something else".to_owned(),
                "a zhengcha segment".to_owned(),
            ));
        }
        let version = get_u32(page, VERSION_AT);
        if !(FORMAT_VERSION_OLDEST..=FORMAT_VERSION).contains(&version) {
            return Err(incompatible(
                "format version",
                version.to_string(),
                FORMAT_VERSION.to_string(),
            ));
        }
        let (found, expected) = (get_u64(page, SUM_AT), sum64(&page[..SUM_AT]));
        if found != expected {
            return Err(corrupt(
                "header",
                format!("sum is {found:016x}, expected {expected:016x}"),
            ));
        }
        let pairs = [
            (
                "normaliser version",
                u64::from(get_u32(page, NORMALIZER_AT)),
                u64::from(normalize::NORMALIZER_VERSION),
            ),
            ("Unicode version", u64::from(get_u32(page, UNICODE_AT)), u64::from(unicode_version())),
            ("hash seed", get_u64(page, SEED_AT), encode::HASH_SEED),
            ("schema fingerprint", get_u64(page, SCHEMA_AT), super::schema_fingerprint()),
        ];
        for (what, found, expected) in pairs {
            if found != expected {
                return Err(incompatible(what, format!("{found:x}"), format!("{expected:x}")));
            }
        }
        let header = Self::parse_fields(path, page)?;
        if header.file_bytes != file_bytes {
            return Err(corrupt(
                "file length",
                format!("{file_bytes} bytes, the header says {}", header.file_bytes),
            ));
        }
        // Whatever was not looked at above (reserved bytes, unused rows) must be as written.
        if header.emit() != page {
            return Err(corrupt("header", "reserved bytes are not zero".to_owned()));
        }
        Ok(header)
    }

    fn parse_fields(path: &Path, page: &[u8]) -> Result<Self, OpenError> {
        let corrupt = |place: &str, detail: String| OpenError::corrupt(path, place, detail);
        let kind = SegmentKind::from_code(get_u32(page, KIND_AT))
            .ok_or_else(|| corrupt("segment kind", get_u32(page, KIND_AT).to_string()))?;
        let records = get_u64(page, RECORDS_AT);
        if records > SEGMENT_RECORDS_MAX {
            return Err(corrupt("record count", records.to_string()));
        }
        let as_of = match get_u32(page, AS_OF_AT) {
            0 => None,
            number => Some(
                Date::from_yyyymmdd(number)
                    .ok_or_else(|| corrupt("latest issue date", number.to_string()))?,
            ),
        };
        let file_bytes = get_u64(page, FILE_BYTES_AT);
        let expected: Vec<SectionKind> = kind.sections().collect();
        let count = get_u32(page, SECTION_COUNT_AT) as usize;
        if count != expected.len() {
            return Err(corrupt("section count", format!("{count}, expected {}", expected.len())));
        }
        let mut sections = Vec::with_capacity(count);
        let mut free_from = PAGE_BYTES as u64;
        for (index, wanted) in expected.into_iter().enumerate() {
            let at = TABLE_AT + index * ENTRY_BYTES;
            let entry = SectionEntry {
                kind: wanted,
                offset: get_u64(page, at + 8),
                length: get_u64(page, at + 16),
                sum: get_u64(page, at + 24),
            };
            // Section after section with nothing but the padding to the next page between them.
            let end = entry.offset.checked_add(entry.length);
            let fits = get_u32(page, at) == wanted.code()
                && entry.offset == free_from
                && end.is_some_and(|end| end <= file_bytes);
            let Some(end) = end.filter(|_| fits) else {
                return Err(corrupt("section table", format!("row {index} ({})", wanted.name())));
            };
            free_from = end.next_multiple_of(PAGE_BYTES as u64);
            sections.push(entry);
        }
        if free_from != file_bytes {
            return Err(corrupt("section table", "the sections do not fill the file".to_owned()));
        }
        Ok(Self { kind, file_bytes, records, as_of, sections })
    }

    /// The row of one section.
    #[must_use]
    pub fn section(&self, kind: SectionKind) -> Option<&SectionEntry> {
        self.sections.iter().find(|section| section.kind == kind)
    }
}

fn put_u32(page: &mut [u8], at: usize, value: u32) {
    page[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(page: &mut [u8], at: usize, value: u64) {
    page[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn get_u32(page: &[u8], at: usize) -> u32 {
    let mut word = [0u8; 4];
    word.copy_from_slice(&page[at..at + 4]);
    u32::from_le_bytes(word)
}

fn get_u64(page: &[u8], at: usize) -> u64 {
    let mut word = [0u8; 8];
    word.copy_from_slice(&page[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        let mut sections = Vec::new();
        let mut offset = PAGE_BYTES as u64;
        for kind in SegmentKind::Base.sections() {
            sections.push(SectionEntry { kind, offset, length: 5000, sum: 7 });
            offset += 2 * PAGE_BYTES as u64;
        }
        Header {
            kind: SegmentKind::Base,
            file_bytes: offset,
            records: 12,
            as_of: Date::new(2026, 11, 15),
            sections,
        }
    }

    #[test]
    fn round_trip() {
        let header = sample();
        let page = header.emit();
        assert_eq!(Header::parse(Path::new("x"), &page, header.file_bytes).unwrap(), header);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let header = sample();
        let page = header.emit();
        for at in 0..page.len() {
            for bit in 0..8 {
                let mut damaged = page;
                damaged[at] ^= 1 << bit;
                assert!(
                    Header::parse(Path::new("x"), &damaged, header.file_bytes).is_err(),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn wrong_contents_under_a_right_sum_are_refused() {
        let header = sample();
        type Change = fn(&mut [u8]);
        let cases: [(&str, Change); 6] = [
            ("section table", |page| put_u64(page, TABLE_AT + 8, 8)),
            ("section table", |page| put_u64(page, TABLE_AT + 16, u64::MAX)),
            ("section table", |page| put_u32(page, TABLE_AT, 99)),
            ("section count", |page| put_u32(page, SECTION_COUNT_AT, 3)),
            ("header", |page| page[FIELDS_END] = 1),
            ("record count", |page| put_u64(page, RECORDS_AT, u64::MAX)),
        ];
        for (place, change) in cases {
            let mut page = header.emit();
            change(&mut page);
            let sum = sum64(&page[..SUM_AT]);
            put_u64(&mut page, SUM_AT, sum);
            let error = Header::parse(Path::new("x"), &page, header.file_bytes).unwrap_err();
            assert!(error.to_string().contains(place), "{error}");
        }
        let page = header.emit();
        assert!(Header::parse(Path::new("x"), &page, header.file_bytes + 1).is_err());
        assert!(Header::parse(Path::new("x"), &page[..100], 100).is_err());
    }

    #[test]
    fn another_version_is_incompatible_not_corrupt() {
        let mut page = sample().emit();
        put_u32(&mut page, VERSION_AT, FORMAT_VERSION + 1);
        let error = Header::parse(Path::new("x"), &page, 0).unwrap_err();
        assert!(matches!(error, OpenError::Incompatible { .. }), "{error}");
    }
}
