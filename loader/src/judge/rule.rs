//! The rules a row can break: stable ids, severity, where they come from, what they mean.

/// What breaking a rule leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The row is kept out.
    Reject,
    /// The row is accepted and named in the report.
    Warn,
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "id and meaning stand in the functions below, once")]
pub enum Rule {
    Missing,
    TooLong,
    Undecodable,
    Formula,
    IdNumber,
    IdNumeric,
    CertificateNumber,
    Date,
    Code,
    Score,
    BirthDateMismatch,
    DateOrder,
    NotQualified,
    Duplicate,
    Conflict,
    Scope,
    Catalogue,
    Purged,
    GenderIdMismatch,
    UnknownRegion,
    UnknownIssuerCode,
    YearMismatch,
    LevelMismatch,
    LongName,
    Repeated,
    LeadingZeroRestored,
    Late,
    SharedNumber,
}

impl Rule {
    /// How many there are.
    pub const COUNT: usize = 28;

    /// All, rejecting ones first.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Missing,
        Self::TooLong,
        Self::Undecodable,
        Self::Formula,
        Self::IdNumber,
        Self::IdNumeric,
        Self::CertificateNumber,
        Self::Date,
        Self::Code,
        Self::Score,
        Self::BirthDateMismatch,
        Self::DateOrder,
        Self::NotQualified,
        Self::Duplicate,
        Self::Conflict,
        Self::Scope,
        Self::Catalogue,
        Self::Purged,
        Self::GenderIdMismatch,
        Self::UnknownRegion,
        Self::UnknownIssuerCode,
        Self::YearMismatch,
        Self::LevelMismatch,
        Self::LongName,
        Self::Repeated,
        Self::LeadingZeroRestored,
        Self::Late,
        Self::SharedNumber,
    ];

    /// The id in reports. Never changes.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too-long",
            Self::Undecodable => "undecodable",
            Self::Formula => "formula",
            Self::IdNumber => "id-number",
            Self::IdNumeric => "id-numeric",
            Self::CertificateNumber => "certificate-number",
            Self::Date => "date",
            Self::Code => "code",
            Self::Score => "score",
            Self::BirthDateMismatch => "birth-date-mismatch",
            Self::DateOrder => "date-order",
            Self::NotQualified => "not-qualified",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Scope => "scope",
            Self::Catalogue => "catalogue",
            Self::Purged => "purged",
            Self::GenderIdMismatch => "gender-id-mismatch",
            Self::UnknownRegion => "unknown-region",
            Self::UnknownIssuerCode => "unknown-issuer-code",
            Self::YearMismatch => "year-mismatch",
            Self::LevelMismatch => "level-mismatch",
            Self::LongName => "long-name",
            Self::Repeated => "repeated",
            Self::LeadingZeroRestored => "leading-zero-restored",
            Self::Late => "late",
            Self::SharedNumber => "shared-number",
        }
    }

    /// The rule with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// Whether breaking it keeps the row out.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self < Self::GenderIdMismatch { Severity::Reject } else { Severity::Warn }
    }

    /// The regulation or standard it comes from; `practice` where none says so and experience does.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Missing => "人社鉴函〔2019〕20号 三: 必填字段完整无缺项",
            Self::TooLong => "人社鉴发〔2013〕2号 附表 长度; 民委发〔2016〕33号 (姓名)",
            Self::Undecodable => {
                "民委发〔2016〕33号: 支持GB18030全部汉字; 人社鉴函〔2019〕20号 三: 描述内容规范"
            }
            Self::Formula => "人社鉴函〔2019〕20号 三: 字段类型采用字符型",
            Self::IdNumber => "GB 11643-1999; 人社鉴发〔2013〕2号 附表 身份证号",
            Self::IdNumeric => "人社鉴函〔2019〕20号 三: 字段类型采用字符型",
            Self::CertificateNumber => "人社鉴发〔2013〕2号 附表 证书编号; 职业技能鉴定编码规则",
            Self::Date => "人社鉴函〔2019〕20号 三: YYYY-MM-DD 10位字符",
            Self::Code => "人社鉴发〔2013〕2号 附表 备注; GB/T 2261.1-2003",
            Self::Score => "人社鉴发〔2013〕2号 附表: 包含一位小数",
            Self::BirthDateMismatch => "GB 11643-1999 4.2.2 出生日期码",
            Self::DateOrder => "practice",
            Self::NotQualified => "人社鉴发〔2013〕2号 第二条: 对合格者所授予",
            Self::Duplicate | Self::Repeated => "practice: 证书编号 names one certificate",
            Self::Conflict | Self::SharedNumber => "practice: 证书编号 names one certificate",
            Self::Scope => "人社鉴发〔2013〕2号 第二十四条（六）",
            Self::Catalogue => "人社鉴函〔2019〕20号 三: 与《国家职业资格目录》一致",
            Self::Purged => "人社鉴函〔2019〕20号 五: 停止查询并清理出库",
            Self::GenderIdMismatch => "GB 11643-1999 4.2.3 顺序码",
            Self::UnknownRegion => "GB 11643-1999 4.2.1 地址码; GB/T 2260",
            Self::UnknownIssuerCode => "职业技能鉴定编码规则: digits 3 and 4",
            Self::YearMismatch => "职业技能鉴定编码规则: digits 1 and 2",
            Self::LevelMismatch => "职业技能鉴定编码规则: digit 11",
            Self::LongName => "人社鉴发〔2013〕2号 附表 姓名, overruled by 民委发〔2016〕33号",
            Self::LeadingZeroRestored => "practice: a spreadsheet drops the zero of a number cell",
            Self::Late => "人社鉴函〔2019〕20号 二: 证书颁发之日起30日内可查询",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_found_again() {
        for (position, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, position);
            assert_eq!(Rule::from_id(rule.id()), Some(rule));
            assert!(!rule.source().is_empty());
        }
        assert_eq!(Rule::from_id("no-such"), None);
    }

    #[test]
    fn rejecting_and_warning_rules_are_those_of_the_contract() {
        let rejecting = Rule::ALL.iter().filter(|rule| rule.severity() == Severity::Reject).count();
        assert_eq!(rejecting, 18);
        assert_eq!(Rule::Purged.severity(), Severity::Reject);
        assert_eq!(Rule::GenderIdMismatch.severity(), Severity::Warn);
    }
}
