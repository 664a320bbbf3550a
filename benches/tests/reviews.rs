//! Certificates put under review while everything else happens, small; the campaign is `hold_check`.

use zhengcha_benches::reviews::{Plan, run};
use zhengcha_loader::testing::temporary_folder;

/// Rounds within the time of a test.
const SMOKE_ROUNDS: u32 = 40;

#[test]
fn no_answer_shows_a_record_that_is_under_review() {
    let folder = temporary_folder().unwrap();
    let plan = Plan {
        loader: vec![env!("CARGO_BIN_EXE_hold_check").into(), "loader".into()],
        folder: folder.path().to_owned(),
        rounds: SMOKE_ROUNDS,
        seed: 2026,
        records: 40,
        others: 1_000,
    };
    let tally = run(&plan, |_, _| {}).unwrap();
    assert!(tally.killed > 0 && tally.killed_and_decided < tally.killed, "{tally:?}");
    assert!(tally.acknowledged > 0 && tally.swaps > 0, "{tally:?}");
    assert!(tally.servers > 1 && tally.damaged > 0, "{tally:?}");
    assert!(tally.asked.answers > 100 && tally.asked.refusals > 0, "{tally:?}");
}
