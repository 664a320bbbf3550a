//! Why a stream of claims was broken off.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reason. The client sees a connection that breaks; the log and the metrics say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The client has gone, or its body broke off.
    Client,
    /// The body is not the gzip that it was said to be.
    Gzip,
    /// The generation of the stream was replaced too long ago.
    Generation,
    /// The list of holds cannot be read: nothing may be judged.
    Holds,
    /// The partner was revoked or its last day is over.
    Partner,
    /// It ran longer than the drain at a stop.
    Stop,
    /// A fault of ours.
    Fault,
}

impl Cut {
    /// Every reason with its label.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Client, "client"),
        (Self::Gzip, "gzip"),
        (Self::Generation, "generation"),
        (Self::Holds, "holds"),
        (Self::Partner, "partner"),
        (Self::Stop, "stop"),
        (Self::Fault, "fault"),
    ];

    /// The name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// How many streams were broken off, by reason.
#[derive(Debug, Default)]
pub struct Cuts([AtomicU64; Cut::ALL.len()]);

impl Cuts {
    /// One more.
    pub fn count(&self, cut: Cut) {
        self.0[cut as usize].fetch_add(1, Relaxed);
    }

    /// How many for this reason.
    #[must_use]
    pub fn of(&self, cut: Cut) -> u64 {
        self.0[cut as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_numbered_in_order() {
        for (index, (cut, name)) in Cut::ALL.into_iter().enumerate() {
            assert_eq!((cut as usize, cut.name()), (index, name));
        }
    }
}
