//! Integration tests of the engine.

mod corruption;
mod golden;
mod lookups;
mod support;
