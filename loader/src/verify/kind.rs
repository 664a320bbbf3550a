//! What a file of claims or verdicts is, by the ending of its name.

use std::path::Path;

use zhengcha_engine::claims::Format;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.csv`.
    Csv,
    /// `.ndjson`, `.jsonl`.
    Ndjson,
    /// `.json`: an array.
    Array,
    /// `.xlsx`.
    Workbook,
}

/// An ending that names no kind.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name must end in .csv, .ndjson, .json or .xlsx")]
pub struct UnknownKind;

impl Kind {
    /// The kind of a file of this name.
    ///
    /// # Errors
    /// The ending is another.
    pub fn of(path: &Path) -> Result<Self, UnknownKind> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("csv") => Ok(Self::Csv),
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson),
            Some("json") => Ok(Self::Array),
            Some("xlsx") => Ok(Self::Workbook),
            _ => Err(UnknownKind),
        }
    }

    /// How its rows are read and written; those of a workbook pass through CSV.
    pub(super) fn format(self) -> Format {
        match self {
            Self::Csv | Self::Workbook => Format::Csv,
            Self::Ndjson => Format::Ndjson,
            Self::Array => Format::Array,
        }
    }
}
