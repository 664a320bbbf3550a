//! `query`: the six lookups on the command line.

use super::Outcome;
use crate::cli::QueryArgs;
use crate::output::Output;
use anyhow::Context;
use serde_json::{Value, json};
use std::fmt::Write as _;
use zhengcha_engine::key::normalize::query_pair;
use zhengcha_engine::{Certificate, Holds, IdType, Query, Snapshot, Store};

/// Characters of an ID number shown to the public; of other documents fewer.
const RESIDENT_SHOWN_CHARS: usize = 6;
const OTHER_SHOWN_CHARS: usize = 2;
const MASK: &str = "************";

/// Answers from the live generation, verified first.
pub(super) fn run(store: &Store, args: &QueryArgs, output: &Output) -> anyhow::Result<Outcome> {
    let pair = query_pair([
        args.id_number.as_deref(),
        args.certificate_number.as_deref(),
        args.ticket_number.as_deref(),
        args.name.as_deref(),
    ])?;
    let snapshot = Snapshot::open_current(store, None)?.with_context(|| {
        format!("no generation in {} yet; load an upload file first", store.root().display())
    })?;
    let holds = Holds::read(store)?;
    let mut found: Vec<Certificate> = snapshot
        .lookup(Query::new(pair.mode, &pair.first, &pair.second))
        .map(|view| view.to_certificate())
        .collect();
    // Newest first, then by number.
    found.sort_by(|a, b| {
        b.issue_date
            .cmp(&a.issue_date)
            .then_with(|| a.certificate_number.cmp(&b.certificate_number))
    });
    let answers: Vec<Value> = found
        .iter()
        .map(|certificate| {
            if holds.contains(&certificate.certificate_number) && !args.full {
                let number = &certificate.certificate_number;
                json!({ "status": "under_review", "certificate_number": number })
            } else {
                answer(certificate, args.full, holds.contains(&certificate.certificate_number))
            }
        })
        .collect();
    let json = json!({
        "generation": snapshot.generation(),
        "as_of": snapshot.as_of().map(|date| date.to_string()),
        "count": answers.len(),
        "certificates": answers,
    });
    output.print(&json, || lines(&answers))?;
    Ok(Outcome::Done)
}

fn answer(certificate: &Certificate, full: bool, held: bool) -> Value {
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let code = |code: Option<u8>| code.map_or(Value::Null, |code| json!(code.to_string()));
    let score = |tenths: Option<u16>| tenths.map_or(Value::Null, |tenths| json!(score(tenths)));
    let mut answer = json!({
        "status": if held { "under_review" } else { "valid" },
        "certificate_number": certificate.certificate_number,
        "name": certificate.name,
        "gender": code(certificate.gender),
        "id_number": if full { certificate.id_number.clone() } else { masked(certificate) },
        "education": code(certificate.education),
        "occupation_code": text(&certificate.occupation_code),
        "occupation_name": certificate.occupation_name,
        "level": code(certificate.level),
        "theory_score": score(certificate.theory_score),
        "skill_score": score(certificate.skill_score),
        "review_score": score(certificate.review_score),
        "grade": code(certificate.grade),
        "issue_date": certificate.issue_date.map(|date| date.to_string()),
        "institution": certificate.institution,
        "issuer": text(&certificate.issuer),
    });
    if full && let Some(fields) = answer.as_object_mut() {
        fields.insert("id_type".to_owned(), json!(certificate.id_type.code().to_string()));
        fields.insert(
            "birth_date".to_owned(),
            json!(certificate.birth_date.map(|date| date.to_string())),
        );
        fields.insert("ticket_number".to_owned(), text(&certificate.ticket_number));
    }
    answer
}

/// One decimal; a full score without, as it fits the four characters of the collection table.
fn score(tenths: u16) -> String {
    if tenths == 1000 { "100".to_owned() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

fn masked(certificate: &Certificate) -> String {
    let shown = match certificate.id_type {
        IdType::Resident | IdType::ResidencePermit => RESIDENT_SHOWN_CHARS,
        _ => OTHER_SHOWN_CHARS,
    };
    certificate.id_number.chars().take(shown).chain(MASK.chars()).collect()
}

fn lines(answers: &[Value]) -> String {
    if answers.is_empty() {
        return "not found\n".to_owned();
    }
    let mut text = String::new();
    for answer in answers {
        for (field, value) in answer.as_object().into_iter().flatten() {
            if let Some(value) = value.as_str() {
                let _ = writeln!(text, "{field:<19} {value}");
            }
        }
        text.push('\n');
    }
    text
}
