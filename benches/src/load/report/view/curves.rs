//! Charts of latencies without time: percentile curve and histogram.

use super::super::super::run::{Bar, Phase};
use super::super::chart::scale::Scale;
use super::super::chart::{Axis, Chart, Frame};
use super::super::number;
use super::Drawing;

/// Bars beyond which neighbours are put together.
const BARS: usize = 90;

/// A percentile curve: its name, its looks, and the phase it is of.
pub(super) type Curve<'a> = (&'a str, &'static str, &'a Phase);

/// Latency by how many answers took longer, decade by decade.
pub(super) fn percentiles(
    id: &str,
    caption: &str,
    curves: &[Curve<'_>],
    objective_us: u64,
) -> Option<Drawing> {
    let points = || curves.iter().flat_map(|(_, _, phase)| phase.percentiles.iter());
    let highest = points().map(|point| point.us).max()?;
    let answers = curves.iter().map(|(_, _, phase)| phase.total.right).max().unwrap_or(0);
    let is_near = objective_us > 0 && objective_us <= highest.saturating_mul(20);
    let shown = points().map(|point| point.us).chain(is_near.then_some(objective_us));
    let x = Axis { scale: Scale::nines(answers), name: "percentile, log scale", write: nines };
    let y = Axis {
        scale: Scale::log(shown.map(|us| us as f64)),
        name: "latency, log scale",
        write: number::round_micros,
    };
    let frame = Frame {
        id: format!("{id}-percentiles"),
        title: caption,
        description: "Latency on a log scale, against the share of answers that took no longer."
            .to_owned(),
        is_wide: false,
        rows: 0,
    };
    let mut chart = Chart::new(frame, x, y);
    if is_near {
        chart.level("objective", objective_us as f64);
    }
    for (name, class, phase) in curves {
        let points = phase.percentiles.iter().map(|point| (point.share, Some(point.us as f64)));
        chart.line(class, name, points);
        let marked = [
            ("p50", 0.5, phase.total.p50_us),
            ("p90", 0.9, phase.total.p90_us),
            ("p99", 0.99, phase.total.p99_us),
            ("p99.9", 0.999, phase.total.p999_us),
        ];
        let marked =
            marked.into_iter().filter(|(_, share, _)| answers as f64 * (1.0 - share) >= 1.0);
        chart.points(
            if *class == "main" { "point main" } else { "point" },
            marked.map(|(share_name, share, us)| {
                (share, us as f64, format!("{name} {share_name}: {}", number::latency(us)))
            }),
        );
    }
    Some(Drawing { caption: caption.to_owned(), svg: chart.draw(), is_wide: false })
}

/// How a share is written: 0, 90, 99, 99.9 … percent.
fn nines(share: f64) -> String {
    let left = 1.0 - share;
    let places = (-left.log10()).round().max(0.0) as usize;
    match places {
        0 => "0".to_owned(),
        1 => "90 %".to_owned(),
        more => format!("{:.*}", more - 2, 100.0 - 10f64.powi(2 - more as i32)),
    }
}

/// How many answers took how long.
pub(super) fn histogram(id: &str, phase: &Phase) -> Option<Drawing> {
    let bars = together(&phase.histogram);
    let (first, last) = (bars.first()?, bars.last()?);
    let x = Axis {
        scale: Scale::log([first.from_us.max(1) as f64, last.to_us as f64]),
        name: "latency, log scale",
        write: number::round_micros,
    };
    let y = Axis {
        scale: Scale::from_nought(bars.iter().map(|bar| bar.count as f64)),
        name: "answers",
        write: number::round,
    };
    let title = format!("{}: histogram", phase.name);
    let frame = Frame {
        id: format!("{id}-histogram"),
        title: &title,
        description: "How many answers took how long.".to_owned(),
        is_wide: false,
        rows: 1,
    };
    let mut chart = Chart::new(frame, x, y);
    chart.bars(bars.iter().map(|bar| {
        let says = format!(
            "{} to {}: {}",
            number::micros(bar.from_us as f64),
            number::micros(bar.to_us as f64),
            number::count(bar.count, "answer")
        );
        (bar.from_us.max(1) as f64, bar.to_us as f64, bar.count as f64, says)
    }));
    let total = &phase.total;
    for (name, us) in [("p50", total.p50_us), ("p99", total.p99_us), ("p99.9", total.p999_us)] {
        let at = us as f64;
        chart.mark(at, at, name, &format!("{name}: {}", number::latency(us)));
    }
    let caption = "Histogram of latencies".to_owned();
    Some(Drawing { caption, svg: chart.draw(), is_wide: false })
}

/// Neighbours put together until few enough are left, without empty ends.
fn together(bars: &[Bar]) -> Vec<Bar> {
    let first = bars.iter().position(|bar| bar.count > 0).unwrap_or(0);
    let last = bars.iter().rposition(|bar| bar.count > 0).map_or(0, |last| last + 1);
    let bars = bars.get(first..last).unwrap_or_default();
    let each = bars.len().div_ceil(BARS).max(1);
    bars.chunks(each)
        .filter_map(|some| {
            let count = some.iter().map(|bar| bar.count).sum();
            Some(Bar { from_us: some.first()?.from_us, to_us: some.last()?.to_us, count })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_by_their_nines() {
        let shares = [0.0, 0.9, 0.99, 0.999, 0.9999, 0.999_99];
        assert_eq!(shares.map(nines), ["0", "90 %", "99", "99.9", "99.99", "99.999"]);
    }

    #[test]
    fn bars_put_together_lose_no_answer() {
        let bars: Vec<Bar> =
            (0..1000).map(|at| Bar { from_us: at, to_us: at + 1, count: at % 7 }).collect();
        let few = together(&bars);
        assert!(few.len() <= BARS, "{}", few.len());
        let all = |bars: &[Bar]| bars.iter().map(|bar| bar.count).sum::<u64>();
        assert_eq!(all(&few), all(&bars));
        assert!(together(&[]).is_empty());
        assert!(together(&[Bar::default()]).is_empty(), "no answers, no bars");
    }
}
