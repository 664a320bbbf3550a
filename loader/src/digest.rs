//! SHA-256 of files, as reports and the ledger show it.

use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// Lower-case hexadecimal digits of a file's SHA-256.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_file(path: &Path) -> anyhow::Result<String> {
    let context = || format!("{}: cannot be read", path.display());
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).with_context(context)?);
    let mut hasher = Sha256::new();
    io::copy(&mut reader, &mut HashWriter(&mut hasher)).with_context(context)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'h>(&'h mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
