//! Names of phases: reports and comparisons find a phase by its name.

/// Fills caches and buffers; its figures count for nothing.
pub(super) const WARM_UP: &str = "warm-up";
/// The confirming run at the knee.
pub(super) const KNEE: &str = "knee";
/// Half the knee's rate, nothing beside.
pub(super) const STEADY: &str = "steady";
/// Swaps, holds, releases and a restart.
pub(super) const EVENTS: &str = "events";
/// Streams of claims beside the questions.
pub(super) const BULK: &str = "bulk";
/// Slow clients beside the questions.
pub(super) const SLOW: &str = "slow-clients";
/// Fresh connections for a share of the questions.
pub(super) const FRESH: &str = "fresh-connections";
/// Over TLS, connections kept.
pub(super) const TLS: &str = "tls";
/// Over TLS, fresh connections for a share of the questions.
pub(super) const TLS_FRESH: &str = "tls-fresh";
/// A schedule that was asked for.
pub(super) const SCHEDULE: &str = "schedule";

/// A spike above the knee.
pub(super) fn overload(factor: f64) -> String {
    format!("overload-{factor}x")
}
