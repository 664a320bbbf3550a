//! The findings of an upload in order of place, of which any number may be held.
//!
//! Threads collect findings in [`Notes`]; beyond a bound these go, sorted, to temporary files without
//! names. [`Findings`] merges what is in memory and in files whenever it is read through. It knows
//! places and severities, but no rule's meaning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::PlacedFinding;
use super::packed::{self, PACKED_BYTES};
use crate::judge::{Finding, Rule, Severity};

/// Findings that one thread keeps in memory, 28 bytes each; more go to a temporary file.
pub const FINDINGS_IN_MEMORY: usize = 1 << 20;
/// Findings read from, or written to, a temporary file at a time.
const BUFFERED: usize = 4_096;

/// Where a row stands, before the report has numbered its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Position of the delivered file among all.
    pub delivery: u16,
    /// Position within the delivered file: of the member of an archive, else 0.
    pub member: u16,
    /// Index into the sheets of that file, or [`NO_SHEET`](super::NO_SHEET).
    pub sheet: u16,
    /// The row as a person sees it.
    pub row: u32,
}

/// A finding and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) place: Place,
    pub(super) finding: Finding,
}

/// Sorted findings.
#[derive(Debug)]
enum Run {
    Memory(Vec<Note>),
    File { file: File, notes: u64 },
}

/// Findings under collection, by one thread.
#[derive(Debug)]
pub struct Notes {
    kept: [Vec<Note>; 2],
    runs: [Vec<Arc<Run>>; 2],
    rows_by_rule: [u64; Rule::COUNT],
    bound: usize,
}

impl Notes {
    /// None, of which `bound` may be kept in memory.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            kept: Default::default(),
            runs: Default::default(),
            rows_by_rule: [0; Rule::COUNT],
            bound,
        }
    }

    /// Takes all findings of one row. `scratch` gives a file without a name.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn row(
        &mut self,
        place: Place,
        findings: &[Finding],
        scratch: impl Fn() -> io::Result<File>,
    ) -> io::Result<()> {
        let mut broken = 0u32;
        for &finding in findings {
            broken |= 1 << finding.rule as u32;
            self.kept[finding.rule.severity() as usize].push(Note { place, finding });
        }
        while broken != 0 {
            self.rows_by_rule[broken.trailing_zeros() as usize] += 1;
            broken &= broken - 1;
        }
        for severity in 0..2 {
            if self.kept[severity].len() >= self.bound {
                let notes = sorted(std::mem::take(&mut self.kept[severity]));
                let run = Run::File { notes: notes.len() as u64, file: write(&notes, scratch()?)? };
                self.runs[severity].push(Arc::new(run));
                // The room is kept for the next ones.
                self.kept[severity] = notes;
                self.kept[severity].clear();
            }
        }
        Ok(())
    }
}

fn sorted(mut notes: Vec<Note>) -> Vec<Note> {
    // Stable: those of one row stay as they were found.
    notes.sort_by_key(|note| note.place);
    notes
}

fn write(notes: &[Note], mut file: File) -> io::Result<File> {
    let mut bytes = Vec::with_capacity(BUFFERED * PACKED_BYTES);
    for some in notes.chunks(BUFFERED) {
        bytes.clear();
        some.iter().for_each(|note| bytes.extend_from_slice(&packed::pack(note)));
        file.write_all(&bytes)?;
    }
    Ok(file)
}

/// All findings of an upload.
#[derive(Clone, Debug)]
pub struct Findings {
    /// By severity. Of findings on one row those of earlier runs come first.
    runs: [Vec<Arc<Run>>; 2],
    rows_by_rule: [u64; Rule::COUNT],
    /// By delivered file: where its files begin in the report.
    first_files: Arc<[u16]>,
}

impl Default for Findings {
    fn default() -> Self {
        Self::new([], Arc::default())
    }
}

impl Findings {
    /// What threads have collected; of findings on one row those of earlier notes come first.
    /// `first_files` says where the files of each delivered file begin in the report.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = Notes>, first_files: Arc<[u16]>) -> Self {
        let mut findings =
            Self { runs: Default::default(), rows_by_rule: [0; Rule::COUNT], first_files };
        for notes in all {
            for (sum, rows) in findings.rows_by_rule.iter_mut().zip(notes.rows_by_rule) {
                *sum += rows;
            }
            let in_memory = notes.kept.map(|kept| Arc::new(Run::Memory(sorted(kept))));
            for ((runs, files), memory) in findings.runs.iter_mut().zip(notes.runs).zip(in_memory) {
                runs.extend(files);
                runs.push(memory);
            }
        }
        findings
    }

    /// Rows that broke each rule, for rules that any row broke.
    #[must_use]
    pub fn rows_by_rule(&self) -> Vec<(Rule, u64)> {
        Rule::ALL.into_iter().zip(self.rows_by_rule).filter(|&(_, rows)| rows > 0).collect()
    }

    /// Findings of one severity by file, sheet and row.
    pub fn iter(&self, severity: Severity) -> impl Iterator<Item = io::Result<PlacedFinding>> + '_ {
        let mut cursors: Vec<Cursor<'_>> =
            self.runs[severity as usize].iter().map(|run| Cursor::new(run)).collect();
        let mut heads = BinaryHeap::with_capacity(cursors.len());
        let mut failed = None;
        for (rank, cursor) in cursors.iter_mut().enumerate() {
            match cursor.fill() {
                Ok(Some(place)) => heads.push(Reverse((place, rank))),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        std::iter::from_fn(move || {
            if let Some(error) = failed.take() {
                heads.clear();
                return Some(Err(error));
            }
            let mut head = heads.peek_mut()?;
            let cursor = &mut cursors[head.0.1];
            let note = cursor.take()?;
            match cursor.fill() {
                Ok(Some(place)) => head.0.0 = place,
                Ok(None) => drop(std::collections::binary_heap::PeekMut::pop(head)),
                Err(error) => failed = Some(error),
            }
            Some(Ok(self.placed(&note)))
        })
    }

    fn placed(&self, note: &Note) -> PlacedFinding {
        let Place { delivery, member, sheet, row } = note.place;
        let first = self.first_files.get(usize::from(delivery)).copied().unwrap_or_default();
        PlacedFinding { file: first.saturating_add(member), sheet, row, finding: note.finding }
    }
}

impl FromIterator<PlacedFinding> for Findings {
    fn from_iter<I: IntoIterator<Item = PlacedFinding>>(findings: I) -> Self {
        let mut rows: Vec<PlacedFinding> = findings.into_iter().collect();
        rows.sort_by_key(PlacedFinding::place);
        let mut notes = Notes::new(usize::MAX);
        for row in rows.chunk_by(|a, b| a.place() == b.place()) {
            let (delivery, sheet, number) = row[0].place();
            let place = Place { delivery, member: 0, sheet, row: number };
            let findings: Vec<Finding> = row.iter().map(|placed| placed.finding).collect();
            // Nothing is written below the bound.
            let _ = notes.row(place, &findings, || Err(io::ErrorKind::Unsupported.into()));
        }
        Self::new([notes], (0..=u16::MAX).collect())
    }
}

/// A place in a run.
struct Cursor<'r> {
    run: &'r Run,
    read: u64,
    buffer: Vec<Note>,
    at: usize,
}

impl<'r> Cursor<'r> {
    fn new(run: &'r Run) -> Self {
        Self { run, read: 0, buffer: Vec::new(), at: 0 }
    }

    /// The place of the next finding.
    fn fill(&mut self) -> io::Result<Option<Place>> {
        match self.run {
            Run::Memory(notes) => Ok(notes.get(self.at).map(|note| note.place)),
            Run::File { file, notes } => {
                if self.at == self.buffer.len() && self.read < *notes {
                    let count = (*notes - self.read).min(BUFFERED as u64) as usize;
                    let mut bytes = vec![0; count * PACKED_BYTES];
                    file.read_exact_at(&mut bytes, self.read * PACKED_BYTES as u64)?;
                    let (packed, _) = bytes.as_chunks::<PACKED_BYTES>();
                    self.buffer.clear();
                    for bytes in packed {
                        self.buffer.push(packed::unpack(bytes).ok_or(io::ErrorKind::InvalidData)?);
                    }
                    self.read += count as u64;
                    self.at = 0;
                }
                Ok(self.buffer.get(self.at).map(|note| note.place))
            }
        }
    }

    fn take(&mut self) -> Option<Note> {
        let notes = match self.run {
            Run::Memory(notes) => notes,
            Run::File { .. } => &self.buffer,
        };
        let note = notes.get(self.at).copied();
        self.at += 1;
        note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Detail;
    use crate::layout::FieldName;

    #[test]
    fn any_bound_gives_the_same_order() {
        let days = |days| Finding::on(FieldName::IssueDate, Rule::Late, Detail::Days(days));
        let code = Finding::on(FieldName::Grade, Rule::Code, Detail::None);
        let collect = |bound: usize| {
            let mut first = Notes::new(bound);
            let mut second = Notes::new(bound);
            for number in 0..3_000u32 {
                let row = number * 7_919 % 3_000;
                let place = Place { delivery: (row % 3) as u16, member: 1, sheet: 0, row };
                let findings = [days(row), code, days(row + 1)];
                let notes = if number % 2 == 0 { &mut first } else { &mut second };
                notes.row(place, &findings[..1 + (row % 3) as usize], tempfile::tempfile).unwrap();
            }
            let mut last = Notes::new(bound);
            let place = Place { delivery: 0, member: 1, sheet: 0, row: 9 };
            last.row(place, &[days(1)], tempfile::tempfile).unwrap();
            let findings = Findings::new([first, second, last], Arc::from([0, 5, 10]));
            let all = |severity| findings.iter(severity).map(Result::unwrap).collect::<Vec<_>>();
            (all(Severity::Reject), all(Severity::Warn), findings.rows_by_rule())
        };
        let whole = collect(usize::MAX);
        assert_eq!(whole.1.len(), 4_001);
        assert!(whole.1.is_sorted_by_key(PlacedFinding::place));
        assert_eq!(whole.2, [(Rule::Code, 2_000), (Rule::Late, 3_001)]);
        assert_eq!(whole.1[4].finding, days(1), "what is found later comes later");
        for bound in [1, 2, 100, 1_999] {
            assert_eq!(collect(bound), whole, "{bound}");
        }
    }
}
