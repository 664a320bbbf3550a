//! One upload: every row of every file judged by itself, then against its neighbours of the same
//! number and against the live generation.
//!
//! Files are read side by side and large ones in pieces, on all threads; what comes out does not
//! depend on how the work was shared. Rows are packed as they are accepted; rows and findings beyond
//! fixed bounds go to temporary files, so that memory does not grow with the upload.

mod batch;
mod group;
mod intake;
mod lane;
mod merge;
mod pool;
mod run;
mod scratch;
mod sink;

pub use intake::{ACCEPTED, Bounds, Request, Upload, read};
pub use run::ROWS_IN_MEMORY;
