//! Files to judged, packed rows.

use super::group::{self, Verdict};
use crate::input::{self, Flow, Limits, Row, TableSink, TableSource};
use crate::judge::{Detail, Finding, Judge, Rule, Severity};
use crate::layout::{FieldName, HeaderMap, Headers, KNOWN_HEADERS_MIN, Layout};
use crate::progress::Progress;
use crate::report::{FileReport, NO_SHEET, PlacedFinding, UploadReport};
use anyhow::{Context, bail};
use std::path::PathBuf;
use zhengcha_engine::build::Rows;
use zhengcha_engine::{Snapshot, View};

/// Where a row stands, by index into the report's files and their sheets.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    file: u16,
    sheet: u16,
    row: u32,
}

impl Place {
    fn finding(self, finding: Finding) -> PlacedFinding {
        PlacedFinding { file: self.file, sheet: self.sheet, row: self.row, finding }
    }
}

/// What is to be read, and how it is to be judged.
pub struct Request<'a> {
    /// The upload files.
    pub files: &'a [PathBuf],
    /// The layout, when it is not to follow from the headers.
    pub layout: Option<Layout>,
    /// The rules on a row.
    pub judge: &'a Judge,
    /// Header names, codes, catalogue and regions.
    pub tables: &'a crate::tables::Tables,
    /// Whether numbers of other persons are accepted, for old registers.
    pub legacy: bool,
    /// The register the rows are judged against.
    pub register: Option<&'a Snapshot>,
}

/// An upload, read and judged in full.
pub struct Upload {
    /// Files, counts, findings.
    pub report: UploadReport,
    /// Every row that passed the rules on a row.
    pub rows: Rows,
    /// The rows to store, in the order a segment wants them.
    pub stored: Vec<u32>,
    /// How many of these replace a record of the register.
    pub corrections: u64,
    /// Rows that the register already has.
    pub unchanged: u64,
    /// The delivered files with their SHA-256.
    pub delivered: Vec<(PathBuf, String)>,
}

/// Reads and judges every file of an upload.
///
/// # Errors
/// When a file cannot be read as a whole: then nothing of the upload counts.
pub fn read(request: &Request<'_>, progress: &dyn Progress) -> anyhow::Result<Upload> {
    let mut intake = Intake::new(request, progress);
    let mut delivered = Vec::with_capacity(request.files.len());
    for path in request.files {
        let name = path.display().to_string();
        let first = intake.report.files.len();
        let read = input::read_file(path, &name, &Limits::default(), &mut intake)?;
        intake.close_file(first, &name, &read)?;
        delivered.push((path.clone(), read.sha256));
    }
    progress.begin("comparing with the register", 0);
    let upload = intake.finish(delivered);
    progress.finish();
    Ok(upload)
}

struct Intake<'a> {
    request: &'a Request<'a>,
    progress: &'a dyn Progress,
    report: UploadReport,
    rows: Rows,
    places: Vec<Place>,
    /// By row: whether it already carries a warning.
    warned: Vec<bool>,
    findings: Vec<Finding>,
    place: Place,
    header: Option<HeaderMap>,
    reading: Option<String>,
    early_notes: Vec<(String, String)>,
}

impl<'a> Intake<'a> {
    fn new(request: &'a Request<'a>, progress: &'a dyn Progress) -> Self {
        Self {
            request,
            progress,
            report: UploadReport::default(),
            rows: Rows::new(),
            places: Vec::new(),
            warned: Vec::new(),
            findings: Vec::new(),
            place: Place::default(),
            header: None,
            reading: None,
            early_notes: Vec::new(),
        }
    }

    /// Completes the entries of one delivered file and refuses it when it held no table.
    fn close_file(
        &mut self,
        first: usize,
        name: &str,
        read: &input::FileRead,
    ) -> anyhow::Result<()> {
        if self.report.files.len() == first {
            bail!("{name}: holds no table; deliver xlsx, xls, dbf or csv, or a zip of these");
        }
        for file in &mut self.report.files[first..] {
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
        Ok(())
    }

    /// Counts the row just judged and puts its findings into the report.
    fn note_findings(&mut self, accepted: bool) {
        let warned = !self.findings.is_empty();
        self.report.files[usize::from(self.place.file)].count(accepted, warned);
        if accepted {
            self.places.push(self.place);
            self.warned.push(warned);
        }
        let place = self.place;
        let findings = self.findings.drain(..).map(|finding| place.finding(finding));
        self.report.findings.extend(findings);
    }

    fn finish(mut self, delivered: Vec<(PathBuf, String)>) -> Upload {
        let order = self.rows.in_order(0..self.rows.len() as u32);
        let mut verdicts = vec![Verdict::New; self.rows.len()];
        for group in group::groups(&self.rows, &order) {
            let number = self.rows.view(group[0]).certificate_number();
            let registered: Vec<View<'_>> = match self.request.register {
                Some(register) => register.by_certificate(&number).collect(),
                None => Vec::new(),
            };
            let legacy = self.request.legacy;
            group::judge_group(&self.rows, group, &registered, legacy, &mut verdicts);
        }
        for (row, verdict) in (0u32..).zip(&verdicts) {
            self.note_verdict(row, *verdict);
        }
        let count = |wanted: Verdict| verdicts.iter().filter(|&&it| it == wanted).count() as u64;
        let (corrections, unchanged) = (count(Verdict::Correction), count(Verdict::Unchanged));
        let stored = order.into_iter().filter(|&row| verdicts[row as usize].is_stored()).collect();
        self.report.sort();
        Upload { report: self.report, rows: self.rows, stored, corrections, unchanged, delivered }
    }

    /// Puts what the comparison found into the report.
    fn note_verdict(&mut self, row: u32, verdict: Verdict) {
        let (rule, other) = match verdict {
            Verdict::New | Verdict::Correction | Verdict::Unchanged => return,
            Verdict::Shared => (Rule::SharedNumber, None),
            Verdict::Repeated { first } => (Rule::Repeated, Some(first)),
            Verdict::Rejected { rule, other } => (rule, other),
        };
        let place = self.places[row as usize];
        let detail = other.map_or(Detail::None, |other| {
            let place = self.places[other as usize];
            Detail::OtherRow { file: place.file, row: place.row }
        });
        let field = FieldName::CertificateNumber;
        let finding = Finding::on(field, rule, detail);
        self.report.findings.push(place.finding(finding));
        let file = &mut self.report.files[usize::from(place.file)];
        let was_warned = self.warned[row as usize];
        if rule.severity() == Severity::Reject {
            file.accepted -= 1;
            file.rejected += 1;
            file.warned -= u64::from(was_warned);
        } else if !was_warned {
            file.warned += 1;
        }
    }
}

impl TableSink for Intake<'_> {
    fn begin(&mut self, source: &TableSource) -> anyhow::Result<()> {
        self.header = None;
        let files = &mut self.report.files;
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
        let file = u16::try_from(file).context("more files than a report can name")?;
        self.place = Place { file, sheet, row: 0 };
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        self.place.row = u32::try_from(row.number).context("more rows than a report can name")?;
        let Some(header) = self.header else {
            return self.first_row(row);
        };
        let certificate = self.request.judge.row(&header, row, &mut self.findings);
        if let Some(certificate) = &certificate {
            self.rows.push(certificate)?;
        }
        self.note_findings(certificate.is_some());
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.header = None;
        Ok(())
    }

    fn note(&mut self, file: &str, message: String) {
        match self.report.files.iter_mut().find(|entry| entry.path == file) {
            Some(entry) => entry.notes.push(message),
            // Said before the first table: kept for the entry that will come.
            None => self.early_notes.push((file.to_owned(), message)),
        }
    }

    fn progress(&mut self, file: &str, done_bytes: u64, total_bytes: u64) {
        if self.reading.as_deref() != Some(file) {
            self.reading = Some(file.to_owned());
            self.progress.begin("reading and judging (bytes)", total_bytes);
        }
        self.progress.advance(done_bytes);
    }
}

impl Intake<'_> {
    /// The first row of a table: its headers.
    fn first_row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        let file = &mut self.report.files[usize::from(self.place.file)];
        let sheet = file.sheets.get(usize::from(self.place.sheet));
        let place = sheet.map_or_else(String::new, |sheet| format!("sheet {sheet}: "));
        let recognised = self
            .request
            .tables
            .layouts
            .recognise(row, self.request.layout)
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
