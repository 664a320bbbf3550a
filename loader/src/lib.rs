//! Reads certificate upload files, judges every row, compiles and publishes snapshots.

pub mod input;
pub mod synth;
