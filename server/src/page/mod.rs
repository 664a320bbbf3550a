//! The public page: what a person sees in a browser, as finished bytes.
//!
//! Takes plain values and gives HTML, style, script and icon. It promises that the page works without
//! its script, that every value is escaped, and that nothing inline stands in it, so that
//! [`CONTENT_SECURITY_POLICY`] holds. It must not know HTTP, the store or how a query is answered, and
//! it masks nothing: what it is given is shown.

mod assets;
#[cfg(test)]
mod html_check;
mod view;
mod words;

use std::fmt;

use bytes::Bytes;
use zhengcha_engine::{Date, Field};

pub use assets::{Asset, CONTENT_SECURITY_POLICY, asset};

/// What every page says about the data, and what the asker typed.
#[derive(Clone, Debug, Default)]
pub struct PageContext {
    /// The generation being served; `None` while there is none.
    pub generation: Option<u64>,
    /// The latest issue date served.
    pub as_of: Option<Date>,
    /// The asker's own input. It is put back into the form only when there is something to correct,
    /// never beside a certificate that was found.
    pub entered: Entered,
}

/// The four fields as typed. Its `Debug` keeps the values to itself.
#[derive(Clone, Default)]
pub struct Entered {
    /// 证件号码.
    pub id_number: String,
    /// 证书编号.
    pub certificate_number: String,
    /// 准考证号.
    pub ticket_number: String,
    /// 姓名.
    pub name: String,
}

impl Entered {
    /// What was typed into one field.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        match field {
            Field::IdNumber => &self.id_number,
            Field::CertificateNumber => &self.certificate_number,
            Field::TicketNumber => &self.ticket_number,
            Field::Name => &self.name,
        }
    }

    /// The fields that hold more than blanks.
    pub fn filled(&self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(|&field| !self.get(field).trim().is_empty())
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.filled()).finish()
    }
}

/// What came of a query.
#[derive(Clone, Debug)]
pub enum PageResult {
    /// Certificates in the order to show them (newest first); an empty list is a [`PageResult::NotFound`].
    Found(Vec<Card>),
    /// Nothing agrees with both fields, whichever was wrong.
    NotFound,
    /// Not exactly two of the four fields were filled in.
    TwoFieldsRequired,
    /// One field cannot be used as typed.
    BadInput {
        /// The field to correct.
        field: Field,
        /// What is wrong with it.
        reason: InputFault,
    },
    /// The request was not one our form sends (content type, encoding, a field twice).
    BadRequest,
    /// No generation to answer from, or too much to do.
    Unavailable,
    /// Too many queries from here.
    TooMany {
        /// When to try again.
        retry_after_seconds: u64,
    },
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFault {
    /// Longer than any value on record can be.
    TooLong,
    /// Holds control characters, or bytes that were no text where they came from.
    Unusable,
}

/// One certificate of an answer.
#[derive(Clone, Debug)]
pub enum Card {
    /// A certificate on record.
    Valid(Box<CertificateCard>),
    /// A record on hold: its number alone (人社鉴函〔2019〕20号 五).
    UnderReview {
        /// 证书编号.
        certificate_number: String,
    },
}

/// A certificate as the public may see it, already masked. Empty text and `None` mean not recorded.
/// Its `Debug` keeps the values to itself.
#[derive(Clone, Default)]
pub struct CertificateCard {
    /// 姓名.
    pub name: String,
    /// 性别, code of the collection table.
    pub gender: Option<u8>,
    /// 证件号码, masked with `*`.
    pub id_number: String,
    /// 文化程度, 91 to 99.
    pub education: Option<u8>,
    /// 职业名称 or 职业资格名称.
    pub occupation_name: String,
    /// 职业编码.
    pub occupation_code: String,
    /// 等级, 1 to 5.
    pub level: Option<u8>,
    /// 证书编号.
    pub certificate_number: String,
    /// 理论知识考试成绩 in tenths of a point.
    pub theory_score: Option<u16>,
    /// 操作技能考核成绩 in tenths of a point.
    pub skill_score: Option<u16>,
    /// 综合评审成绩 in tenths of a point.
    pub review_score: Option<u16>,
    /// 评定成绩, 1 to 4.
    pub grade: Option<u8>,
    /// 发证日期.
    pub issue_date: Option<Date>,
    /// 职业技能鉴定机构名称 or 鉴定中心.
    pub institution: String,
    /// 发证机关.
    pub issuer: String,
}

impl fmt::Debug for CertificateCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateCard").finish_non_exhaustive()
    }
}

/// The page with an empty form. What the context says was entered is left out.
#[must_use]
pub fn form_page(context: &PageContext) -> Bytes {
    view::form(context)
}

/// The page that answers a query.
#[must_use]
pub fn result_page(context: &PageContext, result: &PageResult) -> Bytes {
    view::result(context, result)
}

#[cfg(test)]
mod tests;
