//! Rows that passed the rules on a row, sorted by certificate number: in memory, or as a segment in a
//! temporary file.

use super::scratch::Scratch;
use crate::report::Place;
use anyhow::Context;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use zhengcha_engine::build::{BatchWriter, Rows};
use zhengcha_engine::{Segment, View};

/// Rows that one thread keeps in memory, some 100 bytes each; more go to a temporary file.
pub const ROWS_IN_MEMORY: usize = 1 << 20;
/// Bytes of a mark in a file.
const MARK_BYTES: usize = 11;
/// Marks read from, or written to, a file at a time.
const BUFFERED: usize = 4_096;

/// What is to be known of a row beside its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) place: Place,
    /// It already carries a warning.
    pub(super) warned: bool,
}

impl Mark {
    fn pack(self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        let Place { delivery, member, sheet, row } = self.place;
        for (slot, word) in bytes.chunks_exact_mut(2).zip([delivery, member, sheet]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes[6..10].copy_from_slice(&row.to_le_bytes());
        bytes[10] = u8::from(self.warned);
        bytes
    }

    fn unpack(bytes: &[u8; MARK_BYTES]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let row = u32::from(word(6)) | u32::from(word(8)) << 16;
        let place = Place { delivery: word(0), member: word(2), sheet: word(4), row };
        Self { place, warned: bytes[10] != 0 }
    }
}

/// Sorted rows.
pub(super) enum Run {
    Memory { rows: Box<Rows>, order: Vec<u32>, marks: Vec<Mark> },
    File { segment: Box<Segment>, marks: File },
}

impl Run {
    /// Sorts rows by certificate number.
    pub(super) fn sorted(rows: Rows, marks: Vec<Mark>) -> Self {
        let mut keys: Vec<(u64, u32)> =
            (0..rows.len() as u32).map(|row| (rows.sort_key(row), row)).collect();
        // Stable for its speed: uploads hold long runs that are in order.
        keys.sort();
        let order = keys.into_iter().map(|(_, row)| row).collect();
        Self::Memory { rows: Box::new(rows), order, marks }
    }

    /// Moves the rows to a temporary file.
    pub(super) fn into_file(self, scratch: &Scratch) -> anyhow::Result<Self> {
        let Self::Memory { rows, order, marks } = self else { return Ok(self) };
        let path = scratch.path()?;
        let mut writer = BatchWriter::create(&path)?;
        for &row in &order {
            writer.push(&rows.view(row), 0)?;
        }
        // Nobody looks for it after a crash: it is not synced.
        let _ = writer.finish()?;
        drop(rows);
        let segment = Box::new(Segment::open(&path)?);
        fs::remove_file(&path).with_context(|| scratch.blame())?;
        let marks = write_marks(order.iter().map(|&row| marks[row as usize]), scratch);
        Ok(Self::File { segment, marks: marks.with_context(|| scratch.blame())? })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory { order, .. } => order.len(),
            Self::File { segment, .. } => segment.records() as usize,
        }
    }

    /// The row in this position.
    pub(super) fn view(&self, at: usize) -> Option<View<'_>> {
        match self {
            Self::Memory { rows, order, .. } => order.get(at).map(|&row| rows.view(row)),
            Self::File { segment, .. } => segment.view(u32::try_from(at).ok()?),
        }
    }

    /// Its packed certificate number.
    pub(super) fn sort_key(&self, at: usize) -> Option<u64> {
        match self {
            Self::Memory { rows, order, .. } => order.get(at).map(|&row| rows.sort_key(row)),
            Self::File { .. } => self.view(at).map(|view| view.sort_key()),
        }
    }
}

fn write_marks(marks: impl Iterator<Item = Mark>, scratch: &Scratch) -> io::Result<File> {
    let mut file = io::BufWriter::with_capacity(BUFFERED * MARK_BYTES, scratch.file()?);
    for mark in marks {
        file.write_all(&mark.pack())?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Reads the marks of a run in its order.
pub(super) struct Marks<'r> {
    run: &'r Run,
    buffer: Vec<u8>,
    /// The position that the buffer begins with.
    start: usize,
}

impl<'r> Marks<'r> {
    pub(super) fn new(run: &'r Run) -> Self {
        Self { run, buffer: Vec::new(), start: 0 }
    }

    /// The mark of the row in this position; positions must not fall.
    pub(super) fn get(&mut self, at: usize) -> io::Result<Mark> {
        let beyond = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let file = match self.run {
            Run::Memory { order, marks, .. } => {
                let row = order.get(at).ok_or_else(beyond)?;
                return marks.get(*row as usize).copied().ok_or_else(beyond);
            }
            Run::File { marks, .. } => marks,
        };
        let held = self.buffer.len() / MARK_BYTES;
        if at >= self.start + held {
            let count = BUFFERED.min(self.run.len().checked_sub(at).ok_or_else(beyond)?);
            self.buffer.resize(count * MARK_BYTES, 0);
            file.read_exact_at(&mut self.buffer, (at * MARK_BYTES) as u64)?;
            self.start = at;
        }
        let (marks, _) = self.buffer.as_chunks::<MARK_BYTES>();
        let mark = at.checked_sub(self.start).and_then(|index| marks.get(index));
        mark.map(Mark::unpack).ok_or_else(beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back() {
        for (row, warned) in [(0, false), (u32::MAX, true), (0x0102_0304, true)] {
            let place = Place { delivery: 1, member: 65_535, sheet: 258, row };
            let mark = Mark::unpack(&Mark { place, warned }.pack());
            assert_eq!((mark.place, mark.warned), (place, warned));
        }
    }
}
