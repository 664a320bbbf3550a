//! Integration tests of the engine.

mod corruption;
mod generated;
mod golden;
mod lookups;
mod support;
