//! Two runs side by side.

use std::collections::BTreeSet;

use askama::Template;

use super::super::super::run::{Phase, Run, Summary};
use super::super::noise::{self, Better, Noisy, Verdict};
use super::super::number;
use super::table::{Cell, Table};
use super::{Section, about, curves};

#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    title: String,
    verdict: String,
    alarms: Vec<String>,
    sections: Vec<Section>,
}

/// A figure that is compared.
struct Figure {
    name: &'static str,
    of: fn(&Summary) -> f64,
    better: Better,
    write: fn(f64) -> String,
}

const FIGURES: [Figure; 4] = [
    Figure { name: "Right", of: Summary::rate, better: Better::Higher, write: number::rate },
    Figure { name: "p50", of: |s| s.p50_us as f64, better: Better::Lower, write: number::micros },
    Figure { name: "p99", of: |s| s.p99_us as f64, better: Better::Lower, write: number::micros },
    Figure {
        name: "p99.9",
        of: |s| s.p999_us as f64,
        better: Better::Lower,
        write: number::micros,
    },
];

/// Facts that differ between any two runs and say nothing about them.
const ALWAYS_DIFFER: [&str; 3] = ["Began at", "Took", "Target"];

/// What was judged, in words for the first line.
struct Judged {
    what: String,
    verdict: Verdict,
    ratio: String,
}

/// The page that compares run A with run B.
pub(in super::super) fn compare(a: &Run, b: &Run) -> anyhow::Result<String> {
    let (phases, judged) = phases(a, b);
    let page = Page {
        title: "Two load tests compared".into(),
        verdict: verdict(&judged),
        alarms: alarms(a, b),
        sections: [phases, differences(a, b)].into(),
    };
    Ok(page.render()?)
}

fn pairs<'a>(a: &'a Run, b: &'a Run) -> impl Iterator<Item = (&'a Phase, &'a Phase)> {
    a.phases.iter().filter_map(|left| {
        b.phases.iter().find(|right| right.name == left.name).map(|right| (left, right))
    })
}

fn verdict(judged: &[Judged]) -> String {
    let of = |verdict| judged.iter().filter(move |judged| judged.verdict == verdict);
    let names = |verdict| {
        let names: Vec<String> =
            of(verdict).map(|judged| format!("{} ({})", judged.what, judged.ratio)).collect();
        names.join(", ")
    };
    let known = judged.len() - of(Verdict::Unknown).count();
    let (worse, better) = (of(Verdict::Worse).count(), of(Verdict::Better).count());
    let rest = match of(Verdict::Unknown).count() {
        0 => String::new(),
        unknown => {
            let figures = number::count(unknown as u64, "figure");
            format!(
                " Not judged: {figures}, asked by another schedule or with too few slices for noise."
            )
        }
    };
    let words = match (known, worse, better) {
        (0, _, _) => "Nothing can be said: no figure is in both runs with its noise.".to_owned(),
        (known, 0, 0) => {
            format!("The two runs agree: all {known} figures are the same within noise.")
        }
        (known, worse, 0) => {
            format!("B is worse in {worse} of {known} figures: {}.", names(Verdict::Worse))
        }
        (known, 0, better) => {
            format!("B is better in {better} of {known} figures: {}.", names(Verdict::Better))
        }
        (known, worse, better) => format!(
            "The two runs differ: of {known} figures B is worse in {worse}: {}; better in {better}: {}.",
            names(Verdict::Worse),
            names(Verdict::Better)
        ),
    };
    words + &rest
}

fn phases(a: &Run, b: &Run) -> (Section, Vec<Judged>) {
    let head = ["Figure", "A", "± noise", "B", "± noise", "B by A", "Verdict"];
    let (mut judged, mut tables, mut charts) = (Vec::new(), Vec::new(), Vec::new());
    let mut judge = |table: &mut Table, name: &str, what, pair: (Noisy, Noisy), figure: &Figure| {
        let (left, right) = pair;
        let verdict = noise::judge(left, right, figure.better);
        let ratio = number::times(left.value, right.value);
        let strays = |noisy: Noisy| {
            noisy
                .noise
                .map_or("not known".to_owned(), |noise| format!("± {}", (figure.write)(noise)))
        };
        table.row(vec![
            Cell::text(name),
            Cell::number((figure.write)(left.value)),
            Cell::number(strays(left)),
            Cell::number((figure.write)(right.value)),
            Cell::number(strays(right)),
            Cell::number(ratio.clone()),
            Cell { text: verdict.words().to_owned(), class: verdict.class() },
        ]);
        judged.push(Judged { what, verdict, ratio });
    };
    if let (Some(left), Some(right)) = (&a.knee, &b.knee) {
        let mut table = Table::new("Highest rate within the objective", &head);
        let pair = (noise::of_knee(left), noise::of_knee(right));
        judge(&mut table, "Rate", "highest rate within the objective".into(), pair, &FIGURES[0]);
        tables.push(table);
    }
    for (place, (left, right)) in pairs(a, b).enumerate() {
        let mut table = Table::new(format!("Phase {}", left.name), &head);
        for figure in &FIGURES {
            let of = |phase| {
                let noisy = noise::of(phase, figure.of);
                // Whoever was asked something else is neither better nor worse.
                if left.schedule == right.schedule { noisy } else { Noisy { noise: None, ..noisy } }
            };
            let pair = (of(left), of(right));
            let what = format!("{} of {}", figure.name, left.name);
            judge(&mut table, figure.name, what, pair, figure);
        }
        tables.push(table);
        let caption = format!("Percentile curves of {}", left.name);
        let id = format!("phase-{}", place + 1);
        let curves = [("A", "high", left), ("B", "main", right)];
        let objective = a.about.objective_p99_us;
        charts.extend(curves::percentiles(&id, &caption, &curves, objective));
    }
    let notes = vec![
        "Noise is how far the one of the equal slices of a phase strays from the figure that strays \
         furthest, and at least a twentieth of the figure: so far apart two runs of the same commit \
         may lie without anybody's doing. For the highest rate it is half the distance from the lowest \
         rate that held to the highest that did not, over all searches. Two figures differ when they \
         lie further apart than both noises added."
            .to_owned(),
    ];
    let section = Section {
        id: "figures".into(),
        heading: "Figures".into(),
        lead: lonely(a, b),
        charts,
        tables,
        notes,
        ..Section::default()
    };
    (section, judged)
}

/// Phases that only one of them has.
fn lonely(a: &Run, b: &Run) -> String {
    let names = |run: &Run| run.phases.iter().map(|phase| phase.name.clone()).collect();
    let (left, right): (BTreeSet<String>, BTreeSet<String>) = (names(a), names(b));
    let only = |name: &str, mine: &BTreeSet<String>, other: &BTreeSet<String>| {
        let only: Vec<&str> = mine.difference(other).map(String::as_str).collect();
        if only.is_empty() {
            String::new()
        } else {
            format!(" Only in {name}: {}.", only.join(", "))
        }
    };
    format!("Phases that both runs have.{}{}", only("A", &left, &right), only("B", &right, &left))
}

fn alarms(a: &Run, b: &Run) -> Vec<String> {
    let mut alarms = Vec::new();
    for (name, run) in [("A", a), ("B", b)] {
        let wrong: u64 = run.phases.iter().map(|phase| phase.total.wrong).sum();
        if wrong > 0 {
            alarms.push(format!("Run {name}: {}.", number::count(wrong, "wrong answer")));
        }
        for phase in &run.phases {
            if let Some(why) = &phase.generator.bottleneck {
                let phase = &phase.name;
                alarms.push(format!(
                    "Run {name}, phase {phase}: the generator may have been the limit: {why}."
                ));
            }
        }
    }
    let (about_a, about_b) = (&a.about, &b.about);
    let is_other_machine = about_a.processor != about_b.processor
        || about_a.cores != about_b.cores
        || about_a.kernel != about_b.kernel;
    if is_other_machine {
        alarms.push("The two runs were made on different machines or kernels.".into());
    }
    if a.asked.digest != b.asked.digest {
        alarms.push(
            "The two runs asked different questions (seed, register or shares differ).".into(),
        );
    }
    if about_a.records != about_b.records {
        alarms.push("The two runs served different numbers of certificates.".into());
    }
    for (left, right) in pairs(a, b) {
        if left.schedule != right.schedule {
            alarms.push(format!(
                "Phase {}: the schedules differ: {} and {}.",
                left.name, left.schedule, right.schedule
            ));
        }
    }
    alarms
}

fn differences(a: &Run, b: &Run) -> Section {
    let mut table =
        Table::new("Where, when and how; what differs is marked", &["What", "A", "B", "Differs"]);
    let left = about::facts(a).into_iter().chain(about::questions(a));
    let right = about::facts(b).into_iter().chain(about::questions(b));
    for ((name, left), (_, right)) in left.zip(right) {
        let differs = left != right && !ALWAYS_DIFFER.contains(&name);
        let class = if differs { "text marked" } else { "text" };
        table.row(vec![
            Cell::text(name),
            Cell { text: left, class },
            Cell { text: right, class },
            Cell::text(if differs { "differs" } else { "" }),
        ]);
    }
    Section {
        id: "about".into(),
        heading: "The two runs".into(),
        tables: vec![table],
        ..Section::default()
    }
}
