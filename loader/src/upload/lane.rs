//! What one thread gathers: packed rows, their marks and their findings, within bounds.

use super::run::{Mark, Run};
use super::scratch::Scratch;
use super::{Bounds, Request};
use crate::input::Row;
use crate::judge::{Finding, Workspace};
use crate::layout::HeaderMap;
use crate::report::{Notes, Place};
use anyhow::Context;
use zhengcha_engine::build::Rows;

/// Rows judged, of one table or of a piece of one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) warned: u64,
    pub(super) rejected: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.warned += other.warned;
        self.rejected += other.rejected;
    }
}

/// One thread's share of an upload.
pub(super) struct Lane<'a> {
    request: &'a Request<'a>,
    scratch: &'a Scratch,
    bounds: Bounds,
    work: Workspace,
    findings: Vec<Finding>,
    rows: Rows,
    marks: Vec<Mark>,
    pub(super) runs: Vec<Run>,
    pub(super) notes: Notes,
}

impl<'a> Lane<'a> {
    pub(super) fn new(request: &'a Request<'a>, scratch: &'a Scratch) -> Self {
        let bounds = request.bounds;
        Self {
            request,
            scratch,
            bounds,
            work: Workspace::default(),
            findings: Vec::new(),
            rows: Rows::new(),
            marks: Vec::new(),
            runs: Vec::new(),
            notes: Notes::new(bounds.findings),
        }
    }

    /// Judges a row and keeps what comes of it.
    pub(super) fn judge(
        &mut self,
        place: Place,
        header: &HeaderMap,
        row: &Row<'_>,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        self.findings.clear();
        let certificate =
            self.request.judge.row_in(&mut self.work, header, row, &mut self.findings);
        let warned = !self.findings.is_empty();
        if let Some(certificate) = certificate {
            self.rows.push(certificate).with_context(|| format!("row {}", place.row))?;
            self.marks.push(Mark { place, warned });
            counts.accepted += 1;
            counts.warned += u64::from(warned);
        } else {
            counts.rejected += 1;
        }
        if warned {
            let scratch = self.scratch;
            self.notes
                .row(place, &self.findings, || scratch.file())
                .with_context(|| scratch.blame())?;
        }
        if self.rows.len() >= self.bounds.rows {
            let run = self.take_rows().into_file(self.scratch)?;
            self.runs.push(run);
        }
        Ok(())
    }

    fn take_rows(&mut self) -> Run {
        let rows = std::mem::replace(&mut self.rows, Rows::new());
        Run::sorted(rows, std::mem::take(&mut self.marks))
    }

    /// Sorts the rows that are still in memory.
    pub(super) fn close(&mut self) {
        if !self.rows.is_empty() {
            let run = self.take_rows();
            self.runs.push(run);
        }
    }
}
