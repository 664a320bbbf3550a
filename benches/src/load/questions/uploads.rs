//! What an upload holds: rows that the loader accepts, every one of them, and its file.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, ensure};
use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::input::{Cell, Row};
use zhengcha_loader::judge::{Judge, OrgScope};
use zhengcha_loader::layout::{HeaderMap, Headers, Layout};
use zhengcha_loader::synth::{TableLayout, Value, columns, values};
use zhengcha_loader::tables::Tables;
use zhengcha_loader::testing::uploads::{UploadKind, write_upload};

use super::{QuestionSet, Wanted, pieces};

/// The layout of upload files: the one that delivers every field.
const LAYOUT: TableLayout = TableLayout::Of2019;
/// The day on which uploads are judged: nothing is issued later, and another day would only warn.
const DAY: (u16, u8, u8) = (2026, 7, 1);

/// Whether the loader takes a row, and what it makes of it.
pub(super) struct Acceptance {
    judge: Judge,
    header: HeaderMap,
}

impl Acceptance {
    /// By the rules built into the loader, for the national operator.
    ///
    /// # Errors
    /// None in a program whose tests have passed.
    pub(super) fn new() -> anyhow::Result<Self> {
        let tables = Tables::embedded()?;
        let titles: Vec<Cell<'_>> =
            columns(LAYOUT).iter().map(|column| Cell::Text(column.header)).collect();
        let row = Row { number: 1, cells: &titles };
        let headers = tables.layouts.recognise(&row, Some(Layout::Of2019))?;
        let Headers::Table(found) = headers else {
            anyhow::bail!("the headers of an upload are not those of a table of certificates");
        };
        let (year, month, day) = DAY;
        let today = Date::new(year, month, day).context("no such day")?;
        Ok(Self { judge: Judge::new(tables.into(), OrgScope::All, today), header: found.map })
    }

    /// The certificate as it will be served; `None` when its row breaks a rule.
    pub(super) fn loaded(&self, certificate: &Certificate) -> Option<Certificate> {
        let values = values(certificate, LAYOUT);
        let texts: Vec<Cow<'_, str>> = values.iter().map(Value::to_text).collect();
        let cells: Vec<Cell<'_>> = texts
            .iter()
            .map(|text| if text.is_empty() { Cell::Empty } else { Cell::Text(text) })
            .collect();
        self.judge.row(&self.header, &Row { number: 2, cells: &cells }, &mut Vec::new())
    }
}

impl Wanted {
    /// The certificates that an upload brings, from number 1 on, as they will be served.
    ///
    /// # Errors
    /// When there is no such upload.
    pub fn upload_rows(&self, number: u32) -> anyhow::Result<Vec<Certificate>> {
        let uploads = self.uploads.len();
        ensure!(
            (1..=uploads).contains(&(number as usize)),
            "there is no upload {number}: {uploads} were asked for, counted from 1"
        );
        let acceptance = Acceptance::new()?;
        let mut rows = Vec::new();
        for piece in pieces::upload(self, number) {
            piece.for_each(&acceptance, |_, certificate| {
                rows.push(certificate.clone());
                true
            });
        }
        Ok(rows)
    }

    /// Writes the file of an upload, from number 1 on, for `zhengcha-loader load --org all`, and says how
    /// many rows it has: every one is accepted.
    ///
    /// # Errors
    /// When there is no such upload, or the file cannot be written.
    pub fn write_upload(&self, number: u32, path: &Path) -> anyhow::Result<u64> {
        let rows = self.upload_rows(number)?;
        write_upload(path, UploadKind::Csv, LAYOUT, &rows)
            .with_context(|| format!("{}: the upload cannot be written", path.display()))?;
        Ok(rows.len() as u64)
    }
}

impl QuestionSet {
    /// See [`Wanted::upload_rows`].
    ///
    /// # Errors
    /// When there is no such upload.
    pub fn upload_rows(&self, number: u32) -> anyhow::Result<Vec<Certificate>> {
        self.wanted.upload_rows(number)
    }

    /// See [`Wanted::write_upload`].
    ///
    /// # Errors
    /// When there is no such upload, or the file cannot be written.
    pub fn write_upload(&self, number: u32, path: &Path) -> anyhow::Result<u64> {
        self.wanted.write_upload(number, path)
    }
}
