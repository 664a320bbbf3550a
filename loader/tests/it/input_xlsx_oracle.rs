//! The reader of workbooks against another one: equal cells from the same file.

use std::io::Cursor;

use calamine::{DataRef, Reader, Xlsx};
use proptest::prelude::*;
use rust_xlsxwriter::{Format, Formula, Workbook, Worksheet};

use super::input_support::read;

/// Rows as `(number, cells)`, cells in the notation of the support module.
type Rows = Vec<(u64, Vec<String>)>;

/// Every sheet as the other reader sees it.
fn oracle(bytes: &[u8]) -> Vec<(String, Rows)> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let mut rows: Rows = Vec::new();
        let mut cells = workbook.worksheet_cells_reader(&name).unwrap();
        while let Some(record) = cells.next_cell_with_formula_metadata().unwrap() {
            let text = match record.value {
                _ if record.formula.is_some() => "~formula".to_owned(),
                DataRef::Empty => continue,
                DataRef::SharedString(text) => text.to_owned(),
                DataRef::String(text) => text,
                DataRef::Int(number) => format!("~{number}"),
                DataRef::Float(number) => format!("~{number}"),
                DataRef::Bool(truth) => format!("~{truth}"),
                DataRef::DateTime(time) if time.is_duration() => format!("~{}", time.as_f64()),
                DataRef::DateTime(time) => {
                    let (year, month, day, ..) = time.to_ymd_hms_milli();
                    format!("~{year:04}-{month:02}-{day:02}")
                }
                DataRef::DateTimeIso(text) => format!("~{}", &text[..10]),
                DataRef::DurationIso(_) => "~bad-date".to_owned(),
                DataRef::Error(_) => "~error".to_owned(),
            };
            let (row, column) = (u64::from(record.pos.0) + 1, record.pos.1 as usize);
            if rows.last().is_none_or(|(last, _)| *last != row) {
                rows.push((row, Vec::new()));
            }
            let cells = &mut rows.last_mut().unwrap().1;
            cells.resize(column, String::new());
            cells.push(text);
        }
        rows.retain(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
        sheets.push((name, rows));
    }
    sheets
}

fn ours(bytes: &[u8]) -> Vec<(String, Rows)> {
    let tables = read(bytes).tables.into_iter();
    tables.map(|table| (table.sheet.unwrap(), table.rows)).collect()
}

#[test]
fn files_of_other_programs_read_alike() {
    for bytes in [
        include_bytes!("../files/openpyxl.xlsx").as_slice(),
        include_bytes!("../files/libreoffice.xlsx").as_slice(),
    ] {
        let (ours, oracle) = (ours(bytes), oracle(bytes));
        assert!(oracle.iter().any(|(_, rows)| rows.len() > 2));
        assert_eq!(ours, oracle);
    }
}

/// A cell to be written.
#[derive(Clone, Debug)]
enum Made {
    Nothing,
    Text(String),
    Rich(String, String),
    Number(f64),
    Day(u32, usize),
    Truth(bool),
    Formula,
    Blank,
}

const DAY_FORMATS: [&str; 6] =
    ["yyyy-mm-dd", "yyyy\"年\"m\"月\"d\"日\"", "[$-804]yyyy/m/d;@", "mmm d", "[h]:mm", "0.00\"d\""];

fn made() -> impl Strategy<Value = Made> {
    // Begins so that no spreadsheet trick is meant; holds what XML must escape.
    let text = || "[A-Z0-9张][ -~张三·\u{1F4F7}\t\n]{0,12}(_x000D_|_x005F_)?";
    prop_oneof![
        2 => Just(Made::Nothing),
        6 => text().prop_map(Made::Text),
        1 => (text(), text()).prop_map(|(a, b)| Made::Rich(a, b)),
        3 => prop_oneof![any::<i32>().prop_map(f64::from), -1e20..1e20].prop_map(Made::Number),
        3 => (61u32..2_958_466, 0..DAY_FORMATS.len()).prop_map(|(day, format)| Made::Day(day, format)),
        1 => any::<bool>().prop_map(Made::Truth),
        1 => Just(Made::Formula),
        1 => Just(Made::Blank),
    ]
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, made: &Made) {
    let bold = Format::new().set_bold();
    match made {
        Made::Nothing => return,
        Made::Text(text) => sheet.write(row, column, text),
        Made::Rich(a, b) => {
            sheet.write_rich_string(row, column, &[(&bold, a), (&Format::new(), b)])
        }
        Made::Number(number) => sheet.write(row, column, *number),
        Made::Day(day, format) => {
            let format = Format::new().set_num_format(DAY_FORMATS[*format]);
            sheet.write_with_format(row, column, f64::from(*day) + 0.25, &format)
        }
        Made::Truth(truth) => sheet.write(row, column, *truth),
        Made::Formula => sheet.write(row, column, Formula::new("=A1&\"<\"").set_result("x")),
        Made::Blank => sheet.write_blank(row, column, &bold),
    }
    .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_workbook_reads_alike(
        sheets in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(made(), 0..8), 0..12), 1..3),
        inline: bool,
    ) {
        let mut workbook = Workbook::new();
        for rows in &sheets {
            let sheet = if inline {
                workbook.add_worksheet_with_constant_memory().unwrap()
            } else {
                workbook.add_worksheet()
            };
            for (row, cells) in (0..).zip(rows) {
                for (column, made) in (0..).zip(cells) {
                    write(sheet, row, column, made);
                }
            }
        }
        let bytes = workbook.save_to_buffer().unwrap();
        prop_assert_eq!(ours(&bytes), oracle(&bytes));
    }
}
