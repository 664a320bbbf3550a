//! hashbrown in memory: tables of record numbers over an array of records.
//!
//! A table entry is four bytes and the key is read from the record, which has to be read anyway: smaller
//! tables, and fewer cache misses, than a map with its keys inside.

use super::input::{Dictionaries, composite};
use super::three::index_field;
use super::{Ask, Candidate, Input, Peer, Session};
use hashbrown::HashTable;
use std::path::Path;
use std::sync::Arc;
use zhengcha_engine::testing::{PACKED_WORDS, Packed, PackedKey};
use zhengcha_engine::{Field, Mode};

pub(super) const CANDIDATES: [Candidate; 2] = [
    Candidate {
        key: "hash-three",
        name: "hashbrown, three",
        setup: "in memory; three HashTables of 4-byte record numbers, keys read from the 64-byte records, \
                capacity reserved; huge pages where the system gives them",
        batch: "loop of single lookups",
        remote: false,
        build: build_three,
    },
    Candidate {
        key: "hash-six",
        name: "hashbrown, six",
        setup: "in memory; six HashTables likewise, hashed over both fields",
        batch: "loop of single lookups",
        remote: false,
        build: build_six,
    },
];

/// Certificates in an array, with a heap for what does not fit 64 bytes.
pub(super) struct Records {
    words: Vec<[u64; PACKED_WORDS]>,
    /// The extension of record `n` starts at the offset in the free half of its sixth word.
    heap: Vec<u8>,
    dictionaries: Arc<Dictionaries>,
}

impl Records {
    pub(super) fn new(input: &Input) -> anyhow::Result<Self> {
        // Two bytes of length before each extension; offset 0 is none.
        let mut heap = vec![0];
        let mut words = Vec::with_capacity(input.len());
        for (_, packed) in input.all() {
            let mut record = packed.words;
            if !packed.extension.is_empty() {
                record[5] |= u64::from(u32::try_from(heap.len())?);
                heap.extend_from_slice(&(packed.extension.len() as u16).to_le_bytes());
                heap.extend_from_slice(packed.extension);
            }
            words.push(record);
        }
        Ok(Self { words, heap, dictionaries: Arc::clone(&input.dictionaries) })
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Packed<'_> {
        let mut words = self.words[number as usize];
        let offset = words[5] as u32 as usize;
        words[5] &= !u64::from(u32::MAX);
        let extension = if offset == 0 { &[] } else { self.extension(offset) };
        Packed { words, extension }
    }

    #[cold]
    fn extension(&self, offset: usize) -> &[u8] {
        let len = u16::from_le_bytes([self.heap[offset], self.heap[offset + 1]]);
        &self.heap[offset + 2..][..usize::from(len)]
    }

    /// Reads a record's first word, so that the rest of it is near soon; 0 past the end.
    #[cfg(feature = "peers")]
    #[inline]
    pub(super) fn touch(&self, number: u32) -> u64 {
        self.words.get(number as usize).map_or(0, |words| words[0])
    }

    /// The digest of a record if it has both fields, else 0.
    #[inline]
    pub(super) fn answer(&self, key: &PackedKey<'_>, number: u32) -> u64 {
        self.dictionaries.answer(key, &self.get(number))
    }

    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(&self.words[..]) + self.heap.len()) as u64 + self.dictionaries.bytes()
    }
}

struct Three {
    records: Records,
    tables: [HashTable<u32>; 3],
}

struct Six {
    records: Records,
    tables: [HashTable<u32>; 6],
}

const THREE: [Field; 3] = [Field::CertificateNumber, Field::IdNumber, Field::TicketNumber];

/// Spreads a packed number over all bits.
#[inline]
pub(super) fn spread(mut word: u64) -> u64 {
    word = (word ^ (word >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    word ^ (word >> 32)
}

fn table(
    input: &Input,
    hash: impl Fn(&Packed<'_>) -> Option<u64> + Sync,
) -> anyhow::Result<HashTable<u32>> {
    let mut table = HashTable::with_capacity(input.len());
    for (number, packed) in input.all() {
        if let Some(hash) = hash(&packed) {
            table.insert_unique(hash, number, |_| unreachable!("capacity was reserved"));
        }
    }
    Ok(table)
}

fn build_three(input: &Input, _: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let [certificates, ids, tickets] = THREE.map(|field| {
        table(input, move |packed| {
            let [word, _] = packed.field(field);
            (word != 0).then(|| spread(word))
        })
    });
    let tables = [certificates?, ids?, tickets?];
    Ok(Box::new(Three { records: Records::new(input)?, tables }))
}

fn build_six(input: &Input, _: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let mut tables = [const { HashTable::new() }; 6];
    for (mode, place) in Mode::ALL.into_iter().zip(&mut tables) {
        *place = table(input, move |packed| composite(packed, mode))?;
    }
    Ok(Box::new(Six { records: Records::new(input)?, tables }))
}

fn tables_bytes(tables: &[HashTable<u32>]) -> u64 {
    tables.iter().map(|table| table.allocation_size() as u64).sum()
}

impl Peer for Three {
    fn bytes(&self) -> u64 {
        self.records.bytes() + tables_bytes(&self.tables)
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(ThreeLookups(self)))
    }
}

impl Peer for Six {
    fn bytes(&self) -> u64 {
        self.records.bytes() + tables_bytes(&self.tables)
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(SixLookups(self)))
    }
}

struct ThreeLookups<'p>(&'p Three);

struct SixLookups<'p>(&'p Six);

impl Session for ThreeLookups<'_> {
    #[inline]
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let Three { records, tables } = self.0;
        let key = ask.key();
        let (table, field) = match index_field(ask.mode) {
            Field::CertificateNumber => (&tables[0], Field::CertificateNumber),
            Field::IdNumber => (&tables[1], Field::IdNumber),
            _ => (&tables[2], Field::TicketNumber),
        };
        let hash = spread(key.field(field)[0]);
        let answers = table.iter_hash(hash).map(|&number| records.answer(&key, number));
        Ok(answers.fold(0, u64::wrapping_add))
    }
}

impl Session for SixLookups<'_> {
    #[inline]
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let Six { records, tables } = self.0;
        let key = ask.key();
        let candidates = tables[ask.mode as usize].iter_hash(key.hash());
        let answers = candidates.map(|&number| records.answer(&key, number));
        Ok(answers.fold(0, u64::wrapping_add))
    }
}
