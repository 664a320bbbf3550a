//! Accepted rows of one upload, packed as they come: some 70 bytes each instead of some 400.

use super::dictionary::Dictionary;
use crate::certificate::Certificate;
use crate::error::BuildError;
use crate::record::{self, Record, Texts, View};

/// Bytes of extensions one set of rows or one segment may hold: offsets are 32 bits.
pub(crate) const HEAP_BYTES_MAX: u64 = u32::MAX as u64;

/// Packed rows in memory, in order of arrival.
#[derive(Default)]
pub struct Rows {
    records: Vec<Record>,
    heap: Vec<u8>,
    occupations: Dictionary,
    bodies: Dictionary,
    extension: Vec<u8>,
}

impl Rows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        // Offset 0 means "no extension".
        Self { heap: vec![0], ..Self::default() }
    }

    /// Adds a certificate in normal form and returns its row number.
    ///
    /// # Errors
    /// `Invalid` for a value outside what the record can hold, `LimitExceeded`.
    pub fn push(&mut self, certificate: &Certificate) -> Result<u32, BuildError> {
        let mut record = record::pack(certificate, &mut self.extension)?;
        record.occupation =
            self.occupations.intern(&certificate.occupation_code, &certificate.occupation_name)?;
        record.body = self.bodies.intern(&certificate.institution, &certificate.issuer)?;
        if !self.extension.is_empty() {
            record.extension = heap_push(&mut self.heap, &self.extension)?;
        }
        let number = self.records.len() as u32;
        if u64::from(number) >= crate::format::SEGMENT_RECORDS_MAX {
            return Err(BuildError::LimitExceeded {
                what: "rows of one upload",
                found: self.records.len() as u64,
                limit: crate::format::SEGMENT_RECORDS_MAX,
            });
        }
        self.records.push(record);
        Ok(number)
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Row `number`.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn view(&self, number: u32) -> View<'_> {
        View { record: self.records[number as usize], texts: self }
    }

    /// The packed certificate number of a row: rows with different ones have different numbers.
    #[must_use]
    pub fn sort_key(&self, number: u32) -> u64 {
        self.records[number as usize].certificate
    }

    /// Entries of the two dictionaries: occupations, bodies.
    pub(super) fn dictionary_entries(&self) -> [u32; 2] {
        [self.occupations.len(), self.bodies.len()]
    }

    /// Bytes of the heap and the dictionaries.
    pub(super) fn text_bytes(&self) -> u64 {
        self.heap.len() as u64 + self.occupations.bytes() + self.bodies.bytes()
    }

    /// The rows given, in the order a segment wants them: by certificate number, then by content.
    #[must_use]
    pub fn in_order(&self, rows: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut rows: Vec<u32> = rows.into_iter().collect();
        rows.sort_unstable_by(|&a, &b| {
            self.sort_key(a)
                .cmp(&self.sort_key(b))
                .then_with(|| self.view(a).content_order(&self.view(b)))
        });
        rows
    }
}

/// Appends an extension and returns its offset.
pub(crate) fn heap_push(heap: &mut Vec<u8>, extension: &[u8]) -> Result<u32, BuildError> {
    let limit = || BuildError::LimitExceeded {
        what: "bytes of long names and unusual numbers",
        found: (heap.len() + extension.len()) as u64,
        limit: HEAP_BYTES_MAX,
    };
    let end = u32::try_from(heap.len() + extension.len()).map_err(|_| limit())?;
    heap.extend_from_slice(extension);
    Ok(end - extension.len() as u32)
}

impl Texts for Rows {
    fn heap(&self) -> &[u8] {
        &self.heap
    }

    fn occupation(&self, index: u32) -> (&str, &str) {
        self.occupations.get(index)
    }

    fn body(&self, index: u32) -> (&str, &str) {
        self.bodies.get(index)
    }
}
