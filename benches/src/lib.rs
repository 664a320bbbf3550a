//! Shared parts of the benchmarks: stores of invented certificates, passes over random queries, the
//! samples, the programs under test, the peers, reviews under fire.

pub mod bulk_check;
pub mod latencies;
pub mod load;
pub mod passes;
pub mod peers;
pub mod programs;
pub mod reviews;
pub mod samples;
pub mod stores;
pub mod thousands;
