//! Calendar dates without a clock or a zone: what stands on a certificate.

use std::fmt;
use std::ops::RangeInclusive;

use crate::key::normalize;

/// A valid day of the Gregorian calendar, years 1 to 9999.
///
/// Ordered as the calendar is. Shown as `YYYY-MM-DD`, the form of 人社鉴函〔2019〕20号 第三条.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day given, or `None` when the calendar has no such day.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let valid = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && day >= 1
            && day <= days_in_month(year, month);
        valid.then_some(Self { year, month, day })
    }

    /// Reads `YYYYMMDD` given as a number, for example `20240229`.
    #[must_use]
    pub fn from_yyyymmdd(number: u32) -> Option<Self> {
        let year = u16::try_from(number / 10_000).ok()?;
        let month = u8::try_from(number / 100 % 100).ok()?;
        let day = u8::try_from(number % 100).ok()?;
        Self::new(year, month, day)
    }

    /// Reads exactly `YYYY-MM-DD`.
    #[must_use]
    pub fn parse_iso(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let digits = |range: std::ops::Range<usize>| {
            bytes[range].iter().try_fold(0u32, |sum, &byte| {
                byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
            })
        };
        Self::from_yyyymmdd(digits(0..4)? * 10_000 + digits(5..7)? * 100 + digits(8..10)?)
    }

    /// Reads a date as people write it: `YYYY-MM-DD`, `YYYY/M/D`, `YYYY.M.D`, `YYYYMMDD`, `YYYY年M月D日`; spaces
    /// and full-width forms do not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_iso(text).or_else(|| {
            let text = normalize::ticket_number(text);
            Self::parse_iso(&text).or_else(|| compact(&text)).or_else(|| spelt(&text))
        })
    }

    /// Year, 1 to 9999.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// Month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01, negative before it.
    ///
    /// Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day comes last.
    #[must_use]
    pub fn days_since_1970(self) -> i32 {
        let month = i32::from(self.month);
        let year = i32::from(self.year) - i32::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The inverse of [`Date::days_since_1970`]; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_days_since_1970(days: i32) -> Option<Self> {
        let shifted = days.checked_add(719_468)?;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        Self::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand: a register's worth of dates is written at a time.
        let digit = |value: u16, place: u16| b'0' + (value / place % 10) as u8;
        let (year, month, day) = (self.year, u16::from(self.month), u16::from(self.day));
        let text = [
            digit(year, 1000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            b'-',
            digit(month, 10),
            digit(month, 1),
            b'-',
            digit(day, 10),
            digit(day, 1),
        ];
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn compact(text: &str) -> Option<Date> {
    Date::from_yyyymmdd(decimal(text, 8..=8)?)
}

fn spelt(text: &str) -> Option<Date> {
    let (year, rest, between) = if let Some((year, rest)) = text.split_once('年') {
        (year, rest.strip_suffix('日')?, '月')
    } else {
        let between = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| "/.".contains(*c))?;
        let (year, rest) = text.split_once(between)?;
        (year, rest, between)
    };
    let (month, day) = rest.split_once(between)?;
    Date::new(
        u16::try_from(decimal(year, 4..=4)?).ok()?,
        u8::try_from(decimal(month, 1..=2)?).ok()?,
        u8::try_from(decimal(day, 1..=2)?).ok()?,
    )
}

fn decimal(text: &str, digits: RangeInclusive<usize>) -> Option<u32> {
    let fits = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_edges() {
        assert!(Date::new(2023, 2, 29).is_none());
        assert!(Date::new(2024, 2, 29).is_some());
        assert!(Date::new(1900, 2, 29).is_none());
        assert!(Date::new(2000, 2, 29).is_some());
        assert!(Date::new(2024, 4, 31).is_none());
        assert!(Date::new(2024, 0, 1).is_none());
        assert!(Date::new(0, 1, 1).is_none());
        assert_eq!(Date::parse_iso("2019-04-16"), Date::new(2019, 4, 16));
        assert_eq!(Date::parse_iso("2019-4-16"), None);
        assert_eq!(Date::new(1970, 1, 1).unwrap().days_since_1970(), 0);
        assert_eq!(Date::new(2000, 3, 1).unwrap().days_since_1970(), 11_017);
    }

    #[test]
    fn days_round_trip_over_five_centuries() {
        let first = Date::new(1700, 1, 1).unwrap().days_since_1970();
        let mut previous = None;
        for days in first..first + 183_000 {
            let date = Date::from_days_since_1970(days).unwrap();
            assert_eq!(date.days_since_1970(), days);
            assert!(previous < Some(date), "dates rise with days");
            previous = Some(date);
        }
    }
}
