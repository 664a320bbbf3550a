//! Parts of a table that can be read apart from each other, in any order and on any thread.
//!
//! Only csv and dbf are cut so. Pieces come after the header row, in the order of the file.

use std::sync::Arc;

use super::{Flow, InputError, Row, dbf, records};

/// Some rows of one csv or dbf table.
#[derive(Debug)]
pub struct Piece(Kind);

#[derive(Debug)]
enum Kind {
    Csv(Arc<records::Table>, records::Chunk),
    Dbf(dbf::Chunk),
}

/// Takes the rows of a piece.
pub trait Taker {
    /// A record begins on this line, blank or not.
    ///
    /// # Errors
    /// Ends the reading.
    fn record(&mut self, line: u64) -> Result<(), InputError> {
        let _ = line;
        Ok(())
    }

    /// The next row that is not blank.
    ///
    /// # Errors
    /// Ends the reading.
    fn row(&mut self, row: &Row<'_>) -> Result<Flow, InputError>;
}

/// Takes tables in pieces, to read them on several threads.
pub trait PieceSink {
    /// The next piece of the table that is being read.
    ///
    /// # Errors
    /// Ends the reading of the file.
    fn piece(&mut self, piece: Piece) -> anyhow::Result<Flow>;

    /// Waits until every piece of the table is read and gives the number of records in them.
    ///
    /// # Errors
    /// Of the first piece, in the order of the file, that could not be read.
    fn settle(&mut self) -> Result<u64, InputError>;
}

impl Piece {
    pub(super) fn csv(table: Arc<records::Table>, chunk: records::Chunk) -> Self {
        Self(Kind::Csv(table, chunk))
    }

    pub(super) fn dbf(chunk: dbf::Chunk) -> Self {
        Self(Kind::Dbf(chunk))
    }

    /// Hands every row of the piece to `taker`.
    ///
    /// # Errors
    /// As [`read_file`](super::read_file) for the rows of the piece, and what `taker` returns.
    pub fn read(&self, taker: &mut dyn Taker) -> Result<Flow, InputError> {
        match &self.0 {
            Kind::Csv(table, chunk) => chunk.read(table, taker),
            Kind::Dbf(chunk) => chunk.read(taker),
        }
    }
}
