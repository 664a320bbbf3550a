//! Samples, benches and load programs.

pub mod samples;
