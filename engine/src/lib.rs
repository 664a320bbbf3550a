//! Certificate lookup over memory-mapped, checksummed, immutable segments.
//!
//! A *store* holds *segments* (records in certificate-number order, dictionaries, six composite-key
//! indexes) and *manifests*, each naming the segments of one *generation*; `CURRENT` names the live
//! one. [`Snapshot::open_current`] verifies every byte of it once, then [`Snapshot::lookup`] answers
//! from the mapped files without allocation. With the feature `build` the same crate writes them.
//!
//! The engine knows no HTTP, no spreadsheet and no clock; its threads end with the call that began them.
//! `docs/FORMAT.md` draws the files, `docs/KEYS.md` the keys.

mod archive;
mod batch;
mod checksum;
mod filter;
mod index;
mod lookup;
mod map;
mod opening;
mod parallel;
mod verified;
mod verify;

#[cfg(feature = "build")]
pub mod build;
pub mod certificate;
#[cfg(feature = "claims")]
pub mod claims;
pub mod current;
pub mod date;
pub mod error;
pub mod format;
pub mod holds;
pub mod key;
pub mod manifest;
pub mod record;
pub mod segment;
mod shadowed;
pub mod snapshot;
pub mod store;
#[cfg(feature = "claims")]
pub mod tables;
#[cfg(feature = "testing")]
pub mod testing;

pub use archive::Shadows;
pub use certificate::{Certificate, IdType};
pub use current::Current;
pub use date::Date;
#[cfg(feature = "build")]
pub use error::BuildError;
pub use error::OpenError;
pub use holds::Holds;
pub use key::{Field, Mode};
pub use lookup::{Matches, Query};
pub use manifest::Manifest;
pub use opening::{Memory, Opening};
pub use record::View;
pub use segment::Segment;
pub use snapshot::{Located, Snapshot};
pub use store::Store;
