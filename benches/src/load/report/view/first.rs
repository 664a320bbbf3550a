//! The first screen: what somebody who knows nothing of the kit must be able to read from it.

use super::super::super::run::{EventCost, Knee, Overload, Phase, Run};
use super::super::number;
use super::table::Table;

/// One figure in large letters, with a sentence.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) unit: String,
    pub(super) says: String,
    /// `bad` for what is wrong.
    pub(super) class: &'static str,
}

/// What was tested, where and when.
pub(super) fn subtitle(run: &Run) -> String {
    let about = &run.about;
    format!(
        "{}, {}, {} memory · {} · commit {}",
        about.processor,
        number::count(about.cores as u64, "core"),
        number::bytes(about.memory_bytes as f64),
        about.began_at,
        about.commit
    )
}

/// With how many of its cores, when not with all of them.
fn with_cores(run: &Run) -> String {
    let (server, all) = (run.about.server_cores, run.about.cores);
    if server == 0 || server == all {
        return String::new();
    }
    format!(" with {server} of its {}", number::count(all as u64, "core"))
}

/// All answers of all phases: right, failed, wrong.
fn answers(run: &Run) -> (u64, u64, u64) {
    run.phases.iter().fold((0, 0, 0), |(right, failed, wrong), phase| {
        let total = &phase.total;
        (right + total.right, failed + total.failed, wrong + total.wrong)
    })
}

/// The run in one sentence.
pub(super) fn verdict(run: &Run) -> String {
    let objective = number::stated(run.about.objective_p99_us);
    let serves = match (&run.knee, best_phase(run)) {
        (Some(knee), _) if knee.rate > 0.0 => format!(
            "This machine serves {} queries a second{}, 99 of 100 within {objective}",
            number::three(knee.rate),
            with_cores(run)
        ),
        (Some(_), _) => {
            format!("At no rate that was tried were 99 of 100 answers there within {objective}")
        }
        (None, Some(phase)) => format!(
            "This machine served the {} queries a second it was asked, 99 of 100 within {}",
            number::three(phase.total.rate()),
            number::latency(phase.total.p99_us)
        ),
        (None, None) => {
            format!("No phase kept the objective: 99 of 100 answers within {objective}")
        }
    };
    match answers(run) {
        (0, _, 0) => format!("{serves}; no answer came at all."),
        (_, _, 0) => format!("{serves}; every answer it gave was right."),
        (_, _, wrong) => {
            format!(
                "{serves}, but {} wrong.",
                if wrong == 1 {
                    "one answer was".to_owned()
                } else {
                    format!("{} answers were", number::grouped(wrong))
                }
            )
        }
    }
}

/// Of the phases within the objective the one with the highest rate.
fn best_phase(run: &Run) -> Option<&Phase> {
    let is_within = |phase: &&Phase| {
        let total = &phase.total;
        total.right > 0
            && total.p99_us <= run.about.objective_p99_us
            && total.failed_share() <= 0.001
    };
    run.phases
        .iter()
        .filter(is_within)
        .max_by(|left, right| left.total.rate().total_cmp(&right.total.rate()))
}

/// What makes the figures untrue or the server unfit: in red, before all else.
pub(super) fn alarms(run: &Run) -> Vec<String> {
    let mut alarms = Vec::new();
    let (right, _, wrong) = answers(run);
    if wrong > 0 {
        alarms.push(format!(
            "{} of {} answers were wrong. A wrong answer is a fault of the server, whatever its speed.",
            number::grouped(wrong),
            number::grouped(right + wrong)
        ));
    }
    for phase in &run.phases {
        if let Some(why) = &phase.generator.bottleneck {
            alarms.push(format!(
                "Phase {}: the generator may have been the limit, not the server: {why}.",
                phase.name
            ));
        }
        for event in phase.events.iter().filter(|event| !event.is_ok) {
            alarms.push(format!("Phase {}: {} failed: {}", phase.name, event.what, event.note));
        }
        if let Some(bulk) = phase.bulk.as_ref().filter(|bulk| bulk.wrong > 0) {
            alarms.push(format!(
                "Phase {}: {} of the streams were not as expected.",
                phase.name,
                number::count(bulk.wrong, "verdict")
            ));
        }
    }
    alarms
}

/// The large figures.
pub(super) fn figures(run: &Run) -> Vec<Figure> {
    let mut figures = Vec::new();
    match (&run.knee, best_phase(run)) {
        (Some(knee), _) => figures.extend(of_knee(run, knee)),
        (None, Some(phase)) => figures.push(Figure {
            name: "Served within the objective".into(),
            value: number::three(phase.total.rate()),
            unit: "queries/s".into(),
            says: format!(
                "Phase {}: p99 {}, objective {}. The limit was not searched for.",
                phase.name,
                number::latency(phase.total.p99_us),
                number::stated(run.about.objective_p99_us)
            ),
            class: "",
        }),
        (None, None) => {}
    }
    figures.push(correctness(run));
    figures.extend(run.costs.iter().map(of_cost));
    figures.extend(run.overload.iter().map(of_overload));
    figures
}

fn of_knee(run: &Run, knee: &Knee) -> [Figure; 2] {
    let objective = number::stated(run.about.objective_p99_us);
    let (low, high) = knee.spread;
    let serves = Figure {
        name: format!("Served at p99 within {objective}"),
        value: number::three(knee.rate),
        unit: "queries/s".into(),
        says: format!(
            "Held in a longer run, p99 {}. Searches lay between {} and {}.",
            number::latency(knee.p99_us),
            number::three(low),
            number::three(high)
        ),
        class: "",
    };
    let by = match knee.breaks_by.as_str() {
        "p99" => format!("p99 passed {objective}"),
        "failures" => "too many questions failed".into(),
        "rate" => "fewer answers came than questions were due".into(),
        "generator" => "the generator, not the server, gave way".into(),
        "" => "no reason is stated".into(),
        other => other.to_owned(),
    };
    let breaks = if knee.breaks_at > 0.0 {
        Figure {
            name: "Breaks at".into(),
            value: number::three(knee.breaks_at),
            unit: "queries/s".into(),
            says: format!("Lowest rate that did not hold: {by}."),
            class: "",
        }
    } else {
        Figure {
            name: "Breaks at".into(),
            value: number::NONE.into(),
            unit: String::new(),
            says: "No rate that was tried broke it.".into(),
            class: "",
        }
    };
    [serves, breaks]
}

fn correctness(run: &Run) -> Figure {
    let (right, failed, wrong) = answers(run);
    let says = format!(
        "of {} checked against the truth; {} got no answer, in overload and restarts too.",
        number::count(right + wrong, "answer"),
        number::count(failed, "question")
    );
    let class = if wrong > 0 { "bad" } else { "" };
    Figure {
        name: "Wrong answers".into(),
        value: number::grouped(wrong),
        unit: String::new(),
        says,
        class,
    }
}

fn of_cost(cost: &EventCost) -> Figure {
    let seen = cost.seen_after_s.map_or(String::new(), |after| {
        let what = if cost.what == "restart" { "First answer" } else { "In effect" };
        format!(" {what} after {}.", number::seconds(after))
    });
    let wrong = if cost.wrong > 0 {
        format!(", {} wrong", number::grouped(cost.wrong))
    } else {
        String::new()
    };
    Figure {
        name: format!("A {} costs", cost.what),
        value: number::latency(cost.p99_during_us),
        unit: "p99".into(),
        says: format!(
            "instead of {} in quiet seconds; {} failed{wrong} ({}).{seen}",
            number::latency(cost.p99_quiet_us),
            number::count(cost.failed, "question"),
            number::count(cost.count, "time"),
        ),
        class: if cost.wrong > 0 { "bad" } else { "" },
    }
}

fn of_overload(overload: &Overload) -> Figure {
    let recovery = match overload.recovery_s {
        Some(seconds) => format!("Recovers in {}.", number::seconds(seconds)),
        None => "Recovery was not seen.".into(),
    };
    Figure {
        name: format!("At {} × its limit", number::round(overload.factor)),
        value: format!("{:.0} %", overload.share_of_limit * 100.0),
        unit: "goodput".into(),
        says: format!(
            "{} useful answers a second of {} asked; the rest is turned away. {recovery}",
            number::three(overload.goodput),
            number::three(overload.rate)
        ),
        class: if overload.recovery_s.is_none() { "bad" } else { "" },
    }
}

/// What this run does not tell.
pub(super) fn not_measured(run: &Run) -> String {
    let parts = [
        (run.knee.is_none(), "the highest rate within the objective"),
        (run.overload.is_empty(), "overload"),
        (run.costs.is_empty(), "the cost of swaps, holds and restarts"),
        (run.witness.is_none(), "an independent witness"),
        (run.constants.is_none(), "the constants of the capacity calculator"),
    ];
    let missing: Vec<&str> = parts.iter().filter(|part| part.0).map(|part| part.1).collect();
    missing.join(", ")
}

/// The machine for the nation, as the calculator put it.
pub(super) fn plan(plan: &[(String, String)]) -> Option<Table> {
    let pairs = plan.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let caption = "What machine the nation needs, by the constants of this run";
    (!plan.is_empty()).then(|| Table::pairs(caption, ["For", "It takes"], pairs))
}
