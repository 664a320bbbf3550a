//! The records of one chunk of separated text.
//!
//! Two readers with one meaning: text without quotation marks is split at its separators; all other
//! text, and whatever breaks a limit, goes through the parser of `csv_core`.

use std::sync::Arc;

use csv_core::ReadRecordResult;

use super::cell::text_cell;
use super::error::{Blame, Place, SHORTEN, SPLIT};
use super::piece::Taker;
use super::{Cell, Flow, InputError, Limits, Row};

/// A table with more columns than this would be refused anyway: room for one more to notice.
const ENDS_SLACK: usize = 1;
/// The mark that DOS programs put behind the last line.
const DOS_END: &[u8] = b"\x1A";

/// What all chunks of one file share.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) file: Arc<str>,
    pub(crate) limits: Limits,
    pub(crate) delimiter: u8,
    /// The byte that lines are counted by.
    pub(crate) newline: u8,
    /// The line of a spreadsheet's `sep=;`.
    pub(crate) mark_line: Option<u64>,
}

impl Table {
    pub(crate) fn blame(&self) -> Blame<'_> {
        Blame { file: &self.file, format: "csv" }
    }
}

/// Whole records of a text.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) text: Vec<u8>,
    /// The line on which it begins.
    pub(crate) line: u64,
    /// The file ends here, perhaps without a line end.
    pub(crate) last: bool,
    /// The one record in it is longer than any may be.
    pub(crate) endless: bool,
}

impl Chunk {
    /// Hands every row that is not blank to `taker`.
    pub(crate) fn read(&self, table: &Table, taker: &mut dyn Taker) -> Result<Flow, InputError> {
        if !self.endless
            && memchr::memchr(b'"', &self.text).is_none()
            && let Ok(text) = simdutf8::basic::from_utf8(&self.text)
        {
            return self.read_plain(text, table, taker);
        }
        self.read_from(0, self.line, table, taker)
    }

    fn read_plain<'t>(
        &'t self,
        text: &'t str,
        table: &'t Table,
        taker: &mut dyn Taker,
    ) -> Result<Flow, InputError> {
        let limits = &table.limits;
        let (columns_max, cell_max) = (limits.columns_max as usize, limits.cell_bytes_max as usize);
        let bytes = text.as_bytes();
        let mut cells: Vec<Cell<'t>> = Vec::with_capacity(columns_max.min(32));
        let (mut start, mut field, mut line) = (0, 0, self.line);
        let mut sound = true;
        let separators = memchr::memchr3_iter(table.delimiter, b'\n', b'\r', bytes);
        for at in
            separators.chain((self.last && !text.ends_with(['\n', '\r'])).then_some(text.len()))
        {
            let byte = bytes.get(at).copied().unwrap_or(table.newline);
            let ends_record = byte == b'\n' || byte == b'\r';
            if !ends_record || at > start {
                sound &= cells.len() < columns_max && at - field <= cell_max;
                if sound {
                    cells.push(cell(&text[field..at]));
                }
                field = at + 1;
            }
            if !ends_record {
                continue;
            }
            if at > start {
                if !sound || (at - start) as u64 + 1 > limits.csv_record_bytes_max {
                    // The other reader knows what to say of it.
                    return self.read_from(start, line, table, taker);
                }
                taker.record(line)?;
                if !cells.iter().all(|cell| matches!(cell, Cell::Empty))
                    && taker.row(&Row { number: line, cells: &cells })? == Flow::SkipTable
                {
                    return Ok(Flow::SkipTable);
                }
            }
            line += u64::from(byte == table.newline);
            cells.clear();
            start = at + 1;
            field = start;
        }
        Ok(Flow::Continue)
    }

    fn read_from(
        &self,
        start: usize,
        line: u64,
        table: &Table,
        taker: &mut dyn Taker,
    ) -> Result<Flow, InputError> {
        let mut records = Records::starting(table, self, start, line);
        while let Some(line) = records.next()? {
            taker.record(line)?;
            let cells = records.cells(line)?;
            if cells.iter().all(|cell| matches!(cell, Cell::Empty)) {
                continue;
            }
            if taker.row(&Row { number: line, cells: &cells })? == Flow::SkipTable {
                return Ok(Flow::SkipTable);
            }
        }
        Ok(Flow::Continue)
    }
}

fn cell(field: &str) -> Cell<'_> {
    if field.as_bytes() == DOS_END { Cell::Empty } else { text_cell(field) }
}

/// The records of a chunk, one at a time, with the line on which each starts.
pub(crate) struct Records<'a> {
    core: csv_core::Reader,
    table: &'a Table,
    chunk: &'a Chunk,
    at: usize,
    line: u64,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn new(table: &'a Table, chunk: &'a Chunk) -> Self {
        Self::starting(table, chunk, 0, chunk.line)
    }

    fn starting(table: &'a Table, chunk: &'a Chunk, at: usize, line: u64) -> Self {
        Self {
            core: csv_core::ReaderBuilder::new().delimiter(table.delimiter).build(),
            table,
            chunk,
            at,
            line,
            output: vec![0; 4 << 10],
            ends: vec![0; 64],
            fields: 0,
        }
    }

    /// Whether the record on this line is not one of the table but a spreadsheet's `sep=;`.
    pub(crate) fn is_mark(&self, line: u64) -> bool {
        self.table.mark_line == Some(line)
    }

    /// What stands behind the record that [`Records::next`] moved to.
    pub(crate) fn rest(&self) -> Chunk {
        let &Chunk { last, endless, .. } = self.chunk;
        Chunk { text: self.chunk.text[self.at..].to_vec(), line: self.line, last, endless }
    }

    /// Moves to the next record and tells its line.
    pub(crate) fn next(&mut self) -> Result<Option<u64>, InputError> {
        self.skip_line_ends();
        if self.at == self.chunk.text.len() {
            return Ok(None);
        }
        let start_line = self.line;
        let (mut record_bytes, mut out, mut ends) = (0u64, 0, 0);
        loop {
            let behind = self.at == self.chunk.text.len();
            // Behind the last byte a line end closes the record, unless a quotation mark is open.
            let input = if behind { &b"\n"[..] } else { &self.chunk.text[self.at..] };
            let (result, nin, nout, nend) =
                self.core.read_record(input, &mut self.output[out..], &mut self.ends[ends..]);
            self.line += super::csv::count(self.table.newline, &input[..nin]);
            if !behind {
                self.at += nin;
            }
            record_bytes += nin as u64;
            out += nout;
            ends += nend;
            match result {
                ReadRecordResult::Record => {
                    self.check_size(start_line, record_bytes)?;
                    self.fields = ends;
                    return Ok(Some(start_line));
                }
                ReadRecordResult::InputEmpty if behind => {
                    return Err(self.endless_quote(start_line));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.grow_ends(start_line)?,
                ReadRecordResult::End => return Ok(None),
            }
            self.check_size(start_line, record_bytes)?;
        }
    }

    /// Blank lines are no records, but they count as lines.
    fn skip_line_ends(&mut self) {
        while let Some(&byte) = self.chunk.text.get(self.at) {
            if byte != b'\n' && byte != b'\r' {
                return;
            }
            self.line += u64::from(byte == self.table.newline);
            self.at += 1;
        }
    }

    fn check_size(&self, start_line: u64, record_bytes: u64) -> Result<(), InputError> {
        let limit = self.table.limits.csv_record_bytes_max;
        if record_bytes <= limit {
            return Ok(());
        }
        if self.line > start_line {
            return Err(self.endless_quote(start_line));
        }
        let what = "the length of the line in bytes";
        Err(self.table.blame().limit(Place::Line(start_line), what, limit, SHORTEN))
    }

    fn endless_quote(&self, line: u64) -> InputError {
        InputError::EndlessQuote {
            file: self.table.file.to_string(),
            line,
            limit_bytes: self.table.limits.csv_record_bytes_max,
        }
    }

    fn grow_ends(&mut self, line: u64) -> Result<(), InputError> {
        let max = self.table.limits.columns_max as usize + ENDS_SLACK;
        if self.ends.len() >= max {
            return Err(self.too_many_columns(line));
        }
        self.ends.resize((self.ends.len() * 2).min(max), 0);
        Ok(())
    }

    fn too_many_columns(&self, line: u64) -> InputError {
        let limit = u64::from(self.table.limits.columns_max);
        self.table.blame().limit(Place::Line(line), "the number of columns", limit, SPLIT)
    }

    /// The cells of the record that [`Records::next`] moved to.
    pub(crate) fn cells(&self, line: u64) -> Result<Vec<Cell<'_>>, InputError> {
        let limits = &self.table.limits;
        if self.fields > limits.columns_max as usize {
            return Err(self.too_many_columns(line));
        }
        let mut cells = Vec::with_capacity(self.fields);
        let mut start = 0;
        for &end in &self.ends[..self.fields] {
            let field = &self.output[start..end];
            start = end;
            if field.len() > limits.cell_bytes_max as usize {
                let what = "the length of a cell in bytes";
                let limit = u64::from(limits.cell_bytes_max);
                return Err(self.table.blame().limit(Place::Line(line), what, limit, SHORTEN));
            }
            cells.push(match std::str::from_utf8(field) {
                Ok(text) => cell(text),
                Err(_) => Cell::Undecodable,
            });
        }
        Ok(cells)
    }
}
