//! Rules about several records of one certificate number: `repeated`, `duplicate`, `conflict`,
//! `shared-number`, and what counts as a correction.

use crate::judge::Rule;
use zhengcha_engine::View;
use zhengcha_engine::build::Rows;

/// What becomes of a row whose neighbours were looked at.
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
    Repeated { first: u32 },
    /// Kept out under this rule.
    Rejected { rule: Rule, other: Option<u32> },
}

impl Verdict {
    /// Whether the row's record is to be stored.
    pub(super) fn is_stored(self) -> bool {
        matches!(self, Self::New | Self::Correction | Self::Shared)
    }
}

/// Splits rows in order into groups of one certificate number.
pub(super) fn groups<'r>(rows: &'r Rows, order: &'r [u32]) -> impl Iterator<Item = &'r [u32]> {
    order.chunk_by(|&a, &b| {
        rows.sort_key(a) == rows.sort_key(b)
            && *rows.view(a).certificate_number() == *rows.view(b).certificate_number()
    })
}

/// Judges the rows of one upload that carry the same number; `verdicts` is by row.
///
/// Identical rows are one; rows that differ are all kept out, since nobody can tell which is right.
pub(super) fn judge_group(
    rows: &Rows,
    group: &[u32],
    registered: &[View<'_>],
    legacy: bool,
    verdicts: &mut [Verdict],
) {
    let first = group.iter().copied().min().unwrap_or_default();
    let alike = group.iter().all(|&row| rows.view(row).same_content(&rows.view(first)));
    if !alike {
        for &row in group {
            let other = group
                .iter()
                .copied()
                .find(|&other| other != row && !rows.view(row).same_content(&rows.view(other)));
            verdicts[row as usize] = Verdict::Rejected { rule: Rule::Duplicate, other };
        }
        return;
    }
    let verdict = against_register(&rows.view(first), registered, legacy);
    for &row in group {
        verdicts[row as usize] = match verdict {
            Verdict::Rejected { .. } => verdict,
            _ if row != first => Verdict::Repeated { first },
            _ => verdict,
        };
    }
}

fn against_register(row: &View<'_>, registered: &[View<'_>], legacy: bool) -> Verdict {
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
