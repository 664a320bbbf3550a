//! Claims whose line is broken, whatever its fields say.

use super::kind::Kind;

/// What is wrong with the line as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Malformed,
    Undecodable,
    UnknownField,
    DuplicateField,
    NotText,
}

impl Flaw {
    pub(super) fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Malformed => Some(Self::Malformed),
            Kind::Undecodable => Some(Self::Undecodable),
            Kind::UnknownField => Some(Self::UnknownField),
            Kind::DuplicateField => Some(Self::DuplicateField),
            Kind::NotText => Some(Self::NotText),
            _ => None,
        }
    }

    /// The reason the verdict gives.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Undecodable => "undecodable",
            Self::UnknownField => "unknown-field",
            Self::DuplicateField => "duplicate-field",
            Self::NotText => "not-text",
        }
    }
}
