//! A certificate for a server that is brought up for a run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Names that the certificate is good for.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// The files of a certificate that stands for itself.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// It is its own authority.
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Makes one in this folder.
pub(super) fn make(folder: &Path) -> anyhow::Result<Files> {
    let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned))
        .context("a certificate cannot be made")?;
    let files = Files { certificate: folder.join("tls-cert.pem"), key: folder.join("tls-key.pem") };
    for (path, text) in
        [(&files.certificate, made.cert.pem()), (&files.key, made.signing_key.serialize_pem())]
    {
        fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(files)
}
