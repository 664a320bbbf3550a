//! What is wrong with a stream of claims as a whole.

/// A stream that cannot be judged. It shows before the first verdict; whatever comes later is an
/// `invalid` verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// CSV without anything in it.
    #[error(
        "there is no header; the first line must name the columns, such as ref,id_number,certificate_number,name"
    )]
    NoHeader,
    /// The header is no CSV, too long, or not in the charset.
    #[error(
        "the header cannot be read: it must be one line of CSV in the charset stated, of at most 4096 bytes"
    )]
    HeaderUnreadable,
    /// A column that no claim has.
    #[error(
        "the column `{0}` is none of ref, id_number, certificate_number, ticket_number, name, issue_date, \
         occupation_name, issuer, institution, level, tax_year or their Chinese titles; leave it out"
    )]
    UnknownColumn(String),
    /// Two columns of one field.
    #[error("two columns hold {0}")]
    DuplicateColumn(&'static str),
    /// Fewer than two columns hold key fields.
    #[error(
        "at least two of id_number, certificate_number, ticket_number and name must be among the columns"
    )]
    FewKeyColumns,
    /// JSON that is no array.
    #[error("the body must be a JSON array of claims")]
    NotAnArray,
}
