//! Reports as files: the extension picks the format, and a file appears whole or not at all.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use super::{UploadReport, sheet};

/// Bytes of a report that are written at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For programs.
    Json,
    /// One line a finding.
    Csv,
    /// Two sheets: files and findings.
    Xlsx,
}

/// The path given for the report names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a report must end in .json, .csv or .xlsx")]
pub struct ReportPathError;

impl ReportFormat {
    /// The format that the extension of `path` names; to be asked before any other work.
    ///
    /// # Errors
    /// It names none.
    pub fn of(path: &Path) -> Result<Self, ReportPathError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("xlsx") => Ok(Self::Xlsx),
            _ => Err(ReportPathError),
        }
    }
}

impl UploadReport {
    /// Writes the report beside `path` and renames it there.
    ///
    /// # Errors
    /// What the file system says; `path` is then as it was before.
    pub fn write_file(&self, path: &Path, format: ReportFormat) -> anyhow::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        self.write_beside(folder, path, format)
            .with_context(|| format!("the report {} cannot be written", path.display()))
    }

    fn write_beside(&self, folder: &Path, path: &Path, format: ReportFormat) -> anyhow::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".report-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file of this user: what the umask leaves.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder)?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file.as_file_mut());
        match format {
            ReportFormat::Json => self.write_json(&mut writer)?,
            ReportFormat::Csv => sheet::write_csv(self, &mut writer)?,
            ReportFormat::Xlsx => sheet::write_xlsx(self, &mut writer)?,
        }
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}
