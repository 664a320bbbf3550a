//! Answers certificate queries over HTTP from mapped snapshots.

pub mod page;
