//! Tables of one phase.

use std::collections::BTreeMap;

use super::super::super::run::{Failure, Phase, Summary};
use super::super::{noise, number};
use super::table::{Cell, Table};

/// Slices, failures, events, modes and kinds, generator.
pub(super) fn all(phase: &Phase) -> Vec<Table> {
    let mut tables = Vec::new();
    tables.extend(events(phase));
    tables.extend(failures(phase));
    tables.extend(slices(phase));
    tables.extend(shares("Right answers by mode", "Mode", &phase.by_mode));
    tables.extend(shares("Right answers by kind of question", "Kind", &phase.by_kind));
    tables.push(generator(phase));
    tables.extend(server(phase));
    tables
}

fn slices(phase: &Phase) -> Option<Table> {
    if phase.slices.is_empty() {
        return None;
    }
    let head = ["Slice", "Right", "p50", "p99", "p99.9", "Max", "Failed"];
    let mut table = Table::new("Noise: the phase in equal slices", &head);
    for (place, slice) in phase.slices.iter().enumerate() {
        table.row(figures(&format!("{}", place + 1), slice));
    }
    table.row(figures("all", &phase.total));
    let noise = |figure: fn(&Summary) -> f64, write: fn(f64) -> String| {
        let noise = noise::of(phase, figure).noise;
        Cell::number(noise.map_or(number::NONE.to_owned(), |noise| format!("± {}", write(noise))))
    };
    table.row(vec![
        Cell::text("noise"),
        noise(Summary::rate, number::rate),
        noise(|s| s.p50_us as f64, number::micros),
        noise(|s| s.p99_us as f64, number::micros),
        noise(|s| s.p999_us as f64, number::micros),
        noise(|s| s.max_us as f64, number::micros),
        noise(Summary::failed_share, number::percent),
    ]);
    Some(table)
}

fn figures(name: &str, summary: &Summary) -> Vec<Cell> {
    vec![
        Cell::text(name),
        Cell::number(number::rate(summary.rate())),
        Cell::number(number::latency(summary.p50_us)),
        Cell::number(number::latency(summary.p99_us)),
        Cell::number(number::latency(summary.p999_us)),
        Cell::number(number::latency(summary.max_us)),
        Cell::number(number::percent(summary.failed_share())),
    ]
}

fn failures(phase: &Phase) -> Option<Table> {
    let all: u64 = phase.failures.values().sum();
    if all == 0 {
        return None;
    }
    let mut table =
        Table::new("Questions not answered right", &["Why", "Questions", "Of those due"]);
    for (failure, count) in phase.failures.iter().filter(|(_, count)| **count > 0) {
        let share = *count as f64 / phase.total.due.max(1) as f64;
        let count = match failure {
            Failure::Wrong => Cell::fault(*count),
            _ => Cell::number(number::grouped(*count)),
        };
        table.row(vec![Cell::text(why(*failure)), count, Cell::number(number::percent(share))]);
    }
    Some(table)
}

fn why(failure: Failure) -> &'static str {
    match failure {
        Failure::Connect => "no connection",
        Failure::Handshake => "TLS handshake failed",
        Failure::Broken => "connection broke",
        Failure::Timeout => "no whole answer in time",
        Failure::GaveUp => "asker left before a connection was free",
        Failure::Limited => "429, limited",
        Failure::Overloaded => "503, turned away",
        Failure::Status => "another status",
        Failure::Malformed => "no HTTP or JSON of the known form",
        Failure::Wrong => "wrong answer",
    }
}

fn events(phase: &Phase) -> Option<Table> {
    if phase.events.is_empty() {
        return None;
    }
    let head = ["Event", "Begun at", "Command took", "Seen after", "Went well", "Note"];
    let mut table = Table::new("Events", &head);
    for event in &phase.events {
        let seen = event.seen_s.map(|seen| number::seconds(seen - event.began_s));
        let went = if event.is_ok { "yes" } else { "no" };
        table.row(vec![
            Cell::text(&event.what),
            Cell::number(number::clock(event.began_s)),
            Cell::number(number::seconds(event.done_s - event.began_s)),
            Cell::number(seen.unwrap_or_else(|| "not seen".to_owned())),
            Cell { text: went.to_owned(), class: if event.is_ok { "text" } else { "text bad" } },
            Cell::text(&event.note),
        ]);
    }
    Some(table)
}

fn shares(caption: &str, name: &'static str, counts: &BTreeMap<String, u64>) -> Option<Table> {
    let all: u64 = counts.values().sum();
    if all == 0 {
        return None;
    }
    let mut table = Table::new(caption, &[name, "Answers", "Share"]);
    for (name, count) in counts {
        table.row(vec![
            Cell::text(name),
            Cell::number(number::grouped(*count)),
            Cell::number(number::percent(*count as f64 / all as f64)),
        ]);
    }
    Some(table)
}

fn generator(phase: &Phase) -> Table {
    let generator = &phase.generator;
    let late = [generator.late_p50_us, generator.late_p99_us, generator.late_max_us];
    let [p50, p99, max] = late.map(|us| number::micros(us as f64));
    let limit = generator.bottleneck.clone().unwrap_or_else(|| "no".to_owned());
    let pairs = [
        ("It may have been the limit", limit),
        ("Questions handed over late by", format!("p50 {p50}, p99 {p99}, at most {max}")),
        ("Sending threads", number::grouped(generator.threads as u64)),
        ("Cores in use, all of the kit", number::three(generator.cpu)),
        ("Busiest sending thread", number::percent(generator.busiest_thread)),
        ("Questions that waited for a connection", number::grouped(generator.waited)),
        ("Connections opened", number::grouped(generator.opened)),
        ("Most in use at one time", number::grouped(generator.connections_max)),
    ];
    Table::pairs("Generator: whether it kept up", ["What", "Figure"], pairs)
}

fn server(phase: &Phase) -> Option<Table> {
    let (first, last) = (phase.server.first()?, phase.server.last()?);
    let samples = phase.server.iter();
    let mean = samples.clone().map(|s| s.cpu).sum::<f64>() / phase.server.len() as f64;
    let most = samples.clone().map(|s| s.resident_bytes).max().unwrap_or(0);
    let faults: u64 = samples.clone().map(|s| s.major_faults).sum();
    let connections = samples.map(|s| s.connections).max().unwrap_or(0);
    let between = |to: u64, from: u64| number::grouped(to.saturating_sub(from));
    let pairs = [
        ("Requests, first sample to last", between(last.requests, first.requests)),
        ("Questions looked up", between(last.queries, first.queries)),
        ("Turned away", between(last.rejected, first.rejected)),
        ("Cores in use, mean", number::three(mean)),
        ("Memory, highest", number::bytes(most as f64)),
        ("Memory that is no file, last", number::bytes(last.anonymous_bytes as f64)),
        ("Page faults served from the disk", number::grouped(faults)),
        ("Connections, highest", number::grouped(connections)),
        ("Threads, last", number::grouped(last.threads)),
        ("Generation, first and last", format!("{} and {}", first.generation, last.generation)),
    ];
    Some(Table::pairs("Server, by its own metrics and the system's", ["What", "Figure"], pairs))
}

/// What went on beside the questions.
pub(super) fn background(phase: &Phase) -> Vec<Table> {
    let mut tables = Vec::new();
    if let Some(bulk) = &phase.bulk {
        let mut table = Table::pairs(
            "Bulk streams beside the questions",
            ["What", "Figure"],
            [
                ("Streams at one time", number::grouped(bulk.streams)),
                ("Claims judged", number::grouped(bulk.claims)),
                ("Claims a second", number::three(bulk.rate)),
                ("What failed", bulk.failure.clone().unwrap_or_else(|| "nothing".to_owned())),
            ],
        );
        table.row(vec![
            Cell::text("Verdicts not as expected"),
            Cell {
                text: number::grouped(bulk.wrong),
                class: if bulk.wrong > 0 { "text bad" } else { "text" },
            },
        ]);
        tables.push(table);
    }
    if let Some(slow) = &phase.slow {
        let ended: Vec<String> = slow
            .ended
            .iter()
            .map(|(how, count)| format!("{} by {how}", number::grouped(*count)))
            .collect();
        let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
        tables.push(Table::pairs(
            "Slow clients beside the questions",
            ["What", "Figure"],
            [
                ("Slow to send a head", number::grouped(slow.heads)),
                ("Slow to send a body", number::grouped(slow.bodies)),
                ("Slow to read an answer", number::grouped(slow.readers)),
                ("Ended by the server", ended),
                ("Longest let live", number::seconds(slow.longest_s)),
            ],
        ));
    }
    tables
}
