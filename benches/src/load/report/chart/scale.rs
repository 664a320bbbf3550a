//! Where a value stands on an axis, and which round numbers mark it.

/// An axis without its place on the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Equal steps.
    Linear { low: f64, high: f64, step: f64 },
    /// Equal factors.
    Log { low: f64, high: f64 },
    /// Shares by how few are left over: 0, 90, 99, 99.9 … at equal distances.
    Nines { most: f64 },
}

const DECIMAL: &[f64] = &[1.0, 2.0, 5.0];
/// Seconds and minutes.
const CLOCK: &[f64] = &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
const TICKS: f64 = 6.0;

impl Scale {
    /// From nought to a round number above all values.
    pub(crate) fn from_nought(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let step = decimal_step(most);
        Self::Linear { low: 0.0, high: (most / step).ceil() * step, step }
    }

    /// Bytes from nought: steps are round in binary units.
    pub(crate) fn bytes(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(1.0, f64::max);
        let unit = 1024f64.powi((most.log2() / 10.0).floor() as i32);
        let step = decimal_step(most / unit) * unit;
        Self::Linear { low: 0.0, high: (most / step).ceil() * step, step }
    }

    /// A stretch of time, as it is.
    pub(crate) fn time(low: f64, high: f64) -> Self {
        let low = if low.is_finite() { low } else { 0.0 };
        let high = if high.is_finite() && high > low { high } else { low + 1.0 };
        Self::Linear { low, high, step: clock_step(high - low) }
    }

    /// All values above nought, widened to 1, 2 or 5 times a power of ten.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for value in values.into_iter().filter(|value| value.is_finite() && *value > 0.0) {
            low = low.min(value);
            high = high.max(value);
        }
        if high == 0.0 {
            return Self::Log { low: 1.0, high: 10.0 };
        }
        let (low, mut above) = (round_down(low), round_up(high));
        if above <= low * 2.0 {
            above = low * 10.0;
        }
        Self::Log { low, high: above }
    }

    /// Shares up to the one of a single answer among so many.
    pub(crate) fn nines(answers: u64) -> Self {
        Self::Nines { most: (answers.max(10) as f64).log10() }
    }

    /// Where the value stands, 0 to 1; beyond the ends at the ends. `None` for what has no place.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let place = match *self {
            Self::Linear { low, high, .. } => (value - low) / (high - low),
            Self::Log { low, high } if value > 0.0 => (value / low).log10() / (high / low).log10(),
            Self::Log { .. } => return None,
            Self::Nines { most } => -(1.0 - value).max(10f64.powf(-most)).log10() / most,
        };
        place.is_finite().then(|| place.clamp(0.0, 1.0))
    }

    /// Round values along it.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { low, high, step } => {
                let first = (low / step - 1e-9).ceil() as i64;
                let last = (high / step + 1e-9).floor() as i64;
                (first..=last).map(|at| tidy(at as f64 * step)).collect()
            }
            Self::Log { low, high } => log_ticks(low, high),
            Self::Nines { most } => {
                (0..=most as i32).map(|nines| 1.0 - 10f64.powi(-nines)).collect()
            }
        }
    }
}

/// Removes what binary fractions add to decimal ones.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn decimal_step(range: f64) -> f64 {
    let rough = range / TICKS;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn clock_step(range: f64) -> f64 {
    let rough = range / TICKS;
    if rough < 1.0 {
        return decimal_step(range);
    }
    let fitting = CLOCK.iter().copied().find(|step| *step >= rough);
    fitting.unwrap_or_else(|| (rough / 3600.0).ceil() * 3600.0)
}

fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = DECIMAL.iter().copied().rev().find(|step| step * power <= value * 1.000_001);
    factor.unwrap_or(1.0) * power
}

fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = DECIMAL.iter().copied().find(|step| step * power >= value * 0.999_999);
    factor.unwrap_or(10.0) * power
}

fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (high / low).log10();
    let (factors, every): (&[f64], usize) = match decades {
        few if few <= 2.2 => (DECIMAL, 1),
        some if some <= 7.0 => (&DECIMAL[..1], 1),
        _ => (&DECIMAL[..1], 2),
    };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    (first..=last)
        .step_by(every)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
        .filter(|tick| *tick >= low * 0.999_999 && *tick <= high * 1.000_001)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_axes_end_and_tick_at_round_numbers() {
        let scale = Scale::from_nought([12.0, 4870.0]);
        assert_eq!(scale.ticks(), [0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]);
        assert_eq!(scale.place(2500.0), Some(0.5));
        assert_eq!(scale.place(9999.0), Some(1.0), "beyond the end at the end");
        assert_eq!(Scale::from_nought([1.7]).ticks(), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(Scale::from_nought([]).place(0.0), Some(0.0));
        assert_eq!(Scale::from_nought([f64::NAN, 10.0]).place(f64::NAN), None);
    }

    #[test]
    fn bytes_tick_in_their_unit() {
        let gib = 1024f64.powi(3);
        assert_eq!(Scale::bytes([2.9 * gib]).ticks().last(), Some(&(3.0 * gib)));
        let mib = 1024f64.powi(2);
        let ticks = Scale::bytes([512.0 * mib]).ticks();
        assert_eq!(&ticks[..3], [0.0, 100.0 * mib, 200.0 * mib]);
    }

    #[test]
    fn time_ticks_at_seconds_and_minutes() {
        assert_eq!(Scale::time(0.0, 60.0).ticks(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(Scale::time(95.0, 215.0).ticks(), [120.0, 150.0, 180.0, 210.0]);
        assert_eq!(Scale::time(0.0, 36_000.0).ticks().len(), 6);
        assert!(Scale::time(5.0, 5.0).place(5.0).is_some(), "no stretch at all");
    }

    #[test]
    fn log_axes_hold_all_values_and_tick_by_decades() {
        let scale = Scale::log([130.0, 0.0, 480_000.0]);
        assert_eq!(scale, Scale::Log { low: 100.0, high: 500_000.0 });
        assert_eq!(scale.ticks(), [100.0, 1000.0, 10_000.0, 100_000.0]);
        assert_eq!(scale.place(0.0), None, "nought has no logarithm");
        assert_eq!(scale.place(100.0), Some(0.0));
        assert_eq!(Scale::log([30.0, 80.0]).ticks(), [20.0, 50.0, 100.0]);
        assert_eq!(Scale::log([]).ticks().first(), Some(&1.0));
        assert!(Scale::log([40.0]).ticks().len() >= 2, "one value still gets an axis");
    }

    #[test]
    fn nines_stand_at_equal_distances() {
        let scale = Scale::nines(10_000);
        let near = |share: f64, place: f64| {
            let got = scale.place(share).unwrap();
            assert!((got - place).abs() < 1e-9, "{share}: {got}");
        };
        near(0.0, 0.0);
        near(0.9, 0.25);
        near(0.99, 0.5);
        near(0.999, 0.75);
        near(1.0, 1.0);
        assert_eq!(scale.ticks().len(), 5);
    }
}
