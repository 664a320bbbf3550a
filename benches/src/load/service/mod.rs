//! The server's side of a run: its store, its process, what it says of itself, what is done to it, and
//! what else keeps it busy.
//!
//! - `store` makes a register of a chosen size once, and lends it to each run under a folder of its own,
//!   so that the uploads and decisions of one run are not in the next.
//! - `server` starts, restarts and stops the server; `process` is what the system knows of it.
//! - `samples` reads metrics and process figures at an interval, restarts included.
//! - `events` are the swaps, decisions and restarts of a phase.
//! - `bulk` and `slow` are what else keeps it busy.
//! - `loader` runs the loader for all of them.

pub mod bulk;
pub mod events;
pub mod loader;
pub mod neighbour;
pub mod process;
pub mod samples;
pub mod server;
pub mod slow;
pub mod store;

mod certificate;
mod exposition;
pub(crate) mod http;

pub use bulk::{Bulk, Claims};
pub use events::Events;
pub use loader::Loader;
pub use neighbour::Neighbour;
pub use process::Process;
pub use samples::{Sampler, requests};
pub use server::{Service, Settings};
pub use slow::Slow;
pub use store::Store;
