//! The load testing kit: questions with known answers, sent on a schedule, checked one by one.
//!
//! ```text
//! register (seed) ── questions ──┐                        ┌─ report (HTML, JSON, HDR)
//!                                ├─ plan ── drive ── run ─┤
//! store ── service (bring-up) ───┘            │           └─ compare, capacity
//!                    events, bulk, slow, samples
//! ```
//!
//! `questions` invents the register again from its seed and knows every right answer without asking the
//! engine. `drive` sends them in an open loop: each has a moment at which it is due, and its latency
//! counts from that moment, sent late or not. `plan` puts phases together and searches for the knee.
//! What came of it is one [`run::Run`], from which every page is made.

pub mod bring_up;
pub mod capacity;
pub mod cores;
pub mod descriptors;
pub mod drive;
pub mod exports;
pub mod foreign;
pub mod machine;
pub mod plan;
pub mod questions;
pub mod report;
pub mod run;
pub mod schedule;
pub mod service;
pub mod target;
pub mod witness;
