//! Reads certificate upload files, judges every row, compiles and publishes snapshots.

pub mod assemble;
pub mod cli;
pub mod clock;
pub mod cmd;
pub mod compile;
pub mod digest;
pub mod fsck;
pub mod generation;
pub mod input;
pub mod judge;
pub mod layout;
pub mod ledger;
pub mod lock;
pub mod output;
pub mod progress;
pub mod publication;
pub mod report;
pub mod space;
pub mod synth;
pub mod tables;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tiers;
pub mod upload;
pub mod verify;
pub mod waiting;
