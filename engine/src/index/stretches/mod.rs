//! Where certificate numbers lie. Records stand in the order of their numbers, and numbers are given out
//! one after the other: a *stretch* of consecutive numbers, each of one record, tells the place of all of
//! them by its first number and record. A number that several records share is a stretch of its own, which is
//! *repeated*.
//!
//! The section is an FST from the first number of each stretch to its record, unfolded twice when it is
//! opened: into [`buckets`], where nearly all numbers are found in one cache line, and into a [`sorted`]
//! list, which is asked for the others.

mod buckets;
#[cfg(feature = "build")]
mod builder;
mod sorted;

use super::node::{node, root_address};
use super::top::{KEY_BITS, symbol_bits};
use super::tree::SYMBOLS;
use crate::error::OpenError;
use crate::format::HASHED_WORD_BITS;
use buckets::{Buckets, Told};
#[cfg(feature = "build")]
pub(crate) use builder::StretchBuilder;
use sorted::Sorted;
use std::io;
use std::path::Path;

/// Bits of a number: a sort key without its lowest bit, which packed numbers of 16 digits leave alone.
const NUMBER_BITS: u32 = 55;
/// Bits of a number within its *slot*; no stretch goes over the border of one.
const SLOT_BITS: u32 = 32;
/// Stands above a first record where several records have the number.
const REPEATED: u32 = 1 << HASHED_WORD_BITS;

/// The number of a sort key; keys of one number are told apart by the records.
#[inline]
pub(crate) fn number(sort_key: u64) -> u64 {
    sort_key >> 1
}

/// A stretch as it was written.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    number: u64,
    /// The first record, and [`REPEATED`] or not.
    marked: u32,
}

/// Where the records of a number lie, if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first of them; with another number, or past the end, where the number is not there.
    pub(crate) record: u32,
    /// Whether the next records may have the same number.
    pub(crate) repeated: bool,
}

impl Place {
    /// Of the number so much further than the first of a stretch.
    #[inline]
    fn within(marked: u32, offset: u32) -> Option<Self> {
        let (record, repeated) = (marked & !REPEATED, marked & REPEATED != 0);
        if repeated {
            return (offset == 0).then_some(Self { record, repeated });
        }
        Some(Self { record: record.saturating_add(offset), repeated })
    }
}

/// Searches certificate numbers.
#[derive(Debug)]
pub(crate) struct Stretches {
    buckets: Buckets,
    sorted: Sorted,
}

impl Stretches {
    /// Checks the section of a segment of so many records and unfolds it.
    pub(crate) fn open(
        path: &Path,
        place: &str,
        section: &[u8],
        records: u64,
    ) -> Result<Self, OpenError> {
        let corrupt = |detail: String| OpenError::corrupt(path, place, detail);
        let fst = fst::raw::Fst::new(section).map_err(|error| corrupt(error.to_string()))?;
        fst.verify().map_err(|error| corrupt(error.to_string()))?;
        let stretches = read(section, fst.len(), records).map_err(corrupt)?;
        let unfold = || -> io::Result<Self> {
            Ok(Self {
                buckets: Buckets::build(&stretches, records as u32)?,
                sorted: Sorted::build(&stretches)?,
            })
        };
        unfold().map_err(|error| OpenError::io(path, error))
    }

    /// Asks for the memory that [`find`](Self::find) reads, nearly always.
    #[inline]
    pub(crate) fn prefetch(&self, sort_key: u64) {
        self.buckets.prefetch(number(sort_key));
    }

    /// Where the records of a sort key's number lie; `None` where no stretch can hold it.
    #[inline]
    pub(crate) fn find(&self, sort_key: u64) -> Option<Place> {
        let number = number(sort_key);
        match self.buckets.find(number) {
            Told::Place(place) => place,
            Told::Nothing => self.sorted.find(number),
        }
    }
}

/// Every stretch of a section, in order: numbers and records rise, from record 0.
fn read(section: &[u8], count: usize, records: u64) -> Result<Vec<Stretch>, String> {
    if count as u64 > records || (count == 0) != (records == 0) {
        return Err(format!("{count} stretches for {records} records"));
    }
    let mut stretches = Vec::with_capacity(count);
    let mut next_record = 0;
    let mut take = |key: u64, output: u32| {
        let (record, repeated) = (u64::from(output >> 1), output & 1 == 1);
        let in_order = if stretches.is_empty() {
            record == 0
        } else {
            record >= next_record && record < records
        };
        if !in_order || key & 1 == 1 {
            return None;
        }
        next_record = record + 1;
        let marked = output >> 1 | if repeated { REPEATED } else { 0 };
        stretches.push(Stretch { number: number(key), marked });
        Some(())
    };
    let walked = count == 0
        || root_address(section)
            .and_then(|root| each(section, root, (0, 0, 0), &mut take))
            .is_some();
    if !walked || stretches.len() != count {
        return Err(format!("stretch {} of {count} is out of order", stretches.len()));
    }
    Ok(stretches)
}

/// Takes the key and the output of every whole spelling below a node, in order; `None` as soon as something
/// is not as it must be.
fn each(
    section: &[u8],
    address: u32,
    (symbols, key, output): (usize, u64, u32),
    take: &mut impl FnMut(u64, u32) -> Option<()>,
) -> Option<()> {
    let here = node(section, address)?;
    let mut last = None;
    for index in 0..here.transitions() {
        let (symbol, more, child) = here.transition(section, index)?;
        let fits = last.is_none_or(|last| last < symbol) && (symbols < 2 || symbol < 32);
        let output = output.checked_add(more).filter(|_| fits)?;
        last = Some(symbol);
        let symbols = symbols + 1;
        let key = key | u64::from(symbol) << (KEY_BITS - symbol_bits(symbols));
        match (symbols == SYMBOLS, child) {
            (true, 0) => take(key, output)?,
            (false, 1..) => each(section, child, (symbols, key, output), take)?,
            _ => return None,
        }
    }
    Some(())
}

#[cfg(feature = "build")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(keys: &[u64]) -> Vec<u8> {
        let mut builder = StretchBuilder::new().unwrap();
        for (record, &key) in (0..).zip(keys) {
            builder.push(key, record).unwrap();
        }
        builder.finish().unwrap()
    }

    fn open(section: &[u8], records: usize) -> Result<Stretches, OpenError> {
        Stretches::open(Path::new("test"), "tree", section, records as u64)
    }

    /// Every number is found at its first record, by both tables; one that is not there may be told a record
    /// of another, but never several.
    fn check(mut keys: Vec<u64>, asked: &[u64]) {
        keys.sort_unstable();
        let stretches = open(&build(&keys), keys.len()).unwrap();
        for &key in keys.iter().chain(asked) {
            let first = keys.partition_point(|&other| number(other) < number(key));
            let count =
                keys[first..].iter().take_while(|&&other| number(other) == number(key)).count();
            for found in [stretches.find(key), stretches.sorted.find(number(key))] {
                if count > 0 {
                    let expected = Place { record: first as u32, repeated: count > 1 };
                    assert_eq!(found, Some(expected), "{key:x}");
                } else {
                    assert!(found.is_none_or(|place| !place.repeated), "{key:x}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_number_is_found_where_it_is(
            keys in prop::collection::vec(0u64..1 << 56, 0..100),
            asked in prop::collection::vec(0u64..1 << 56, 20),
        ) {
            check(keys, &asked);
        }

        #[test]
        fn also_in_runs_with_gaps_repeats_and_borders(
            runs in prop::collection::vec((0u64..6, 0u64..60, 1u64..30, 1usize..4), 0..80),
            asked in prop::collection::vec((0u64..6, 0u64..90), 50),
        ) {
            // Around borders of slots and of chunks; some numbers in several runs.
            let border = |which| match which {
                0..3 => (which + 1) << SLOT_BITS,
                _ => (which + 1) << 16,
            };
            let number = |which, at| (border(which) + at - 40) << 1;
            let keys = runs.iter().flat_map(|&(which, at, len, step)| {
                (at..at + len).step_by(step).map(move |at| number(which, at) | at & step as u64 & 1)
            });
            let asked: Vec<u64> = asked.into_iter().map(|(which, at)| number(which, at)).collect();
            check(keys.collect(), &asked);
        }
    }

    /// Long stretches over many chunks; chunks with more stretches than a bucket holds; chunks enough that
    /// some share bucket and tag.
    #[test]
    fn crowds_are_found_as_well() {
        let long = (0..300_000u64).map(|at| (5 << 40) + at);
        let crowded = (0..3_000u64).map(|at| (6 << 40) + 3 * at);
        let apart = (0..200_000u64).map(|at| (7 << 40) + (at << 16) + at % 7);
        let keys: Vec<u64> = long.chain(crowded).chain(apart).map(|number| number << 1).collect();
        let asked: Vec<u64> = keys.iter().step_by(97).map(|key| key ^ 2).collect();
        check(keys, &asked);
    }

    #[test]
    fn consecutive_numbers_are_one_stretch() {
        let keys: Vec<u64> = (0..5_000).map(|n| 77_000_000 + 2 * n).collect();
        let section = build(&keys);
        assert_eq!(fst::raw::Fst::new(section).unwrap().len(), 1);
    }

    #[test]
    fn what_leads_outside_is_refused() {
        let keys: Vec<u64> = (0..400).map(|n| n * 10).collect();
        let section = build(&keys);
        assert!(open(&section, 400).is_ok());
        for records in [0, 399] {
            let error = open(&section, records).unwrap_err().to_string();
            assert!(error.contains("400 stretches"), "{error}");
        }
        let with = |pairs: &[(&[u8], u64)]| {
            let mut builder = fst::raw::Builder::memory();
            pairs.iter().for_each(|(key, value)| builder.insert(key, *value).unwrap());
            open(&builder.into_inner().unwrap(), 400).unwrap_err().to_string()
        };
        let spelt = crate::index::tree::spell;
        assert!(with(&[(&spelt(4), 2)]).contains("stretch 0 of 1 is out of order"));
        assert!(with(&[(&spelt(4), 0), (&spelt(8), 800)]).contains("stretch 1 of 2"));
        assert!(with(&[(&spelt(4), 0), (&spelt(8), 20), (&spelt(16), 20)]).contains("stretch 2"));
        assert!(with(&[(&spelt(4), 0), (&spelt(9), 20)]).contains("stretch 1 of 2"));
        assert!(with(&[(&spelt(4), 0), (&spelt(8), 1 << 33)]).contains("is out of order"));
        assert!(with(&[(b"short", 0)]).contains("stretch 0 of 1"));
        assert!(with(&[(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 40], 0)]).contains("stretch 0 of 1"));
        let mut flipped = section.clone();
        flipped[40] ^= 1;
        assert!(open(&flipped, 400).is_err());
    }
}
