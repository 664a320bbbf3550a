//! The fields of a claim and the names they come under.

use crate::key::Field;
use crate::key::normalize;

/// A field of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ClaimField {
    /// 证件号码.
    IdNumber,
    /// 证书编号.
    CertificateNumber,
    /// 准考证号.
    TicketNumber,
    /// 姓名.
    Name,
    /// What the asker calls the claim by; echoed, never looked at.
    Reference,
    /// 发证日期.
    IssueDate,
    /// 职业资格名称, which the tax form calls 证书名称.
    OccupationName,
    /// 发证机关.
    Issuer,
    /// 鉴定中心, 职业技能鉴定机构名称.
    Institution,
    /// 等级.
    Level,
    /// The year for which the deduction is claimed.
    TaxYear,
}

impl ClaimField {
    /// How many there are.
    pub const COUNT: usize = 11;

    /// All, the key fields first, in the order of [`Field::ALL`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::IdNumber,
        Self::CertificateNumber,
        Self::TicketNumber,
        Self::Name,
        Self::Reference,
        Self::IssueDate,
        Self::OccupationName,
        Self::Issuer,
        Self::Institution,
        Self::Level,
        Self::TaxYear,
    ];

    /// The name in JSON, in CSV and in `mismatched`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.titles()[0]
    }

    /// The key field this is, if it is one.
    #[must_use]
    pub fn key(self) -> Option<Field> {
        Field::ALL.get(self as usize).copied()
    }

    /// The name, and the column titles that stand for it.
    #[must_use]
    pub fn titles(self) -> &'static [&'static str] {
        match self {
            Self::IdNumber => &["id_number", "证件号码", "身份证号", "身份证号码", "身份证件号码"],
            Self::CertificateNumber => &["certificate_number", "证书编号"],
            Self::TicketNumber => &["ticket_number", "准考证号"],
            Self::Name => &["name", "姓名"],
            Self::Reference => &["ref", "序号", "编号", "申报编号"],
            Self::IssueDate => &["issue_date", "发证日期", "发证(批准)日期"],
            Self::OccupationName => &["occupation_name", "证书名称", "职业资格名称", "职业名称"],
            Self::Issuer => &["issuer", "发证机关"],
            Self::Institution => &["institution", "鉴定中心", "职业技能鉴定机构名称"],
            Self::Level => &["level", "等级"],
            Self::TaxYear => &["tax_year", "税款所属年度", "扣除年度"],
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The field a column of this title holds; spaces and full-width forms do not matter.
    #[must_use]
    pub fn from_title(title: &str) -> Option<Self> {
        let folded = normalize::ticket_number(title);
        Self::ALL.into_iter().find(|field| {
            field.titles().iter().any(|known| normalize::ticket_number(known) == folded)
        })
    }
}

/// Fields in the order in which a claim gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldOrder {
    fields: [u8; ClaimField::COUNT],
    len: u8,
}

impl FieldOrder {
    /// Adds a field at the end. Nothing is given twice, so there is room.
    pub(super) fn push(&mut self, field: ClaimField) {
        if let Some(place) = self.fields.get_mut(usize::from(self.len)) {
            *place = field as u8;
            self.len += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ClaimField> + '_ {
        self.fields[..usize::from(self.len)]
            .iter()
            .map(|&field| ClaimField::ALL[usize::from(field)])
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u16);

impl FieldSet {
    /// Whether it holds a field.
    #[must_use]
    pub fn contains(self, field: ClaimField) -> bool {
        self.0 & 1 << field as u16 != 0
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it holds.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Adds a field.
    pub fn insert(&mut self, field: ClaimField) {
        self.0 |= 1 << field as u16;
    }
}

impl FromIterator<ClaimField> for FieldSet {
    fn from_iter<I: IntoIterator<Item = ClaimField>>(fields: I) -> Self {
        let mut set = Self::default();
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_fields_come_first_and_every_title_is_known() {
        for (at, field) in ClaimField::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, at);
            assert_eq!(field.key(), Field::ALL.get(at).copied());
            assert_eq!(ClaimField::from_name(field.name()), Some(field));
            for title in field.titles() {
                assert_eq!(ClaimField::from_title(title), Some(field), "{title}");
            }
        }
        assert_eq!(ClaimField::from_title(" 发证（批准）日期 "), Some(ClaimField::IssueDate));
        assert_eq!(ClaimField::from_title("REF"), Some(ClaimField::Reference));
        assert_eq!(ClaimField::from_title("金额"), None);
        assert_eq!(ClaimField::from_name("姓名"), None);
    }
}
