//! Integration tests of the engine.

mod corruption;
mod lookups;
mod support;
