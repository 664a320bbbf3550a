//! Separated text: comma, tab or semicolon, quoted as in RFC 4180, in the encodings of
//! [`encoding`](super::encoding).
//!
//! Promises that a row's number is the line on which its record starts, and that a record takes
//! bounded memory even when a quotation mark is never closed. The text is cut at line ends into
//! chunks that can be read apart from each other; how it is cut shows nowhere.

use std::sync::Arc;

use super::encoding::{self, Utf8Stream};
use super::error::{Blame, Place, SPLIT};
use super::piece::{Piece, Taker};
use super::records::{Chunk, Records, Table};
use super::source::Source;
use super::{Cell, Flow, Format, InputError, Limits, Row, TableSink, TableSource};

/// Rows between two reports of progress.
pub(crate) const PROGRESS_ROWS: u64 = 8_192;
/// Bytes of text that a chunk has at least, unless the file ends.
const CUT_BYTES: usize = 192 << 10;

/// Reads the one table of the file.
pub(crate) fn read(
    source: &Source,
    file: &str,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let blame = Blame { file, format: "csv" };
    let encoding = encoding::detect(source).map_err(|error| blame.io(error))?;
    source.restart_progress();
    let (mut cutter, table) = Cutter::new(Utf8Stream::new(source, encoding), blame, limits)?;
    let table = Arc::new(table);
    sink.begin(&TableSource { file: Arc::from(file), sheet: None, format: Format::Csv })?;
    let mut rows = Progressing { source, table: &table, rows: 0, seen: 0, sink };
    let mut apart = false;
    while let Some(chunk) = cutter.next()? {
        // Headers first: without them nobody knows what to make of a chunk.
        let chunk = match rows.seen {
            0 => match rows.first(chunk)? {
                Some((Flow::Continue, rest)) => rest,
                Some((Flow::SkipTable, _)) => break,
                None => continue,
            },
            _ => chunk,
        };
        rows.sink.progress(file, source.furthest(), source.len());
        let flow = match rows.sink.pieces() {
            Some(pieces) => {
                apart = true;
                pieces.piece(Piece::csv(Arc::clone(&table), chunk))?
            }
            None => chunk.read(&table, &mut rows)?,
        };
        if flow == Flow::SkipTable {
            break;
        }
    }
    let before = rows.rows;
    if apart && let Some(pieces) = sink.pieces() {
        let settled = pieces.settle();
        let records = settled.as_ref().map_or(u64::MAX, |records| before.saturating_add(*records));
        if records > limits.table_rows_max {
            // Which comes first is told by reading in order.
            first_fault(source, file, limits)?;
        }
        settled?;
    }
    sink.end()?;
    Ok(())
}

/// Reads the table from its beginning for the sake of the first thing that is wrong with it.
fn first_fault(source: &Source, file: &str, limits: &Limits) -> Result<(), InputError> {
    struct Deaf;
    impl TableSink for Deaf {
        fn begin(&mut self, _: &TableSource) -> anyhow::Result<()> {
            Ok(())
        }
        fn row(&mut self, _: &Row<'_>) -> anyhow::Result<Flow> {
            Ok(Flow::Continue)
        }
        fn end(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
        fn note(&mut self, _: &str, _: String) {}
    }
    read(source, file, limits, &mut Deaf)
}

/// Hands rows over in order, counting records against the limit.
struct Progressing<'a> {
    source: &'a Source,
    table: &'a Table,
    /// Records, blank ones too.
    rows: u64,
    /// Rows handed over.
    seen: u64,
    sink: &'a mut dyn TableSink,
}

impl Progressing<'_> {
    /// Hands over the first row that is not blank, if the chunk has one, and gives what is left.
    fn first(&mut self, chunk: Chunk) -> Result<Option<(Flow, Chunk)>, InputError> {
        let mut records = Records::new(self.table, &chunk);
        while let Some(line) = records.next()? {
            if records.is_mark(line) {
                continue;
            }
            self.record(line)?;
            let cells = records.cells(line)?;
            if cells.iter().all(|cell| matches!(cell, Cell::Empty)) {
                continue;
            }
            let flow = self.row(&Row { number: line, cells: &cells })?;
            return Ok(Some((flow, records.rest())));
        }
        Ok(None)
    }
}

impl Taker for Progressing<'_> {
    fn record(&mut self, line: u64) -> Result<(), InputError> {
        self.rows += 1;
        let limits = &self.table.limits;
        if self.rows > limits.table_rows_max {
            let what = "the number of rows";
            let blame = self.table.blame();
            return Err(blame.limit(Place::Line(line), what, limits.table_rows_max, SPLIT));
        }
        if self.rows.is_multiple_of(PROGRESS_ROWS) {
            let (done, total) = (self.source.furthest(), self.source.len());
            self.sink.progress(&self.table.file, done, total);
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Flow, InputError> {
        self.seen += 1;
        Ok(self.sink.row(row)?)
    }
}

/// Cuts a text at ends of records.
struct Cutter<'a> {
    stream: Utf8Stream,
    blame: Blame<'a>,
    record_bytes_max: u64,
    held: Vec<u8>,
    line: u64,
    newline: u8,
    delimiter: u8,
    ended: bool,
}

impl<'a> Cutter<'a> {
    fn new(
        mut stream: Utf8Stream,
        blame: Blame<'a>,
        limits: &Limits,
    ) -> Result<(Self, Table), InputError> {
        let mut held = Vec::new();
        stream.fill(&mut held).map_err(|error| blame.io(error))?;
        let (delimiter, has_mark) = detect_delimiter(&held);
        // Old Mac programs end lines with a carriage return alone.
        let newline = if memchr::memchr(b'\n', &held).is_none() { b'\r' } else { b'\n' };
        let table = Table {
            file: Arc::from(blame.file),
            limits: limits.clone(),
            delimiter,
            newline,
            mark_line: has_mark.then(|| first_line(newline, &held)),
        };
        let record_bytes_max = limits.csv_record_bytes_max;
        let ended = false;
        let cutter =
            Self { stream, blame, record_bytes_max, held, line: 1, newline, delimiter, ended };
        Ok((cutter, table))
    }

    /// The next whole records; the last chunk holds whatever stands before the end of the file.
    fn next(&mut self) -> Result<Option<Chunk>, InputError> {
        let mut wanted = CUT_BYTES;
        loop {
            while self.held.len() < wanted && !self.ended {
                let read = self.stream.fill(&mut self.held);
                self.ended = read.map_err(|error| self.blame.io(error))? == 0;
            }
            if self.held.is_empty() {
                return Ok(None);
            }
            let end = if self.ended { self.held.len() } else { self.last_end() };
            let endless = end == 0 && self.held.len() as u64 > self.record_bytes_max;
            if end == 0 && !endless {
                wanted = self.held.len() + CUT_BYTES;
                continue;
            }
            let rest = if endless { Vec::new() } else { self.held.split_off(end) };
            let last = self.ended;
            // A record too long for the limit: whoever reads the chunk says so, and nothing follows.
            self.ended |= endless;
            let text = std::mem::replace(&mut self.held, rest);
            let line = self.line;
            self.line += count(self.newline, &text);
            return Ok(Some(Chunk { text, line, last, endless }));
        }
    }

    /// Where the last whole record ends.
    fn last_end(&self) -> usize {
        if memchr::memchr(b'"', &self.held).is_none() {
            return memchr::memrchr(self.newline, &self.held).map_or(0, |at| at + 1);
        }
        let mut core = csv_core::ReaderBuilder::new().delimiter(self.delimiter).build();
        let (mut output, mut ends) = ([0; 4 << 10], [0; 256]);
        let (mut at, mut end) = (0, 0);
        loop {
            use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
            let (result, nin, ..) = core.read_record(&self.held[at..], &mut output, &mut ends);
            at += nin;
            match result {
                Record => end = at,
                InputEmpty | End => return end,
                OutputFull | OutputEndsFull => {}
            }
        }
    }
}

/// The line on which the text begins, behind blank ones.
fn first_line(newline: u8, text: &[u8]) -> u64 {
    let start = text.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(text.len());
    1 + count(newline, &text[..start])
}

pub(super) fn count(newline: u8, bytes: &[u8]) -> u64 {
    memchr::memchr_iter(newline, bytes).count() as u64
}

/// The separator that the header line uses most (comma before tab before semicolon when even), and
/// whether the first line is not the header but a spreadsheet's `sep=;`.
fn detect_delimiter(text: &[u8]) -> (u8, bool) {
    let start = text.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(text.len());
    let text = &text[start..];
    if let [s, e, p, b'=', separator, b'\r' | b'\n', ..] = text
        && [*s, *e, *p].eq_ignore_ascii_case(b"sep")
        && b",;\t|".contains(separator)
    {
        return (*separator, true);
    }
    let (mut quoted, mut counts) = (false, [0u32; 3]);
    for &byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            b',' if !quoted => counts[0] += 1,
            b'\t' if !quoted => counts[1] += 1,
            b';' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let delimiter = if counts[0] == most {
        b','
    } else if counts[1] == most {
        b'\t'
    } else {
        b';'
    };
    (delimiter, false)
}
