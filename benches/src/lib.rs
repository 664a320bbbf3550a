//! Shared parts of the benchmarks, stores of invented certificates, passes over random queries, and
//! the samples.

pub mod passes;

pub mod samples;
pub mod stores;
