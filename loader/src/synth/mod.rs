//! Writes invented certificates as upload files: a made-up register to try, to test and to measure
//! with, of any size and with no real person in it.
//!
//! All cores work at it: the register comes in parts, each made and written by one thread, in bounded
//! memory and with the same result on any number of threads.
//!
//! The writers put out what they are given, right or wrong, so that samples can hold bad rows on
//! purpose. They promise the same bytes for the same rows. They know nothing of rules: what is
//! acceptable is judged elsewhere.

pub mod batches;
pub mod columns;
pub mod csv;
pub mod dbf;
pub mod files;
pub mod xls;
pub mod xlsx;

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use zhengcha_engine::Date;
use zhengcha_engine::testing::Register;

use crate::progress::Progress;

pub use columns::{Column, Kind, TableLayout, columns, values};
pub use files::{SynthFormat, SynthSummary, synth};

/// Rows of one file, so that a workbook stays below the 1,048,576 rows of a sheet; also what one
/// thread makes at a time.
pub const ROWS_PER_FILE_MAX: u64 = 500_000;

/// Records of one batch: some 700 MB in memory.
pub const RECORDS_PER_BATCH_MAX: u64 = 10_000_000;

/// A register to be invented. The certificates follow from the first three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many certificates.
    pub records: u64,
    /// Which of all registers.
    pub seed: u64,
    /// How many in one part.
    pub part_records: u64,
    /// How many in one batch, of whole parts.
    pub batch_records: u64,
}

impl Wanted {
    /// In parts of [`ROWS_PER_FILE_MAX`] and batches of [`RECORDS_PER_BATCH_MAX`].
    #[must_use]
    pub fn new(records: u64, seed: u64) -> Self {
        Self {
            records,
            seed,
            part_records: ROWS_PER_FILE_MAX,
            batch_records: RECORDS_PER_BATCH_MAX,
        }
    }

    fn register(&self) -> anyhow::Result<Register> {
        let most = Register::capacity();
        ensure!(
            self.records <= most,
            "{} certificates are more than the {most} that can be invented",
            self.records
        );
        Ok(Register::new(self.seed, self.records, self.part_records))
    }
}

/// Records done by all threads together.
struct Count<'a> {
    done: AtomicU64,
    progress: &'a dyn Progress,
}

impl<'a> Count<'a> {
    fn begin(step: &'static str, total: u64, progress: &'a dyn Progress) -> Self {
        progress.begin(step, total);
        Self { done: AtomicU64::new(0), progress }
    }

    fn add(&self, records: u64) {
        let before = self.done.fetch_add(records, Ordering::Relaxed);
        self.progress.advance(before + records);
    }
}

/// Progress is told every so many records.
const COUNTED_RECORDS: u64 = 8_192;

/// One cell to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// An empty cell.
    Empty,
    /// Text as it stands.
    Text(Cow<'a, str>),
    /// A number: a number cell of a workbook, digits elsewhere.
    Number(f64),
    /// A day: a date cell of a workbook, a date column of a DBF file, `YYYY-MM-DD` in csv.
    Date(Date),
    /// A formula without its `=`; as text with the `=` where there are no formulas.
    Formula(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Text, or an empty cell for empty text.
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// The cell as plain text, for formats without cell types.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => match tenths(*number) {
                Some(tenths) => Cow::Borrowed(tenths_text(tenths)),
                None => Cow::Owned(number.to_string()),
            },
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Formula(formula) => Cow::Owned(format!("={formula}")),
        }
    }
}

/// Receives the rows of one table; the header was written when it was made.
pub trait TableWriter {
    /// Writes the next row, a value for each column.
    ///
    /// # Errors
    /// When the row cannot be written or does not fit the format.
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()>;

    /// Ends the table and writes what is still held back.
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// The number in tenths, when it is what a score can be.
fn tenths(number: f64) -> Option<u16> {
    let tenths = (number * 10.0).round();
    ((0.0..=1000.0).contains(&tenths) && tenths / 10.0 == number).then_some(tenths as u16)
}

/// A number of tenths up to 1000, as short as can be: `84.8`, `84`.
fn tenths_text(tenths: u16) -> &'static str {
    static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        (0..=1000u16).map(|tenths| (f64::from(tenths) / 10.0).to_string()).collect()
    });
    TEXTS.get(usize::from(tenths)).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_as_the_standard_library_writes_it() {
        let scores = (0..=1000).map(|tenths| f64::from(tenths) / 10.0);
        for number in scores.chain([84.85, 100.5, 41_414.0, 320_102_198_506_150_000.0, -1.0, -0.1])
        {
            assert_eq!(Value::Number(number).to_text(), number.to_string());
        }
    }
}
