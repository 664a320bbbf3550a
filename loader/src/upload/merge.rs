//! All rows of an upload in certificate-number order: against each other, against the register, and
//! into the segment of accepted records.
//!
//! Runs are merged window by window, so that memory does not grow with the upload. While one window
//! is compared with the register, the one before is written and the next one filled.

use super::group::{self, Verdict};
use super::run::{Mark, Marks, Run};
use super::scratch::Scratch;
use crate::judge::{Detail, Finding, Rule, Severity};
use crate::layout::FieldName;
use crate::progress::Progress;
use crate::report::{FileReport, Notes, Place};
use anyhow::Context;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use zhengcha_engine::build::BatchWriter;
use zhengcha_engine::{Snapshot, View};

/// Rows of one window.
const WINDOW_ROWS: usize = 1 << 15;
/// Groups that one thread compares with the register at a time.
const GROUPS_AT_ONCE: usize = 1 << 9;

/// What became of the rows of an upload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) corrections: u64,
    pub(super) unchanged: u64,
    pub(super) stored: u64,
}

/// What the comparison needs and fills.
pub(super) struct Comparison<'a> {
    pub(super) runs: &'a [Run],
    pub(super) register: Option<&'a Snapshot>,
    pub(super) legacy: bool,
    pub(super) scratch: &'a Scratch,
    /// Where the files of each delivered file begin in `files`.
    pub(super) first_files: &'a [u16],
    pub(super) files: &'a mut [FileReport],
    pub(super) notes: &'a mut Notes,
    /// Takes the records to store.
    pub(super) writer: Option<&'a mut BatchWriter>,
}

impl Comparison<'_> {
    /// Compares every row.
    ///
    /// # Errors
    /// When a temporary file or the segment cannot be read or written.
    pub(super) fn run(mut self, progress: &dyn Progress) -> anyhow::Result<Outcome> {
        let (runs, register, legacy) = (self.runs, self.register, self.legacy);
        let (scratch, mut merge) = (self.scratch, Merge::new(runs));
        let mut outcome = Outcome::default();
        let mut done = 0;
        let (mut judged, mut filled, mut next) =
            (Window::default(), Window::default(), Window::default());
        merge.fill(&mut filled).with_context(|| scratch.blame())?;
        while !filled.rows.is_empty() {
            let (verdicts, (written, merged)) = rayon::join(
                || filled.judge(runs, register, legacy),
                || rayon::join(|| self.write(&judged, &mut outcome), || merge.fill(&mut next)),
            );
            written?;
            merged.with_context(|| scratch.blame())?;
            filled.verdicts = verdicts;
            done += filled.rows.len() as u64;
            progress.advance(done);
            (judged, filled, next) = (filled, next, judged);
        }
        self.write(&judged, &mut outcome)?;
        Ok(outcome)
    }

    fn write(&mut self, window: &Window, outcome: &mut Outcome) -> anyhow::Result<()> {
        for (start, group) in window.groups() {
            for (entry, &verdict) in group.iter().zip(&window.verdicts[start..]) {
                match verdict {
                    Verdict::Correction => outcome.corrections += 1,
                    Verdict::Unchanged => outcome.unchanged += 1,
                    _ => {}
                }
                self.note(entry.mark, verdict, group)?;
                if !verdict.is_stored() {
                    continue;
                }
                outcome.stored += 1;
                if let Some(writer) = &mut self.writer
                    && let Some(view) = entry.view(self.runs)
                {
                    writer.push(&view, entry.run as usize)?;
                }
            }
        }
        Ok(())
    }

    /// Puts what the comparison found into the report.
    fn note(&mut self, mark: Mark, verdict: Verdict, group: &[Entry]) -> anyhow::Result<()> {
        let (rule, other) = match verdict {
            Verdict::New | Verdict::Correction | Verdict::Unchanged => return Ok(()),
            Verdict::Shared => (Rule::SharedNumber, None),
            Verdict::Repeated { first } => (Rule::Repeated, group.get(first)),
            Verdict::Rejected { rule, other } => (rule, other.and_then(|other| group.get(other))),
        };
        let detail = other.map_or(Detail::None, |other| {
            let place = other.mark.place;
            Detail::OtherRow { file: self.file(place), row: place.row }
        });
        let finding = Finding::on(FieldName::CertificateNumber, rule, detail);
        let scratch = self.scratch;
        self.notes
            .row(mark.place, &[finding], || scratch.file())
            .with_context(|| scratch.blame())?;
        let number = usize::from(self.file(mark.place));
        let Some(file) = self.files.get_mut(number) else { return Ok(()) };
        if rule.severity() == Severity::Reject {
            file.accepted -= 1;
            file.rejected += 1;
            file.warned -= u64::from(mark.warned);
        } else if !mark.warned {
            file.warned += 1;
        }
        Ok(())
    }

    /// The index in the report of the file a row stands in.
    fn file(&self, place: Place) -> u16 {
        self.first_files[usize::from(place.delivery)] + place.member
    }
}

/// A row of a window.
#[derive(Clone, Copy)]
struct Entry {
    run: u32,
    at: u32,
    mark: Mark,
}

impl Entry {
    fn view<'r>(&self, runs: &'r [Run]) -> Option<View<'r>> {
        runs[self.run as usize].view(self.at as usize)
    }
}

/// Some rows in order; all rows of one number are in one window.
#[derive(Default)]
struct Window {
    rows: Vec<Entry>,
    /// Where each group of one number ends.
    ends: Vec<u32>,
    /// By row.
    verdicts: Vec<Verdict>,
}

impl Window {
    fn clear(&mut self) {
        self.rows.clear();
        self.ends.clear();
        self.verdicts.clear();
    }

    /// Each group and where it begins.
    fn groups(&self) -> impl Iterator<Item = (usize, &[Entry])> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| (start as usize, &self.rows[start as usize..end as usize]))
    }

    /// Verdicts of all rows, in their order.
    fn judge(&self, runs: &[Run], register: Option<&Snapshot>, legacy: bool) -> Vec<Verdict> {
        let starts: Vec<usize> = (0..self.ends.len()).step_by(GROUPS_AT_ONCE).collect();
        let parts: Vec<Vec<Verdict>> = starts
            .into_par_iter()
            .map(|first| {
                let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
                let ends = &self.ends[first..self.ends.len().min(first + GROUPS_AT_ONCE)];
                let mut verdicts = Vec::with_capacity(ends.len());
                let mut start = begin as usize;
                for &end in ends {
                    let group = &self.rows[start..end as usize];
                    judge_group(group, runs, register, legacy, &mut verdicts);
                    start = end as usize;
                }
                verdicts
            })
            .collect();
        parts.concat()
    }
}

fn judge_group(
    group: &[Entry],
    runs: &[Run],
    register: Option<&Snapshot>,
    legacy: bool,
    verdicts: &mut Vec<Verdict>,
) {
    if group.len() == 1 && register.is_none() {
        return verdicts.push(Verdict::New);
    }
    let Some(row) = group.first().and_then(|entry| entry.view(runs)) else { return };
    let number = row.certificate_number();
    let registered: Vec<View<'_>> = match register {
        Some(register) => register.by_certificate(&number).collect(),
        None => Vec::new(),
    };
    if group.len() == 1 {
        return verdicts.push(group::against_register(&row, &registered, legacy));
    }
    let views: Vec<View<'_>> = group.iter().filter_map(|entry| entry.view(runs)).collect();
    let first = (0..group.len()).min_by_key(|&at| group[at].mark.place).unwrap_or_default();
    group::judge_group(&views, first, &registered, legacy, verdicts);
}

/// Runs on their way into windows.
struct Merge<'r> {
    runs: &'r [Run],
    marks: Vec<Marks<'r>>,
    /// The next row of each run: packed number, run, position.
    heads: BinaryHeap<Reverse<(u64, u32, u32)>>,
}

impl<'r> Merge<'r> {
    fn new(runs: &'r [Run]) -> Self {
        let heads = (0u32..)
            .zip(runs)
            .filter_map(|(run, rows)| rows.sort_key(0).map(|key| Reverse((key, run, 0))));
        Self { runs, marks: runs.iter().map(Marks::new).collect(), heads: heads.collect() }
    }

    /// Fills a window anew; it is empty when no rows are left.
    fn fill(&mut self, window: &mut Window) -> std::io::Result<()> {
        window.clear();
        let mut start = 0;
        let mut last = None;
        while let Some(mut head) = self.heads.peek_mut() {
            let Reverse((key, run, at)) = *head;
            if last != Some(key) {
                close_group(self.runs, window, start);
                start = window.rows.len();
                if start >= WINDOW_ROWS {
                    return Ok(());
                }
                last = Some(key);
            }
            match self.runs[run as usize].sort_key(at as usize + 1) {
                Some(next) => *head = Reverse((next, run, at + 1)),
                None => drop(PeekMut::pop(head)),
            }
            let mark = self.marks[run as usize].get(at as usize)?;
            window.rows.push(Entry { run, at, mark });
        }
        close_group(self.runs, window, start);
        Ok(())
    }
}

/// Rows of one packed number since `start`: nearly always one.
fn close_group(runs: &[Run], window: &mut Window, start: usize) {
    let rows = &mut window.rows[start..];
    if rows.len() < 2 {
        window.ends.extend((!rows.is_empty()).then_some(start as u32 + 1));
        return;
    }
    let view = |entry: &Entry| entry.view(runs);
    // By content, and of what is alike by place: however it was read.
    rows.sort_by(|a, b| {
        let by_place = a.mark.place.cmp(&b.mark.place);
        match (view(a), view(b)) {
            (Some(left), Some(right)) => left.content_order(&right).then(by_place),
            _ => by_place,
        }
    });
    // Unusual numbers may share a packed form.
    let number =
        |entry: &Entry| view(entry).map(|view| view.certificate_number().as_str().to_owned());
    let mut end = start;
    for group in rows.chunk_by(|a, b| number(a) == number(b)) {
        end += group.len();
        window.ends.push(end as u32);
    }
}
