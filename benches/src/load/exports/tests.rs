//! What is written for other tools, line by line.

use std::collections::BTreeMap;
use std::fs;

use zhengcha_engine::key::Mode;

use super::{Settings, write};
use crate::load::questions::{Kind, Question, QuestionSet, Shown, Wanted};

fn question(body: &str, shown: &[(u32, &str)]) -> Question {
    let shown = shown.iter().map(|(since, number)| Shown {
        since: *since,
        number: (*number).into(),
        json: format!(r#"{{"certificate_number":"{number}"}}"#).into(),
    });
    Question {
        mode: Mode::CN,
        kind: Kind::Hit,
        subject: 0,
        body: body.as_bytes().into(),
        shown: shown.collect(),
    }
}

fn set() -> QuestionSet {
    QuestionSet {
        wanted: Wanted::new(1000, 1, 3),
        as_of: vec![None],
        digest: String::new(),
        questions: vec![
            question(r#"{"certificate_number":"1","name":"无名"}"#, &[]),
            question(r#"{"certificate_number":"2","name":"王小明"}"#, &[(0, "2"), (1, "3")]),
            question("never drawn", &[]),
        ],
    }
}

/// What is in the folder, by name.
fn written(set: &QuestionSet, order: &[u32], settings: &Settings) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(set, order, settings, folder.path()).unwrap();
    let text = |path| fs::read_to_string(path).unwrap();
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().display().to_string();
    paths.iter().map(|path| (name(path), text(path))).collect()
}

#[test]
fn every_tool_gets_the_questions_as_drawn_with_their_right_answers() {
    let files = written(&set(), &[1, 0, 1], &Settings::new("http://127.0.0.1:8080"));
    assert_eq!(
        files["questions.tsv"],
        "{\"certificate_number\":\"2\",\"name\":\"王小明\"}\t\
         \"count\":1,\"certificates\":[{\"certificate_number\":\"2\"}]}\n\
         {\"certificate_number\":\"1\",\"name\":\"无名\"}\t\"count\":0,\"certificates\":[]}\n"
    );
    assert_eq!(files["order.txt"], "0\n1\n0\n", "lines of questions.tsv, from 0");
    assert_eq!(
        files["bodies.txt"],
        "{\"certificate_number\":\"2\",\"name\":\"王小明\"}\n\
         {\"certificate_number\":\"1\",\"name\":\"无名\"}\n\
         {\"certificate_number\":\"2\",\"name\":\"王小明\"}\n"
    );
    assert_eq!(
        files["jmeter.tsv"],
        "1\t{\"certificate_number\":\"2\",\"name\":\"王小明\"}\n\
         0\t{\"certificate_number\":\"1\",\"name\":\"无名\"}\n\
         1\t{\"certificate_number\":\"2\",\"name\":\"王小明\"}\n"
    );
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let scripts = ["wrk-checked.lua", "wrk-questions.lua", "wrk.lua"];
    let data = ["bodies.txt", "jmeter.tsv", "order.txt", "questions.tsv"];
    let mut expected = [&scripts[..], &data, &["README.md", "jmeter.jmx", "k6.js"]].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn right_answers_are_those_of_the_state_asked_for() {
    let settings = Settings { uploads: 1, ..Settings::new("http://127.0.0.1:8080") };
    let files = written(&set(), &[1], &settings);
    let (_, tail) = files["questions.tsv"].split_once('\t').unwrap();
    assert_eq!(
        tail,
        "\"count\":2,\"certificates\":[{\"certificate_number\":\"2\"},{\"certificate_number\":\"3\"}]}\n"
    );
    assert!(files["jmeter.tsv"].starts_with("2\t"));
}

#[test]
fn commands_and_scripts_are_filled_in() {
    let settings = Settings {
        rate: 1234,
        seconds: 56,
        connections: 78,
        threads: 3,
        objective_p99_us: 7500,
        ..Settings::new("https://load.test")
    };
    let files = written(&set(), &[1, 0, 1], &settings);
    for (name, text) in &files {
        let left = text.split('@').skip(1).step_by(2).find(|between| {
            !between.is_empty() && between.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        });
        assert_eq!(left, None, "{name} has a place that was not filled in");
    }
    for (name, expected) in [
        ("k6.js", "'https://load.test:443'"),
        ("k6.js", "__ENV.RATE || 1234"),
        ("k6.js", "p(99)<7.5"),
        ("jmeter.jmx", "${__P(per_minute,74040)}"),
        ("jmeter.jmx", "${__P(connections,78)}"),
        ("jmeter.jmx", "${__P(seconds,56)}"),
        ("jmeter.jmx", "load.test"),
        ("README.md", "https://load.test:443"),
        ("README.md", "1234"),
    ] {
        assert!(files[name].contains(expected), "{name}: {expected}");
    }
}

#[test]
fn what_no_tool_could_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new("http://127.0.0.1:8080");
    let refused = |set: &QuestionSet, order: &[u32]| {
        format!("{:#}", write(set, order, &settings, folder.path()).unwrap_err())
    };
    let mut odd = set();
    odd.questions[0].body = b"{\t}".as_slice().into();
    assert!(refused(&odd, &[0]).contains("question 0 cannot be exported: it has a tab"));
    assert!(refused(&set(), &[7]).contains("question 7 was drawn, and there is none"));
    assert!(refused(&set(), &[]).contains("nothing to export"));
}
