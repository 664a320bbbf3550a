//! What is wrong with an answer, without anything personal: no name, no number of anybody.

use thiserror::Error;

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Wrong {
    /// There is no such question.
    #[error("there is no question {question}")]
    NoSuchQuestion {
        /// Its number.
        question: u32,
    },
    /// Cut off, no JSON, or without the members that an answer has.
    #[error("question {question}: {bytes} bytes that are no answer as documented")]
    NoAnswer {
        /// Its number.
        question: u32,
        /// Length of the body.
        bytes: usize,
    },
    /// Of a generation that nobody published in this run.
    #[error("question {question}: generation {generation}, which was never published here")]
    UnknownGeneration {
        /// Its number.
        question: u32,
        /// Of the answer.
        generation: u64,
    },
    /// A later generation had answered before this question was sent.
    #[error("question {question}: generation {generation} after {seen} had already answered")]
    Backward {
        /// Its number.
        question: u32,
        /// Of the answer.
        generation: u64,
        /// The later one.
        seen: u64,
    },
    /// One generation in name, another in content.
    #[error("question {question}: says generation {generation} and shows the content of {other}")]
    Mixed {
        /// Its number.
        question: u32,
        /// As it says.
        generation: u64,
        /// As it shows.
        other: u64,
    },
    /// Another latest issue date than that of the generation.
    #[error("question {question}: as_of is not that of generation {generation}")]
    AsOf {
        /// Its number.
        question: u32,
        /// Of the answer.
        generation: u64,
    },
    /// `count` is not the number of certificates in the answer.
    #[error("question {question}: count says {count}, {shown} certificates are shown")]
    Miscounted {
        /// Its number.
        question: u32,
        /// As it says.
        count: u64,
        /// As it shows.
        shown: usize,
    },
    /// Not as many certificates as have both fields.
    #[error(
        "question {question}: {shown} certificates instead of {right} in generation {generation}"
    )]
    Count {
        /// Its number.
        question: u32,
        /// Of the answer.
        generation: u64,
        /// In the answer.
        shown: usize,
        /// How many it should be.
        right: usize,
    },
    /// The right certificates in the wrong order.
    #[error("question {question}: certificates in another order, first at place {place}")]
    Order {
        /// Its number.
        question: u32,
        /// From 1.
        place: usize,
    },
    /// A certificate that does not belong there.
    #[error("question {question}: the certificate at place {place} was not asked for")]
    Stranger {
        /// Its number.
        question: u32,
        /// From 1.
        place: usize,
    },
    /// A field with another value, missing, or too much.
    #[error("question {question}: field {field} of the certificate at place {place} is wrong")]
    Field {
        /// Its number.
        question: u32,
        /// From 1.
        place: usize,
        /// Its name; `(other)` for one that an answer does not have.
        field: &'static str,
    },
    /// Shown although it is under review.
    #[error("question {question}: the certificate at place {place} is under review and was shown")]
    ShownUnderReview {
        /// Its number.
        question: u32,
        /// From 1.
        place: usize,
    },
    /// Kept back although it is not under review.
    #[error(
        "question {question}: the certificate at place {place} is not under review and was kept back"
    )]
    KeptBack {
        /// Its number.
        question: u32,
        /// From 1.
        place: usize,
    },
}

impl Wrong {
    /// What is wrong in a word or two, to count by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoSuchQuestion { .. } => "no-such-question",
            Self::NoAnswer { .. } => "no-answer",
            Self::UnknownGeneration { .. } => "unknown-generation",
            Self::Backward { .. } => "backward",
            Self::Mixed { .. } => "mixed",
            Self::AsOf { .. } => "as-of",
            Self::Miscounted { .. } => "miscounted",
            Self::Count { .. } => "count",
            Self::Order { .. } => "order",
            Self::Stranger { .. } => "stranger",
            Self::Field { .. } => "field",
            Self::ShownUnderReview { .. } => "shown-under-review",
            Self::KeptBack { .. } => "kept-back",
        }
    }
}
