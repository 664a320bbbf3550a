//! Prepares the record stream of an xls workbook for a reader that trusts it.
//!
//! Promises that afterwards every sheet lies in the stream once, cells and texts are within the
//! limits, formulas are marked, and records that the cells do not need are out of the way. Works in
//! place: offsets in the stream stay valid. Record names are those of MS-XLS.

use super::error::{Blame, Place, SAVE_AGAIN, SHORTEN, SPLIT};
use super::{InputError, Limits};

const BOF: u16 = 0x0809;
const EOF: u16 = 0x000A;
const CONTINUE: u16 = 0x003C;
const FILE_PASS: u16 = 0x002F;
const CODE_PAGE: u16 = 0x0042;
const DATE_MODE: u16 = 0x0022;
const FORMAT: u16 = 0x041E;
const XF: u16 = 0x00E0;
const BOUND_SHEET: u16 = 0x0085;
const SST: u16 = 0x00FC;
const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const R_STRING: u16 = 0x00D6;
const BOOL_ERR: u16 = 0x0205;
const RK: u16 = 0x027E;
const MUL_RK: u16 = 0x00BD;
const LABEL_SST: u16 = 0x00FD;
/// As BIFF 5 and 8, 3, and 4 number it.
const FORMULAS: [u16; 3] = [0x0006, 0x0206, 0x0406];
/// No record of this type exists, so readers pass over it.
const NOTHING: u16 = 0xFFFF;

/// The error code put in place of a formula; no stored cell has it, since it only shows while data
/// are being fetched.
const GETTING_DATA: u8 = 0x2B;
const NOT_AVAILABLE: u8 = 0x2A;

/// Pieces of one record; a shared string table of 64 MiB has 8,192.
const CONTINUES_MAX: usize = 20_000;
/// Characters of a cell, the limit of spreadsheets.
const CELL_CHARS_MAX: u16 = 32_767;
/// Columns that the format can hold.
const FORMAT_COLUMNS: u16 = 256;
/// How much more text the cells may hold than the file has bytes, since they share strings.
const TEXT_BYTES_PER_FILE_BYTE: u64 = 4;

/// Where in the stream a record lies.
#[derive(Clone, Copy, Debug)]
struct Record {
    kind: u16,
    at: usize,
    len: usize,
}

/// Makes the stream safe to read; nothing of it is to be used after an error.
pub(crate) fn prepare(
    stream: &mut [u8],
    blame: Blame<'_>,
    limits: &Limits,
) -> Result<(), InputError> {
    let mut preparing = Preparing { stream, blame, limits, cells: 0, text_bytes: 0 };
    let (sheets, string_chars) = preparing.globals()?;
    for (index, &start) in sheets.iter().enumerate() {
        let len = preparing.stream.len();
        let end = sheets.get(index + 1).map_or(len, |&next| next.min(len));
        preparing.sheet(start, end, &string_chars)?;
    }
    Ok(())
}

struct Preparing<'a> {
    stream: &'a mut [u8],
    blame: Blame<'a>,
    limits: &'a Limits,
    cells: u64,
    text_bytes: u64,
}

impl Preparing<'_> {
    fn u16(&self, at: usize) -> u16 {
        match self.stream.get(at..at + 2) {
            Some(&[low, high]) => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) | u32::from(self.u16(at + 2)) << 16
    }

    fn damaged(&self, at: usize, expected: &str, found: impl Into<String>) -> InputError {
        self.blame.damaged(Place::Byte(at as u64), expected, found)
    }

    fn record(&self, at: usize, end: usize) -> Result<Record, InputError> {
        let (kind, len) = (self.u16(at), usize::from(self.u16(at + 2)));
        if at + 4 + len > end {
            let expected = format!("a record of {len} bytes");
            return Err(self.damaged(at, &expected, "the end: the file is cut off"));
        }
        Ok(Record { kind, at: at + 4, len })
    }

    /// The record must have this many bytes, as the reader takes them without looking.
    fn needs(&self, record: Record, bytes: usize) -> Result<(), InputError> {
        if record.len >= bytes {
            return Ok(());
        }
        let expected = format!("{bytes} bytes in a record of type 0x{:04X}", record.kind);
        Err(self.damaged(record.at, &expected, format!("{} bytes", record.len)))
    }

    fn set_kind(&mut self, record: Record, kind: u16) {
        self.stream[record.at - 4..record.at - 2].copy_from_slice(&kind.to_le_bytes());
    }

    /// Goes through the workbook's own records; gives the offsets of the worksheets in rising order
    /// and the lengths of the shared strings.
    fn globals(&mut self) -> Result<(Vec<usize>, Vec<u16>), InputError> {
        let (mut sheets, mut string_chars) = (Vec::new(), Vec::new());
        let (mut at, mut continues) = (0, 0);
        loop {
            let record = self.record(at, self.stream.len())?;
            if at == 0 && record.kind != BOF {
                return Err(self.damaged(0, "a workbook", "another record"));
            }
            continues = if record.kind == CONTINUE { continues + 1 } else { 0 };
            if continues > CONTINUES_MAX {
                return Err(self.damaged(at, "one record in fewer pieces", "too many pieces"));
            }
            at = record.at + record.len;
            match record.kind {
                EOF => break,
                FILE_PASS => {
                    let file = self.blame.file.to_owned();
                    return Err(InputError::Encrypted { file, what: "the workbook" });
                }
                BOF => self.needs(record, 4)?,
                CODE_PAGE | DATE_MODE => self.needs(record, 2)?,
                XF => self.needs(record, 4)?,
                FORMAT | CONTINUE => {}
                SST => string_chars = self.string_chars(record)?,
                BOUND_SHEET => {
                    self.needs(record, 8)?;
                    // Charts, macros and modules hold no table.
                    if self.stream[record.at + 5] == 0 {
                        sheets.push(self.u32(record.at) as usize);
                    } else {
                        self.set_kind(record, NOTHING);
                    }
                }
                _ => self.set_kind(record, NOTHING),
            }
        }
        if sheets.len() > self.limits.sheets_max as usize {
            let limit = u64::from(self.limits.sheets_max);
            return Err(self.blame.limit(Place::File, "the number of sheets", limit, SPLIT));
        }
        sheets.sort_unstable();
        if sheets.first().is_some_and(|&first| first < at)
            || sheets.windows(2).any(|w| w[0] == w[1])
        {
            return Err(self.damaged(
                at,
                "each sheet in a place of its own",
                "sheets that overlap",
            ));
        }
        Ok((sheets, string_chars))
    }

    /// Lengths in characters of the shared strings. A string may go on in the next piece of the
    /// record, which then says anew how wide its characters are.
    fn string_chars(&self, record: Record) -> Result<Vec<u16>, InputError> {
        let mut pieces = vec![record];
        let mut end = record.at + record.len;
        while end + 4 <= self.stream.len() && self.u16(end) == CONTINUE {
            let piece = self.record(end, self.stream.len())?;
            end = piece.at + piece.len;
            pieces.push(piece);
            if pieces.len() > CONTINUES_MAX {
                return Err(self.damaged(end, "one record in fewer pieces", "too many pieces"));
            }
        }
        let mut cursor = Pieces { stream: self.stream, pieces: &pieces, index: 0, used: 8 };
        let mut lengths = Vec::new();
        while cursor.more() {
            let Some(chars) = cursor.skip_string() else {
                return Err(self.damaged(record.at, "whole shared strings", "a cut one"));
            };
            lengths.push(chars);
        }
        Ok(lengths)
    }

    fn sheet(&mut self, start: usize, end: usize, strings: &[u16]) -> Result<(), InputError> {
        let (mut at, mut depth) = (start, 0usize);
        let mut area = Area::default();
        loop {
            let record = self.record(at, end)?;
            if at == start && record.kind != BOF {
                return Err(self.damaged(at, "a sheet", "another record"));
            }
            at = record.at + record.len;
            match record.kind {
                BOF => depth += 1,
                EOF => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ if depth > 1 => {}
                _ => {
                    if !self.cell(record, strings, &mut area)? {
                        self.set_kind(record, NOTHING);
                    }
                }
            }
        }
        self.cells += area.cells();
        if self.cells > self.limits.xls_cells_max {
            let limit = self.limits.xls_cells_max;
            return Err(self.blame.limit(Place::File, "the area of the sheets", limit, SAVE_AGAIN));
        }
        Ok(())
    }

    /// Checks a record that may hold cells; `false` when it holds none.
    fn cell(
        &mut self,
        record: Record,
        strings: &[u16],
        area: &mut Area,
    ) -> Result<bool, InputError> {
        let at = record.at;
        match record.kind {
            NUMBER => self.needs(record, 14)?,
            RK => self.needs(record, 10)?,
            LABEL | R_STRING => {
                self.needs(record, 8)?;
                self.add_text(at, self.u16(at + 6))?;
            }
            LABEL_SST => {
                self.needs(record, 10)?;
                let Some(&chars) = strings.get(self.u32(at + 6) as usize) else {
                    return Err(self.damaged(at, "a shared string", "a number beyond the last"));
                };
                self.add_text(at, chars)?;
            }
            BOOL_ERR => {
                self.needs(record, 8)?;
                // Which error it is does not matter, and unknown ones would end the reading.
                if self.stream[at + 7] != 0 {
                    self.stream[at + 6..at + 8].copy_from_slice(&[NOT_AVAILABLE, 1]);
                }
            }
            MUL_RK => {
                self.needs(record, 6)?;
                let (first, last) = (self.u16(at + 2), self.u16(at + record.len - 2));
                let columns = usize::from(last.saturating_sub(first)) + 1;
                if last < first || record.len != 6 + 6 * columns {
                    return Err(self.damaged(at, "as many numbers as columns", "another number"));
                }
                area.add(self.u16(at), last);
            }
            kind if FORMULAS.contains(&kind) => {
                self.needs(record, 8)?;
                self.set_kind(record, BOOL_ERR);
                self.stream[at + 6..at + 8].copy_from_slice(&[GETTING_DATA, 1]);
            }
            _ => return Ok(false),
        }
        let column = self.u16(at + 2);
        area.add(self.u16(at), column);
        if area.last_column >= FORMAT_COLUMNS {
            return Err(self.damaged(at, "a column up to IV", "one beyond it"));
        }
        Ok(true)
    }

    fn add_text(&mut self, at: usize, chars: u16) -> Result<(), InputError> {
        if chars > CELL_CHARS_MAX {
            let (place, limit) = (Place::Byte(at as u64), u64::from(CELL_CHARS_MAX));
            return Err(self.blame.limit(place, "the characters of a cell", limit, SHORTEN));
        }
        self.text_bytes += 3 * u64::from(chars);
        let limit = self.limits.xls_bytes_max * TEXT_BYTES_PER_FILE_BYTE;
        if self.text_bytes > limit {
            return Err(self.blame.limit(Place::File, "the text of all cells", limit, SAVE_AGAIN));
        }
        Ok(())
    }
}

/// The rectangle around the cells of a sheet.
#[derive(Debug)]
struct Area {
    first_row: u16,
    last_row: u16,
    last_column: u16,
}

impl Default for Area {
    fn default() -> Self {
        Self { first_row: u16::MAX, last_row: 0, last_column: 0 }
    }
}

impl Area {
    fn add(&mut self, row: u16, column: u16) {
        self.first_row = self.first_row.min(row);
        self.last_row = self.last_row.max(row);
        self.last_column = self.last_column.max(column);
    }

    fn cells(&self) -> u64 {
        let rows = u64::from(self.last_row.saturating_sub(self.first_row)) + 1;
        rows * (u64::from(self.last_column) + 1)
    }
}

/// A cursor over the pieces of the shared string table.
struct Pieces<'a> {
    stream: &'a [u8],
    pieces: &'a [Record],
    index: usize,
    used: usize,
}

impl Pieces<'_> {
    fn left(&self) -> usize {
        self.pieces.get(self.index).map_or(0, |piece| piece.len.saturating_sub(self.used))
    }

    fn next_piece(&mut self) -> bool {
        self.index += 1;
        self.used = 0;
        self.index < self.pieces.len()
    }

    /// Whether another string begins.
    fn more(&mut self) -> bool {
        while self.left() == 0 {
            if !self.next_piece() {
                return false;
            }
        }
        true
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let piece = self.pieces.get(self.index)?;
        let start = piece.at + self.used;
        self.used += N;
        if self.used > piece.len {
            return None;
        }
        self.stream.get(start..)?.first_chunk().copied()
    }

    fn skip(&mut self, mut bytes: usize) -> Option<()> {
        while bytes > 0 {
            if !self.more() {
                return None;
            }
            let step = bytes.min(self.left());
            self.used += step;
            bytes -= step;
        }
        Some(())
    }

    /// Passes over one string and gives its characters.
    fn skip_string(&mut self) -> Option<u16> {
        let [low, high, flags] = self.bytes::<3>()?;
        let chars = u16::from_le_bytes([low, high]);
        let runs = if flags & 8 != 0 { u16::from_le_bytes(self.bytes()?) } else { 0 };
        let extra = if flags & 4 != 0 { u32::from_le_bytes(self.bytes()?) } else { 0 };
        let (mut left, mut width) = (usize::from(chars), 1 + usize::from(flags & 1));
        loop {
            let step = left.min(self.left() / width);
            self.used += step * width;
            left -= step;
            if left == 0 {
                break;
            }
            if self.left() > 0 || !self.next_piece() {
                return None;
            }
            let [flags] = self.bytes()?;
            width = 1 + usize::from(flags & 1);
        }
        self.skip(4 * usize::from(runs) + extra as usize)?;
        Some(chars)
    }
}
