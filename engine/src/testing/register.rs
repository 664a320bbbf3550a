//! A register of any size, up to a nation's, in parts that can be made at the same time.
//!
//! Each part has sittings and draws of its own: how many threads make them, and in which order,
//! changes nothing. A person's certificates lie within one part.

use std::sync::LazyLock;

use super::bodies::UNITS;
use super::generator::{Manner, Stream};
use super::random::{Random, mix};
use super::sitting::{FIRST_YEAR, LAST_YEAR, SittingOrder, Slot};

/// An upload lists one sitting after the other.
const OPEN_SITTINGS: usize = 1;
/// People remembered for each unit, who may sit again at another body or years later.
const REMEMBERED_PEOPLE: usize = 1_024;

/// The parts of a register, in order.
///
/// Numbers, names, documents and shares are those of [`Generator`](super::Generator); no certificate
/// number occurs twice, and a smaller register of the same seed and part size is the beginning of a
/// larger one.
pub struct Register {
    seed: u64,
    lettered: bool,
    order: SittingOrder,
    /// The sitting at which the last part ended.
    begun: Option<Slot>,
    part_records: u64,
    left: u64,
    number: u64,
}

/// One part of a register, not made yet.
pub struct Part {
    seed: u64,
    lettered: bool,
    number: u64,
    records: u64,
    slots: Vec<Slot>,
}

/// Certificates that all sittings together hand out, with any seed.
static CAPACITY: LazyLock<u64> = LazyLock::new(|| {
    SittingOrder::new(0..UNITS.len(), FIRST_YEAR..=LAST_YEAR, &mut Random::new(0))
        .map(|slot| u64::from(slot.all()))
        .sum()
});

impl Register {
    /// `records` certificates in parts of `part_records`, but for the last; of
    /// [`Register::capacity`] at most.
    #[must_use]
    pub fn new(seed: u64, records: u64, part_records: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5157);
        Self {
            seed,
            lettered: true,
            order: SittingOrder::new(0..UNITS.len(), FIRST_YEAR..=LAST_YEAR, &mut random),
            begun: None,
            part_records: part_records.max(1),
            left: records.min(Self::capacity()),
            number: 0,
        }
    }

    /// The largest register there is.
    #[must_use]
    pub fn capacity() -> u64 {
        *CAPACITY
    }

    /// See [`Generator::sixteen_digits`](super::Generator::sixteen_digits).
    #[must_use]
    pub fn sixteen_digits(mut self) -> Self {
        self.lettered = false;
        self
    }
}

impl Iterator for Register {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let records = self.left.min(self.part_records);
        let mut part = Part {
            seed: self.seed,
            lettered: self.lettered,
            number: self.number,
            records,
            slots: Vec::new(),
        };
        let mut missing = records;
        while missing > 0 {
            let mut slot = self.begun.take().or_else(|| self.order.next())?;
            let all = slot.all() - slot.skip;
            // What does not fit opens the next part.
            let take = missing.min(u64::from(all)) as u32;
            if take < all {
                let mut rest = slot;
                rest.skip += take;
                self.begun = Some(rest);
            }
            slot.take = take;
            part.slots.push(slot);
            missing -= u64::from(take);
        }
        self.left -= records;
        self.number += 1;
        (records > 0).then_some(part)
    }
}

impl Part {
    /// Its place in the register, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Certificates in it.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Makes them.
    #[must_use]
    pub fn certificates(self) -> Stream {
        let random = Random::new(mix(self.seed) ^ mix(!self.number));
        let manner = Manner {
            open_sittings: OPEN_SITTINGS,
            remembered_people: REMEMBERED_PEOPLE,
            lettered: self.lettered,
        };
        Stream::new(random, Box::new(self.slots.into_iter()), manner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn numbers(register: Register) -> Vec<String> {
        register.flat_map(Part::certificates).map(|it| it.certificate_number).collect()
    }

    #[test]
    fn it_holds_a_nation() {
        assert!(Register::capacity() >= 200_000_000, "{}", Register::capacity());
    }

    #[test]
    fn parts_have_the_size_asked_for_and_share_no_number() {
        let parts: Vec<Part> = Register::new(1, 20_500, 1_000).collect();
        let sizes: Vec<u64> = parts.iter().map(Part::records).collect();
        assert_eq!(sizes.len(), 21);
        assert!(sizes[..20].iter().all(|&size| size == 1_000) && sizes[20] == 500);
        assert!(parts.iter().map(Part::number).eq(0..21));
        let mut seen = HashSet::new();
        for part in parts {
            let records = part.records();
            let made: Vec<String> = part.certificates().map(|it| it.certificate_number).collect();
            assert_eq!(made.len() as u64, records);
            assert!(made.into_iter().all(|number| seen.insert(number)));
        }
    }

    #[test]
    fn a_smaller_register_is_the_beginning_of_a_larger_one() {
        let whole = numbers(Register::new(7, 5_000, 2_000));
        assert_eq!(numbers(Register::new(7, 4_000, 2_000)), whole[..4_000]);
        assert_ne!(numbers(Register::new(8, 5_000, 2_000)), whole);
        assert!(numbers(Register::new(7, 0, 2_000)).is_empty());
    }

    #[test]
    fn filling_gives_what_the_iterator_gives() {
        let part = || Register::new(3, 3_000, 3_000).next().unwrap().certificates();
        let mut filled = crate::Certificate::default();
        let mut stream = part();
        for certificate in part() {
            assert!(stream.fill(&mut filled));
            assert_eq!(filled, certificate);
        }
        assert!(!stream.fill(&mut filled));
    }
}
