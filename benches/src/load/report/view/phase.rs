//! The sections of the phases, and the one of all of them.

use super::super::super::run::{Phase, Run};
use super::super::number;
use super::over_time::Stretch;
use super::table::{Cell, Table};
use super::{Section, curves, phase_tables, sides};

/// The whole run over time, and a row for each phase.
pub(super) fn overview(run: &Run) -> Section {
    let until = run.phases.iter().map(|phase| phase.began_s + phase.seconds).fold(0.0, f64::max);
    let names = run.phases.iter().map(|phase| (phase.began_s, phase.name.clone())).collect();
    let stretch = Stretch {
        id: "all".into(),
        name: "whole run",
        from: 0.0,
        until,
        windows: run.phases.iter().flat_map(|phase| &phase.windows).collect(),
        events: Vec::new(),
        is_wide: true,
        names,
    };
    let charts = if stretch.windows.is_empty() {
        Vec::new()
    } else {
        vec![stretch.throughput(), stretch.latency(run.about.objective_p99_us)]
    };
    let mut table = Table::new(
        "All phases, in the order they ran",
        &["Phase", "Schedule", "Offered", "Right", "p50", "p99", "p99.9", "Max", "Failed", "Wrong"],
    );
    for phase in &run.phases {
        let total = &phase.total;
        let seconds = total.seconds.max(f64::MIN_POSITIVE);
        table.row(vec![
            Cell::text(&phase.name),
            Cell::text(&phase.schedule),
            Cell::number(number::rate(total.due as f64 / seconds)),
            Cell::number(number::rate(total.rate())),
            Cell::number(number::latency(total.p50_us)),
            Cell::number(number::latency(total.p99_us)),
            Cell::number(number::latency(total.p999_us)),
            Cell::number(number::latency(total.max_us)),
            Cell::number(number::percent(total.failed_share())),
            Cell::fault(total.wrong),
        ]);
    }
    Section {
        id: "phases".into(),
        heading: "The run over time".into(),
        lead: "Latencies count from the moment a question was due on the schedule, not from when it \
               was sent: a server that stalls is charged for everybody who waited. They are those of \
               right answers."
            .into(),
        charts,
        tables: if run.phases.is_empty() { Vec::new() } else { vec![table] },
        ..Section::default()
    }
}

/// Everything about one phase.
pub(super) fn section(run: &Run, phase: &Phase, place: usize) -> Section {
    let id = format!("phase-{}", place + 1);
    let objective = run.about.objective_p99_us;
    let stretch = Stretch::of(phase, &id);
    let mut charts = Vec::new();
    if !phase.windows.is_empty() {
        charts.extend([stretch.throughput(), stretch.latency(objective)]);
    }
    let caption = "Percentile curve: how long the slowest few take";
    charts.extend(curves::percentiles(&id, caption, &[("all", "main", phase)], objective));
    charts.extend(curves::histogram(&id, phase));
    let mut notes = Vec::new();
    if !phase.server.is_empty() {
        charts.push(stretch.cpu(&phase.server, phase.generator.cpu));
        charts.push(stretch.memory(&phase.server));
        charts.extend(stretch.faults(&phase.server));
    }
    let mut tables = phase_tables::all(phase);
    if let Some(table) = sides::table(phase) {
        charts.push(stretch.sides(&sides::over_time(phase)));
        tables.push(table);
        notes.push(sides::NOTE.to_owned());
    }
    tables.extend(phase_tables::background(phase));
    Section {
        id,
        heading: format!("Phase {}: {}", place + 1, phase.name),
        lead: lead(phase),
        alarms: alarms(phase),
        charts,
        tables,
        notes,
    }
}

fn lead(phase: &Phase) -> String {
    format!(
        "{} {}; up to {}, {} of the questions on a connection of their own, {}.",
        phase.purpose,
        phase.schedule,
        number::count(phase.connections, "connection"),
        number::percent(phase.fresh_share),
        if phase.is_tls { "over TLS" } else { "plain HTTP" }
    )
}

fn alarms(phase: &Phase) -> Vec<String> {
    let mut alarms = Vec::new();
    if phase.total.wrong > 0 {
        alarms.push(format!("{} in this phase.", number::count(phase.total.wrong, "wrong answer")));
    }
    alarms.extend(phase.wrong.iter().map(|wrong| format!("Wrong: {wrong}")));
    if let Some(why) = &phase.generator.bottleneck {
        alarms.push(format!("The generator may have been the limit: {why}."));
    }
    alarms.extend(phase.bulk.iter().filter_map(|bulk| bulk.failure.clone()));
    alarms
}
