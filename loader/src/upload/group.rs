//! Rules about several records of one certificate number: `repeated`, `duplicate`, `conflict`,
//! `shared-number`, and what counts as a correction.

use crate::judge::Rule;
use zhengcha_engine::View;

/// What becomes of a row whose neighbours were looked at. Rows of a group are named by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A number the register does not have.
    New,
    /// The register's record of the same person with other content: replaced.
    Correction,
    /// The register has exactly this: nothing to write.
    Unchanged,
    /// The number belongs to another person; accepted as an old register's.
    Shared,
    /// Exactly the row named, again: accepted, kept once.
    Repeated { first: usize },
    /// Kept out under this rule.
    Rejected { rule: Rule, other: Option<usize> },
}

impl Verdict {
    /// Whether the row's record is to be stored.
    pub(super) fn is_stored(self) -> bool {
        matches!(self, Self::New | Self::Correction | Self::Shared)
    }
}

/// Judges the rows of one upload that carry the same number, the first of which stands in position
/// `first` of the upload; a verdict for each goes to `verdicts`.
///
/// Identical rows are one; rows that differ are all kept out, since nobody can tell which is right.
pub(super) fn judge_group(
    group: &[View<'_>],
    first: usize,
    registered: &[View<'_>],
    legacy: bool,
    verdicts: &mut Vec<Verdict>,
) {
    let alike = group.iter().all(|row| row.same_content(&group[first]));
    if !alike {
        verdicts.extend(group.iter().map(|row| {
            let other = group.iter().position(|other| !row.same_content(other));
            Verdict::Rejected { rule: Rule::Duplicate, other }
        }));
        return;
    }
    let verdict = against_register(&group[first], registered, legacy);
    verdicts.extend((0..group.len()).map(|row| match verdict {
        Verdict::Rejected { .. } => verdict,
        _ if row != first => Verdict::Repeated { first },
        _ => verdict,
    }));
}

/// Judges the one row of its number.
pub(super) fn against_register(row: &View<'_>, registered: &[View<'_>], legacy: bool) -> Verdict {
    if registered.is_empty() {
        return Verdict::New;
    }
    // An old register may hold several of the same person: the order they come in decides nothing.
    if registered.iter().any(|record| record.same_content(row)) {
        return Verdict::Unchanged;
    }
    if registered.iter().any(|record| record.same_person(row)) {
        return Verdict::Correction;
    }
    if legacy { Verdict::Shared } else { Verdict::Rejected { rule: Rule::Conflict, other: None } }
}
