//! A sink that remembers what it was given, and files of given bytes.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use tempfile::TempDir;
use zhengcha_loader::input::{
    self, Cell, FileRead, Flow, InputError, Limits, Row, TableSink, TableSource,
};
use zip::write::SimpleFileOptions;

/// One table as received; cells in the short notation of [`show`].
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) file: String,
    pub(crate) sheet: Option<String>,
    pub(crate) rows: Vec<(u64, Vec<String>)>,
    pub(crate) ended: bool,
}

/// Everything that came of one reading.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) tables: Vec<Table>,
    pub(crate) notes: Vec<String>,
    pub(crate) rows: u64,
    pub(crate) progress: Vec<u64>,
    /// Leave a table after this many rows.
    pub(crate) skip_after: Option<u64>,
}

impl TableSink for Seen {
    fn begin(&mut self, source: &TableSource) -> anyhow::Result<()> {
        self.tables.push(Table {
            file: source.file.to_string(),
            sheet: source.sheet.as_deref().map(str::to_owned),
            ..Table::default()
        });
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        self.rows += 1;
        let table = self.tables.last_mut().unwrap();
        assert!(!table.ended);
        assert!(row.cells.iter().any(|cell| *cell != Cell::Empty), "blank rows are left out");
        table.rows.push((row.number, row.cells.iter().map(show).collect()));
        Ok(match self.skip_after {
            Some(rows) if rows == self.rows => Flow::SkipTable,
            _ => Flow::Continue,
        })
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.tables.last_mut().unwrap().ended = true;
        Ok(())
    }

    fn note(&mut self, file: &str, message: String) {
        self.notes.push(format!("{file}: {message}"));
    }

    fn progress(&mut self, _: &str, done_bytes: u64, total_bytes: u64) {
        assert!(done_bytes <= total_bytes);
        self.progress.push(done_bytes);
    }
}

/// Text as it is, everything else with a mark that no test text begins with.
pub(crate) fn show(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => (*text).to_owned(),
        Cell::Number(number) => format!("~{number}"),
        Cell::Date(date) => format!("~{date}"),
        Cell::Bool(truth) => format!("~{truth}"),
        Cell::Formula => "~formula".to_owned(),
        Cell::Error => "~error".to_owned(),
        Cell::Undecodable => "~undecodable".to_owned(),
        Cell::BadDate => "~bad-date".to_owned(),
    }
}

pub(crate) fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A folder of its own with one file in it.
pub(crate) struct Given {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn given(bytes: &[u8]) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("delivered.bin");
    std::fs::write(&path, bytes).unwrap();
    Given { _folder: folder, path }
}

pub(crate) fn read_with(bytes: &[u8], limits: &Limits) -> (Result<FileRead, InputError>, Seen) {
    let given = given(bytes);
    let mut seen = Seen::default();
    let result = input::read_file(&given.path, "batch", limits, &mut seen);
    (result, seen)
}

/// Reads bytes that must be readable.
pub(crate) fn read(bytes: &[u8]) -> Seen {
    let (result, seen) = read_with(bytes, &Limits::default());
    if let Err(error) = result {
        panic!("refused: {error}");
    }
    assert!(seen.tables.iter().all(|table| table.ended));
    seen
}

/// Reads bytes that must be refused and gives the message, which must name the file.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    refusal_with(bytes, &Limits::default())
}

pub(crate) fn refusal_with(bytes: &[u8], limits: &Limits) -> String {
    let (result, seen) = read_with(bytes, limits);
    let message = match result {
        Ok(_) => panic!("taken, with {} rows", seen.rows),
        Err(error) => error.to_string(),
    };
    assert!(message.starts_with("batch"), "names the file: {message}");
    message
}

/// The rows of the one table, as `(number, cells)`.
pub(crate) fn rows(seen: &Seen) -> Vec<(u64, Vec<&str>)> {
    assert_eq!(seen.tables.len(), 1);
    let table = &seen.tables[0];
    table.rows.iter().map(|(n, cells)| (*n, cells.iter().map(String::as_str).collect())).collect()
}

pub(crate) fn gb18030(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding_rs::GB18030.encode(text);
    assert!(!lossy);
    bytes.into_owned()
}
