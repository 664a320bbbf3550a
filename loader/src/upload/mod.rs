//! One upload: every row of every file judged by itself, then against its neighbours of the same
//! number and against the live generation.
//!
//! Rows are packed as they are accepted; their places and findings are kept small, so that half a
//! million rows take some 60 MB.

mod batch;
mod group;
mod intake;

pub use batch::store_batch;
pub use intake::{Request, Upload, read};
