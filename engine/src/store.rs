//! Where the files of a store lie.

use std::path::{Path, PathBuf};

/// The folder layout of a store. Holds paths only; opening it touches nothing.
///
/// ```text
/// ledger.sqlite            batches, decisions and the audit chain; the loader's alone
/// batches/<batch>/         delivered files, accepted records, report
/// segments/<id>.seg        immutable: records, dictionaries, six indexes
/// generations/<n>.manifest immutable: the segments of snapshot n and where they came from
/// CURRENT                  number and checksum of the live manifest; replaced by rename
/// holds                    numbers under review; replaced by rename
/// tables/                  tables of the operator's, in place of those built in
/// verified/<id>            which segments need not be read again; may be removed at any time
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// A store at this folder, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The pointer to the live generation.
    #[must_use]
    pub fn current_path(&self) -> PathBuf {
        self.root.join("CURRENT")
    }

    /// The list of numbers under review.
    #[must_use]
    pub fn holds_path(&self) -> PathBuf {
        self.root.join("holds")
    }

    /// The loader's ledger.
    #[must_use]
    pub fn ledger_path(&self) -> PathBuf {
        self.root.join("ledger.sqlite")
    }

    /// The folder of delivered batches.
    #[must_use]
    pub fn batches_dir(&self) -> PathBuf {
        self.root.join("batches")
    }

    /// The folder of segments.
    #[must_use]
    pub fn segments_dir(&self) -> PathBuf {
        self.root.join("segments")
    }

    /// The folder of manifests.
    #[must_use]
    pub fn generations_dir(&self) -> PathBuf {
        self.root.join("generations")
    }

    /// The folder of tables that take the place of built-in ones.
    #[must_use]
    pub fn tables_dir(&self) -> PathBuf {
        self.root.join("tables")
    }

    /// The folder of verification marks.
    #[must_use]
    pub fn verified_dir(&self) -> PathBuf {
        self.root.join("verified")
    }

    /// The mark of one verified segment.
    #[must_use]
    pub fn verified_path(&self, id: &str) -> PathBuf {
        self.verified_dir().join(id)
    }

    /// The file of one segment.
    #[must_use]
    pub fn segment_path(&self, id: &str) -> PathBuf {
        self.segments_dir().join(format!("{id}.seg"))
    }

    /// The manifest of one generation.
    #[must_use]
    pub fn manifest_path(&self, generation: u64) -> PathBuf {
        self.generations_dir().join(format!("{generation}.manifest"))
    }
}
