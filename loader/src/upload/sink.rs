//! One delivered file on its way: its tables, their headers and where each row stands.

use super::Request;
use super::lane::{Counts, Lane};
use super::pool::{Pool, Table};
use crate::input::{self, Flow, InputError, Piece, PieceSink, Row, TableSink, TableSource};
use crate::layout::{HeaderMap, Headers, KNOWN_HEADERS_MIN};
use crate::report::{FileReport, NO_SHEET, Place};
use anyhow::{Context, bail};
use std::sync::Arc;

/// The place of a row of a table.
pub(super) fn at_row(table: Place, row: u64) -> anyhow::Result<Place> {
    let row = u32::try_from(row).context("more rows than a report can name")?;
    Ok(Place { row, ..table })
}

/// Takes the tables of one delivered file.
pub(super) struct FileSink<'p, 'a> {
    pool: &'p Pool<'a>,
    lane: &'p mut Lane<'a>,
    delivery: usize,
    name: &'p str,
    /// The file, or the members of an archive that hold tables.
    files: Vec<FileReport>,
    place: Place,
    header: Option<HeaderMap>,
    table: Option<Arc<Table>>,
    early_notes: Vec<(String, String)>,
    /// Bytes told of as read.
    told_bytes: u64,
}

impl<'p, 'a> FileSink<'p, 'a> {
    pub(super) fn new(
        pool: &'p Pool<'a>,
        lane: &'p mut Lane<'a>,
        delivery: usize,
        name: &'p str,
    ) -> Self {
        Self {
            pool,
            lane,
            delivery,
            name,
            files: Vec::new(),
            place: Place::default(),
            header: None,
            table: None,
            early_notes: Vec::new(),
            told_bytes: 0,
        }
    }

    fn request(&self) -> &'a Request<'a> {
        self.pool.request
    }

    /// Ends the file: its entries in the report, or why it is refused. `read` is what its reader says,
    /// which may have failed beyond a piece that failed as well.
    pub(super) fn close(
        mut self,
        read: Result<input::FileRead, InputError>,
    ) -> anyhow::Result<(Vec<FileReport>, String)> {
        let pieces = PieceSink::settle(&mut self);
        if read.is_err() {
            pieces?;
        }
        let read = read?;
        self.pool.advance(read.bytes.saturating_sub(self.told_bytes));
        if self.files.is_empty() {
            let name = self.name;
            bail!("{name}: holds no table; deliver xlsx, xls, dbf or csv, or a zip of these");
        }
        for file in &mut self.files {
            let member = read.members.iter().find(|member| member.file == file.path);
            let early = self.early_notes.extract_if(.., |(path, _)| *path == file.path);
            file.notes.splice(0..0, early.map(|(_, message)| message));
            file.sha256 = member.map_or(&read.sha256, |member| &member.sha256).clone();
            if file.layout.is_none() {
                bail!(
                    "{}: no table in it has a first row with at least three of the known headers; \
                     name the columns as in the collection table (see docs/INPUT.md)",
                    file.path
                );
            }
        }
        Ok((self.files, read.sha256))
    }

    fn count(&mut self, counts: Counts) {
        let Some(file) = self.files.get_mut(usize::from(self.place.member)) else { return };
        file.rows += counts.accepted + counts.rejected;
        file.accepted += counts.accepted;
        file.warned += counts.warned;
        file.rejected += counts.rejected;
    }

    /// The first row of a table: its headers.
    fn first_row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        let request = self.request();
        let file = &mut self.files[usize::from(self.place.member)];
        let sheet = file.sheets.get(usize::from(self.place.sheet));
        let place = sheet.map_or_else(String::new, |sheet| format!("sheet {sheet}: "));
        let recognised = request
            .tables
            .layouts
            .recognise(row, request.layout)
            .with_context(|| format!("{}: {place}row {}", file.path, row.number))?;
        match recognised {
            Headers::NotATable { known } => {
                file.notes.push(format!(
                    "{place}skipped: its first row holds {known} of the known headers, a table \
                     needs {KNOWN_HEADERS_MIN}"
                ));
                Ok(Flow::SkipTable)
            }
            Headers::Table(table) => {
                if table.unknown_count > 0 {
                    let names = table.unknown.join(", ");
                    file.notes.push(format!("{place}unknown columns left out: {names}"));
                }
                file.layout = Some(table.map.layout());
                self.header = Some(table.map);
                Ok(Flow::Continue)
            }
        }
    }
}

impl TableSink for FileSink<'_, '_> {
    fn begin(&mut self, source: &TableSource) -> anyhow::Result<()> {
        self.header = None;
        let files = &mut self.files;
        let file = files.iter().position(|file| *file.path == *source.file).unwrap_or_else(|| {
            files.push(FileReport {
                path: source.file.to_string(),
                format: Some(source.format),
                ..FileReport::default()
            });
            files.len() - 1
        });
        let sheet = match &source.sheet {
            None => NO_SHEET,
            Some(sheet) => {
                let sheets = &mut files[file].sheets;
                sheets.push(sheet.clone());
                u16::try_from(sheets.len() - 1).context("more sheets than a report can name")?
            }
        };
        let too_many = "more files than a report can name";
        self.place = Place {
            delivery: u16::try_from(self.delivery).context(too_many)?,
            member: u16::try_from(file).context(too_many)?,
            sheet,
            row: 0,
        };
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        let Some(header) = self.header else {
            return self.first_row(row);
        };
        let mut counts = Counts::default();
        let place = at_row(self.place, row.number)?;
        self.lane.judge(place, &header, row, &mut counts)?;
        self.count(counts);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.header = None;
        Ok(())
    }

    fn note(&mut self, file: &str, message: String) {
        match self.files.iter_mut().find(|entry| entry.path == file) {
            Some(entry) => entry.notes.push(message),
            // Said before the first table: kept for the entry that will come.
            None => self.early_notes.push((file.to_owned(), message)),
        }
    }

    fn pieces(&mut self) -> Option<&mut dyn PieceSink> {
        (self.header.is_some() && self.pool.is_shared()).then_some(self)
    }

    fn progress(&mut self, file: &str, done_bytes: u64, _: u64) {
        // Members of archives count when the archive is read.
        let is_delivered =
            self.files.first().is_some_and(|entry| entry.path == file && file == self.name);
        if is_delivered && done_bytes > self.told_bytes {
            self.pool.advance(done_bytes - self.told_bytes);
            self.told_bytes = done_bytes;
        }
    }
}

impl PieceSink for FileSink<'_, '_> {
    fn piece(&mut self, piece: Piece) -> anyhow::Result<Flow> {
        if self.pool.is_stopped(self.delivery) {
            return Ok(Flow::SkipTable);
        }
        let Some(header) = self.header else { bail!("a piece came before the headers") };
        let place = self.place;
        let table = self.table.get_or_insert_with(|| Arc::new(Table::new(place, header)));
        Ok(self.pool.give(&Arc::clone(table), piece, self.lane))
    }

    fn settle(&mut self) -> Result<u64, InputError> {
        let Some(table) = self.table.take() else { return Ok(0) };
        let tally = self.pool.settle(&table, self.lane);
        self.count(tally.counts);
        match tally.error {
            Some((_, error)) => Err(error),
            None => Ok(tally.records),
        }
    }
}
