//! Tests of questions, truth, judge and file together, over small registers.

mod judging;
mod model;
mod shares;

use super::{QuestionSet, Wanted};

/// A register of several parts, the last cut off, with two uploads.
fn wanted() -> Wanted {
    Wanted {
        part_records: 1_000,
        uploads: vec![300, 900],
        upload_share: 0.05,
        ..Wanted::new(3_500, 7, 200)
    }
}

fn set() -> QuestionSet {
    QuestionSet::draw(&wanted()).unwrap()
}
