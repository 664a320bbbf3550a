//! A good row to spoil, one field at a time, and the rules its judgement names.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use std::sync::Arc;

use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::input::{Cell, Row};
use zhengcha_loader::judge::{Finding, Judge};
use zhengcha_loader::layout::{FieldName, Headers, Layout, Layouts, Recognised};
use zhengcha_loader::tables::Tables;

pub(crate) fn tables() -> Arc<Tables> {
    static TABLES: std::sync::OnceLock<Arc<Tables>> = std::sync::OnceLock::new();
    TABLES.get_or_init(|| Arc::new(Tables::embedded().unwrap())).clone()
}

/// The day on which every test below happens.
pub(crate) fn today() -> Date {
    Date::new(2019, 5, 1).unwrap()
}

pub(crate) fn header_row<'a>(headers: &'a [&'a str]) -> Vec<Cell<'a>> {
    headers.iter().map(|header| Cell::Text(header)).collect()
}

pub(crate) fn recognise(headers: &[&str], forced: Option<Layout>) -> Recognised {
    match recognise_with(&tables().layouts, headers, forced) {
        Ok(Headers::Table(recognised)) => recognised,
        other => panic!("no table: {other:?}"),
    }
}

pub(crate) fn recognise_with(
    layouts: &Layouts,
    headers: &[&str],
    forced: Option<Layout>,
) -> Result<Headers, zhengcha_loader::layout::HeaderError> {
    layouts.recognise(&Row { number: 1, cells: &header_row(headers) }, forced)
}

/// A row without a fault, with all eighteen fields; the holder is invented, the ID number is that
/// of an address code with a made-up birth date and sequence.
#[derive(Clone)]
pub(crate) struct Sample {
    layout: Layout,
    org: &'static str,
    today: Date,
    cells: Vec<Cell<'static>>,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let cells = [
            "白京",
            "2",
            "1949-12-31",
            "91",
            "2019-04-16",
            "1910012003100058",
            "11010519491231002X",
            "",
            "20190001",
            "6-18-01-01",
            "车工",
            "1",
            "84.8",
            "85.8",
            "82.3",
            "3",
            "某市职业技能鉴定指导中心",
            "某省人力资源和社会保障厅",
        ];
        Self {
            layout: Layout::Of2013,
            org: "all",
            today: today(),
            cells: cells.into_iter().map(Cell::Text).collect(),
        }
    }

    pub(crate) fn with(mut self, field: FieldName, text: &'static str) -> Self {
        self.cells[field as usize] = Cell::Text(text);
        self
    }

    /// A text made in the test; the few bytes are left to the end of the run.
    pub(crate) fn with_owned(self, field: FieldName, text: String) -> Self {
        self.with(field, text.leak())
    }

    pub(crate) fn cell(mut self, field: FieldName, cell: Cell<'static>) -> Self {
        self.cells[field as usize] = cell;
        self
    }

    pub(crate) fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    pub(crate) fn org(mut self, org: &'static str) -> Self {
        self.org = org;
        self
    }

    pub(crate) fn today(mut self, date: &str) -> Self {
        self.today = Date::parse_iso(date).unwrap();
        self
    }

    pub(crate) fn judge(&self) -> (Option<Certificate>, Vec<Finding>) {
        let names: Vec<&str> = FieldName::ALL.iter().map(|field| field.name()).collect();
        let header = recognise(&names, Some(self.layout)).map;
        let judge = Judge::new(tables(), self.org.parse().unwrap(), self.today);
        let mut findings = Vec::new();
        let certificate = judge.row(&header, &Row { number: 2, cells: &self.cells }, &mut findings);
        (certificate, findings)
    }

    /// `field:rule` of every finding, in the order found.
    pub(crate) fn broken(&self) -> Vec<String> {
        let (_, findings) = self.judge();
        findings
            .iter()
            .map(|f| format!("{}:{}", f.field.map_or("-", FieldName::name), f.rule.id()))
            .collect()
    }

    #[track_caller]
    pub(crate) fn accepted(&self) -> Certificate {
        let (certificate, findings) = self.judge();
        assert_eq!(findings, [], "no finding is expected");
        certificate.expect("the row is good")
    }

    /// Accepted, with exactly these warnings.
    #[track_caller]
    pub(crate) fn warns(&self, rules: &[&str]) -> Certificate {
        assert_eq!(self.broken(), rules);
        self.judge().0.expect("warnings keep no row out")
    }

    /// Rejected, with exactly these findings.
    #[track_caller]
    pub(crate) fn rejects(&self, rules: &[&str]) {
        assert_eq!(self.broken(), rules);
        assert!(self.judge().0.is_none(), "the row is to be kept out");
    }
}
