//! Where, when and how: what somebody needs to repeat the run.

use std::collections::BTreeMap;

use super::super::super::run::Run;
use super::super::number;
use super::Section;
use super::table::{Cell, Table};

/// Machine, command, questions.
pub(super) fn section(run: &Run) -> Section {
    Section {
        id: "about".into(),
        heading: "About this run".into(),
        lead: "What is needed to repeat it. The figures are in run.json beside this page, the latencies \
               of each phase in its .hdr (HdrHistogram log) and .hgrm (percentiles) files."
            .into(),
        tables: vec![
            Table::pairs("Run", ["What", "Which"], facts(run)),
            Table::pairs("Questions", ["What", "Which"], questions(run)),
        ],
        ..Section::default()
    }
}

/// Names and values, in the order they are shown and compared.
pub(super) fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let about = &run.about;
    vec![
        ("Command", about.command.clone()),
        ("Began at", about.began_at.clone()),
        ("Took", number::seconds(about.seconds)),
        ("Commit", about.commit.clone()),
        ("Version of the kit", about.version.clone()),
        ("Seed", about.seed.to_string()),
        ("Target", about.target.clone()),
        (
            "Client and server",
            if about.is_shared_machine {
                "share this machine"
            } else {
                "are on different machines"
            }
            .to_owned(),
        ),
        (
            "Processor",
            format!("{}, {}", about.processor, number::count(about.cores as u64, "core")),
        ),
        ("Memory", number::bytes(about.memory_bytes as f64)),
        ("Kernel", about.kernel.clone()),
        ("System", about.system.clone()),
        ("Certificates", number::grouped(about.records)),
        (
            "Store on disk",
            match about.store_bytes {
                0 => "not known".to_owned(),
                bytes => number::bytes(bytes as f64),
            },
        ),
        ("Settings of the server", about.server.clone()),
        ("Objective for p99", number::stated(about.objective_p99_us)),
        ("Patience of an asker", number::stated(about.patience_us)),
    ]
}

/// The same about the questions.
pub(super) fn questions(run: &Run) -> Vec<(&'static str, String)> {
    let asked = &run.asked;
    vec![
        ("Different questions", number::grouped(asked.questions)),
        ("Subjects", number::grouped(asked.subjects)),
        ("Zipf exponent", number::three(asked.zipf)),
        ("Modes", shares(&asked.modes)),
        ("Kinds", shares(&asked.kinds)),
        ("Digest of questions and answers", asked.digest.clone()),
    ]
}

fn shares(shares: &BTreeMap<String, f64>) -> String {
    let parts: Vec<String> =
        shares.iter().map(|(name, share)| format!("{name} {}", number::percent(*share))).collect();
    if parts.is_empty() { number::NONE.to_owned() } else { parts.join(", ") }
}

/// What the capacity calculator takes from this run.
pub(super) fn constants(run: &Run) -> Option<Section> {
    let constants = run.constants.as_ref()?;
    let maybe = |us: Option<f64>| us.map_or("not measured".to_owned(), number::micros);
    let mut table = Table::new("Constants of the capacity calculator", &["What", "Figure"]);
    let pairs = [
        ("Server time for one question", number::micros(constants.query_cpu_us)),
        ("The same over TLS, connections kept", maybe(constants.query_tls_cpu_us)),
        ("More for a fresh connection", maybe(constants.connect_cpu_us)),
        ("More for a fresh connection over TLS", maybe(constants.connect_tls_cpu_us)),
        ("Server time for one claim of a stream", maybe(constants.claim_cpu_us)),
        ("Disk for one certificate", number::bytes(constants.bytes_each)),
        ("Share of all cores in use at the limit", number::percent(constants.utilisation_at_knee)),
        ("On the wire for one question, both ways", number::bytes(constants.wire_bytes)),
        ("Memory that is no file", number::bytes(constants.anonymous_bytes as f64)),
    ];
    for (name, value) in pairs {
        table.row(vec![Cell::text(name), Cell::number(value)]);
    }
    Some(Section {
        id: "constants".into(),
        heading: "What a plan is reckoned from".into(),
        lead: "As measured in this run; times are of one core.".into(),
        tables: vec![table],
        ..Section::default()
    })
}
