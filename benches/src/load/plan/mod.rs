//! Phases put together: the search for the knee, what happens above it, what events cost.

mod beside;
mod constants;
mod costs;
mod custom;
mod knee;
mod names;
mod objective;
mod overload;
mod search;
mod settings;
mod stage;
mod standard;
mod subject;

pub use beside::Beside;
pub use custom::drive_schedule;
pub use objective::Objective;
pub use settings::Settings;
pub use standard::{Part, drive, swaps};
pub use subject::{Subject, numbers_to_hold};
