//! Every right answer against a naive model, and the file against the set.

use std::collections::HashSet;

use super::super::{Kind, Question, QuestionSet, Wanted, shown};
use super::{set, wanted};
use zhengcha_engine::Certificate;
use zhengcha_engine::key::Field;
use zhengcha_engine::key::normalize::query_field;
use zhengcha_engine::testing::{Part, Register, key_text};

/// The register with the number of the upload that brings each certificate.
fn register(wanted: &Wanted) -> Vec<(u32, Certificate)> {
    let base = Register::new(wanted.seed, wanted.records, wanted.part_records);
    let mut all: Vec<_> = base.flat_map(Part::certificates).map(|made| (0, made)).collect();
    for number in (1..).take(wanted.uploads.len()) {
        let rows = wanted.upload_rows(number).unwrap();
        all.extend(rows.into_iter().map(|row| (number, row)));
    }
    all
}

fn naive(question: &Question, register: &[(u32, Certificate)]) -> Vec<(u32, String, String)> {
    let body: serde_json::Value = serde_json::from_slice(&question.body).unwrap();
    let asked: Vec<(Field, String)> = Field::ALL
        .into_iter()
        .filter_map(|field| Some((field, body.get(field.name())?.as_str()?)))
        .map(|(field, typed)| (field, query_field(field, typed).unwrap().into_owned()))
        .collect();
    assert_eq!(asked.len(), 2);
    let has = |certificate: &Certificate| {
        asked.iter().all(|(field, text)| key_text(certificate, *field) == *text)
    };
    let mut found: Vec<&(u32, Certificate)> =
        register.iter().filter(|(_, certificate)| has(certificate)).collect();
    found.sort_by(|(_, a), (_, b)| {
        b.issue_date
            .cmp(&a.issue_date)
            .then_with(|| a.certificate_number.cmp(&b.certificate_number))
    });
    let shown = |(since, certificate): &(u32, Certificate)| {
        let json = shown::json(certificate).unwrap();
        (*since, certificate.certificate_number.clone(), json)
    };
    found.into_iter().map(shown).collect()
}

#[test]
fn every_right_answer_is_that_of_a_naive_model() {
    let (set, register) = (set(), register(&wanted()));
    assert!(set.questions.len() > 1_500, "{}", set.questions.len());
    let (mut several, mut brought) = (0, 0);
    for question in &set.questions {
        let right = naive(question, &register);
        let found: Vec<_> = question
            .shown
            .iter()
            .map(|shown| (shown.since, shown.number.to_string(), shown.json.to_string()))
            .collect();
        assert_eq!(found, right, "{:?} {:?}", question.mode, question.kind);
        several += usize::from(found.len() > 1);
        brought += usize::from(found.iter().any(|(since, ..)| *since > 0));
        if matches!(question.kind, Kind::Hit | Kind::Variant) {
            assert!(!found.is_empty());
        }
    }
    assert!(several > 0 && brought > 50, "{several} {brought}");
    for (uploads, as_of) in (0..).zip(&set.as_of) {
        let served = register.iter().filter(|(since, _)| *since <= uploads);
        let latest = served.filter_map(|(_, certificate)| certificate.issue_date).max();
        assert_eq!(as_of.as_deref(), latest.map(|date| date.to_string()).as_deref());
    }
}

#[test]
fn uploads_bring_numbers_that_the_base_has_not_whatever_comes_after_them() {
    let numbers: Vec<String> =
        register(&wanted()).into_iter().map(|(_, made)| made.certificate_number).collect();
    let different: HashSet<&String> = numbers.iter().collect();
    assert_eq!(different.len(), numbers.len());
    let first_alone = Wanted { uploads: vec![300], ..wanted() };
    assert_eq!(first_alone.upload_rows(1).unwrap(), wanted().upload_rows(1).unwrap());
    assert!(wanted().upload_rows(0).is_err() && wanted().upload_rows(3).is_err());
}

#[test]
fn the_same_numbers_draw_the_same_set_on_any_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(set)
    };
    assert_eq!(on(1), on(4));
    let other = QuestionSet::draw(&Wanted { question_seed: 2, ..wanted() }).unwrap();
    assert_ne!(other.digest, set().digest);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_a_cure() {
    let refused = |wanted: Wanted| QuestionSet::draw(&wanted).unwrap_err().to_string();
    let text = refused(Wanted { subjects: 4_000, ..wanted() });
    assert!(text.contains("fewer"), "{text}");
    let text = refused(Wanted { records: u64::MAX / 4, ..wanted() });
    assert!(text.contains("smaller register"), "{text}");
    let text = refused(Wanted { shares: [0.1, 0.1, 1.5, 0.1], ..wanted() });
    assert!(text.contains("from 0 to 1"), "{text}");
}

#[test]
fn a_file_gives_the_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("questions.ndjson");
    let set = set();
    set.write(&path).unwrap();
    assert_eq!(QuestionSet::read(&path).unwrap(), set);
    let text = std::fs::read_to_string(&path).unwrap();
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_damaged_file_is_refused_with_line_and_cure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("questions.ndjson");
    QuestionSet::draw(&Wanted { subjects: 12, ..wanted() }).unwrap().write(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let text = format!("{:#}", QuestionSet::read(&path).unwrap_err());
        assert!(text.contains("draw the questions anew"), "{text}");
        text
    };
    for at in (0..good.len()).step_by(37) {
        let line = 1 + good[..at].iter().filter(|&&byte| byte == b'\n').count();
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(refused(&bad).contains(&format!("line {line}: ")));
    }
    let lines: Vec<&[u8]> = good.split_inclusive(|&byte| byte == b'\n').collect();
    let last = lines.len() - 1;
    assert!(refused(&lines[..last].concat()).contains(&format!("line {last}: ")));
    let mut exchanged = lines.clone();
    exchanged.swap(3, 4);
    assert!(refused(&exchanged.concat()).contains("digest"));
    refused(b"");
    refused(b"{\"name\":\"value\"}\n");
}
