//! Address codes of resident numbers with the years in which they were given (GB/T 2260).

use zhengcha_engine::tables::{Source, TableError};

/// A number given in the year after a code ended is still taken as good: offices changed over late.
const CHANGE_OVER_YEARS: u16 = 1;

#[derive(Clone, Copy, Debug)]
struct Period {
    code: u32,
    from_year: u16,
    to_year: u16,
}

/// Codes differ in their last digits within a prefecture; so many share the digits before.
const CODES_PER_PREFECTURE: u32 = 100;
const PREFECTURES: usize = 1_000_000 / CODES_PER_PREFECTURE as usize;

/// Codes and periods, sorted by code.
#[derive(Clone, Debug)]
pub struct Regions {
    periods: Vec<Period>,
    /// By the first four digits: the first period of that prefecture or a later one.
    prefectures: Vec<u32>,
}

impl Regions {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, TableError> {
        let mut periods = Vec::new();
        source.each(&["code", "name", "from_year", "to_year"], |row| {
            let period = Period {
                code: row.number(0)?,
                from_year: row.optional(2)?.unwrap_or(0),
                to_year: row.optional(3)?.unwrap_or(u16::MAX),
            };
            if !(100_000..=999_999).contains(&period.code) {
                return Err(row.wrong(0, "six digits are expected"));
            }
            if period.from_year > period.to_year {
                return Err(row.wrong(3, "it ends before it begins"));
            }
            periods.push(period);
            Ok(())
        })?;
        periods.sort_by_key(|period| period.code);
        let first = |prefecture: usize| {
            let code = prefecture as u32 * CODES_PER_PREFECTURE;
            periods.partition_point(|period| period.code < code) as u32
        };
        let prefectures = (0..=PREFECTURES).map(first).collect();
        Ok(Self { periods, prefectures })
    }

    /// Whether a number with this code can have been given to a person born in `birth_year` whose
    /// certificate is of `issue_year`: the code had not ended before the birth, and had begun when
    /// the certificate was issued. A code stays with the person though the district is abolished,
    /// and grown-ups were given numbers too, so nothing more can be said.
    #[must_use]
    pub fn is_known(&self, code: u32, birth_year: u16, issue_year: u16) -> bool {
        let prefecture = (code / CODES_PER_PREFECTURE) as usize;
        let Some(&[first, end]) = self.prefectures.get(prefecture..prefecture + 2) else {
            return false;
        };
        let periods = &self.periods[first as usize..end as usize];
        periods.iter().filter(|period| period.code == code).any(|period| {
            birth_year <= period.to_year.saturating_add(CHANGE_OVER_YEARS)
                && issue_year.saturating_add(CHANGE_OVER_YEARS) >= period.from_year
        })
    }
}
