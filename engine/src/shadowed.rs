//! The records of a segment that newer segments replace or withdraw: some thousands of hundreds of
//! millions, asked about with every record found.

/// A set of record numbers that says "not in it" after one look at a small table.
#[derive(Debug, Default)]
pub(crate) struct Shadowed {
    /// Rising.
    records: Box<[u32]>,
    /// A bit for each value of [`place`]; set where a record may be in the set. Empty when none is.
    bits: Box<[u64]>,
}

/// Bits of the table for each record, at least: of the others, one in so many is searched for in vain.
const BITS_EACH: usize = 32;
const BITS_MIN: usize = 64;

/// The bit of a record among so many, a power of two.
#[inline]
fn place(record: u32, bits: usize) -> (usize, u64) {
    let mixed = u64::from(record).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bit = (mixed >> 16) as usize & (bits - 1);
    (bit / 64, 1 << (bit % 64))
}

impl Shadowed {
    /// A set of these.
    pub(crate) fn new(mut records: Vec<u32>) -> Self {
        if records.is_empty() {
            return Self::default();
        }
        records.sort_unstable();
        records.dedup();
        let count = (records.len() * BITS_EACH).next_power_of_two().max(BITS_MIN);
        let mut bits = vec![0; count / 64].into_boxed_slice();
        for &record in &records {
            let (word, bit) = place(record, count);
            bits[word] |= bit;
        }
        Self { records: records.into_boxed_slice(), bits }
    }

    /// The records, rising.
    pub(crate) fn records(&self) -> &[u32] {
        &self.records
    }

    #[inline]
    pub(crate) fn contains(&self, record: u32) -> bool {
        if self.bits.is_empty() {
            return false;
        }
        let (word, bit) = place(record, self.bits.len() * 64);
        self.bits[word] & bit != 0 && self.records.binary_search(&record).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn as_a_plain_set(
            records in prop::collection::vec(prop_oneof![0u32..300, any::<u32>()], 0..300),
            asked in prop::collection::vec(prop_oneof![0u32..300, any::<u32>()], 300),
        ) {
            let model: BTreeSet<u32> = records.iter().copied().collect();
            let set = Shadowed::new(records.clone());
            prop_assert!(set.records().iter().eq(&model));
            for record in asked.iter().chain(&records) {
                prop_assert_eq!(set.contains(*record), model.contains(record));
            }
        }
    }
}
