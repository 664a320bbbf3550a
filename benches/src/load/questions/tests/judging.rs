//! What the judge lets pass and what not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zhengcha_engine::key::Mode;

use super::super::*;

const RIGHT: &str =
    r#"{"generation":7,"as_of":null,"count":1,"certificates":[{"certificate_number":"X1"}]}"#;
const HELD: &str = r#"{"generation":7,"as_of":null,"count":1,"certificates":[{"status":"under_review","certificate_number":"X1"}]}"#;

fn judge() -> (Judge, Arc<Timeline>) {
    let shown = |since, number: &str| Shown {
        since,
        number: number.into(),
        json: format!(r#"{{"certificate_number":"{number}"}}"#).into(),
    };
    let set = QuestionSet {
        wanted: Wanted::new(1, 1, 1),
        as_of: vec![None, None],
        digest: String::new(),
        questions: vec![Question {
            mode: Mode::CN,
            kind: Kind::Hit,
            subject: 0,
            body: b"{}"[..].into(),
            shown: [shown(0, "X1"), shown(1, "X2")].into(),
        }],
    };
    let timeline = Arc::new(Timeline::new(7, 1));
    (Judge::new(Arc::new(set), Arc::clone(&timeline)), timeline)
}

#[test]
fn no_byte_of_a_right_answer_can_change() {
    let (judge, _) = judge();
    let now = Instant::now();
    assert_eq!(
        judge.judge(0, RIGHT.as_bytes(), now, now).unwrap(),
        Seen { generation: 7, under_review: false }
    );
    for place in 0..RIGHT.len() {
        let mut changed = RIGHT.as_bytes().to_vec();
        changed[place] ^= 1;
        let came = judge.judge(0, &changed, now, now);
        assert!(came.is_err(), "{}", String::from_utf8_lossy(&changed));
        assert!(judge.judge(0, &RIGHT.as_bytes()[..place], now, now).is_err(), "cut at {place}");
    }
    let both =
        RIGHT.replace("count\":1", "count\":2").replace("]}", r#",{"certificate_number":"X2"}]}"#);
    assert!(judge.judge(0, both.as_bytes(), now, now).is_err(), "of the next generation");
    let next = both.replace("generation\":7", "generation\":8");
    assert!(judge.judge(0, next.as_bytes(), now, now).is_ok());
    assert!(judge.judge(0, RIGHT.replace(":7", ":8").as_bytes(), now, now).is_err(), "mixed");
}

#[test]
fn no_answer_goes_back_to_an_earlier_generation() {
    let (judge, _) = judge();
    let began = Instant::now();
    let at = |ms| began + Duration::from_millis(ms);
    let next = r#"{"generation":8,"as_of":null,"count":2,"certificates":[{"certificate_number":"X1"},{"certificate_number":"X2"}]}"#;
    assert!(judge.judge(0, next.as_bytes(), at(1), at(10)).is_ok());
    assert!(judge.judge(0, RIGHT.as_bytes(), at(5), at(20)).is_ok(), "both were on their way");
    let back = judge.judge(0, RIGHT.as_bytes(), at(11), at(12));
    assert!(matches!(back, Err(Wrong::Backward { .. })), "{back:?}");
}

#[test]
fn a_review_may_be_seen_when_it_begins_and_must_be_a_second_after_it_is_done() {
    let (judge, timeline) = judge();
    let began = Instant::now();
    let at = |ms| began + Duration::from_millis(ms);
    let passes = |body: &str, ms| judge.judge(0, body.as_bytes(), at(ms), at(ms + 1)).is_ok();
    assert!(!passes(HELD, 0), "nothing is under review");
    timeline.hold_begins(&["X1"], at(100));
    timeline.hold_done(&["X1"], at(200));
    assert!(!passes(HELD, 50) && passes(RIGHT, 50));
    assert!(passes(HELD, 150) && passes(RIGHT, 150), "either, while the command runs");
    assert!(passes(HELD, 1100) && passes(RIGHT, 1100), "either, within the grace");
    assert!(passes(HELD, 1300) && !passes(RIGHT, 1300), "only the review after it");
    timeline.release_begins(&["X1"], at(2000));
    timeline.release_done(&["X1"], at(2100));
    assert!(passes(HELD, 2500) && passes(RIGHT, 2500));
    assert!(!passes(HELD, 3200) && passes(RIGHT, 3200));
}
