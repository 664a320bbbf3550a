//! `verify`: a file of claims to a file of verdicts, without a server.
//!
//! ```text
//! source (reads, cuts) ─▶ pool (judges on all cores) ─▶ part (in order: FILE.part, its journal) ─▶ FILE, FILE.summary.json
//! ```
//!
//! The judgement is the engine's, the same as the service's, byte for byte. Promises that FILE is there
//! only when it is whole, that its summary is there before it, and that a run which was killed goes on
//! with `--resume` without a line lost or repeated.

mod journal;
mod kind;
mod part;
mod pool;
mod run;
mod source;
mod workbook;

pub use kind::{Kind, UnknownKind};
pub use run::{Job, run};
