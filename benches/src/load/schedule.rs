//! How many questions are due when.
//!
//! Every schedule is a rate over time made of straight pieces. The moments at which questions are due follow
//! from it alone, not from how the server fares: that is what makes the loop open.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rand::Rng;
use rand_distr::{Distribution, Exp1};

/// Share of the peak at each hour of a working day, midnight to midnight: few at night, a high before noon,
/// a dip at noon, a high in the afternoon, a late evening of private people. An assumption, not a
/// measurement: no figures of the national endpoint are public.
const DAY: [f64; 25] = [
    0.08, 0.05, 0.04, 0.03, 0.03, 0.05, 0.10, 0.25, 0.60, 0.92, 1.00, 0.85, 0.50, 0.60, 0.85, 0.95,
    0.88, 0.65, 0.40, 0.38, 0.42, 0.40, 0.28, 0.15, 0.08,
];

/// Share of the peak over the season in which the year's income tax is settled (1 March to 30 June), in
/// weeks: the rush of the first days, a slow decline, a second rush before the last day. An assumption.
const TAX_SEASON: [f64; 18] = [
    1.00, 0.95, 0.80, 0.62, 0.48, 0.40, 0.36, 0.32, 0.28, 0.26, 0.25, 0.25, 0.28, 0.32, 0.40, 0.55,
    0.80, 0.98,
];

/// The shape of a rate.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Always the same.
    Constant(f64),
    /// From the first rate to the second in so many equal steps.
    Steps(f64, f64, u32),
    /// The first rate, but for the middle fifth of the time: there the second.
    Spike(f64, f64),
    /// A working day with this peak, in the time given.
    Day(f64),
    /// The season of tax settlements with this peak, in the time given.
    TaxSeason(f64),
}

/// A rate over a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    shape: Shape,
    time: Duration,
    /// Rising in time: seconds, rate from there, rate at the next point, questions due before.
    pieces: Vec<Piece>,
    due: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    from_s: f64,
    seconds: f64,
    rate: f64,
    rise: f64,
    due_before: f64,
}

impl Piece {
    fn due(&self, into_s: f64) -> f64 {
        self.rate * into_s + self.rise * into_s * into_s / 2.0
    }

    /// Seconds into the piece at which so many are due.
    fn when(&self, due: f64) -> f64 {
        if self.rise.abs() < 1e-12 {
            return if self.rate > 0.0 { due / self.rate } else { self.seconds };
        }
        let root = (self.rate * self.rate + 2.0 * self.rise * due).max(0.0).sqrt();
        // The form that does not subtract nearly equal numbers.
        2.0 * due / (self.rate + root)
    }
}

impl Schedule {
    /// This shape over this time.
    #[must_use]
    pub fn new(shape: Shape, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let curve = |shares: &[f64], peak: f64| -> Vec<(f64, f64, f64)> {
            let each = seconds / (shares.len() - 1) as f64;
            shares.windows(2).map(|pair| (each, pair[0] * peak, pair[1] * peak)).collect()
        };
        let level = |seconds: f64, rate: f64| (seconds, rate, rate);
        let parts = match shape {
            Shape::Constant(rate) => vec![level(seconds, rate)],
            Shape::Steps(first, last, steps) => {
                let steps = steps.max(1);
                let rise = (last - first) / f64::from(steps.max(2) - 1);
                (0..steps)
                    .map(|step| level(seconds / f64::from(steps), first + rise * f64::from(step)))
                    .collect()
            }
            Shape::Spike(rate, peak) => vec![
                level(seconds * 0.4, rate),
                level(seconds * 0.2, peak),
                level(seconds * 0.4, rate),
            ],
            Shape::Day(peak) => curve(&DAY, peak),
            Shape::TaxSeason(peak) => curve(&TAX_SEASON, peak),
        };
        let (mut from_s, mut due) = (0.0, 0.0);
        let mut pieces = Vec::with_capacity(parts.len());
        for (seconds, begin, end) in parts {
            let rise = if seconds > 0.0 { (end - begin) / seconds } else { 0.0 };
            let piece = Piece { from_s, seconds, rate: begin, rise, due_before: due };
            due += piece.due(seconds);
            from_s += seconds;
            pieces.push(piece);
        }
        Self { shape, time, pieces, due }
    }

    /// The same rate all the time.
    #[must_use]
    pub fn constant(rate: f64, time: Duration) -> Self {
        Self::new(Shape::Constant(rate), time)
    }

    /// How long it lasts.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Questions due in all of it, on average.
    #[must_use]
    pub fn due(&self) -> f64 {
        self.due
    }

    /// The highest rate.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.pieces
            .iter()
            .map(|piece| piece.rate.max(piece.rate + piece.rise * piece.seconds))
            .fold(0.0, f64::max)
    }

    /// From when to when the spike of a spike lasts; `None` for any other shape.
    #[must_use]
    pub fn spike(&self) -> Option<(Duration, Duration)> {
        match (&self.shape, self.pieces.as_slice()) {
            (Shape::Spike(..), [_, spike, after]) => {
                Some((Duration::from_secs_f64(spike.from_s), Duration::from_secs_f64(after.from_s)))
            }
            _ => None,
        }
    }

    /// The moments at which one of `threads` equal senders has questions due, rising: a Poisson process, as of
    /// many askers who know nothing of each other.
    pub fn arrivals<R: Rng>(
        &self,
        threads: usize,
        random: R,
    ) -> impl Iterator<Item = Duration> + use<R> {
        let share = 1.0 / threads.max(1) as f64;
        Arrivals { pieces: self.pieces.clone(), share, due: 0.0, piece: 0, random }
    }
}

struct Arrivals<R> {
    pieces: Vec<Piece>,
    share: f64,
    /// Questions of all threads due before the one that came last.
    due: f64,
    piece: usize,
    random: R,
}

impl<R: Rng> Iterator for Arrivals<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let gap: f64 = Exp1.sample(&mut self.random);
        self.due += gap / self.share;
        loop {
            let piece = self.pieces.get(self.piece)?;
            let within = self.due - piece.due_before;
            if within < piece.due(piece.seconds) {
                let into = piece.when(within).min(piece.seconds);
                return Some(Duration::from_secs_f64(piece.from_s + into));
            }
            self.piece += 1;
        }
    }
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        const FORMS: &str =
            "constant:RATE, steps:FROM..TO/COUNT, spike:RATE..PEAK, day:PEAK or tax-season:PEAK";
        let number = |text: &str| -> anyhow::Result<f64> {
            let rate: f64 =
                text.trim().parse().with_context(|| format!("`{text}` is not a number"))?;
            ensure!(
                rate.is_finite() && (0.0..=1e7).contains(&rate),
                "a rate is 0 to 10,000,000 a second, not {text}"
            );
            Ok(rate)
        };
        let range = |text: &str| -> anyhow::Result<(f64, f64)> {
            let (from, to) =
                text.split_once("..").with_context(|| format!("`{text}` is not FROM..TO"))?;
            Ok((number(from)?, number(to)?))
        };
        let Some((name, rest)) = text.split_once(':') else {
            bail!("`{text}` is no schedule; it is {FORMS}")
        };
        Ok(match name {
            "constant" => Self::Constant(number(rest)?),
            "steps" => {
                let (rates, count) = rest.split_once('/').context("steps:FROM..TO/COUNT")?;
                let (from, to) = range(rates)?;
                let count: u32 = count.trim().parse().context("COUNT is a whole number")?;
                ensure!((1..=1000).contains(&count), "COUNT is 1 to 1000");
                Self::Steps(from, to, count)
            }
            "spike" => {
                let (rate, peak) = range(rest)?;
                Self::Spike(rate, peak)
            }
            "day" => Self::Day(number(rest)?),
            "tax-season" => Self::TaxSeason(number(rest)?),
            _ => bail!("`{name}` is no schedule; it is {FORMS}"),
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Constant(rate) => write!(f, "constant {rate:.0}/s"),
            Shape::Steps(first, last, steps) => {
                write!(f, "{first:.0} to {last:.0}/s in {steps} steps")
            }
            Shape::Spike(rate, peak) => write!(f, "{rate:.0}/s with a spike of {peak:.0}/s"),
            Shape::Day(peak) => write!(f, "a working day with a peak of {peak:.0}/s"),
            Shape::TaxSeason(peak) => write!(f, "a tax season with a peak of {peak:.0}/s"),
        }?;
        write!(f, " for {:.0} s", self.time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn arrivals(shape: Shape, seconds: u64, threads: usize) -> Vec<f64> {
        let schedule = Schedule::new(shape, Duration::from_secs(seconds));
        let mut all: Vec<f64> = (0..threads)
            .flat_map(|thread| {
                let random = ChaCha8Rng::seed_from_u64(thread as u64);
                schedule.arrivals(threads, random).map(|due| due.as_secs_f64()).collect::<Vec<_>>()
            })
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn between(all: &[f64], from: f64, to: f64) -> usize {
        all.iter().filter(|&&at| (from..to).contains(&at)).count()
    }

    /// Within five standard deviations of a Poisson count.
    fn is_about(count: usize, expected: f64) -> bool {
        (count as f64 - expected).abs() < 5.0 * expected.sqrt() + 1.0
    }

    #[test]
    fn a_constant_rate_is_kept_over_all_threads() {
        for threads in [1, 2, 3] {
            let all = arrivals(Shape::Constant(1000.0), 20, threads);
            assert!(is_about(all.len(), 20_000.0), "{}", all.len());
            assert!(is_about(between(&all, 5.0, 10.0), 5000.0));
            assert!(all.iter().all(|&at| at < 20.0));
        }
    }

    #[test]
    fn gaps_are_those_of_independent_askers() {
        let all = arrivals(Shape::Constant(1000.0), 50, 1);
        let gaps: Vec<f64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let relative = variance.sqrt() / mean;
        assert!((relative - 1.0).abs() < 0.05, "deviation over mean is {relative}");
    }

    #[test]
    fn steps_and_spikes_are_where_they_belong() {
        let steps = arrivals(Shape::Steps(100.0, 500.0, 5), 50, 2);
        for step in 0..5 {
            let from = 10.0 * f64::from(step);
            let expected = 10.0 * (100.0 + 100.0 * f64::from(step));
            assert!(is_about(between(&steps, from, from + 10.0), expected), "step {step}");
        }
        let spike = arrivals(Shape::Spike(100.0, 5000.0), 10, 2);
        assert!(is_about(between(&spike, 0.0, 4.0), 400.0));
        assert!(is_about(between(&spike, 4.0, 6.0), 10_000.0));
        assert!(is_about(between(&spike, 6.0, 10.0), 400.0));
    }

    #[test]
    fn curves_keep_their_peak_and_their_sum() {
        for shape in [Shape::Day(1000.0), Shape::TaxSeason(1000.0)] {
            let schedule = Schedule::new(shape.clone(), Duration::from_secs(100));
            assert!((schedule.peak() - 1000.0).abs() < 1e-6, "{shape:?}");
            let all = arrivals(shape.clone(), 100, 1);
            assert!(is_about(all.len(), schedule.due()), "{shape:?}: {}", all.len());
            // Rises and falls within pieces too: halves of one piece differ.
        }
        let day = arrivals(Shape::Day(10_000.0), 240, 1);
        let (first, second) = (between(&day, 70.0, 75.0), between(&day, 75.0, 80.0));
        assert!(second as f64 > 1.2 * first as f64, "{first} then {second}");
    }

    #[test]
    fn no_rate_is_no_question() {
        assert!(arrivals(Shape::Constant(0.0), 10, 1).is_empty());
        assert_eq!(
            arrivals(Shape::Spike(0.0, 100.0), 10, 1).first().map(|at| *at >= 4.0),
            Some(true)
        );
    }

    #[test]
    fn what_is_typed_is_understood_or_refused_with_the_forms() {
        let parse = |text: &str| text.parse::<Shape>();
        assert_eq!(parse("constant:5000").unwrap(), Shape::Constant(5000.0));
        assert_eq!(parse("steps:1000..9000/5").unwrap(), Shape::Steps(1000.0, 9000.0, 5));
        assert_eq!(parse("spike:10..100").unwrap(), Shape::Spike(10.0, 100.0));
        assert_eq!(parse("day:1e4").unwrap(), Shape::Day(10_000.0));
        assert_eq!(parse("tax-season:5").unwrap(), Shape::TaxSeason(5.0));
        for wrong in
            ["", "5000", "constant:", "constant:-1", "constant:nan", "steps:1..2", "wave:3"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("wave:3").unwrap_err().to_string().contains("tax-season:PEAK"));
    }
}
