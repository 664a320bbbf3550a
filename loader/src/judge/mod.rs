//! Raw row in, certificate and findings out.
//!
//! Every broken rule of a row is reported; `scope` and `catalogue` are judged only on rows that
//! pass all others. Rules over several rows (`duplicate`, `repeated`, `conflict`, `purged`,
//! `shared-number`) have their ids and messages here and are found by whoever sees all rows.
//! Knows no file, no store and no clock: the day comes from outside.

mod cell;
mod certificate_number;
mod cross;
mod finding;
mod id_number;
mod person;
mod row;
mod rule;
mod scope;
mod values;
mod width;
mod workspace;

use std::sync::Arc;

use zhengcha_engine::{Certificate, Date};

pub use certificate_number::NumberKind;
pub use finding::{Detail, Finding};
pub use person::same_person;
pub use rule::{Rule, Severity};
pub use scope::{OrgScope, OrgScopeError};
pub use workspace::Workspace;

use crate::input::Row;
use crate::layout::HeaderMap;
use crate::tables::Tables;
use cross::Draft;

/// Judges rows one by one. Cheap to share between threads.
#[derive(Clone, Debug)]
pub struct Judge {
    tables: Arc<Tables>,
    org: OrgScope,
    today: Date,
}

impl Judge {
    /// A judge for an upload of `org` on the day `today`.
    #[must_use]
    pub fn new(tables: Arc<Tables>, org: OrgScope, today: Date) -> Self {
        Self { tables, org, today }
    }

    /// Judges a row under the layout of `header`: the certificate when it is accepted, and in any
    /// case every finding, appended to `findings`.
    pub fn row(
        &self,
        header: &HeaderMap,
        row: &Row<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Certificate> {
        self.row_in(&mut Workspace::default(), header, row, findings).cloned()
    }

    /// As [`Judge::row`], in a workspace that is used for one row after the other.
    pub fn row_in<'w>(
        &self,
        work: &'w mut Workspace,
        header: &HeaderMap,
        row: &Row<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<&'w Certificate> {
        let first = findings.len();
        let tables = &*self.tables;
        let facts = row::read(tables, header, row, work, findings);
        let draft =
            Draft { certificate: &work.certificate, facts: &facts, layout: header.layout() };
        let across = [
            cross::birth_date_mismatch(&draft),
            cross::date_order(&draft, self.today),
            cross::not_qualified(&draft),
            cross::gender_id_mismatch(&draft),
            cross::unknown_region(&draft, &tables.regions),
            cross::unknown_issuer_code(&draft, &tables.issuers),
            cross::year_mismatch(&draft),
            cross::level_mismatch(&draft),
            cross::late(&draft, self.today),
        ];
        findings.extend(across.into_iter().flatten());
        let rejected = |findings: &[Finding]| {
            findings[first..].iter().any(|finding| finding.rule.severity() == Severity::Reject)
        };
        if rejected(findings) {
            return None;
        }
        findings.extend(cross::scope(&draft, &self.org));
        findings.extend(cross::catalogue(&draft, &tables.catalogue));
        if rejected(findings) {
            return None;
        }
        row::complete(&mut work.certificate, &facts);
        Some(&work.certificate)
    }
}
