//! The certificates every peer is given, the whole answer it must give, and the digest of it.

use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;
use zhengcha_engine::build::Rows;
use zhengcha_engine::testing::{Generator, PACKED_WORDS, Packed, PackedKey};
use zhengcha_engine::{Mode, View};

/// Bytes of the fixed part of a certificate.
pub const WORDS_BYTES: usize = 8 * PACKED_WORDS;

/// Certificates in memory, numbered in the order of certificate numbers.
pub struct Input {
    pub(crate) rows: Rows,
    pub(crate) order: Vec<u32>,
    /// Texts the certificates name by number.
    pub dictionaries: Arc<Dictionaries>,
}

impl Input {
    /// Invents certificates.
    ///
    /// # Errors
    /// More rows than a segment takes.
    pub fn generate(records: u64, seed: u64) -> anyhow::Result<Self> {
        let mut rows = Rows::new();
        for certificate in Generator::new(seed).take(records as usize) {
            rows.push(&certificate)?;
        }
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.par_sort_unstable_by_key(|&row| rows.sort_key(row));
        let mut dictionaries = Dictionaries::default();
        for row in 0..rows.len() as u32 {
            dictionaries.add(&rows.view(row));
        }
        Ok(Self { rows, order, dictionaries: Arc::new(dictionaries) })
    }

    /// Number of certificates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Certificate `number`.
    #[must_use]
    pub fn view(&self, number: u32) -> View<'_> {
        self.rows.view(self.order[number as usize])
    }

    /// Certificate `number`, packed.
    #[must_use]
    pub fn packed(&self, number: u32) -> Packed<'_> {
        Packed::of(&self.view(number))
    }

    /// Every certificate, packed, by number.
    pub fn all(&self) -> impl Iterator<Item = (u32, Packed<'_>)> {
        (0..self.len() as u32).map(|number| (number, self.packed(number)))
    }

    /// Keys and the certificates that have them, rising by `order` of the key. A key is what `key` makes
    /// of a certificate; `None` leaves it out.
    pub fn postings<K: Ord + Copy + Send>(
        &self,
        key: impl Fn(&Packed<'_>) -> Option<K> + Sync,
    ) -> Vec<(K, u32)> {
        let mut pairs: Vec<(K, u32)> = (0..self.len() as u32)
            .into_par_iter()
            .filter_map(|number| key(&self.packed(number)).map(|key| (key, number)))
            .collect();
        pairs.par_sort_unstable();
        pairs
    }
}

/// The hash of a mode's two fields, none when the mode needs a ticket that is not there.
#[must_use]
pub fn composite(packed: &Packed<'_>, mode: Mode) -> Option<u64> {
    let ticket = matches!(mode, Mode::IT | Mode::CT | Mode::TN);
    (!ticket || packed.words[2] != 0).then(|| packed.hash(mode))
}

/// Dictionaries of occupations and bodies: two texts an entry. Every peer keeps them in memory, as its
/// expert would, and their bytes count for it.
#[derive(Default)]
pub struct Dictionaries {
    occupations: Vec<[Box<str>; 2]>,
    bodies: Vec<[Box<str>; 2]>,
}

impl Dictionaries {
    fn add(&mut self, view: &View<'_>) {
        let word = Packed::of(view).words[6];
        let set = |entries: &mut Vec<[Box<str>; 2]>, number: u32, texts: [&str; 2]| {
            // Numbers are handed out in order of arrival.
            if entries.len() == number as usize {
                entries.push(texts.map(Box::from));
            }
        };
        set(&mut self.occupations, word as u32, [view.occupation_code(), view.occupation_name()]);
        set(&mut self.bodies, (word >> 32) as u32, [view.institution(), view.issuer()]);
    }

    /// Bytes of the texts and the tables.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let texts = self.occupations.iter().chain(&self.bodies);
        texts
            .map(|[one, other]| size_of::<[Box<str>; 2]>() + one.len() + other.len())
            .sum::<usize>() as u64
    }

    /// The digest of a whole certificate.
    #[must_use]
    #[inline]
    pub fn digest(&self, packed: &Packed<'_>) -> u64 {
        let numbers = packed.words[6];
        let occupation = &self.occupations[numbers as u32 as usize];
        let body = &self.bodies[(numbers >> 32) as usize];
        digest(packed, [&occupation[0], &occupation[1], &body[0], &body[1]])
    }

    /// The digest of a certificate if it has both fields asked for, else 0.
    #[must_use]
    #[inline]
    pub fn answer(&self, key: &PackedKey<'_>, packed: &Packed<'_>) -> u64 {
        if key.agrees(packed) { self.digest(packed) } else { 0 }
    }
}

/// The digest of every field of a certificate as the engine's own view shows it.
#[must_use]
#[inline]
pub fn digest_view(view: &View<'_>) -> u64 {
    let texts = [view.occupation_code(), view.occupation_name(), view.institution(), view.issuer()];
    digest(&Packed::of(view), texts)
}

#[inline]
fn digest(packed: &Packed<'_>, texts: [&str; 4]) -> u64 {
    let mut bytes = value_bytes(&packed.words);
    // Numbers of dictionary entries are a store's own affair; their texts count.
    bytes[48..56].fill(0);
    let mut digest = xxh3_64(&bytes);
    for text in texts {
        digest = digest.rotate_left(7) ^ xxh3_64(text.as_bytes());
    }
    if !packed.extension.is_empty() {
        digest = digest.rotate_left(7) ^ xxh3_64(packed.extension);
    }
    digest
}

#[inline]
fn value_bytes(words: &[u64; PACKED_WORDS]) -> [u8; WORDS_BYTES] {
    let mut bytes = [0; WORDS_BYTES];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// A certificate as the value of a key-value store: the words, then the extension.
pub fn encode_value(packed: &Packed<'_>, value: &mut Vec<u8>) {
    value.clear();
    value.extend_from_slice(&value_bytes(&packed.words));
    value.extend_from_slice(packed.extension);
}

/// Reads what [`encode_value`] wrote.
///
/// # Errors
/// A value too short.
#[inline]
pub fn decode_value(value: &[u8]) -> anyhow::Result<Packed<'_>> {
    let Some((fixed, extension)) = value.split_at_checked(WORDS_BYTES) else {
        anyhow::bail!("a value of {} bytes is no certificate", value.len());
    };
    let mut words = [0; PACKED_WORDS];
    for (word, bytes) in words.iter_mut().zip(fixed.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Ok(Packed { words, extension })
}

/// Record numbers as a value.
pub fn encode_numbers<K>(group: &[(K, u32)], value: &mut Vec<u8>) {
    value.clear();
    value.extend(group.iter().flat_map(|(_, number)| number.to_le_bytes()));
}

/// Reads what [`encode_numbers`] wrote.
#[inline]
pub fn decode_numbers(value: &[u8]) -> impl Iterator<Item = u32> {
    value.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Bytes of all files below a folder, as allocated on disk, so that a sparse file counts what it takes.
///
/// # Errors
/// Reading the folder.
pub fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes +=
            if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
