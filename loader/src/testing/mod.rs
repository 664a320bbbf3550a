//! For tests and campaigns alone: upload files of given certificates, what a load must make of them,
//! and the loop that kills loads.

pub mod kill;
pub mod uploads;

use std::path::Path;
use tempfile::TempDir;

/// Memory-backed folder of Linux: what a test syncs there costs no disk.
const SHARED_MEMORY: &str = "/dev/shm";

/// A folder of its own, in memory where there is such a place.
///
/// # Errors
/// When no folder can be made.
pub fn temporary_folder() -> std::io::Result<TempDir> {
    let memory = Path::new(SHARED_MEMORY);
    let in_memory = tempfile::Builder::new().prefix("zhengcha-").tempdir_in(memory);
    in_memory.or_else(|_| tempfile::tempdir())
}
