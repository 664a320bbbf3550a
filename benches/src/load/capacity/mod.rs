//! How many machines so many certificates and queries take, from what the kit measured.
//!
//! ```text
//! Constants (of a run) ─┐
//! Need ─────────────────┼─ plan ─ text
//! Machine ──────────────┘
//! ```
//!
//! Every machine serves the whole register: a replica, behind any balancer. What bites first, of cores,
//! network, memory and the reads of its disk, says how many queries one of them carries.

mod machine;
mod plan;
mod text;

pub use machine::Machine;
pub use plan::{Limit, Need, Plan, plan};
pub use text::{nation, table};

use anyhow::Context;

use super::run::Constants;

/// What the kit measured for the report in `benches/results/`.
const MEASURED: &str = include_str!("../../../results/constants.json");

/// The constants of that report.
///
/// # Errors
/// None in a program whose tests have passed.
pub fn measured() -> anyhow::Result<Constants> {
    serde_json::from_str(MEASURED).context("the built-in constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_constants_are_some() {
        let constants = measured().unwrap();
        assert!(constants.query_cpu_us > 0.0 && constants.bytes_each > 0.0);
        assert!((0.0..=1.0).contains(&constants.utilisation_at_knee));
    }
}
