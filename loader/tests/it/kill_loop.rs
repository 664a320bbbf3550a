//! Twenty commands killed at random moments; the campaign of two hundred is in `benches`.

use zhengcha_loader::testing::{kill, temporary_folder};

/// Rounds within the time of a test.
const SMOKE_ROUNDS: u32 = 20;

#[test]
fn a_killed_command_leaves_the_old_generation_or_the_new_one() {
    let folder = temporary_folder().unwrap();
    let plan = kill::KillLoop {
        loader: env!("CARGO_BIN_EXE_zhengcha-loader").into(),
        folder: folder.path().to_owned(),
        rounds: SMOKE_ROUNDS,
        seed: 2026,
        records: 30,
    };
    let tally = kill::run(&plan, |_, _| {}).unwrap();
    assert_eq!(tally.killed + tally.acknowledged, SMOKE_ROUNDS);
    assert!(tally.killed > 0 && tally.records >= 30, "{tally:?}");
}
