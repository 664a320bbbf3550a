//! Numbers as people read them: thousands apart, a unit of fitting size, no digit without meaning.

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

pub(super) use crate::thousands::grouped;

/// Three significant digits, thousands apart: `6,210`, `41.2`, `0.0813`.
pub(super) fn three(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let step = 10f64.powi(magnitude - 2);
    let rounded = (value.abs() / step).round() * step;
    let sign = if value < 0.0 { "−" } else { "" };
    if rounded >= 100.0 {
        return format!("{sign}{}", grouped(rounded.round() as u64));
    }
    // Rounding may have carried into one more digit: 9.996 is 10.0, not 10.00.
    let magnitude = rounded.log10().floor() as i32;
    let places = usize::try_from(2 - magnitude).unwrap_or(0).min(9);
    format!("{sign}{rounded:.places$}")
}

/// Axis ticks are round already: as few digits as say it.
pub(super) fn round(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value.fract() == 0.0 && value >= 0.0 {
        return grouped(value as u64);
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So many a second.
pub(super) fn rate(value: f64) -> String {
    format!("{}/s", three(value))
}

/// A latency; none when it is nought, which no answer can be.
pub(super) fn latency(us: u64) -> String {
    if us == 0 { NONE.to_owned() } else { micros(us as f64) }
}

/// A latency that was stated, not measured: as few digits as say it.
pub(super) fn stated(us: u64) -> String {
    if us == 0 { NONE.to_owned() } else { round_micros(us as f64) }
}

/// Microseconds in a unit of fitting size.
pub(super) fn micros(us: f64) -> String {
    in_unit(us, three)
}

/// The same for ticks of an axis.
pub(super) fn round_micros(us: f64) -> String {
    in_unit(us, round)
}

fn in_unit(us: f64, digits: fn(f64) -> String) -> String {
    if !us.is_finite() {
        return NONE.to_owned();
    }
    // What rounds up to a thousand belongs to the next unit.
    match us.abs() {
        size if size < 999.5 => format!("{} µs", digits(us)),
        size if size < 999_500.0 => format!("{} ms", digits(us / 1e3)),
        _ => format!("{} s", digits(us / 1e6)),
    }
}

/// Seconds in a unit of fitting size.
pub(super) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.to_owned();
    }
    if seconds < 120.0 {
        return micros(seconds * 1e6);
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours} h {minutes:02} min")
    } else {
        format!("{minutes} min {rest:02} s")
    }
}

/// A moment on the axis of time: seconds, or minutes and seconds from two minutes on.
pub(super) fn clock(seconds: f64) -> String {
    if seconds < 0.0 || !seconds.is_finite() {
        return NONE.to_owned();
    }
    let whole = seconds as u64;
    if seconds.fract() != 0.0 && seconds < 60.0 {
        return round(seconds);
    }
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// Bytes in binary units.
pub(super) fn bytes(bytes: f64) -> String {
    in_bytes(bytes, three)
}

/// The same for ticks of an axis.
pub(super) fn round_bytes(bytes: f64) -> String {
    in_bytes(bytes, |value| round((value * 100.0).round() / 100.0))
}

fn in_bytes(bytes: f64, digits: fn(f64) -> String) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes, 0);
    while value.abs() >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", digits(value), UNITS[unit])
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    let hundred = share * 100.0;
    if !hundred.is_finite() {
        return NONE.to_owned();
    }
    if hundred == 0.0 {
        return "0 %".to_owned();
    }
    // Nearly all is not all, and hardly any is not none.
    if hundred < 100.0 && hundred > 99.9 {
        return format!("{:.3} %", (hundred * 1e3).floor() / 1e3);
    }
    if hundred >= 10.0 {
        return format!("{hundred:.1} %");
    }
    if hundred < 1e-4 { "< 0.0001 %".to_owned() } else { format!("{} %", two(hundred)) }
}

fn two(value: f64) -> String {
    let places = usize::try_from(1 - value.abs().log10().floor() as i32).unwrap_or(0).min(6);
    format!("{value:.places$}")
}

/// How many times `from` is `to`.
pub(super) fn times(from: f64, to: f64) -> String {
    if from > 0.0 && to.is_finite() {
        let ratio = to / from;
        if ratio >= 10.0 { format!("× {}", three(ratio)) } else { format!("× {ratio:.2}") }
    } else {
        NONE.to_owned()
    }
}

/// `1 question`, `2 questions`.
pub(super) fn count(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stop_where_meaning_does() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        let shown = [12345.6, 6214.0, 412.3, 41.237, 4.1237, 0.081_34, 9.996, 999.6, 0.0, -5.0];
        assert_eq!(
            shown.map(three),
            ["12,300", "6,210", "412", "41.2", "4.12", "0.0813", "10.0", "1,000", "0", "−5.00"]
        );
        assert_eq!(three(f64::NAN), NONE);
    }

    #[test]
    fn units_fit_the_size() {
        let shown = [0, 7, 830, 4123, 41_234, 999_400, 999_600, 1_520_000];
        assert_eq!(
            shown.map(latency),
            ["–", "7.00 µs", "830 µs", "4.12 ms", "41.2 ms", "999 ms", "1.00 s", "1.52 s"]
        );
        assert_eq!([0, 50_000, 2_500_000].map(stated), ["–", "50 ms", "2.5 s"]);
        assert_eq!(seconds(0.63), "630 ms");
        assert_eq!(seconds(605.0), "10 min 05 s");
        assert_eq!(seconds(7260.0), "2 h 01 min");
        assert_eq!(bytes(1536.0), "1.50 KiB");
        assert_eq!(bytes(8.0 * 1024f64.powi(3)), "8.00 GiB");
        assert_eq!(clock(75.0), "1:15");
        assert_eq!(clock(0.5), "0.5");
        assert_eq!([0.25, 1000.0, 50.0].map(round), ["0.25", "1,000", "50"]);
        assert_eq!(round_micros(200_000.0), "200 ms");
    }

    #[test]
    fn shares_never_round_to_none_or_all() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.999_999_9), "99.999 %");
        assert_eq!(percent(0.123_4), "12.3 %");
        assert_eq!(percent(0.001_234), "0.12 %");
        assert_eq!(percent(1e-9), "< 0.0001 %");
        assert_eq!(times(2.0, 3.0), "× 1.50");
        assert_eq!(times(0.0, 3.0), NONE);
        assert_eq!(count(1, "swap"), "1 swap");
    }
}
