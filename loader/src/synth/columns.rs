//! The columns of the two layouts, in the order of the tables: full and short names, kinds, widths.

use zhengcha_engine::testing::delivered_id;
use zhengcha_engine::{Certificate, IdType};

use super::{Value, tenths_text};

/// Which of the two tables a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableLayout {
    /// 职业资格证书数据采集表 of 人社鉴发〔2013〕2号, with 准考证号 added for the modes that need it.
    Of2013,
    /// 职业资格证书数据采集标准表 of 人社鉴函〔2019〕20号 第三条: every field as characters.
    Of2019,
}

/// What a column holds where the format has types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 字符型.
    Text,
    /// 日期型.
    Date,
    /// 数值型 with one decimal.
    Number,
}

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Full name.
    pub header: &'static str,
    /// Name in a DBF file, at most ten bytes.
    pub short: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Width in a DBF file, in bytes of GB18030.
    pub width_bytes: u8,
}

const fn text(header: &'static str, short: &'static str, width_bytes: u8) -> Column {
    Column { header, short, kind: Kind::Text, width_bytes }
}

const fn date(header: &'static str, short: &'static str) -> Column {
    Column { header, short, kind: Kind::Date, width_bytes: 8 }
}

const fn number(header: &'static str, short: &'static str) -> Column {
    Column { header, short, kind: Kind::Number, width_bytes: 5 }
}

/// 人社鉴发〔2013〕2号 附表: fourteen fields; the name as wide as 民委发〔2016〕33号 asks.
const COLUMNS_2013: [Column; 15] = [
    text("姓名", "XM", 50),
    text("性别", "XB", 2),
    date("出生日期", "CSRQ"),
    text("文化程度", "WHCD", 2),
    date("发证日期", "FZRQ"),
    text("证书编号", "ZSBH", 16),
    text("身份证号", "SFZH", 18),
    text("职业编码", "ZYBM", 16),
    text("职业名称", "ZYMC", 60),
    number("理论知识考试成绩", "LLCJ"),
    number("操作技能考核成绩", "CZCJ"),
    number("综合评审成绩", "ZHCJ"),
    text("评定成绩", "PDCJ", 10),
    text("职业技能鉴定机构名称", "JDJG", 60),
    text("准考证号", "ZKZH", 32),
];

/// 人社鉴函〔2019〕20号 第三条: all characters, dates of ten, 鉴定中心 and 发证机关 apart.
const COLUMNS_2019: [Column; 18] = [
    text("姓名", "XM", 50),
    text("性别", "XB", 2),
    text("出生日期", "CSRQ", 10),
    text("文化程度", "WHCD", 2),
    text("发证日期", "FZRQ", 10),
    text("证书编号", "ZSBH", 32),
    text("证件类型", "ZJLX", 30),
    text("证件号码", "ZJHM", 18),
    text("准考证号", "ZKZH", 32),
    text("职业编码", "ZYBM", 16),
    text("职业资格名称", "ZYZGMC", 60),
    text("等级", "DJ", 20),
    text("理论知识考试成绩", "LLCJ", 5),
    text("操作技能考核成绩", "CZCJ", 5),
    text("综合评审成绩", "ZHCJ", 5),
    text("评定成绩", "PDCJ", 10),
    text("鉴定中心", "JDZX", 60),
    text("发证机关", "FZJG", 60),
];

/// The columns of a layout, in order.
#[must_use]
pub fn columns(layout: TableLayout) -> &'static [Column] {
    match layout {
        TableLayout::Of2013 => &COLUMNS_2013,
        TableLayout::Of2019 => &COLUMNS_2019,
    }
}

/// The cells of a certificate in the columns of a layout; some old ones with a 15-digit number.
#[must_use]
pub fn values(certificate: &Certificate, layout: TableLayout) -> Vec<Value<'_>> {
    match layout {
        TableLayout::Of2013 => values_2013(certificate),
        TableLayout::Of2019 => values_2019(certificate),
    }
}

fn values_2013(certificate: &Certificate) -> Vec<Value<'_>> {
    let score = |tenths: Option<u16>| {
        tenths.map_or(Value::Empty, |tenths| Value::Number(f64::from(tenths) / 10.0))
    };
    vec![
        Value::text(&certificate.name),
        code(certificate.gender),
        certificate.birth_date.map_or(Value::Empty, Value::Date),
        code(certificate.education),
        certificate.issue_date.map_or(Value::Empty, Value::Date),
        Value::text(&certificate.certificate_number),
        Value::text(delivered_id(certificate)),
        Value::text(&certificate.occupation_code),
        Value::text(&certificate.occupation_name),
        score(certificate.theory_score),
        score(certificate.skill_score),
        score(certificate.review_score),
        code(certificate.grade),
        Value::text(&certificate.institution),
        Value::text(&certificate.ticket_number),
    ]
}

fn values_2019(certificate: &Certificate) -> Vec<Value<'_>> {
    let score = |tenths: Option<u16>| match tenths {
        None => Value::Empty,
        Some(tenths) => Value::text(tenths_text(tenths)),
    };
    let day = |date: Option<zhengcha_engine::Date>| {
        date.map_or(Value::Empty, |date| Value::text(date.to_string()))
    };
    let issuer = if certificate.issuer.is_empty() {
        // The 2019 table asks for it; before, the body itself stood for its issuer.
        &certificate.institution
    } else {
        &certificate.issuer
    };
    vec![
        Value::text(&certificate.name),
        code(certificate.gender),
        day(certificate.birth_date),
        code(certificate.education),
        day(certificate.issue_date),
        Value::text(&certificate.certificate_number),
        Value::text(id_type_word(certificate.id_type)),
        Value::text(delivered_id(certificate)),
        Value::text(&certificate.ticket_number),
        Value::text(&certificate.occupation_code),
        Value::text(&certificate.occupation_name),
        code(certificate.level),
        score(certificate.theory_score),
        score(certificate.skill_score),
        score(certificate.review_score),
        code(certificate.grade),
        Value::text(&certificate.institution),
        Value::text(issuer),
    ]
}

/// A code below 100.
fn code(code: Option<u8>) -> Value<'static> {
    code.map_or(Value::Empty, |code| Value::text(tenths_text(u16::from(code) * 10)))
}

/// 证件类型 in words; blank where the word would only repeat what the number shows.
fn id_type_word(id_type: IdType) -> &'static str {
    match id_type {
        IdType::Resident => "居民身份证",
        IdType::Passport => "护照",
        IdType::HongKongMacaoPermit => "港澳居民来往内地通行证",
        IdType::TaiwanPermit => "台湾居民来往大陆通行证",
        IdType::ResidencePermit => "港澳台居民居住证",
        IdType::ForeignerPermanentResident => "外国人永久居留身份证",
        IdType::Military => "军官证",
        IdType::Other => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_fit_a_dbf_header_and_values_match_columns() {
        for layout in [TableLayout::Of2013, TableLayout::Of2019] {
            let columns = columns(layout);
            assert!(columns.iter().all(|column| column.short.len() <= 10));
            assert_eq!(values(&Certificate::default(), layout).len(), columns.len());
        }
    }
}
