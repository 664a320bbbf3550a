//! The search for the knee, overload, the cost of events, and the witness.

use super::super::super::run::{Knee, Run};
use super::super::chart::scale::Scale;
use super::super::chart::{Axis, Chart, Frame};
use super::super::number;
use super::table::{Cell, Table};
use super::{Drawing, Section};

/// How the knee was found.
pub(super) fn search(run: &Run) -> Option<Section> {
    let knee = run.knee.as_ref()?;
    let objective = run.about.objective_p99_us;
    let head = ["Rate", "Held", "Right", "p50", "p99", "p99.9", "Failed", "Why not"];
    let mut table = Table::new("Steps of the search, in the order they were tried", &head);
    for step in &knee.steps {
        let summary = &step.summary;
        table.row(vec![
            Cell::text(number::rate(step.rate)),
            Cell::text(if step.held { "yes" } else { "no" }),
            Cell::number(number::rate(summary.rate())),
            Cell::number(number::latency(summary.p50_us)),
            Cell::number(number::latency(summary.p99_us)),
            Cell::number(number::latency(summary.p999_us)),
            Cell::number(number::percent(summary.failed_share())),
            Cell::text(&step.reason),
        ]);
    }
    let (low, high) = knee.spread;
    let lead = format!(
        "Highest rate that held in a longer run: {} (searches: {} to {}), p99 {}. Lowest that did not: {}. \
         One question took {} of the server's cores and {} of the generator's.",
        number::rate(knee.rate),
        number::rate(low),
        number::rate(high),
        number::latency(knee.p99_us),
        if knee.breaks_at > 0.0 { number::rate(knee.breaks_at) } else { "none".into() },
        number::micros(knee.server_cpu_us),
        number::micros(knee.generator_cpu_us)
    );
    Some(Section {
        id: "knee".into(),
        heading: "Where the limit is".into(),
        lead,
        charts: chart(knee, objective).into_iter().collect(),
        tables: if knee.steps.is_empty() { Vec::new() } else { vec![table] },
        ..Section::default()
    })
}

fn chart(knee: &Knee, objective: u64) -> Option<Drawing> {
    if knee.steps.is_empty() {
        return None;
    }
    let latencies = knee.steps.iter().map(|step| step.summary.p99_us).chain([objective]);
    let y = Axis {
        scale: Scale::log(latencies.map(|us| us as f64)),
        name: "p99, log scale",
        write: number::round_micros,
    };
    let x = Axis {
        scale: Scale::from_nought(knee.steps.iter().map(|step| step.rate)),
        name: "questions a second",
        write: number::round,
    };
    let caption = "p99 at each rate that was tried, filled where the objective held";
    let frame = Frame {
        id: "knee-chart".into(),
        title: "Rate and p99",
        description: format!(
            "p99 rises with the rate and passes the objective between {} and {}.",
            number::rate(knee.rate),
            number::rate(knee.breaks_at)
        ),
        is_wide: true,
        rows: 1,
    };
    let mut chart = Chart::new(frame, x, y);
    chart.level("objective", objective as f64);
    let mut rising: Vec<_> = knee.steps.iter().collect();
    rising.sort_by(|left, right| left.rate.total_cmp(&right.rate));
    chart.line("main", "p99", rising.iter().map(|s| (s.rate, Some(s.summary.p99_us as f64))));
    for (class, held) in [("point main", true), ("point hollow", false)] {
        let steps = rising.iter().filter(|step| step.held == held);
        chart.points(
            class,
            steps.map(|step| {
                let p99 = step.summary.p99_us;
                let says = format!("{}: p99 {}", number::rate(step.rate), number::latency(p99));
                (step.rate, p99 as f64, says)
            }),
        );
    }
    if knee.rate > 0.0 {
        let says = format!("highest rate that held: {}", number::rate(knee.rate));
        chart.mark(knee.rate, knee.rate, "held", &says);
    }
    if knee.breaks_at > 0.0 {
        let says = format!("lowest rate that did not hold: {}", number::rate(knee.breaks_at));
        chart.mark(knee.breaks_at, knee.breaks_at, "breaks", &says);
    }
    Some(Drawing { caption: caption.to_owned(), svg: chart.draw(), is_wide: true })
}

/// What happens above the knee.
pub(super) fn overload(run: &Run) -> Option<Section> {
    if run.overload.is_empty() {
        return None;
    }
    let head = [
        "Times the limit",
        "Asked",
        "Goodput",
        "Of the limit",
        "Turned away",
        "Left",
        "p99",
        "Recovered after",
    ];
    let mut table = Table::new("Overload", &head);
    for overload in &run.overload {
        let recovery = overload.recovery_s.map(number::seconds);
        table.row(vec![
            Cell::text(format!("{} ×", number::round(overload.factor))),
            Cell::number(number::rate(overload.rate)),
            Cell::number(number::rate(overload.goodput)),
            Cell::number(number::percent(overload.share_of_limit)),
            Cell::number(number::rate(overload.shed)),
            Cell::number(number::rate(overload.gave_up)),
            Cell::number(number::latency(overload.p99_us)),
            Cell::number(recovery.unwrap_or_else(|| "not seen".into())),
        ]);
    }
    Some(Section {
        id: "overload".into(),
        heading: "Above the limit".into(),
        lead: format!(
            "Goodput is what came right within the patience of the asker, {}. Turned away are those \
             that got a 503; left are those that found no connection in time. Recovery counts from the \
             end of the overload until a window is within the objective again, at half the limit.",
            number::stated(run.about.patience_us)
        ),
        tables: vec![table],
        ..Section::default()
    })
}

/// What events cost.
pub(super) fn costs(run: &Run) -> Option<Section> {
    if run.costs.is_empty() {
        return None;
    }
    let head = [
        "Event",
        "Times",
        "p99 during",
        "p99 quiet",
        "Ratio",
        "Max during",
        "Failed",
        "Wrong",
        "Seen after",
    ];
    let mut table = Table::new("Events against the quiet seconds of the same phase", &head);
    for cost in &run.costs {
        table.row(vec![
            Cell::text(&cost.what),
            Cell::number(number::grouped(cost.count)),
            Cell::number(number::latency(cost.p99_during_us)),
            Cell::number(number::latency(cost.p99_quiet_us)),
            Cell::number(number::times(cost.p99_quiet_us as f64, cost.p99_during_us as f64)),
            Cell::number(number::latency(cost.max_during_us)),
            Cell::number(number::grouped(cost.failed)),
            Cell::fault(cost.wrong),
            Cell::number(cost.seen_after_s.map_or("not seen".into(), number::seconds)),
        ]);
    }
    Some(Section {
        id: "costs".into(),
        heading: "What a swap, a hold and a restart cost".into(),
        lead:
            "During is from the begin of the event until a second after its effect was seen; seen \
               after is the median."
                .into(),
        tables: vec![table],
        ..Section::default()
    })
}

/// What an independent tool says.
pub(super) fn witness(run: &Run) -> Option<Section> {
    let witness = run.witness.as_ref()?;
    let mut turns =
        Table::new("Answers a second by turns", &["Turn", "Tool", "Kit", "Kit by tool"]);
    for (place, (tool, kit)) in witness.rates.iter().enumerate() {
        turns.row(vec![
            Cell::text(format!("{}", place + 1)),
            Cell::number(number::rate(*tool)),
            Cell::number(number::rate(*kit)),
            Cell::number(number::times(*tool, *kit)),
        ]);
    }
    let both = |(p50, p99): (u64, u64)| {
        format!("p50 {}, p99 {}", number::latency(p50), number::latency(p99))
    };
    let (made, more) = witness.counted;
    let facts = Table::pairs(
        "Tool and kit",
        ["What", "Figure"],
        [
            ("Tool", witness.tool.clone()),
            ("Command", witness.command.clone()),
            ("Connections, both", number::grouped(witness.connections)),
            ("Kit by tool, median of the turns", number::times(1.0, witness.rate_ratio)),
            ("Latency by the tool", both(witness.tool_us)),
            ("Latency by the kit", both(witness.kit_us)),
            ("Requests the tool says it made", number::grouped(made)),
            ("How many more the server counted", number::grouped(more)),
        ],
    );
    Some(Section {
        id: "witness".into(),
        heading: "An independent witness".into(),
        lead: format!(
            "{}, closed loop on the same questions, by turns with the kit: {}",
            witness.tool, witness.verdict
        ),
        tables: vec![turns, facts],
        ..Section::default()
    })
}
