//! BIFF workbooks of Excel 5 to 2003.
//!
//! Promises that the foreign reader only ever sees a stream that [`biff`](super::biff) prepared, in
//! a compound file made here. Such workbooks are small by their format, so they are read whole.

use std::io::{BufReader, Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calamine::{CellErrorType, Data, Range, Reader, Xls, XlsError};

use super::cell::{RowBuffer, serial_date};
use super::error::{Blame, Place, SAVE_AGAIN};
use super::source::Source;
use super::{Cell, Flow, Format, InputError, Limits, TableSink, TableSource, biff};

type CompoundFile = cfb::CompoundFile<BufReader<Source>>;

/// Names of the stream that holds the workbook: of Excel 97 and later, and of Excel 5.
const WORKBOOK_STREAMS: [&str; 2] = ["/Workbook", "/Book"];

fn open(source: &Source, blame: Blame<'_>) -> Result<CompoundFile, InputError> {
    let reader = BufReader::new(source.clone());
    match catch_unwind(AssertUnwindSafe(|| cfb::CompoundFile::open(reader))) {
        Ok(Ok(compound)) => Ok(compound),
        Ok(Err(error)) => {
            Err(blame.damaged(Place::File, "a sound compound file", error.to_string()))
        }
        Err(_) => Err(blame.reader_failed(Place::File)),
    }
}

/// Says what a compound file is when it is no workbook that can be read.
pub(crate) fn classify(source: &Source, file: &str) -> Result<(), InputError> {
    let blame = Blame { file, format: "xls" };
    let compound = open(source, blame)?;
    let has = |name: &str| compound.exists(name);
    if has("/EncryptedPackage") {
        return Err(InputError::Encrypted { file: file.to_owned(), what: "the workbook" });
    }
    if WORKBOOK_STREAMS.iter().any(|name| has(name)) {
        return Ok(());
    }
    let found = if has("/WordDocument") {
        "a Word document"
    } else if has("/PowerPoint Document") {
        "a presentation"
    } else {
        "a compound file without workbook"
    };
    let cure = "put the table into a workbook and save it as xlsx";
    Err(InputError::NotATable { file: file.to_owned(), found, cure })
}

/// Reads every worksheet as a table.
pub(crate) fn read(
    source: &Source,
    file: &str,
    limits: &Limits,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let blame = Blame { file, format: "xls" };
    if source.len() > limits.xls_bytes_max {
        let what = "the size of the xls file in bytes";
        return Err(blame.limit(Place::File, what, limits.xls_bytes_max, SAVE_AGAIN));
    }
    let mut stream = workbook_stream(source, blame)?;
    biff::prepare(&mut stream, blame, limits)?;
    let compound = wrap(&stream).map_err(|error| blame.io(error))?;
    drop(stream);
    let mut workbook = guarded(blame, || Xls::new(Cursor::new(compound)))?;
    let sheets = workbook.sheet_names();
    if let Some(index) = (1..sheets.len()).find(|&index| sheets[..index].contains(&sheets[index])) {
        let place = Place::Sheet(sheets[index].clone());
        return Err(blame.damaged(place, "sheets of different names", "this name twice"));
    }
    let is_1904 = workbook.has_1904_epoch();
    for (index, sheet) in sheets.iter().enumerate() {
        let range = guarded(blame, || workbook.worksheet_range(sheet))?;
        let name = Some(Arc::from(sheet.as_str()));
        sink.begin(&TableSource { file: Arc::from(file), sheet: name, format: Format::Xls })?;
        emit(&range, is_1904, sink)?;
        sink.end()?;
        sink.progress(file, source.len() * (index as u64 + 1) / sheets.len() as u64, source.len());
    }
    Ok(())
}

fn workbook_stream(source: &Source, blame: Blame<'_>) -> Result<Vec<u8>, InputError> {
    let mut compound = open(source, blame)?;
    let name = if compound.exists(WORKBOOK_STREAMS[0]) { 0 } else { 1 };
    let read = AssertUnwindSafe(|| {
        let mut bytes = Vec::new();
        let stream = compound.open_stream(WORKBOOK_STREAMS[name])?;
        // A stream cannot be longer than its file, whatever the directory says.
        stream.take(source.len() + 1).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    match catch_unwind(read) {
        Ok(Ok(bytes)) if bytes.len() as u64 <= source.len() => Ok(bytes),
        Ok(Ok(_)) => {
            let found = "a stream longer than the file";
            Err(blame.damaged(Place::File, "a sound compound file", found))
        }
        Ok(Err(error)) => {
            Err(blame.damaged(Place::File, "a whole workbook stream", error.to_string()))
        }
        Err(_) => Err(blame.reader_failed(Place::File)),
    }
}

/// A compound file with the workbook alone, whose chains are therefore sound.
fn wrap(stream: &[u8]) -> std::io::Result<Vec<u8>> {
    let empty = Cursor::new(Vec::with_capacity(stream.len() + stream.len() / 64));
    let mut compound = cfb::CompoundFile::create_with_version(cfb::Version::V3, empty)?;
    compound.create_stream(WORKBOOK_STREAMS[0])?.write_all(stream)?;
    compound.flush()?;
    Ok(compound.into_inner().into_inner())
}

fn guarded<T>(
    blame: Blame<'_>,
    step: impl FnOnce() -> Result<T, XlsError>,
) -> Result<T, InputError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(XlsError::Password)) => {
            Err(InputError::Encrypted { file: blame.file.to_owned(), what: "the workbook" })
        }
        Ok(Err(error)) => Err(blame.damaged(Place::File, "a sound workbook", error.to_string())),
        Err(_) => Err(blame.reader_failed(Place::File)),
    }
}

fn emit(range: &Range<Data>, is_1904: bool, sink: &mut dyn TableSink) -> Result<(), InputError> {
    let Some((first_row, first_column)) = range.start() else { return Ok(()) };
    let mut row = RowBuffer::default();
    for (number, values) in (u64::from(first_row) + 1..).zip(range.rows()) {
        row.clear();
        row.pad_to(first_column as usize);
        for value in values {
            push(&mut row, value, is_1904);
        }
        if !row.is_blank() && row.emit(number, sink)? == Flow::SkipTable {
            break;
        }
    }
    Ok(())
}

fn push(row: &mut RowBuffer, value: &Data, is_1904: bool) {
    row.push(match value {
        // The reader decodes with replacement characters, which are the trace of lost bytes.
        Data::String(text) if text.contains('\u{FFFD}') => Cell::Undecodable,
        Data::String(text) => return row.push_text(text),
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(truth) => Cell::Bool(*truth),
        Data::DateTime(time) if time.is_duration() => Cell::Number(time.as_f64()),
        Data::DateTime(time) => {
            serial_date(time.as_f64(), is_1904).map_or(Cell::BadDate, Cell::Date)
        }
        // So prepared formulas come through.
        Data::Error(CellErrorType::GettingData) => Cell::Formula,
        Data::Error(_) => Cell::Error,
        Data::Empty => Cell::Empty,
        _ => Cell::BadDate,
    });
}
