//! Integration tests of the engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod claims;
mod claims_model;
mod corruption;
mod generated;
mod golden;
mod lookups;
mod opening;
mod shares;
mod support;
