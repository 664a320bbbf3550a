//! Workbooks of today: values, dates, formulas, and packages made to hurt.

use proptest::prelude::*;
use rust_xlsxwriter::{Format, Formula, Workbook};
use zhengcha_loader::input::{self, Limits};

use super::input_support::{Seen, given, read, read_with, refusal, refusal_with, rows, zip_of};

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// The parts of a workbook with one sheet, to be bent by the tests.
struct Package {
    sheet: String,
    strings: String,
    properties: &'static str,
    extra: Vec<(&'static str, Vec<u8>)>,
}

impl Package {
    fn new(rows: &str) -> Self {
        Self {
            sheet: format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
            strings: format!("<sst xmlns=\"{MAIN}\"></sst>"),
            properties: "",
            extra: Vec::new(),
        }
    }

    fn strings(mut self, items: &str) -> Self {
        self.strings = format!("<sst xmlns=\"{MAIN}\">{items}</sst>");
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let styles = format!(
            "<styleSheet xmlns=\"{MAIN}\"><numFmts><numFmt numFmtId=\"176\" \
             formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;\"/></numFmts>\
             <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"176\"/>\
             <xf numFmtId=\"46\"/></cellXfs></styleSheet>"
        );
        let workbook = format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\">{}<sheets>\
             <sheet name=\"证书\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
            self.properties
        );
        let package_rels = relations(&[("rId1", "officeDocument", "xl/workbook.xml")]);
        let workbook_rels = relations(&[("rId1", "worksheet", "worksheets/sheet1.xml")]);
        let mut parts: Vec<(&str, &[u8])> = vec![
            ("[Content_Types].xml", b"<Types/>"),
            ("_rels/.rels", package_rels.as_bytes()),
            ("xl/workbook.xml", workbook.as_bytes()),
            ("xl/_rels/workbook.xml.rels", workbook_rels.as_bytes()),
            ("xl/styles.xml", styles.as_bytes()),
            ("xl/sharedStrings.xml", self.strings.as_bytes()),
            ("xl/worksheets/sheet1.xml", self.sheet.as_bytes()),
        ];
        parts.retain(|(name, _)| !self.extra.iter().any(|(other, _)| other == name));
        parts.extend(self.extra.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
        zip_of(&parts)
    }
}

fn relations(items: &[(&str, &str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(id, kind, target)| {
            format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>")
        })
        .collect();
    format!("<Relationships>{items}</Relationships>")
}

#[test]
fn a_workbook_of_another_program_reads_as_its_maker_meant_it() {
    let seen = read(include_bytes!("../files/openpyxl.xlsx"));
    let sheets: Vec<_> = seen.tables.iter().map(|table| table.sheet.as_deref().unwrap()).collect();
    assert_eq!(sheets, ["证书", "空", "说明"]);
    let rows = &seen.tables[0].rows;
    let numbers: Vec<u64> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 7]);
    let first = ["白京", "1", "~1949-12-31", "~2001-10-22", "0101120201100058"];
    assert_eq!(rows[1].1[..5], first);
    assert_eq!(rows[1].1[5..], ["11010519491231002X", "~84.8", "~3"]);
    // The time of day is not looked at.
    assert_eq!(rows[2].1[2], "~1980-02-29");
    assert_eq!(rows[2].1[5], "~110105800229123");
    assert_eq!(rows[2].1[8], "~true");
    // More digits than a number holds: what is lost stays lost.
    assert_eq!(rows[3].1[5], "~110105199001011230".replace("230", "200"));
    assert_eq!(rows[3].1[8], "~formula");
    assert_eq!(rows[4].1, ["~error", "x", "~formula", "合并"]);
    assert!(seen.tables[1].rows.is_empty());
    assert_eq!(seen.tables[2].rows[0], (3, vec![String::new(), "读我".to_owned()]));
}

#[test]
fn formulas_are_seen_whether_or_not_a_value_is_cached() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write(0, 0, Formula::new("=1+1").set_result("2")).unwrap();
    sheet.write(0, 1, Formula::new("=\"张\"&\"三\"").set_result("张三")).unwrap();
    sheet.write_array_formula(0, 2, 0, 2, "=SUM({1,2})").unwrap();
    sheet.write(0, 3, "=not a formula but text").unwrap();
    sheet.write(0, 4, "-5").unwrap();
    let seen = read(&workbook.save_to_buffer().unwrap());
    assert_eq!(rows(&seen)[0].1, ["~formula", "~formula", "~formula", "~formula", "-5"]);
    // Cells that share a formula hold no text of it.
    let shared = "<row r=\"1\"><c r=\"A1\"><f t=\"shared\" ref=\"A1:B1\" si=\"0\">1</f><v>1</v></c>\
                  <c r=\"B1\"><f t=\"shared\" si=\"0\"/><v>1</v></c></row>";
    assert_eq!(rows(&read(&Package::new(shared).bytes()))[0].1, ["~formula", "~formula"]);
}

#[test]
fn dates_follow_format_and_epoch() {
    let row = "<row r=\"1\"><c r=\"A1\" s=\"1\"><v>45413</v></c><c r=\"B1\" s=\"2\"><v>45413.75</v></c>\
               <c r=\"C1\"><v>45413</v></c><c r=\"D1\" s=\"1\"><v>60</v></c>\
               <c r=\"E1\" s=\"1\"><v>-3</v></c><c r=\"F1\" t=\"d\"><v>2024-05-01T10:00:00</v></c>\
               <c r=\"G1\" s=\"3\"><v>1.5</v></c></row>";
    let want =
        ["~2024-05-01", "~2024-05-01", "~45413", "~bad-date", "~bad-date", "~2024-05-01", "~1.5"];
    assert_eq!(rows(&read(&Package::new(row).bytes()))[0].1, want);
    let old = Package { properties: "<workbookPr date1904=\"1\"/>", ..Package::new(row) };
    assert_eq!(rows(&read(&old.bytes()))[0].1[0], "~2028-05-02");
}

#[test]
fn strings_of_every_kind() {
    let row = "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"B2\" t=\"s\"><v>1</v></c>\
               <c r=\"C2\" t=\"inlineStr\"><is><t>内联</t></is></c><c r=\"D2\" t=\"s\"><v>2</v></c>\
               <c r=\"F2\" t=\"str\"><v>直</v></c><c r=\"G2\" t=\"b\"><v>1</v></c>\
               <c r=\"H2\" t=\"e\"><v>#N/A</v></c></row>";
    let strings = "<si><t>张&amp;三</t></si><si><r><t>阿卜杜</t></r><r><t>·克里木</t></r>\
                   <rPh sb=\"0\" eb=\"1\"><t>abu</t></rPh></si><si/>";
    let seen = read(&Package::new(row).strings(strings).bytes());
    let want = ["张&三", "阿卜杜·克里木", "内联", "", "", "直", "~true", "~error"];
    assert_eq!(rows(&seen), [(2, want.to_vec())]);
}

#[test]
fn a_workbook_of_libreoffice_reads_as_its_maker_meant_it() {
    let seen = read(include_bytes!("../files/libreoffice.xlsx"));
    let rows = rows(&seen);
    assert_eq!(rows[0].1, ["姓名", "性别", "出生日期", "金额", "身份证号", "备注"]);
    assert_eq!(rows[1].1[..4], ["张三", "男", "~1990-01-02", "~12.5"]);
    assert_eq!(rows[1].1[5], "a&b<c>");
    assert_eq!(rows[2].1, ["李四", "女", "2001/10/22", "~3", "~101120201100058", " lead  two"]);
    // One run of text for each font.
    assert_eq!(rows[3].1, ["王五", "男", "1985年3月4日", "~1", "", "line1\nline2"]);
}

#[test]
fn places_that_are_missing_are_filled_in_order() {
    let sheet = "<row><c t=\"inlineStr\"><is><t>a</t></is></c><c/><c><v>2</v></c></row>\
                 <row r=\"4\"><c r=\"B4\"><v>3</v></c><c><v>4</v></c></row><row><c><v>5</v></c></row>";
    let seen = read(&Package::new(sheet).bytes());
    let want = [(1, vec!["a", "", "~2"]), (4, vec!["", "~3", "~4"]), (5, vec!["~5"])];
    assert_eq!(rows(&seen), want);
}

#[test]
fn formatted_text_is_joined_and_space_kept_where_asked() {
    let row = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c>\
               <c r=\"C1\" t=\"inlineStr\"><is><r><rPr><b/></rPr><t>张</t></r><r><t>三</t></r></is></c>\
               <c r=\"D1\" t=\"str\"><v>a_x000A_b</v></c></row>";
    let strings = "<si><r><t xml:space=\"preserve\">阿卜杜 </t></r><r><rPr><sz val=\"9\"/></rPr><t> x </t></r></si>\
                   <si><t xml:space=\"preserve\"> 张_x005F_x000D_</t><phoneticPr fontId=\"1\"/></si>";
    let seen = read(&Package::new(row).strings(strings).bytes());
    assert_eq!(rows(&seen)[0].1, ["阿卜杜 x", " 张_x000D_", "张三", "a\nb"]);
}

#[test]
fn a_shared_string_that_is_none_is_damage() {
    let cell = |index: &str| {
        let row = format!("<row r=\"7\"><c r=\"A7\" t=\"s\"><v>{index}</v></c></row>");
        Package::new(&row).strings("<si><t>x</t></si>").bytes()
    };
    assert_eq!(rows(&read(&cell("0")))[0].1, ["x"]);
    for index in ["1", "-1", "x", "0.0", "99999999999999999999"] {
        let message = refusal(&cell(index));
        assert!(message.contains("sheet 证书, row 7") && message.contains("shared"), "{message}");
    }
}

#[test]
fn hidden_sheets_and_sheets_of_one_name_are_read_from_their_own_parts() {
    let mut package = Package::new("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>");
    let second = package.sheet.replace("<v>1<", "<v>2<");
    let workbook = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:q=\"{RELATIONS}\"><sheets>\
         <sheet name=\"甲\" sheetId=\"4\" state=\"veryHidden\" q:id=\"b\"/>\
         <sheet name=\"图\" sheetId=\"5\" q:id=\"c\"/>\
         <sheet name=\"甲\" sheetId=\"1\" q:id=\"a\"/></sheets></workbook>"
    );
    let relations = relations(&[
        ("a", "worksheet", "/xl/Worksheets/sheet1.xml"),
        ("b", "worksheet", "../other/two.xml"),
        ("c", "chartsheet", "chartsheets/sheet1.xml"),
    ]);
    package.extra.push(("xl/workbook.xml", workbook.into_bytes()));
    package.extra.push(("xl/_rels/workbook.xml.rels", relations.into_bytes()));
    package.extra.push(("other/two.xml", second.into_bytes()));
    let seen = read(&package.bytes());
    let tables: Vec<_> = seen
        .tables
        .iter()
        .map(|table| (table.sheet.as_deref().unwrap(), table.rows[0].1[0].as_str()))
        .collect();
    assert_eq!(tables, [("甲", "~2"), ("甲", "~1")]);
}

#[test]
fn a_package_without_its_parts_is_damage() {
    let full = Package::new("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>").bytes();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(full)).unwrap();
    let parts: Vec<(String, Vec<u8>)> = (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            (String::from_utf8(entry.name_raw().to_vec()).unwrap(), bytes)
        })
        .collect();
    for left_out in &parts {
        let rest: Vec<(&str, &[u8])> = parts
            .iter()
            .filter(|part| part.0 != left_out.0)
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        let optional = ["[Content_Types].xml", "xl/styles.xml", "xl/sharedStrings.xml"];
        let result = read_with(&zip_of(&rest), &Limits::default()).0;
        assert_eq!(result.is_ok(), optional.contains(&left_out.0.as_str()), "{}", left_out.0);
    }
}

#[test]
fn comments_do_not_hide_what_is_too_long() {
    let comment = |bytes: usize| {
        let comment = "<x>".repeat(bytes / 3);
        Package::new(&format!("<row r=\"1\"><!--{comment}--><c r=\"A1\"><v>1</v></c></row>"))
    };
    assert!(read_with(&comment(3_000).bytes(), &Limits::default()).0.is_ok());
    let message = refusal(&comment(2_000_000).bytes());
    assert!(message.contains("sheet 证书, row 1") && message.contains("comment"), "{message}");
}

#[test]
fn a_sheet_can_be_left_early() {
    let mut workbook = Workbook::new();
    for _ in 0..2 {
        let sheet = workbook.add_worksheet();
        for row in 0..10 {
            sheet.write(row, 0, "x").unwrap();
        }
    }
    let given = given(&workbook.save_to_buffer().unwrap());
    let mut seen = Seen { skip_after: Some(3), ..Seen::default() };
    input::read_file(&given.path, "batch", &Limits::default(), &mut seen).unwrap();
    assert_eq!(seen.tables[0].rows.len(), 3);
    assert_eq!(seen.tables[1].rows.len(), 10);
}

#[test]
fn far_cells_are_refused_where_they_stand() {
    let cell = |at: &str, row: u32| format!("<row r=\"{row}\"><c r=\"{at}\"><v>1</v></c></row>");
    let far = cell("A1", 1) + &cell("XFD1048576", 1_048_576);
    let message = refusal(&Package::new(&far).bytes());
    assert!(
        message.contains("sheet 证书, row 1048576") && message.contains("columns"),
        "{message}"
    );
    assert!(refusal(&Package::new(&cell("A1048577", 1)).bytes()).contains("rows"));
    assert!(refusal(&Package::new(&cell("A99999999999", 1)).bytes()).contains("sheet 证书"));
    assert!(refusal(&Package::new(&cell("ZZZZZZZZZ1", 1)).bytes()).contains("sheet 证书"));
    assert_eq!(rows(&read(&Package::new(&cell("IV1048576", 1)).bytes()))[0].0, 1_048_576);
    assert!(refusal(&Package::new(&cell("IW1", 1)).bytes()).contains("columns"));
    // A format without content is no cell, however far it stands.
    let styled = cell("A1", 1) + "<row r=\"2\"><c r=\"XFD2\" s=\"1\"/></row>";
    assert_eq!(read(&Package::new(&styled).bytes()).rows, 1);
    let limits = Limits { sheet_rows_max: 5, ..Limits::default() };
    assert!(read_with(&Package::new(&cell("A5", 5)).bytes(), &limits).0.is_ok());
    assert!(refusal_with(&Package::new(&cell("A6", 6)).bytes(), &limits).contains("row 6"));
}

#[test]
fn rows_and_cells_out_of_order_are_damage() {
    let back =
        "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row><row r=\"1\"><c r=\"A1\"><v>1</v></c></row>";
    assert!(refusal(&Package::new(back).bytes()).contains("rising"));
    let back = "<row r=\"2\"><c r=\"B2\"><v>1</v></c><c r=\"A2\"><v>1</v></c></row>";
    assert!(refusal(&Package::new(back).bytes()).contains("row 2"));
}

#[test]
fn giant_cells_are_refused_before_they_are_held() {
    let text = |len: usize| {
        let text: String = (0..len).map(|i| char::from(b'a' + (i * i % 23) as u8)).collect();
        format!("<row r=\"1\"><c r=\"B1\" t=\"inlineStr\"><is><t>{text}</t></is></c></row>")
    };
    let limits = Limits { cell_bytes_max: 1_000, ..Limits::default() };
    assert!(read_with(&Package::new(&text(1_000)).bytes(), &limits).0.is_ok());
    assert!(refusal_with(&Package::new(&text(1_001)).bytes(), &limits).contains("row 1"));
    let message = refusal_with(&Package::new(&text(5_000)).bytes(), &limits);
    assert!(message.contains("part xl/worksheets/sheet1.xml, cell B1"), "{message}");
    let string = format!("<si><t>{}</t></si>", "y".repeat(5_000));
    let message = refusal_with(&Package::new("").strings(&string).bytes(), &limits);
    assert!(message.contains("xl/sharedStrings.xml"), "{message}");
}

#[test]
fn shared_strings_are_counted_before_they_are_held() {
    let bytes = Package::new("").strings(&"<si/>".repeat(1_000)).bytes();
    let limits = |max| Limits { shared_strings_bytes_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &limits(64_000)).0.is_ok());
    assert!(refusal_with(&bytes, &limits(63_999)).contains("shared strings"));
    // The number declared is what the reader would make room for.
    let mut lying = Package::new("");
    lying.strings = format!("<sst xmlns=\"{MAIN}\" uniqueCount=\"9999999999999\"></sst>");
    assert!(refusal(&lying.bytes()).contains("believable"));
}

#[test]
fn bombs_of_rows_and_styles_are_refused() {
    let rows = Package::new(&"<row><c><v>1</v></c></row>".repeat(1 << 16)).bytes();
    let limits = Limits { zip_ratio_free_bytes: 1 << 20, zip_ratio_max: 100, ..Limits::default() };
    assert!(refusal_with(&rows, &limits).contains("ratio"));
    assert_eq!(read(&rows).rows, 1 << 16);
    let font = "f".repeat(400_000);
    let mut styles = Package::new("");
    let xfs = "<xf numFmtId=\"200\"/>".repeat(1_000);
    let bomb = format!(
        "<styleSheet><numFmts><numFmt numFmtId=\"200\" formatCode=\"{font}\"/></numFmts>\
         <cellXfs>{xfs}</cellXfs></styleSheet>"
    );
    styles.extra.push(("xl/styles.xml", bomb.into_bytes()));
    assert!(refusal(&styles.bytes()).contains("cell formats"));
}

#[test]
fn parts_that_hide_behind_another_encoding_are_refused() {
    let mut package = Package::new("");
    let utf16 = package.sheet.encode_utf16().flat_map(u16::to_le_bytes).collect();
    package.extra.push(("xl/worksheets/sheet1.xml", utf16));
    assert!(refusal(&package.bytes()).contains("UTF-16"));
}

#[test]
fn broken_xml_is_refused_with_its_sheet() {
    let message =
        refusal(&Package::new("<row r=\"3\"><c r=\"A3\"><v>1</v></c><c r=\"B3\">").bytes());
    assert!(message.contains("sheet 证书, row 3"), "{message}");
    let message =
        refusal(&Package::new("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>7</v></c></row>").bytes());
    assert!(message.contains("sheet 证书"), "{message}");
}

#[test]
fn every_truncation_is_refused() {
    let bytes = include_bytes!("../files/openpyxl.xlsx");
    for len in (4..bytes.len()).step_by(61) {
        assert!(read_with(&bytes[..len], &Limits::default()).0.is_err(), "{len}");
    }
}

#[test]
fn more_sheets_than_the_limit_are_refused() {
    let mut workbook = Workbook::new();
    for _ in 0..3 {
        workbook.add_worksheet().write_with_format(0, 0, 1, &Format::new().set_bold()).unwrap();
    }
    let bytes = workbook.save_to_buffer().unwrap();
    let limits = |max| Limits { sheets_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &limits(3)).0.is_ok());
    assert!(refusal_with(&bytes, &limits(2)).contains("sheets"));
}

proptest! {
    /// The changed bytes are inside parts, not packing, so that the readers see them.
    #[test]
    fn no_change_of_xml_panics(at in 0usize..2_000, byte: u8) {
        let row = "<row r=\"1\"><c r=\"A1\" s=\"1\"><v>45413</v></c><c r=\"B1\" t=\"s\"><v>0</v></c></row>";
        let mut package = Package::new(row).strings("<si><t>张三</t></si>");
        let mut sheet = package.sheet.clone().into_bytes();
        let len = sheet.len();
        sheet[at % len] = byte;
        package.extra.push(("xl/worksheets/sheet1.xml", sheet));
        let _ = read_with(&package.bytes(), &Limits::default());
    }
}
