//! Shared parts of the benchmarks: stores of invented certificates, passes over random queries.

pub mod passes;
pub mod programs;
pub mod stores;
