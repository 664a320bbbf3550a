//! What was drawn, as lines that every tool can read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::load::questions::{Question, QuestionSet};

/// Drawn questions and their right answers.
pub(super) struct Drawn<'q> {
    /// Each different one once, in the order in which it was first drawn.
    lines: Vec<Line<'q>>,
    /// Numbers of lines, in the order in which they were drawn.
    order: Vec<u32>,
}

/// One question.
struct Line<'q> {
    body: &'q str,
    /// Certificates in the right answer.
    count: usize,
    /// The right answer from its count to its end.
    tail: String,
}

impl<'q> Drawn<'q> {
    /// Questions of a set, in this order, with the answers of a store that took in so many uploads after
    /// its base.
    pub(super) fn new(set: &'q QuestionSet, order: &[u32], uploads: u32) -> anyhow::Result<Self> {
        ensure!(!order.is_empty(), "no question was drawn: there is nothing to export");
        let mut line_of = vec![None; set.questions.len()];
        let mut drawn = Self { lines: Vec::new(), order: Vec::with_capacity(order.len()) };
        for &number in order {
            let of_question = line_of
                .get_mut(number as usize)
                .with_context(|| format!("question {number} was drawn, and there is none"))?;
            let line = match *of_question {
                Some(line) => line,
                None => {
                    let question = &set.questions[number as usize];
                    drawn.lines.push(
                        line(question, uploads)
                            .with_context(|| format!("question {number} cannot be exported"))?,
                    );
                    *of_question.insert(drawn.lines.len() as u32 - 1)
                }
            };
            drawn.order.push(line);
        }
        Ok(drawn)
    }

    /// Bodies in turn, of which no answer is known.
    pub(super) fn of_bodies(bodies: &'q [String]) -> anyhow::Result<Self> {
        let line = |body: &'q String| {
            ensure!(is_line(body), "a body with a control character cannot be a line");
            Ok(Line { body, count: 0, tail: String::new() })
        };
        let lines = bodies.iter().map(line).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!lines.is_empty(), "there is no body to send");
        Ok(Self { order: (0..lines.len() as u32).collect(), lines })
    }

    /// `questions.tsv`: body, tab, end of the right answer; and `order.txt`: numbers of those lines from 0.
    pub(super) fn write_lines_and_order(&self, folder: &Path) -> anyhow::Result<[PathBuf; 2]> {
        let lines = to_file(folder.join("questions.tsv"), |out| {
            self.lines.iter().try_for_each(|line| writeln!(out, "{}\t{}", line.body, line.tail))
        })?;
        let order = to_file(folder.join("order.txt"), |out| {
            self.order.iter().try_for_each(|line| writeln!(out, "{line}"))
        })?;
        Ok([lines, order])
    }

    /// `bodies.txt`: a body for each draw.
    pub(super) fn write_bodies(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        to_file(folder.join("bodies.txt"), |out| {
            self.drawn().try_for_each(|line| writeln!(out, "{}", line.body))
        })
    }

    /// `jmeter.tsv`: count, tab, body for each draw.
    pub(super) fn write_counts_and_bodies(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        to_file(folder.join("jmeter.tsv"), |out| {
            self.drawn().try_for_each(|line| writeln!(out, "{}\t{}", line.count, line.body))
        })
    }

    /// Different questions and draws.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.lines.len(), self.order.len())
    }

    fn drawn(&self) -> impl Iterator<Item = &Line<'q>> {
        self.order.iter().map(|&line| &self.lines[line as usize])
    }
}

fn line(question: &Question, uploads: u32) -> anyhow::Result<Line<'_>> {
    let body = str::from_utf8(&question.body).context("its body is no UTF-8")?;
    let count = question.shown_at(uploads).count();
    let tail = String::from_utf8(question.tail(uploads)).context("its answer is no UTF-8")?;
    let tail = format!("\"count\":{tail}");
    // JSON writes them as escapes, so they can only be space between its parts.
    ensure!(
        is_line(body) && is_line(&tail),
        "it has a tab, a line break or another control character"
    );
    Ok(Line { body, count, tail })
}

fn is_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_control())
}

/// Writes a file piece by piece.
pub(super) fn to_file(
    path: PathBuf,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<PathBuf> {
    let written = File::create(&path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}
