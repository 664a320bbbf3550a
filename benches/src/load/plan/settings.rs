//! How long and how hard the standard plan drives.

use std::time::Duration;

use super::objective::Objective;
use crate::load::drive::Load;
use crate::load::schedule::Schedule;

/// Windows of phases in which something happens.
pub(super) const FINE: Duration = Duration::from_millis(250);

/// Lengths, bounds and repetitions of the standard plan.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the knee must keep.
    pub objective: Objective,
    /// After which an answer is no use to its asker.
    pub patience: Duration,
    /// Kept connections.
    pub connections: u64,
    /// Connections at one time, but for overload.
    pub connections_max: u64,
    /// Connections at one time in overload: more than the server lets in.
    pub overload_connections_max: u64,
    /// Closed loops before something is measured.
    pub warm_up: Duration,
    /// Between two phases or steps: what the one before left in queues and buffers is gone.
    pub rest: Duration,
    /// One step of a search.
    pub step: Duration,
    /// Searches; how far they lie apart is the noise.
    pub searches: usize,
    /// The confirming run, the steady phase and those beside it.
    pub phase: Duration,
    /// The phase with events.
    pub events: Duration,
    /// Phases with a spike above the limit.
    pub overload: Duration,
    /// Times the limit.
    pub overload_factors: Vec<f64>,
    /// Turns of the witness, and the length of one.
    pub witness_turns: usize,
    /// See there.
    pub witness: Duration,
    /// Share of fresh connections in the phases about them, plain and over TLS.
    pub fresh_shares: (f64, f64),
    /// Streams of claims in the phase about them.
    pub bulk_streams: u64,
    /// Slow clients of each sort in the phase about them.
    pub slow_clients: u64,
}

impl Settings {
    /// Some eight minutes.
    #[must_use]
    pub fn standard(objective: Objective) -> Self {
        Self {
            objective,
            patience: Duration::from_secs(1),
            connections: 64,
            connections_max: 64,
            overload_connections_max: 6000,
            warm_up: Duration::from_secs(3),
            rest: Duration::from_millis(500),
            step: Duration::from_secs(5),
            searches: 3,
            phase: Duration::from_secs(30),
            events: Duration::from_secs(60),
            overload: Duration::from_secs(40),
            overload_factors: vec![2.0, 3.0],
            witness_turns: 3,
            witness: Duration::from_secs(5),
            fresh_shares: (0.1, 0.02),
            bulk_streams: 2,
            slow_clients: 50,
        }
    }

    /// Every part of the standard plan, too short for figures that are worth keeping.
    #[must_use]
    pub fn quick(objective: Objective) -> Self {
        Self {
            step: Duration::from_secs(1),
            searches: 1,
            phase: Duration::from_secs(4),
            events: Duration::from_secs(15),
            overload: Duration::from_secs(10),
            overload_factors: vec![2.0],
            witness_turns: 1,
            witness: Duration::from_secs(1),
            overload_connections_max: 1000,
            ..Self::standard(objective)
        }
    }

    /// The same with every length times this factor, but for the turns of the witness: in shorter ones two
    /// closed loops stray from each other by more than they may.
    #[must_use]
    pub fn paced(mut self, factor: f64) -> Self {
        for length in [
            &mut self.warm_up,
            &mut self.rest,
            &mut self.step,
            &mut self.phase,
            &mut self.events,
            &mut self.overload,
        ] {
            *length = length.mul_f64(factor);
        }
        self
    }

    /// A load with these connections.
    pub(super) fn load(&self, schedule: Schedule) -> Load {
        Load {
            patience: self.patience,
            ..Load::new(schedule, self.connections, self.connections_max)
        }
    }
}
