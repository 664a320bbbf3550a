//! The eighteen fields of a certificate and the two layouts they are delivered in.

/// A field of a row, in the order of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FieldName {
    /// 姓名.
    Name,
    /// 性别.
    Gender,
    /// 出生日期.
    BirthDate,
    /// 文化程度.
    Education,
    /// 发证日期.
    IssueDate,
    /// 证书编号.
    CertificateNumber,
    /// 身份证号 (2013), 证件号码 (2019).
    IdNumber,
    /// 证件类型.
    IdType,
    /// 准考证号.
    TicketNumber,
    /// 职业编码.
    OccupationCode,
    /// 职业名称 (2013), 职业资格名称 (2019).
    OccupationName,
    /// 等级.
    Level,
    /// 理论知识考试成绩.
    TheoryScore,
    /// 操作技能考核成绩.
    SkillScore,
    /// 综合评审成绩.
    ReviewScore,
    /// 评定成绩.
    Grade,
    /// 职业技能鉴定机构名称 (2013), 鉴定中心 (2019).
    Institution,
    /// 发证机关 (2019).
    Issuer,
}

impl FieldName {
    /// How many there are.
    pub const COUNT: usize = 18;

    /// All, in the order of a record.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Name,
        Self::Gender,
        Self::BirthDate,
        Self::Education,
        Self::IssueDate,
        Self::CertificateNumber,
        Self::IdNumber,
        Self::IdType,
        Self::TicketNumber,
        Self::OccupationCode,
        Self::OccupationName,
        Self::Level,
        Self::TheoryScore,
        Self::SkillScore,
        Self::ReviewScore,
        Self::Grade,
        Self::Institution,
        Self::Issuer,
    ];

    /// The name in JSON and CSV.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Gender => "gender",
            Self::BirthDate => "birth_date",
            Self::Education => "education",
            Self::IssueDate => "issue_date",
            Self::CertificateNumber => "certificate_number",
            Self::IdNumber => "id_number",
            Self::IdType => "id_type",
            Self::TicketNumber => "ticket_number",
            Self::OccupationCode => "occupation_code",
            Self::OccupationName => "occupation_name",
            Self::Level => "level",
            Self::TheoryScore => "theory_score",
            Self::SkillScore => "skill_score",
            Self::ReviewScore => "review_score",
            Self::Grade => "grade",
            Self::Institution => "institution",
            Self::Issuer => "issuer",
        }
    }

    /// The field with this JSON name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// Which collection table a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Layout {
    /// 职业资格证书数据采集表 of 人社鉴发〔2013〕2号.
    #[serde(rename = "2013")]
    Of2013,
    /// 职业资格证书数据采集标准表 of 人社鉴函〔2019〕20号.
    #[serde(rename = "2019")]
    Of2019,
}

impl Layout {
    /// `2013` or `2019`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Of2013 => "2013",
            Self::Of2019 => "2019",
        }
    }
}
