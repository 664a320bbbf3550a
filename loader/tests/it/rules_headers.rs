//! Header recognition: spellings, order, layouts, refusals.

use zhengcha_loader::input::{Cell, Row};
use zhengcha_loader::layout::{
    FieldName as F, HeaderError, Headers, KNOWN_HEADERS_MIN, Layout, UNKNOWN_COLUMNS_NAMED_MAX,
};

use crate::rules_support::{header_row, recognise, recognise_with, tables};

const OF_2013: [&str; 14] = [
    "姓名",
    "性别",
    "出生日期",
    "文化程度",
    "发证日期",
    "证书编号",
    "身份证号",
    "职业编码",
    "职业名称",
    "理论知识考试成绩",
    "操作技能考核成绩",
    "综合评审成绩",
    "评定成绩",
    "职业技能鉴定机构名称",
];
const OF_2019: [&str; 8] =
    ["姓名", "发证日期", "证书编号", "证件号码", "职业资格名称", "等级", "鉴定中心", "发证机关"];

#[test]
fn both_tables_are_told_apart() {
    let found = recognise(&OF_2013, None);
    assert_eq!(found.map.layout(), Layout::Of2013);
    assert_eq!(found.unknown_count, 0);
    assert_eq!(found.map.column(F::Institution), Some(13));
    assert_eq!(found.map.column(F::Issuer), None);
    assert_eq!(recognise(&OF_2019, None).map.layout(), Layout::Of2019);
    // Columns of the other table change nothing while the rest speaks clearly.
    let mut extended = OF_2013.to_vec();
    extended.extend(["等级", "证件类型", "准考证号", "发证机关"]);
    assert_eq!(recognise(&extended, None).map.layout(), Layout::Of2013);
    assert_eq!(recognise(&extended, Some(Layout::Of2019)).map.layout(), Layout::Of2019);
}

#[test]
fn every_spelling_of_a_header() {
    let short = ["XM", "FZRQ", "ZSBH", "SFZH", "ZYMC", "JDJG", "LLCJ"];
    assert_eq!(recognise(&short, None).map.layout(), Layout::Of2013);
    let short = ["xm", "fzrq", "zsbh", "zjhm", "zyzgmc", "jdzx", "fzjg"];
    assert_eq!(recognise(&short, None).map.layout(), Layout::Of2019);
    let cut = [
        "姓名",
        "发证日期",
        "证书编号",
        "身份证号",
        "职业名称",
        "理论知识考",
        "操作技能考",
        "综合评审成",
        "职业技能鉴",
    ];
    let found = recognise(&cut, None);
    assert_eq!(found.map.column(F::TheoryScore), Some(5));
    assert_eq!(found.map.column(F::Institution), Some(8));
    let spaced = [
        "姓　名",
        " 发证\n日期",
        "证书编号\r\n",
        "身 份 证 号",
        "职业名称",
        "理论知识\n考试成绩",
        "职业技能鉴定机构名称",
    ];
    assert_eq!(recognise(&spaced, None).map.column(F::TheoryScore), Some(5));
    let json: Vec<&str> = F::ALL.iter().map(|field| field.name()).collect();
    let found = recognise(&json, None);
    assert_eq!(found.map.layout(), Layout::Of2019, "it has an issuer");
    assert!(F::ALL.iter().all(|&field| found.map.column(field) == Some(field as usize)));
    assert_eq!(recognise(&json[..17], None).map.layout(), Layout::Of2013);
    let wide = ["ＸＭ", "ＦＺＲＱ", "ＺＳＢＨ", "ＳＦＺＨ", "ＺＹＭＣ", "ＪＤＪＧ"];
    assert_eq!(recognise(&wide, None).map.layout(), Layout::Of2013);
}

#[test]
fn any_order_and_gaps() {
    let mut reversed = OF_2013;
    reversed.reverse();
    let found = recognise(&reversed, None).map;
    assert_eq!(found.column(F::Name), Some(13));
    let mut cells = header_row(&OF_2013);
    cells.insert(0, Cell::Empty);
    let Ok(Headers::Table(found)) =
        tables().layouts.recognise(&Row { number: 1, cells: &cells }, None)
    else {
        panic!("a table")
    };
    assert_eq!(found.map.column(F::Name), Some(1));
    assert_eq!(found.unknown_count, 0, "a blank header is no column");
    let short = Row { number: 2, cells: &[Cell::Empty, Cell::Text("白京")] };
    assert_eq!(found.map.cell(&short, F::Name), Cell::Text("白京"));
    assert_eq!(found.map.cell(&short, F::Institution), Cell::Empty);
}

#[test]
fn three_known_headers_make_a_table() {
    let layouts = &tables().layouts;
    let two = recognise_with(layouts, &["姓名", "性别", "备注"], None);
    assert_eq!(two, Ok(Headers::NotATable { known: KNOWN_HEADERS_MIN - 1 }));
    let three = recognise_with(layouts, &["姓名", "性别", "证书编号"], None);
    let Err(HeaderError::Missing { columns, .. }) = three else { panic!("{three:?}") };
    assert_eq!(columns, "发证日期, 身份证号, 职业名称, 职业技能鉴定机构名称");
    assert_eq!(recognise_with(layouts, &[], None), Ok(Headers::NotATable { known: 0 }));
}

#[test]
fn missing_columns_are_named_as_their_layout_prints_them() {
    let without_issuer = recognise_with(&tables().layouts, &OF_2019[..7], None);
    let error = without_issuer.unwrap_err().to_string();
    assert!(error.contains("2019 layout: 发证机关;"), "{error}");
    let forced = recognise_with(&tables().layouts, &OF_2013, Some(Layout::Of2019));
    let error = forced.unwrap_err().to_string();
    assert!(error.contains("发证机关") && error.contains("leave the layout"), "{error}");
}

#[test]
fn two_columns_for_one_field_are_refused() {
    let mut twice = OF_2013.to_vec();
    twice.push("证件号码");
    let error = recognise_with(&tables().layouts, &twice, None).unwrap_err();
    assert_eq!(error, HeaderError::Duplicate { field: "id_number", first: 7, second: 15 });
}

#[test]
fn unknown_columns_are_named_up_to_a_limit() {
    let mut headers = OF_2013.to_vec();
    headers.extend(["备注\n一", "手机号"]);
    let found = recognise(&headers, None);
    assert_eq!(found.unknown, ["备注 一", "手机号"]);
    let long = "长".repeat(41);
    let mut headers = OF_2013.to_vec();
    headers.extend(std::iter::repeat_n(long.as_str(), UNKNOWN_COLUMNS_NAMED_MAX + 1));
    let found = recognise(&headers, None);
    assert_eq!(found.unknown.len(), UNKNOWN_COLUMNS_NAMED_MAX);
    assert_eq!(found.unknown_count, UNKNOWN_COLUMNS_NAMED_MAX + 1);
    assert_eq!(found.unknown[0].chars().count(), 41, "40 and a mark that it goes on");
}
