//! Bulk verification by command and by service, small; the campaign is the bin of this name.

use std::time::Duration;

use zhengcha_benches::bulk_check::{Plan, run};
use zhengcha_loader::testing::temporary_folder;

#[test]
fn verdicts_are_the_same_by_command_and_by_service_while_generations_change() {
    let folder = temporary_folder().unwrap();
    let plan = Plan {
        loader: vec![env!("CARGO_BIN_EXE_bulk_check").into(), "loader".into()],
        folder: folder.path().to_owned(),
        records: 5_000,
        claims: 10_000,
        seed: 5,
        swap_interval: Duration::from_millis(300),
        streams: 2,
    };
    let tally = run(&plan).unwrap();
    assert_eq!(tally.streams, 4);
    assert_eq!(tally.verdicts, 4 * plan.claims);
    assert!(tally.swaps > 4, "{tally:?}");
}
