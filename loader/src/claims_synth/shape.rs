//! Which fields a claim gives.

use zhengcha_engine::testing::Random;

use super::kind::{Kind, Mix};

/// The fields of a claim after `ref`, in the order of the columns.
pub(super) const FIELDS: [&str; 10] = [
    "name",
    "id_number",
    "certificate_number",
    "ticket_number",
    "issue_date",
    "occupation_name",
    "issuer",
    "institution",
    "level",
    "tax_year",
];

pub(super) const NAME: usize = 0;
pub(super) const ID: usize = 1;
pub(super) const NUMBER: usize = 2;
pub(super) const TICKET: usize = 3;
pub(super) const ISSUE_DATE: usize = 4;
pub(super) const OCCUPATION: usize = 5;
pub(super) const ISSUER: usize = 6;
pub(super) const INSTITUTION: usize = 7;
pub(super) const LEVEL: usize = 8;
pub(super) const TAX_YEAR: usize = 9;

/// The headers of a workbook, after 序号.
pub(super) const HEADERS: [&str; 10] = [
    "姓名",
    "证件号码",
    "证书编号",
    "准考证号",
    "发证(批准)日期",
    "证书名称",
    "发证机关",
    "鉴定中心",
    "等级",
    "税款所属年度",
];

/// A set of fields, bit `i` for `FIELDS[i]`.
pub(super) type Mask = u16;

pub(super) const fn mask(fields: &[usize]) -> Mask {
    let mut mask = 0;
    let mut at = 0;
    while at < fields.len() {
        mask |= 1 << fields[at];
        at += 1;
    }
    mask
}

/// Person and certificate.
pub(super) const THREE_KEYS: Mask = mask(&[NAME, ID, NUMBER]);
/// What the form of 职业资格继续教育 asks for, with the person who fills it in.
const FORM: Mask = THREE_KEYS | mask(&[ISSUE_DATE, OCCUPATION, ISSUER, TAX_YEAR]);
const YEAR: Mask = mask(&[TAX_YEAR]);

/// Parts of 100 for each set of fields.
#[rustfmt::skip]
const TAX: &[(u32, Mask)] = &[
    (84, FORM),
    (6, FORM | mask(&[INSTITUTION, LEVEL])),
    (4, THREE_KEYS | YEAR),
    (2, mask(&[ID, NUMBER]) | YEAR),
    (2, mask(&[NAME, NUMBER]) | YEAR),
    (2, mask(&[NAME, ID]) | YEAR),
];
#[rustfmt::skip]
const PLAIN: &[(u32, Mask)] = &[
    (90, FORM),
    (4, THREE_KEYS | YEAR),
    (2, mask(&[ID, NUMBER]) | YEAR),
    (2, mask(&[NAME, NUMBER]) | YEAR),
    (2, mask(&[NAME, ID]) | YEAR),
];
#[rustfmt::skip]
const ALL: &[(u32, Mask)] = &[
    (40, FORM),
    (10, FORM | mask(&[INSTITUTION, LEVEL])),
    (10, FORM | mask(&[INSTITUTION, LEVEL, TICKET])),
    (10, FORM & !YEAR),
    (5, THREE_KEYS),
    (5, mask(&[ID, TICKET, NUMBER]) | YEAR),
    (4, mask(&[ID, NUMBER]) | YEAR),
    (4, mask(&[NAME, NUMBER]) | YEAR),
    (4, mask(&[NAME, ID, OCCUPATION, ISSUE_DATE]) | YEAR),
    (4, mask(&[ID, TICKET]) | YEAR),
    (2, mask(&[NUMBER, TICKET])),
    (2, mask(&[NAME, TICKET, LEVEL]) | YEAR),
];

/// The fields of the next claim: drawn, and with them what its kind asks for.
pub(super) fn draw(mix: Mix, kind: Kind, random: &mut Random) -> Mask {
    let shapes = match mix {
        Mix::Tax => TAX,
        Mix::Plain => PLAIN,
        Mix::All => ALL,
    };
    let mut at = random.below(100);
    let drawn = shapes.iter().find(|(parts, _)| {
        let here = at < *parts;
        at = at.wrapping_sub(if here { 0 } else { *parts });
        here
    });
    drawn.map_or(FORM, |(_, fields)| *fields) | asked_for(kind)
}

fn asked_for(kind: Kind) -> Mask {
    match kind {
        Kind::OtherIssueDate | Kind::DateForm | Kind::BadDate => mask(&[ISSUE_DATE]),
        Kind::OtherOccupation | Kind::Brackets | Kind::GroupName | Kind::LineBreak => {
            mask(&[OCCUPATION])
        }
        Kind::OtherIssuer => mask(&[ISSUER]),
        Kind::OtherInstitution => mask(&[INSTITUTION]),
        Kind::OtherLevel | Kind::LevelWords | Kind::BadLevel => mask(&[LEVEL]),
        Kind::OtherKey => THREE_KEYS,
        Kind::IdDigit | Kind::OldId | Kind::TooLong => mask(&[ID]),
        Kind::NumberDigit | Kind::ShanghaiNumber | Kind::Transposed => mask(&[NUMBER]),
        Kind::Exchanged | Kind::NotFound | Kind::NotText => mask(&[ID, NUMBER]),
        Kind::NameSeparator | Kind::Unusable | Kind::Undecodable => mask(&[NAME]),
        Kind::SecondCertificate => mask(&[ID, NUMBER, TAX_YEAR]),
        Kind::BadTaxYear => YEAR,
        _ => 0,
    }
}
