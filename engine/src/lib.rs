//! Certificate lookup over memory-mapped, checksummed, immutable segments.

pub mod certificate;
pub mod date;
pub mod key;
#[cfg(feature = "testing")]
pub mod testing;

pub use certificate::{Certificate, IdType};
pub use date::Date;
pub use key::{Field, Mode};
