//! One certificate in normal form: what the loader accepts and what a lookup finds.

use crate::date::Date;

/// The kind of document a holder is known by (证件类型).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum IdType {
    /// 居民身份证, 18 characters (GB 11643-1999).
    #[default]
    Resident = 1,
    /// 护照, Chinese or foreign.
    Passport = 2,
    /// 港澳居民来往内地通行证.
    HongKongMacaoPermit = 3,
    /// 台湾居民来往大陆通行证.
    TaiwanPermit = 4,
    /// 港澳台居民居住证, 18 characters with address code 810000, 820000 or 830000.
    ResidencePermit = 5,
    /// 外国人永久居留身份证.
    ForeignerPermanentResident = 6,
    /// 军官证, 士兵证.
    Military = 7,
    /// Any other document.
    Other = 9,
}

impl IdType {
    /// Every kind, in code order.
    pub const ALL: [Self; 8] = [
        Self::Resident,
        Self::Passport,
        Self::HongKongMacaoPermit,
        Self::TaiwanPermit,
        Self::ResidencePermit,
        Self::ForeignerPermanentResident,
        Self::Military,
        Self::Other,
    ];

    /// The stored code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this stored code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One certificate, all text in normal form (`key::normalize`).
///
/// Codes are those of the collection table (人社鉴发〔2013〕2号 附表); `None` is a blank cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// 姓名 as shown: at most 50 bytes in GB18030 (民委发〔2016〕33号).
    pub name: String,
    /// 性别: 0 unknown, 1 male, 2 female, 9 not stated.
    pub gender: Option<u8>,
    /// 出生日期.
    pub birth_date: Option<Date>,
    /// 文化程度: 91 to 99.
    pub education: Option<u8>,
    /// 发证日期; only a value under construction has none.
    pub issue_date: Option<Date>,
    /// 证书编号: 1 to 32 of `[0-9A-Z]`.
    pub certificate_number: String,
    /// 证件号码: upper case, 15-digit resident numbers upgraded to 18; Hanzi occur in military ones.
    pub id_number: String,
    /// 证件类型.
    pub id_type: IdType,
    /// 准考证号: up to 32 characters, opaque, not unique; empty when there is none.
    pub ticket_number: String,
    /// 职业编码: up to 16 bytes; empty when blank.
    pub occupation_code: String,
    /// 职业名称 or 职业资格名称: up to 60 bytes in GB18030.
    pub occupation_name: String,
    /// 等级: 1 (高级技师) to 5 (初级工).
    pub level: Option<u8>,
    /// 理论知识考试成绩 in tenths of a point, 0 to 1000.
    pub theory_score: Option<u16>,
    /// 操作技能考核成绩 in tenths of a point.
    pub skill_score: Option<u16>,
    /// 综合评审成绩 in tenths of a point.
    pub review_score: Option<u16>,
    /// 评定成绩: 2 合格, 3 良好, 4 优秀 (1 不合格 never reaches a register).
    pub grade: Option<u8>,
    /// 职业技能鉴定机构名称 (2013) or 鉴定中心 (2019): up to 60 bytes in GB18030.
    pub institution: String,
    /// 发证机关 (2019): up to 60 bytes; empty when blank.
    pub issuer: String,
}
