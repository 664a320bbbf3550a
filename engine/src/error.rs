//! What can go wrong when a store is opened or written.
//!
//! The kinds stay apart on purpose: a resource limit is never reported as corruption, and a file of
//! another version is not a damaged one.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file of the store was refused. The previous generation keeps serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file that should be there is not.
    #[error("{path}: no such file; restore it from a backup or publish another generation")]
    NotFound {
        /// The missing file.
        path: PathBuf,
    },
    /// A sound file of another kind or version.
    #[error(
        "{path}: {what} is {found}, this program reads {expected}; \
         use the matching release, or load the delivered files again (batches/*/files of the store)"
    )]
    Incompatible {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As found in the file.
        found: String,
        /// As this program expects it.
        expected: String,
    },
    /// Bytes that are not what was written.
    #[error("{path}: damaged at {place}: {detail}; restore the file or publish another generation")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Section or field.
        place: String,
        /// What was expected and found, without personal data.
        detail: String,
    },
    /// The list of numbers under review is missing or damaged: a held record might be shown.
    #[error(
        "{path}: {reason}; nothing is answered until the list is whole again: \
         `zhengcha-loader holds --rewrite` writes it from the ledger"
    )]
    Holds {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The system would not give what was needed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotFound { path: path.to_owned() }
        } else {
            Self::Io { path: path.to_owned(), source }
        }
    }

    /// The system would not keep a file in memory.
    pub(crate) fn locked(path: &Path, source: &io::Error) -> Self {
        let text = format!(
            "cannot lock it in memory ({source}); raise the limit of locked memory \
             (`ulimit -l unlimited`, `LimitMEMLOCK=infinity`) or use another memory policy"
        );
        Self::Io { path: path.to_owned(), source: io::Error::new(source.kind(), text) }
    }

    pub(crate) fn corrupt(
        path: &Path,
        place: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::Corrupt { path: path.to_owned(), place: place.into(), detail: detail.into() }
    }
}

/// Why a segment, manifest or pointer could not be written. Nothing was published.
#[cfg(feature = "build")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file could not be written; on a full disk free space and run the command again.
    #[error("{path}: {source}; nothing was published")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// More than the format holds.
    #[error("{what} is {found}, the format holds at most {limit}")]
    LimitExceeded {
        /// What is too large.
        what: &'static str,
        /// As found.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Input that breaks the order or shape the format is built from: a fault of the caller.
    #[error("cannot build {place}: {detail}")]
    Invalid {
        /// The part being built.
        place: &'static str,
        /// What is wrong, without personal data.
        detail: String,
    },
    /// What was just written does not read back.
    #[error("written file does not verify: {0}")]
    Verify(#[from] OpenError),
}

#[cfg(feature = "build")]
impl BuildError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
