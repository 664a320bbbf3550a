//! Who was granted a deduction for which year: one certificate a person and year.

use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use super::judge::DEDUCTION_FIRST_YEAR;
use super::spill::SpillSet;
use crate::key::encode;
use crate::record::View;

/// Grants held in memory; what goes beyond lies in temporary files. Of persons with a resident number
/// and of others each.
pub const GRANTS_IN_MEMORY_MAX: usize = 1_835_008;
/// Years that fit beside a packed resident number in 64 bits.
const NEAR_YEARS: u16 = 16;

/// A person and a year. Equal for equal persons and years only, but for those whose document number is
/// of no usual shape: these are told apart by a 128-bit hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A number of 17 digits and a check character, and one of the near years.
    Near(u64),
    /// Any other.
    Far(u128),
}

impl Grant {
    /// Of the holder of this record.
    pub(super) fn of(view: &View<'_>, year: u16) -> Self {
        let id = view.record.id;
        let years = year.saturating_sub(DEDUCTION_FIRST_YEAR);
        if encode::id_is_escape(id) {
            let text = format!("{year} {}", view.id_number().as_str());
            // The highest bit parts these from the packed ones below.
            return Self::Far(xxh3_128(text.as_bytes()) | 1 << 127);
        }
        // A packed number is below 2^60.
        if years < NEAR_YEARS {
            Self::Near(id << 4 | u64::from(years))
        } else {
            Self::Far(u128::from(id) << 16 | u128::from(year))
        }
    }

    /// In 17 bytes, for a journal.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 17] {
        let (kind, value) = match self {
            Self::Near(value) => (0, u128::from(value)),
            Self::Far(value) => (1, value),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(&value.to_le_bytes());
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) wrote; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 17]) -> Option<Self> {
        let mut value = [0; 16];
        value.copy_from_slice(&bytes[1..]);
        let value = u128::from_le_bytes(value);
        match bytes[0] {
            0 => u64::try_from(value).ok().map(Self::Near),
            1 => Some(Self::Far(value)),
            _ => None,
        }
    }
}

/// All grants of a stream.
pub(super) struct Granted {
    near: SpillSet<u64>,
    far: SpillSet<u128>,
}

impl Granted {
    /// None yet; temporary files go to `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            near: SpillSet::new(GRANTS_IN_MEMORY_MAX, folder),
            far: SpillSet::new(GRANTS_IN_MEMORY_MAX / 2, folder),
        }
    }

    /// Takes a grant; `false` when the person had one for that year.
    pub(super) fn take(&mut self, grant: Grant) -> io::Result<bool> {
        match grant {
            Grant::Near(key) => self.near.insert(key),
            Grant::Far(key) => self.far.insert(key),
        }
    }
}
