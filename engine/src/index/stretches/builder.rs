//! Cuts numbers that rise into stretches.

use super::{NUMBER_BITS, SLOT_BITS, number};
use crate::error::BuildError;
use crate::index::tree::spell;

/// Takes the numbers of records in their order.
pub(crate) struct StretchBuilder {
    builder: fst::raw::Builder<Vec<u8>>,
    /// The number that came last, its first record, how many records had it so far.
    last: Option<(u64, u32, u32)>,
    /// The number that would continue the stretch under construction.
    next: Option<u64>,
}

impl StretchBuilder {
    pub(crate) fn new() -> Result<Self, BuildError> {
        let builder = fst::raw::Builder::new(Vec::new()).map_err(invalid)?;
        Ok(Self { builder, last: None, next: None })
    }

    /// Adds the next record.
    #[inline]
    pub(crate) fn push(&mut self, sort_key: u64, record: u32) -> Result<(), BuildError> {
        let number = number(sort_key);
        match &mut self.last {
            Some((last, _, count)) if *last == number => *count += 1,
            _ => {
                self.settle()?;
                self.last = Some((number, record, 1));
            }
        }
        Ok(())
    }

    /// What is known of a number once the next is there.
    #[inline]
    fn settle(&mut self) -> Result<(), BuildError> {
        let Some((number, record, count)) = self.last else { return Ok(()) };
        debug_assert!(number >> NUMBER_BITS == 0);
        let repeated = count > 1;
        let at_border = number.trailing_zeros() >= SLOT_BITS;
        if repeated || at_border || self.next != Some(number) {
            let output = u64::from(record) << 1 | u64::from(repeated);
            self.builder.insert(spell(number << 1), output).map_err(invalid)?;
        }
        self.next = (!repeated).then_some(number + 1);
        Ok(())
    }

    /// The section.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, BuildError> {
        self.settle()?;
        self.builder.into_inner().map_err(invalid)
    }
}

fn invalid(error: fst::Error) -> BuildError {
    BuildError::Invalid { place: "index", detail: error.to_string() }
}
