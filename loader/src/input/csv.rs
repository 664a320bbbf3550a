//! Separated text: comma, tab or semicolon, quoted as in RFC 4180, in the encodings of
//! [`encoding`](super::encoding).
//!
//! Promises that a row's number is the line on which its record starts, and that a record takes
//! bounded memory even when a quotation mark is never closed.

use std::sync::Arc;

use csv_core::ReadRecordResult;

use super::cell::text_cell;
use super::encoding::{self, Utf8Stream};
use super::error::{Blame, Place, SHORTEN, SPLIT};
use super::source::Source;
use super::{Cell, Flow, Format, InputError, Limits, Row, TableSink, TableSource};

/// Rows between two reports of progress.
pub(crate) const PROGRESS_ROWS: u64 = 8_192;
/// A table with more columns than this would be refused anyway: room for one more to notice.
const ENDS_SLACK: usize = 1;
/// The mark that DOS programs put behind the last line.
const DOS_END: &[u8] = b"\x1A";

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
    let mut records = Records::new(Utf8Stream::new(source, encoding), blame, limits)?;
    sink.begin(&TableSource { file: Arc::from(file), sheet: None, format: Format::Csv })?;
    let mut rows = 0u64;
    while let Some(line) = records.next()? {
        rows += 1;
        if rows > limits.table_rows_max {
            let what = "the number of rows";
            return Err(blame.limit(Place::Line(line), what, limits.table_rows_max, SPLIT));
        }
        if rows.is_multiple_of(PROGRESS_ROWS) {
            sink.progress(file, source.furthest(), source.len());
        }
        let cells = records.cells(line)?;
        if cells.iter().all(|cell| matches!(cell, Cell::Empty)) {
            continue;
        }
        if sink.row(&Row { number: line, cells: &cells })? == Flow::SkipTable {
            break;
        }
    }
    sink.end()?;
    Ok(())
}

/// The records of a text, one at a time, with the line on which each starts.
struct Records<'a> {
    core: csv_core::Reader,
    stream: Utf8Stream,
    blame: Blame<'a>,
    limits: &'a Limits,
    input: Vec<u8>,
    input_at: usize,
    ended: bool,
    line: u64,
    newline: u8,
    skip_first: bool,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl<'a> Records<'a> {
    fn new(
        mut stream: Utf8Stream,
        blame: Blame<'a>,
        limits: &'a Limits,
    ) -> Result<Self, InputError> {
        let mut input = Vec::new();
        stream.fill(&mut input).map_err(|error| blame.io(error))?;
        let (delimiter, skip_first) = detect_delimiter(&input);
        // Old Mac programs end lines with a carriage return alone.
        let newline = if memchr::memchr(b'\n', &input).is_none() { b'\r' } else { b'\n' };
        Ok(Self {
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            stream,
            blame,
            limits,
            input,
            input_at: 0,
            ended: false,
            line: 1,
            newline,
            skip_first,
            output: vec![0; 4 << 10],
            ends: vec![0; 64],
            fields: 0,
        })
    }

    /// Moves to the next record and tells its line.
    fn next(&mut self) -> Result<Option<u64>, InputError> {
        let Some(mut line) = self.parse()? else { return Ok(None) };
        if std::mem::take(&mut self.skip_first) {
            match self.parse()? {
                Some(next) => line = next,
                None => return Ok(None),
            }
        }
        Ok(Some(line))
    }

    fn parse(&mut self) -> Result<Option<u64>, InputError> {
        self.skip_line_ends()?;
        if self.input_at == self.input.len() {
            return Ok(None);
        }
        let start_line = self.line;
        let (mut record_bytes, mut out, mut ends) = (0u64, 0, 0);
        loop {
            let last = self.input_at == self.input.len() && !self.refill()?;
            // Behind the last byte a line end closes the record, unless a quotation mark is open.
            let input = if last { &b"\n"[..] } else { &self.input[self.input_at..] };
            let (result, nin, nout, nend) =
                self.core.read_record(input, &mut self.output[out..], &mut self.ends[ends..]);
            self.line += count(self.newline, &input[..nin]);
            if !last {
                self.input_at += nin;
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
                ReadRecordResult::InputEmpty if last => {
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
    fn skip_line_ends(&mut self) -> Result<(), InputError> {
        loop {
            while let Some(&byte) = self.input.get(self.input_at) {
                if byte != b'\n' && byte != b'\r' {
                    return Ok(());
                }
                self.line += u64::from(byte == self.newline);
                self.input_at += 1;
            }
            if !self.refill()? {
                return Ok(());
            }
        }
    }

    fn refill(&mut self) -> Result<bool, InputError> {
        if self.ended {
            return Ok(false);
        }
        self.input.clear();
        self.input_at = 0;
        let read = self.stream.fill(&mut self.input).map_err(|error| self.blame.io(error))?;
        self.ended = read == 0;
        Ok(read > 0)
    }

    fn check_size(&self, start_line: u64, record_bytes: u64) -> Result<(), InputError> {
        if record_bytes <= self.limits.csv_record_bytes_max {
            return Ok(());
        }
        if self.line > start_line {
            return Err(self.endless_quote(start_line));
        }
        let what = "the length of the line in bytes";
        let limit = self.limits.csv_record_bytes_max;
        Err(self.blame.limit(Place::Line(start_line), what, limit, SHORTEN))
    }

    fn endless_quote(&self, line: u64) -> InputError {
        InputError::EndlessQuote {
            file: self.blame.file.to_owned(),
            line,
            limit_bytes: self.limits.csv_record_bytes_max,
        }
    }

    fn grow_ends(&mut self, line: u64) -> Result<(), InputError> {
        let max = self.limits.columns_max as usize + ENDS_SLACK;
        if self.ends.len() >= max {
            return Err(self.too_many_columns(line));
        }
        self.ends.resize((self.ends.len() * 2).min(max), 0);
        Ok(())
    }

    fn too_many_columns(&self, line: u64) -> InputError {
        let limit = u64::from(self.limits.columns_max);
        self.blame.limit(Place::Line(line), "the number of columns", limit, SPLIT)
    }

    /// The cells of the record that [`Records::next`] moved to.
    fn cells(&self, line: u64) -> Result<Vec<Cell<'_>>, InputError> {
        if self.fields > self.limits.columns_max as usize {
            return Err(self.too_many_columns(line));
        }
        let mut cells = Vec::with_capacity(self.fields);
        let mut start = 0;
        for &end in &self.ends[..self.fields] {
            let field = &self.output[start..end];
            start = end;
            if field.len() > self.limits.cell_bytes_max as usize {
                let what = "the length of a cell in bytes";
                let limit = u64::from(self.limits.cell_bytes_max);
                return Err(self.blame.limit(Place::Line(line), what, limit, SHORTEN));
            }
            cells.push(match std::str::from_utf8(field) {
                Ok(_) if field == DOS_END => Cell::Empty,
                Ok(text) => text_cell(text),
                Err(_) => Cell::Undecodable,
            });
        }
        Ok(cells)
    }
}

fn count(newline: u8, bytes: &[u8]) -> u64 {
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
