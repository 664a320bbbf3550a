//! DBF tables of dBase III, FoxPro 2 and Visual FoxPro.
//!
//! Promises every live record or an error: record count, record length and file size must agree.
//! Text is GB18030 whatever the code-page byte says, since that byte is wrong more often than not.
//! Layout: 32 bytes of header, 32 for each column, 0x0D, padding, records of fixed length.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use zhengcha_engine::Date;

use super::cell::RowBuffer;
use super::csv::PROGRESS_ROWS;
use super::encoding::push_gb18030;
use super::error::{Blame, Place, SPLIT};
use super::piece::{Piece, Taker};
use super::source::{CHUNK_BYTES, Source};
use super::{Cell, Flow, Format, InputError, Limits, Row, TableSink, TableSource};

const HEADER_BYTES: usize = 32;
const COLUMN_BYTES: usize = 32;
const NAME_BYTES: usize = 11;
const HEADER_END: u8 = 0x0D;
const FILE_END: u8 = 0x1A;
const LIVE: u8 = b' ';
const DELETED: u8 = b'*';
/// Bytes of records that are read at a time.
const CUT_BYTES: usize = 256 << 10;
/// Records whose texts are decoded before the first is handed over: few enough to stay in the caches.
const DECODED_RECORDS: usize = 64;

/// What this reader makes of the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// dBase III, with or without memo, and the FoxPro tables that share its columns.
    Known,
    /// dBase 7: other column descriptions.
    Level7,
}

fn version(byte: u8) -> Option<Version> {
    match byte {
        // dBase III, the same with memo; FoxBASE; dBase IV and V with memo or SQL; FoxPro 2 with
        // memo; HiPer-Six; Visual FoxPro, with autoincrement, with varchar.
        0x02 | 0x03 | 0x05 | 0x83 | 0x43 | 0x63 | 0x7B | 0x8B | 0x8E | 0xCB | 0xF5 | 0xFB
        | 0xE5 | 0x30 | 0x31 | 0x32 => Some(Version::Known),
        0x04 | 0x8C => Some(Version::Level7),
        _ => None,
    }
}

/// Whether the content begins like a DBF header. Months, lengths and the reserved zeros decide,
/// since some version bytes are letters of text too.
pub(crate) fn is_plausible(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<HEADER_BYTES>() else { return false };
    let zeros = header[12..28].iter().filter(|&&byte| byte == 0).count();
    version(header[0]).is_some()
        && header[2] <= 12
        && header[3] <= 31
        && u16_at(header, 8) as usize > HEADER_BYTES
        && u16_at(header, 10) >= 1
        && zeros >= 8
}

/// One column that is read.
#[derive(Debug)]
struct Column {
    start: usize,
    len: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Date,
    Logical,
    Integer,
    Double,
    Currency,
    DateTime,
}

/// Where the records are and what they hold.
#[derive(Debug)]
struct Table {
    columns: Vec<Column>,
    names: RowBuffer,
    records: u64,
    record_bytes: usize,
    data_start: u64,
}

/// Reads the one table of the file.
pub(crate) fn read(
    source: &Source,
    file: &str,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let blame = Blame { file, format: "dbf" };
    let table = read_header(source, blame, limits, sink)?;
    check_size(source, &table, blame)?;
    sink.begin(&TableSource { file: Arc::from(file), sheet: None, format: Format::Dbf })?;
    if table.names.emit(0, sink)? == Flow::Continue {
        read_records(source, Arc::new(table), blame, sink)?;
    }
    sink.end()?;
    Ok(())
}

fn read_header(
    source: &Source,
    blame: Blame<'_>,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<Table, InputError> {
    let mut cursor = source.clone();
    let mut header = [0; HEADER_BYTES];
    cursor.read_exact(&mut header).map_err(|error| blame.io(error))?;
    if version(header[0]) == Some(Version::Level7) {
        return Err(blame.unsupported(Place::File, "a dBase 7 table", "save it as dBase III"));
    }
    let data_start = u64::from(u16_at(&header, 8));
    if data_start > source.len() {
        let expected = format!("a header of {data_start} bytes");
        return Err(blame.damaged(Place::File, expected, format!("{} bytes", source.len())));
    }
    let mut table = Table {
        columns: Vec::new(),
        names: RowBuffer::default(),
        records: u64::from(u32::from_le_bytes([header[4], header[5], header[6], header[7]])),
        record_bytes: usize::from(u16_at(&header, 10)),
        data_start,
    };
    if table.records > limits.table_rows_max {
        let what = "the number of records";
        return Err(blame.limit(Place::File, what, limits.table_rows_max, SPLIT));
    }
    let mut left_out = Vec::new();
    let room = (data_start as usize - HEADER_BYTES) / COLUMN_BYTES;
    let mut at = 1;
    for number in 1..=room + 1 {
        let mut descriptor = [0; COLUMN_BYTES];
        let place = Place::Column(number as u64);
        let filled = cursor.read_up_to(&mut descriptor).map_err(|error| blame.io(error))?;
        if filled > 0 && descriptor[0] == HEADER_END {
            return finish_header(table, at, &left_out, blame, sink);
        }
        if number > room || filled < COLUMN_BYTES {
            break;
        }
        if number > limits.columns_max as usize {
            let limit = u64::from(limits.columns_max);
            return Err(blame.limit(place, "the number of columns", limit, SPLIT));
        }
        at += add_column(&mut table, &descriptor, at, &mut left_out)
            .map_err(|found| blame.damaged(place, "a column description", found))?;
    }
    Err(blame.damaged(Place::File, "a header closed by the byte 0x0D", "no such byte"))
}

/// Takes up one column description and gives the bytes that the column takes in a record.
fn add_column(
    table: &mut Table,
    descriptor: &[u8; COLUMN_BYTES],
    start: usize,
    left_out: &mut Vec<String>,
) -> Result<usize, String> {
    let name = column_name(&descriptor[..NAME_BYTES]);
    let (letter, mut len) = (descriptor[11], usize::from(descriptor[16]));
    let kind = match (letter, len) {
        (b'C', _) => {
            // Clipper and FoxPro for Unix keep the high byte of long texts in the decimals.
            len += usize::from(descriptor[17]) << 8;
            Some(Kind::Text)
        }
        (b'N' | b'F', _) => Some(Kind::Number),
        (b'D', 8) => Some(Kind::Date),
        (b'L', 1) => Some(Kind::Logical),
        (b'I' | b'+', 4) => Some(Kind::Integer),
        (b'B' | b'O', 8) => Some(Kind::Double),
        (b'Y', 8) => Some(Kind::Currency),
        (b'T' | b'@', 8) => Some(Kind::DateTime),
        (b'D' | b'L' | b'I' | b'Y' | b'T', _) => {
            return Err(format!("type {} with a width of {len}", char::from(letter)));
        }
        _ if letter.is_ascii_graphic() => None,
        _ => return Err(format!("the type byte 0x{letter:02X}")),
    };
    match kind {
        Some(kind) => {
            match &name {
                Some(name) => table.names.push_text(name),
                None => table.names.push(Cell::Undecodable),
            }
            table.columns.push(Column { start, len, kind });
        }
        // `_NullFlags` of Visual FoxPro is no column of the table.
        None if letter == b'0' => {}
        None => {
            let what = if letter == b'M' { "memo" } else { "type" };
            let name = name.unwrap_or_default();
            left_out.push(format!("{name} ({what} {})", char::from(letter)));
        }
    }
    Ok(len)
}

fn finish_header(
    table: Table,
    columns_bytes: usize,
    left_out: &[String],
    blame: Blame<'_>,
    sink: &mut dyn TableSink,
) -> Result<Table, InputError> {
    if table.columns.is_empty() {
        return Err(blame.damaged(Place::File, "at least one column", "a header without columns"));
    }
    if columns_bytes != table.record_bytes {
        let expected = format!("records of {columns_bytes} bytes, the sum of the column widths");
        let found = format!("a record length of {}", table.record_bytes);
        return Err(blame.damaged(Place::File, expected, found));
    }
    if !left_out.is_empty() {
        let message =
            format!("columns left out, their content is not in the table: {}", left_out.join(", "));
        sink.note(blame.file, message);
    }
    Ok(table)
}

/// The name in a column description. It is cut to 10 bytes by many programs, half a Hanzi at the
/// end included; `None` when it is no text.
fn column_name(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let name = bytes[..end].trim_ascii();
    let mut text = String::new();
    let whole = push_gb18030(name, &mut text)
        || (name.len() >= 9 && push_gb18030(&name[..name.len() - 1], &mut text));
    whole.then_some(text)
}

/// The promised records must be there, and nothing that looks like more of them.
fn check_size(source: &Source, table: &Table, blame: Blame<'_>) -> Result<(), InputError> {
    let data_bytes = source.len() - table.data_start;
    let record_bytes = table.record_bytes as u64;
    let promised_bytes = table.records * record_bytes;
    if promised_bytes > data_bytes {
        let expected = format!("{} records of {record_bytes} bytes", table.records);
        let found = format!("room for {}: the file is cut off", data_bytes / record_bytes);
        return Err(blame.damaged(Place::File, expected, found));
    }
    let mut cursor = source.clone();
    let mut rest = vec![0; CHUNK_BYTES];
    cursor
        .seek(SeekFrom::Start(table.data_start + promised_bytes))
        .map_err(|error| blame.io(error))?;
    let filled = cursor.read_up_to(&mut rest).map_err(|error| blame.io(error))?;
    let rest = &rest[..filled];
    if rest.first() == Some(&FILE_END) || rest.iter().all(|&byte| byte == 0) {
        return Ok(());
    }
    let expected = format!("{} records, as the header counts them", table.records);
    let found = format!("{} bytes behind the last", data_bytes - promised_bytes);
    Err(blame.damaged(Place::File, expected, found))
}

fn read_records(
    source: &Source,
    table: Arc<Table>,
    blame: Blame<'_>,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let mut cursor = source.clone();
    cursor.seek(SeekFrom::Start(table.data_start)).map_err(|error| blame.io(error))?;
    let room = (CUT_BYTES / table.record_bytes).max(1) as u64;
    let (mut first, mut deleted, mut apart) = (1, 0, false);
    while first <= table.records {
        let records = room.min(table.records - first + 1);
        let mut bytes = vec![0; records as usize * table.record_bytes];
        cursor.read_exact(&mut bytes).map_err(|error| blame.io(error))?;
        let strange = look_through(&mut bytes, table.record_bytes, &mut deleted);
        let chunk = Chunk { table: Arc::clone(&table), first, bytes };
        let flow = match sink.pieces() {
            Some(pieces) => {
                apart = true;
                pieces.piece(Piece::dbf(chunk))?
            }
            None => chunk.read(&mut Progressing { source, blame, sink })?,
        };
        if let Some((index, byte)) = strange
            && flow == Flow::Continue
        {
            let found = format!("the byte 0x{byte:02X}");
            let expected = "a record that begins with a space or, when deleted, with *";
            return Err(blame.damaged(Place::Record(first + index), expected, found));
        }
        first += records;
        if apart {
            sink.progress(blame.file, source.furthest(), source.len());
        }
        if flow == Flow::SkipTable {
            break;
        }
    }
    if apart && let Some(pieces) = sink.pieces() {
        pieces.settle()?;
    }
    if deleted > 0 {
        sink.note(blame.file, format!("{deleted} deleted records passed over"));
    }
    Ok(())
}

/// Counts deleted records and looks for one that is neither live nor deleted: the records before it
/// are kept, its place and first byte given.
fn look_through(bytes: &mut Vec<u8>, record_bytes: usize, deleted: &mut u64) -> Option<(u64, u8)> {
    let mut strange = None;
    for (index, record) in bytes.chunks_exact(record_bytes).enumerate() {
        match record[0] {
            LIVE => {}
            DELETED => *deleted += 1,
            byte => {
                strange = Some((index, byte));
                break;
            }
        }
    }
    let (index, byte) = strange?;
    bytes.truncate(index * record_bytes);
    Some((index as u64, byte))
}

/// Hands rows over in order.
struct Progressing<'a> {
    source: &'a Source,
    blame: Blame<'a>,
    sink: &'a mut dyn TableSink,
}

impl Taker for Progressing<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<Flow, InputError> {
        Ok(self.sink.row(row)?)
    }

    fn record(&mut self, number: u64) -> Result<(), InputError> {
        if number.is_multiple_of(PROGRESS_ROWS) {
            self.sink.progress(self.blame.file, self.source.furthest(), self.source.len());
        }
        Ok(())
    }
}

/// Whole records of a table.
#[derive(Debug)]
pub(super) struct Chunk {
    table: Arc<Table>,
    /// Number of the first record.
    first: u64,
    bytes: Vec<u8>,
}

impl Chunk {
    /// Hands every live row that is not blank to `taker`.
    pub(super) fn read(&self, taker: &mut dyn Taker) -> Result<Flow, InputError> {
        let columns = &self.table.columns;
        let mut texts = RowBuffer::default();
        let mut last: Vec<LastText<'_>> = vec![None; columns.len()];
        let some = self.bytes.chunks(DECODED_RECORDS * self.table.record_bytes);
        for (records, first) in some.zip((self.first..).step_by(DECODED_RECORDS)) {
            texts.clear();
            last.fill(None);
            let records = || (first..).zip(records.chunks_exact(self.table.record_bytes));
            let live = || records().filter(|(_, record)| record[0] == LIVE);
            for (_, record) in live() {
                for (column, last) in columns.iter().zip(&mut last) {
                    let bytes = &record[column.start..column.start + column.len];
                    if column.kind == Kind::Text {
                        push_text_again(&mut texts, bytes, last);
                    } else {
                        push_cell(&mut texts, column.kind, bytes);
                    }
                }
            }
            let mut cells = Vec::with_capacity(columns.len());
            for ((number, _), row) in live().zip(texts.rows(columns.len())) {
                taker.record(number)?;
                cells.clear();
                cells.extend(row);
                if cells.iter().all(|cell| matches!(cell, Cell::Empty)) {
                    continue;
                }
                if taker.row(&Row { number, cells: &cells })? == Flow::SkipTable {
                    return Ok(Flow::SkipTable);
                }
            }
        }
        Ok(Flow::Continue)
    }
}

/// The last text of a column and its slot.
type LastText<'c> = Option<(&'c [u8], usize)>;

/// Bodies and occupations repeat from row to row, and to compare bytes costs less than to decode them.
fn push_text_again<'c>(texts: &mut RowBuffer, bytes: &'c [u8], last: &mut LastText<'c>) {
    match *last {
        Some((same, slot)) if same == bytes => texts.repeat(slot),
        _ => {
            *last = Some((bytes, texts.len()));
            push_text(texts, bytes);
        }
    }
}

fn push_cell(row: &mut RowBuffer, kind: Kind, bytes: &[u8]) {
    match kind {
        Kind::Text => push_text(row, bytes),
        Kind::Number => push_number(row, bytes),
        Kind::Date => row.push(date_cell(bytes)),
        Kind::Logical => row.push(match bytes {
            [b'T' | b't' | b'Y' | b'y'] => Cell::Bool(true),
            [b'F' | b'f' | b'N' | b'n'] => Cell::Bool(false),
            [b'?' | b' ' | 0] => Cell::Empty,
            _ => Cell::Error,
        }),
        Kind::Integer => push_display(row, i64::from(i32_at(bytes, 0))),
        Kind::Double => row.push(match bytes.first_chunk() {
            Some(&eight) => Cell::Number(f64::from_le_bytes(eight)),
            None => Cell::Error,
        }),
        Kind::Currency => row.push(match bytes.first_chunk() {
            // Ten-thousandths; scores are far below the 2^53 that a float holds exactly.
            Some(&eight) => Cell::Number(i64::from_le_bytes(eight) as f64 / 10_000.0),
            None => Cell::Error,
        }),
        Kind::DateTime => row.push(datetime_cell(bytes)),
    }
}

/// Text up to the padding: spaces, or zeros from programs that write C strings.
fn push_text(row: &mut RowBuffer, bytes: &[u8]) {
    let mut bytes = bytes;
    while let Some((rest, b"        ")) = bytes.split_last_chunk() {
        bytes = rest;
    }
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let text = bytes[..end].trim_ascii_end();
    let start = row.text.len();
    if let Some(text) = text.is_ascii().then(|| std::str::from_utf8(text)).and_then(Result::ok) {
        row.push_text(text);
    } else if push_gb18030(text, &mut row.text) {
        row.push_from(start);
    } else {
        row.push(Cell::Undecodable);
    }
}

/// Digits as they stand, so that none is lost; stars are what remains of a number too wide.
fn push_number(row: &mut RowBuffer, bytes: &[u8]) {
    let text = bytes.trim_ascii();
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) if text.starts_with('*') => row.push(Cell::Error),
        // Padding may fill the place of absent digits: ` .` is an empty number with decimals.
        Ok("." | "-" | "-.") => row.push(Cell::Empty),
        Ok(text) => row.push_text(text),
        Err(_) => row.push(Cell::Undecodable),
    }
}

fn push_display(row: &mut RowBuffer, number: i64) {
    row.push_text(&number.to_string());
}

/// `YYYYMMDD`; blanks and zeros are no date at all.
fn date_cell(bytes: &[u8]) -> Cell<'static> {
    if bytes.iter().all(|byte| matches!(byte, b' ' | b'0' | 0)) {
        return Cell::Empty;
    }
    let number = bytes.iter().try_fold(0u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    });
    number.and_then(Date::from_yyyymmdd).map_or(Cell::BadDate, Cell::Date)
}

/// Julian day number and milliseconds; the time is not looked at.
fn datetime_cell(bytes: &[u8]) -> Cell<'static> {
    /// The Julian day number of 1970-01-01.
    const JULIAN_DAY_OF_1970: i32 = 2_440_588;
    if bytes.iter().all(|&byte| byte == 0 || byte == b' ') {
        return Cell::Empty;
    }
    let days = i32_at(bytes, 0).checked_sub(JULIAN_DAY_OF_1970);
    days.and_then(Date::from_days_since_1970).map_or(Cell::BadDate, Cell::Date)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    }
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}
