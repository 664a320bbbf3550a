//! Builds the tree of one index from the borders of its blocks.

use super::top::first_key;
use super::tree::{SYMBOLS, spell};
use crate::error::BuildError;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Takes blocks in order and writes the tree as it grows.
pub(crate) struct TreeBuilder<W: Write> {
    builder: fst::raw::Builder<W>,
    /// The file written to, for errors.
    path: PathBuf,
    runs: Vec<u8>,
    blocks: u32,
    last_sort_key: u64,
}

impl<W: Write> TreeBuilder<W> {
    /// A tree written to `writer`, which belongs to the file `path`.
    pub(crate) fn new(writer: W, path: PathBuf) -> Result<Self, BuildError> {
        let builder = fst::raw::Builder::new(writer).map_err(|error| failure(&path, error))?;
        Ok(Self { builder, path, runs: Vec::new(), blocks: 0, last_sort_key: 0 })
    }

    /// Adds a block by the sort keys of its first and last entry. Gives its separator, if it has one, as
    /// the smallest key that begins so, and its number.
    pub(crate) fn push(&mut self, first: u64, last: u64) -> Result<Option<(u64, u32)>, BuildError> {
        let mut separator = None;
        if self.blocks > 0 {
            if first == self.last_sort_key {
                self.runs.extend_from_slice(&self.blocks.to_le_bytes());
            } else {
                let (before, here) = (spell(self.last_sort_key), spell(first));
                let same = before.iter().zip(here).take_while(|&(&a, b)| a == b).count();
                let symbols = (same + 1).min(SYMBOLS);
                self.builder
                    .insert(&here[..symbols], u64::from(self.blocks))
                    .map_err(|error| failure(&self.path, error))?;
                separator = Some((first_key(symbols, first), self.blocks));
            }
        }
        self.blocks += 1;
        self.last_sort_key = last;
        Ok(separator)
    }

    /// Writes the rest of the tree; the writer and the runs section.
    pub(crate) fn finish(self) -> Result<(W, Vec<u8>), BuildError> {
        let writer = self.builder.into_inner().map_err(|error| failure(&self.path, error))?;
        Ok((writer, self.runs))
    }
}

fn failure(path: &Path, error: fst::Error) -> BuildError {
    match error {
        fst::Error::Io(error) => BuildError::io(path, error),
        error => BuildError::Invalid { place: "index", detail: error.to_string() },
    }
}
