//! Questions and their right answers, from the register's seed alone.

use zhengcha_engine::key::Mode;

/// What kind of question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The JSON body.
    pub body: Box<[u8]>,
    /// Every certificate that has both fields, in the order of the answer.
    pub shown: Box<[Shown]>,
}

/// Questions about one register.
#[derive(Clone, Debug, Default)]
pub struct QuestionSet {
    /// All of them.
    pub questions: Vec<Question>,
}
