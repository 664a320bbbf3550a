//! Bar charts of a run as SVG: one bar a peer on a logarithmic scale.

use super::measure::Measure;
use super::report::{Report, Row};
use crate::thousands::grouped;
use std::path::Path;
use svg::Document;
use svg::node::element::{Line, Rectangle, Style, Text, Title};

/// What a chart shows of a row.
struct Axis {
    file: &'static str,
    title: &'static str,
    better: &'static str,
    value: fn(&Row) -> f64,
    label: fn(f64) -> String,
}

const AXES: [Axis; 6] = [
    Axis {
        file: "bytes",
        title: "Bytes a certificate",
        better: "shorter is better",
        value: |row| row.bytes_each,
        label: |bytes| format!("{bytes:.0}"),
    },
    Axis {
        file: "build",
        title: "Build, seconds",
        better: "shorter is better",
        value: |row| row.build_seconds,
        label: |seconds| format!("{seconds:.1}"),
    },
    Axis {
        file: "hit",
        title: "A certificate found, µs",
        better: "shorter is better",
        value: |row| row.median(Measure::Hit) / 1e3,
        label: |micros| digits(micros),
    },
    Axis {
        file: "miss",
        title: "Nothing found, µs",
        better: "shorter is better",
        value: |row| row.median(Measure::Miss) / 1e3,
        label: |micros| digits(micros),
    },
    Axis {
        file: "batch",
        title: "Batch, million checks a second",
        better: "longer is better",
        value: |row| 1e3 / row.median(Measure::Batch),
        label: |rate| digits(rate),
    },
    Axis {
        file: "two-threads",
        title: "Two threads, million checks a second",
        better: "longer is better",
        value: |row| 1e3 / row.median(Measure::TwoThreads),
        label: |rate| digits(rate),
    },
];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 210.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 64.0;
const ROW: f64 = 26.0;

/// Writes one chart a measure into `folder`.
///
/// # Errors
/// Writing.
pub fn write_all(report: &Report, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for axis in &AXES {
        svg::save(folder.join(format!("peers-{}.svg", axis.file)), &draw(report, axis))?;
    }
    Ok(())
}

fn digits(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// Decades that hold every value: exponents of the first and last tick.
fn decades(values: &[f64]) -> (i32, i32) {
    // Half the least, so that the shortest bar can be seen.
    let low = (values.iter().copied().fold(f64::INFINITY, f64::min) / 2.0).log10().floor();
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).log10().ceil();
    (low as i32, (high as i32).max(low as i32 + 1))
}

fn draw(report: &Report, axis: &Axis) -> Document {
    let rows: Vec<&Row> = report
        .rows
        .iter()
        .filter(|row| {
            let value = (axis.value)(row);
            value.is_finite() && value > 0.0
        })
        .collect();
    let values: Vec<f64> = rows.iter().map(|row| (axis.value)(row)).collect();
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 34.0;
    let note =
        format!("{} certificates; logarithmic, {}", grouped(report.records as u64), axis.better);
    let mut document = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("role", "img")
        .add(Title::new(axis.title))
        .add(Style::new(
            "text{font:13px sans-serif;fill:#222}.t{font:bold 16px sans-serif}.n{fill:#666}",
        ))
        .add(Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#fff"))
        .add(text(16.0, 26.0, "start", axis.title).set("class", "t"))
        .add(text(16.0, 46.0, "start", &note).set("class", "n"));
    if rows.is_empty() {
        return document;
    }
    let (low, high) = decades(&values);
    let place = |value: f64| {
        LEFT + (RIGHT - LEFT) * (value.log10() - f64::from(low)) / f64::from(high - low)
    };
    for exponent in low..=high {
        let (x, value) = (place(10f64.powi(exponent)), 10f64.powi(exponent));
        let line = Line::new().set("x1", x).set("x2", x).set("y1", TOP - 4.0).set("y2", bottom);
        document = document
            .add(line.set("stroke", "#ddd"))
            .add(text(x, bottom + 18.0, "middle", &format!("{value}")).set("class", "n"));
    }
    for (place_in, (row, value)) in rows.iter().zip(values).enumerate() {
        let y = TOP + ROW * place_in as f64;
        // A value on the lowest tick still shows.
        let width = (place(value) - LEFT).max(2.0);
        let bar = Rectangle::new().set("x", LEFT).set("y", y + 3.0).set("height", ROW - 8.0);
        let colour = if row.key.starts_with("ours") { "#b3261e" } else { "#5b7fa6" };
        document = document
            .add(text(LEFT - 8.0, y + 17.0, "end", row.name))
            .add(bar.set("width", width).set("fill", colour))
            .add(text(LEFT + width + 6.0, y + 17.0, "start", &(axis.label)(value)));
    }
    document
}

fn text(x: f64, y: f64, anchor: &str, content: &str) -> Text {
    Text::new(content).set("x", x).set("y", y).set("text-anchor", anchor)
}
