//! Tables: what is built in, what a store may replace, and how a wrong file is named.

use std::fs;

use zhengcha_engine::Date;
use zhengcha_loader::layout::{FieldName, Layout};
use zhengcha_loader::tables::{TABLE_FILE_MAX_BYTES, Tables};

#[test]
fn the_tables_built_in_are_whole() {
    let tables = Tables::embedded().unwrap();
    assert!(tables.replaced.is_empty());
    assert_eq!(tables.catalogue.begins(), Date::new(2017, 9, 12));
    assert!(tables.issuers.is_known(1) && tables.issuers.is_known(72));
    assert!(!tables.issuers.is_known(0) && !tables.issuers.is_known(200));
    assert!(tables.regions.is_known(110_105, 1949, 2001));
    assert!(!tables.regions.is_known(110_199, 1949, 2001));
    let name = tables.layouts.demand(Layout::Of2013, FieldName::Name);
    assert_eq!((name.width_bytes, name.warn_above_bytes), (Some(50), Some(20)));
    assert_eq!(tables.layouts.title(Layout::Of2019, FieldName::IdNumber), "证件号码");
}

#[test]
fn a_file_in_the_store_replaces_the_one_built_in() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("issuers.csv"),
        "\u{FEFF}code,name,certainty\n99,某行业,confirmed\n",
    )
    .unwrap();
    let tables = Tables::load(Some(folder.path())).unwrap();
    assert_eq!(tables.replaced, ["issuers.csv"]);
    assert!(tables.issuers.is_known(99) && !tables.issuers.is_known(1));
    let missing = Tables::load(Some(&folder.path().join("none"))).unwrap();
    assert!(missing.replaced.is_empty());
}

#[test]
fn a_wrong_file_is_named_with_line_and_column() {
    for (name, content, expected) in [
        (
            "issuers.csv",
            "code,name,certainty\n01,a,b\n100,a,b\n",
            "issuers.csv, line 3, column code",
        ),
        ("issuers.csv", "code,name\n", "issuers.csv, line 1"),
        ("issuers.csv", "", "issuers.csv, line 1"),
        ("issuers.csv", "code,name,certainty\n1,a\n", "issuers.csv, line 2"),
        (
            "regions.csv",
            "code,name,from_year,to_year\n1101,a,,\n",
            "line 2, column code: six digits",
        ),
        ("regions.csv", "code,name,from_year,to_year\n110101,a,2000,1999\n", "column to_year"),
        ("codes.csv", "field,word,code\nsex,男,1\n", "line 2, column field: no field"),
        ("codes.csv", "field,word,code\ngender,男,1\ngender,男,2\n", "line 3, column word"),
        (
            "catalogue_editions.csv",
            "edition,in_force_from,document,note\n2017,2017-9-12,a,b\n",
            "column in_force_from",
        ),
        (
            "catalogue.csv",
            "edition,kind,category,item,role,name\n1999,a,b,1,item,c\n",
            "line 2, column edition",
        ),
        (
            "fields.csv",
            "field,required_2013,required_2019,width_2013_bytes,width_2019_bytes,warn_above_bytes\nname,yes,yes,50,50,20\n",
            "no line for gender",
        ),
        (
            "fields.csv",
            "field,required_2013,required_2019,width_2013_bytes,width_2019_bytes,warn_above_bytes\nname,maybe,yes,50,50,20\n",
            "line 2, column required_2013",
        ),
        (
            "headers.csv",
            "field,header,layout\nname,姓名,\ngender,姓 名,\n",
            "line 3, column header",
        ),
        ("headers.csv", "field,header,layout\nname,姓名,2015\n", "line 2, column layout"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let error = Tables::load(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("codes.csv"), [0xFF, 0xFE, 0]).unwrap();
    assert!(Tables::load(Some(folder.path())).unwrap_err().to_string().contains("codes.csv"));
    let large = fs::File::create(folder.path().join("codes.csv")).unwrap();
    large.set_len(TABLE_FILE_MAX_BYTES + 1).unwrap();
    assert!(Tables::load(Some(folder.path())).unwrap_err().to_string().contains("larger"));
}
