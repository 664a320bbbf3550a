//! What was found wrong with a row, small enough to keep a million of, and its text on demand.

use zhengcha_engine::Date;

use super::rule::Rule;
use crate::layout::FieldName;

/// A broken rule of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The field at fault, when it is one.
    pub field: Option<FieldName>,
    /// What the message needs beside these.
    pub detail: Detail,
}

const _: () = assert!(size_of::<Finding>() <= 16);

/// The part of a message that varies. Holds no value that would tell who the row is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing more to say.
    #[default]
    None,
    /// GB18030 bytes found and allowed.
    Width {
        /// Found, at most 65535.
        found: u16,
        /// Allowed.
        limit: u16,
    },
    /// Characters found where `expected` are needed.
    Length {
        /// Found, at most 65535.
        found: u16,
        /// Needed.
        expected: u16,
    },
    /// The number is no resident number and no other document's.
    IdShape,
    /// Digits 7 to 14 of the number are no day.
    IdBirthDate,
    /// The check character that would fit.
    CheckCharacter(char),
    /// The number is not of the kind of document named beside it.
    IdKind,
    /// Something that cannot stand in this field, for example a date cell in a text column.
    CellKind,
    /// The day before which, or after which, this one should not be.
    IssuedBeforeBirth,
    /// Issued after this day.
    IssuedAfter(Date),
    /// Years: of the number and of the issue date.
    Years {
        /// From digits 1 and 2.
        number: u16,
        /// From the issue date.
        issued: u16,
    },
    /// Levels: in digit 11 and in the column.
    Levels {
        /// Digit 11.
        number: u8,
        /// The column.
        column: u8,
    },
    /// Digits 3 and 4 of the number.
    IssuerCode(u8),
    /// Days since the issue.
    Days(u32),
    /// Another row of the same upload, by index of its file in the report.
    OtherRow {
        /// Index into the files of the report.
        file: u16,
        /// The row.
        row: u32,
    },
}

impl Finding {
    /// A finding about one field.
    #[must_use]
    pub fn on(field: FieldName, rule: Rule, detail: Detail) -> Self {
        Self { rule, field: Some(field), detail }
    }

    /// What is wrong and how to cure it, in one line without values of the row.
    #[must_use]
    pub fn message(&self) -> String {
        let field = self.field.map_or("row", FieldName::name);
        match (self.rule, self.detail) {
            (Rule::Missing, _) => format!("{field} is required and blank; fill it in"),
            (Rule::TooLong, Detail::Width { found, limit }) => format!(
                "{field} takes {found} bytes in GB18030, {limit} are allowed; shorten it as printed on the certificate"
            ),
            (Rule::TooLong, _) => format!("{field} is too long"),
            (Rule::Undecodable, _) => format!(
                "{field} holds bytes or control characters that are no text; save the file as UTF-8 or GB18030"
            ),
            (Rule::Formula, _) => {
                format!("{field} is a formula or an error value; paste values only, formatted as text")
            }
            (Rule::IdNumber, Detail::CheckCharacter(expected)) => format!(
                "the check character does not fit (the other digits would need {expected}); compare every digit with the document"
            ),
            (Rule::IdNumber, Detail::IdBirthDate) => {
                "the digits of the birth date are no day; compare them with the document".into()
            }
            (Rule::IdNumber, Detail::IdKind) => {
                "the number is not of the kind of document in id_type; correct one of the two".into()
            }
            (Rule::IdNumber, _) => {
                "neither a resident number (18 or 15 characters) nor the number of another document; compare it with the document".into()
            }
            (Rule::IdNumeric, _) => format!(
                "{field} was stored as a number and has lost digits; format the column as text and enter it again"
            ),
            (Rule::CertificateNumber, Detail::Length { found, expected }) => format!(
                "{found} characters instead of {expected}; if leading zeros were lost, format the column as text and enter it again"
            ),
            (Rule::CertificateNumber, _) => {
                "only digits and capital letters can stand in a certificate number".into()
            }
            (Rule::Date, _) => {
                format!("{field} is no day of the calendar written as YYYY-MM-DD; a bare serial number is none")
            }
            (Rule::Code, Detail::CellKind) => {
                format!("{field} is a date or truth value; format the column as text")
            }
            (Rule::Code, _) => format!("{field} is neither a code nor a word of its table; see INPUT.md"),
            (Rule::Score, _) => format!("{field} is not 0 to 100 with at most one decimal"),
            (Rule::BirthDateMismatch, _) => {
                "the birth date is not that of the ID number; correct whichever is wrong".into()
            }
            (Rule::DateOrder, Detail::IssuedAfter(today)) => {
                format!("issued after {today}, the day of this upload; correct the date")
            }
            (Rule::DateOrder, _) => "issued before the birth of its holder; correct the date".into(),
            (Rule::NotQualified, _) => {
                "grade 1 means not qualified: no certificate can have been given; take the row out or correct the grade".into()
            }
            (Rule::Duplicate, Detail::OtherRow { row, .. }) => format!(
                "the same certificate number with other contents stands in row {row}; keep the right one of the two"
            ),
            (Rule::Duplicate, _) => {
                "the same certificate number stands twice with differing contents; keep the right row".into()
            }
            (Rule::Conflict, _) => {
                "this certificate number already belongs to another person; correct the number, or ask the unit that loaded the other".into()
            }
            (Rule::Scope, _) => {
                "not a certificate number of the uploading unit (digits 3 to 10); its own unit must upload it".into()
            }
            (Rule::Catalogue, _) => {
                "no item, group or occupation of the 国家职业资格目录 in force on the issue date has this name; write it as the catalogue does".into()
            }
            (Rule::Purged, _) => {
                "this certificate number was removed for cause and cannot be loaded again".into()
            }
            (Rule::GenderIdMismatch, _) => "the gender is not that of digit 17 of the ID number".into(),
            (Rule::UnknownRegion, _) => {
                "the first six digits of the ID number were no region's when it was given".into()
            }
            (Rule::UnknownIssuerCode, Detail::IssuerCode(code)) => {
                format!("digits 3 and 4 of the certificate number, {code:02}, are no known issuer")
            }
            (Rule::UnknownIssuerCode, _) => {
                "digits 3 and 4 of the certificate number are no known issuer".into()
            }
            (Rule::YearMismatch, Detail::Years { number, issued }) => {
                format!("the certificate number is of {number}, the issue date of {issued}")
            }
            (Rule::YearMismatch, _) => "the certificate number is of another year".into(),
            (Rule::LevelMismatch, Detail::Levels { number, column }) => {
                format!("digit 11 of the certificate number is {number}, the level {column}")
            }
            (Rule::LevelMismatch, _) => "the level is not that of the certificate number".into(),
            (Rule::LongName, Detail::Width { found, limit }) => format!(
                "the name takes {found} bytes, more than the {limit} of 2013: make sure that it is whole on the certificate"
            ),
            (Rule::LongName, _) => "the name is longer than the table of 2013 allows".into(),
            (Rule::Repeated, Detail::OtherRow { row, .. }) => {
                format!("the same as row {row}; loaded once")
            }
            (Rule::Repeated, _) => "an identical row stands before; loaded once".into(),
            (Rule::LeadingZeroRestored, _) => {
                "the number cell had lost the leading zero, which was put back; format the column as text".into()
            }
            (Rule::Late, Detail::Days(days)) => format!("issued {days} days ago, more than 30"),
            (Rule::Late, _) => "issued more than 30 days ago".into(),
            (Rule::SharedNumber, _) => {
                "another person's certificate has this number too; both are served".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_message_with_and_without_detail() {
        for rule in Rule::ALL {
            let plain = Finding { rule, field: None, detail: Detail::None }.message();
            assert!(plain.len() > 10 && !plain.contains('\n'), "{rule:?}");
        }
        let width = Detail::Width { found: 51, limit: 50 };
        let message = Finding::on(FieldName::Name, Rule::TooLong, width).message();
        assert!(message.contains("name takes 51 bytes") && message.contains("50"), "{message}");
    }
}
