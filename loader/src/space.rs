//! Room on a disk, asked for before the work, and memory to work in.

use anyhow::{Context, bail};
use std::path::Path;

/// Refuses work that needs more bytes than are free where `folder` lies; it need not exist yet.
///
/// # Errors
/// Naming the folder, what is needed and what there is; or when the system does not say.
pub fn ensure_free(folder: &Path, needed_bytes: u64) -> anyhow::Result<()> {
    let there = std::path::absolute(folder)?;
    let there = there.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let volume = rustix::fs::statvfs(there)
        .with_context(|| format!("{}: cannot tell how much room is left", there.display()))?;
    let free_bytes = volume.f_bavail.saturating_mul(volume.f_frsize);
    if free_bytes < needed_bytes {
        bail!(
            "{}: not enough room: needs {}, has {} free; free some or name another folder",
            folder.display(),
            megabytes(needed_bytes),
            megabytes(free_bytes)
        );
    }
    Ok(())
}

/// Most memory taken without being asked to: more would only help registers of over 500 million.
const MEMORY_DEFAULT_MAX: u64 = 6 << 30;

/// Memory for keys under construction when none is named: a quarter of the machine's, at most 6 GiB.
#[must_use]
pub fn default_memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    let all = (system.totalram as u64).saturating_mul(u64::from(system.mem_unit));
    (all / 4).min(MEMORY_DEFAULT_MAX)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("not/there/yet");
        ensure_free(&deep, 1).unwrap();
        let error = ensure_free(&deep, u64::MAX).unwrap_err().to_string();
        assert!(error.starts_with(&deep.display().to_string()), "{error}");
        assert!(error.contains("needs 18446744073710 MB, has "), "{error}");
        assert!(!deep.exists());
    }
}
