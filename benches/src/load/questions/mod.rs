//! Questions and their right answers, from the register's seed alone.
//!
//! ```text
//! register ── pieces ─┬─ draw ── subjects ── typed fields ─┐
//!                     └──────────── truth ─────────────────┴─ QuestionSet ─┬─ file
//!                                                                          ├─ Drawer: which is next
//!                                                        Timeline ── Judge ┴─ is this answer right
//! ```
//!
//! What is right is found by reading the whole register once and comparing fields as text: no index, no
//! stored record and no answer writer of the system under test takes part. Only the normal form of a
//! typed field is the engine's, for that is a contract of its own with tests of its own.

mod draw;
mod drawer;
mod examine;
mod file;
mod judge;
mod pieces;
mod shown;
#[cfg(test)]
mod tests;
mod timeline;
mod truth;
mod uploads;
mod variants;
mod wrong;

use serde::{Deserialize, Serialize};
use zhengcha_engine::key::Mode;
use zhengcha_loader::synth::ROWS_PER_FILE_MAX;

pub use drawer::{Drawer, Mix};
pub use judge::{Judge, Seen};
pub use timeline::{GRACE, Timeline};
pub use wrong::Wrong;

/// What kind of question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Two fields of one certificate, as stored.
    Hit,
    /// The same, typed otherwise: full-width digits, another separator dot, spaces, small letters.
    Variant,
    /// A hit with one digit of a number changed.
    OneDigit,
    /// One field of one certificate, the other of another.
    Swapped,
    /// Well-formed fields that nobody has.
    Absent,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Hit, Self::Variant, Self::OneDigit, Self::Swapped, Self::Absent];

    /// Its name in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Variant => "variant",
            Self::OneDigit => "one-digit",
            Self::Swapped => "swapped",
            Self::Absent => "absent",
        }
    }
}

/// A certificate that an answer must show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Number of the upload that brings it; 0 is the base.
    pub since: u32,
    /// 证书编号, in normal form.
    pub number: Box<str>,
    /// The JSON object of the answer while it is not under review.
    pub json: Box<str>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The two fields asked for.
    pub mode: Mode,
    /// What kind it is.
    pub kind: Kind,
    /// Rank of the subject that it is about; the first are the likeliest to be asked for.
    pub subject: u32,
    /// The JSON body.
    pub body: Box<[u8]>,
    /// Every certificate that has both fields, in the order of the answer.
    pub shown: Box<[Shown]>,
}

impl Question {
    /// The certificates that the answer shows when this many uploads are served.
    pub fn shown_at(&self, uploads: u32) -> impl Iterator<Item = &Shown> {
        self.shown.iter().filter(move |shown| shown.since <= uploads)
    }

    /// The right answer from the number behind `"count":` to its end, when this many uploads are served
    /// and nothing is under review.
    #[must_use]
    pub fn tail(&self, uploads: u32) -> Vec<u8> {
        let shown: Vec<&str> = self.shown_at(uploads).map(|shown| &*shown.json).collect();
        format!("{},\"certificates\":[{}]}}", shown.len(), shown.join(",")).into_bytes()
    }
}

/// Which questions about which register. Everything follows from these numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// Certificates of the base, as `zhengcha-loader synth --records` makes them.
    pub records: u64,
    /// Which of all registers, as `--seed`.
    pub seed: u64,
    /// Certificates that each upload brings, but for those that the loader would not accept.
    pub uploads: Vec<u64>,
    /// People asked for, those of uploads among them.
    pub subjects: usize,
    /// Which of all draws.
    pub question_seed: u64,
    /// Share of the subjects that each upload brings.
    pub upload_share: f64,
    /// For each kind but the hit: in which share of a subject's modes it is asked.
    pub shares: [f64; 4],
    /// Certificates of one part of the register; another number makes another register.
    pub part_records: u64,
}

impl Wanted {
    /// Some twelve questions a subject, 2 % of the subjects from each upload.
    #[must_use]
    pub fn new(records: u64, seed: u64, subjects: usize) -> Self {
        Self {
            records,
            seed,
            uploads: Vec::new(),
            subjects,
            question_seed: 1,
            upload_share: 0.02,
            shares: [0.25; 4],
            part_records: ROWS_PER_FILE_MAX,
        }
    }
}

/// Questions about one register.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionSet {
    /// What they were drawn from.
    pub wanted: Wanted,
    /// Latest issue date that is served with so many uploads, from none on.
    pub as_of: Vec<Option<Box<str>>>,
    /// SHA-256 over all questions and right answers.
    pub digest: String,
    /// All of them, by rank of their subjects.
    pub questions: Vec<Question>,
}
