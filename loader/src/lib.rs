//! Reads certificate upload files, judges every row, compiles and publishes snapshots.

pub mod input;
pub mod judge;
pub mod layout;
pub mod report;
pub mod tables;
