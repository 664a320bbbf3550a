//! The folder of one upload: delivered files untouched, accepted records, report.

use crate::digest;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Longest part of a delivered file's name that is kept, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Copies the delivered files into `folder/files`, read back against their digests, and returns the
/// names given to them. A name is kept as far as it is harmless, behind the file's position.
///
/// # Errors
/// When a file cannot be copied, or changed since it was judged.
pub fn store_batch(
    folder: &Path,
    delivered: &[(PathBuf, String)],
) -> anyhow::Result<Vec<(String, String)>> {
    let files = folder.join("files");
    fs::create_dir_all(&files).with_context(|| format!("{}: cannot make", files.display()))?;
    let mut stored = Vec::with_capacity(delivered.len());
    for (position, (path, sha256)) in delivered.iter().enumerate() {
        let name = stored_name(position + 1, path);
        let copy = files.join(&name);
        fs::copy(path, &copy)
            .and_then(|_| File::open(&copy)?.sync_all())
            .with_context(|| format!("{}: cannot copy to {}", path.display(), copy.display()))?;
        if digest::sha256_file(&copy)? != *sha256 {
            bail!("{}: changed while it was loaded; load it again", path.display());
        }
        stored.push((name, sha256.clone()));
    }
    File::open(&files)
        .and_then(|files| files.sync_all())
        .with_context(|| format!("{}: cannot sync", files.display()))?;
    Ok(stored)
}

fn stored_name(position: usize, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let harmless: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(NAME_CHARS_MAX)
        .collect();
    format!("{position}-{harmless}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_far_as_they_are_harmless() {
        assert_eq!(stored_name(1, Path::new("/a/江苏 上报;2026.xlsx")), "1-江苏_上报_2026.xlsx");
        assert_eq!(stored_name(2, Path::new("..")), "2-");
        assert!(stored_name(3, Path::new(&"长".repeat(500))).chars().count() <= NAME_CHARS_MAX + 2);
    }

    #[test]
    fn a_file_that_changed_after_judging_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "x").unwrap();
        let right = digest::sha256_file(&path).unwrap();
        let batch = folder.path().join("batch");
        let stored = store_batch(&batch, &[(path.clone(), right)]).unwrap();
        assert_eq!(stored[0].0, "1-a.csv");
        assert!(store_batch(&batch, &[(path, "00".to_owned())]).is_err());
    }
}
