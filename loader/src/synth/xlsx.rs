//! Workbooks with one sheet, written row by row in constant memory.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};

use super::{Column, TableWriter, Value};

/// The name of the sheet.
const SHEET: &str = "Sheet1";
/// The day every workbook says it was made on, so that equal rows make equal files.
const MADE_ON: (u16, u8, u8) = (2026, 1, 1);

/// Writes an xlsx file.
pub struct XlsxWriter {
    path: PathBuf,
    workbook: Workbook,
    day: Format,
    next_row: u32,
}

impl XlsxWriter {
    /// Starts a workbook with the full names of the columns; nothing is at `path` before it is
    /// finished.
    ///
    /// # Errors
    /// When the workbook cannot be started.
    pub fn new(path: &Path, columns: &[Column]) -> anyhow::Result<Self> {
        let mut workbook = Workbook::new();
        let made_on = ExcelDateTime::from_ymd(MADE_ON.0, MADE_ON.1, MADE_ON.2)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_on));
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(SHEET)?;
        for (position, column) in (0..).zip(columns) {
            sheet.write_string(0, position, column.header)?;
        }
        let day = Format::new().set_num_format("yyyy-mm-dd");
        Ok(Self { path: path.to_owned(), workbook, day, next_row: 1 })
    }
}

impl TableWriter for XlsxWriter {
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()> {
        let row = self.next_row;
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (position, value) in (0..).zip(values) {
            match value {
                Value::Empty => {}
                Value::Text(text) => {
                    sheet.write_string(row, position, text.as_ref())?;
                }
                Value::Number(number) => {
                    sheet.write_number(row, position, *number)?;
                }
                Value::Date(date) => {
                    let day = ExcelDateTime::from_ymd(date.year(), date.month(), date.day())?;
                    sheet.write_datetime_with_format(row, position, &day, &self.day)?;
                }
                Value::Formula(formula) => {
                    sheet.write_formula(row, position, formula.as_ref())?;
                }
            }
        }
        ensure!(row < 1_048_575, "a sheet has no more rows");
        self.next_row += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.workbook.save(&self.path)?)
    }
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader};
    use zhengcha_engine::Date;

    use super::super::{TableLayout, columns};
    use super::*;

    #[test]
    fn cells_keep_their_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let mut writer =
            Box::new(XlsxWriter::new(&path, &columns(TableLayout::Of2013)[..5]).unwrap());
        writer
            .row(&[
                Value::text("白京"),
                Value::Empty,
                Value::Date(Date::new(1981, 2, 28).unwrap()),
                Value::Number(110_105_810_228_001.0),
                Value::Formula("1+1".into()),
            ])
            .unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();

        let mut workbook: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
        let range = workbook.worksheet_range(SHEET).unwrap();
        assert_eq!(range.get((0, 4)), Some(&Data::String("发证日期".into())));
        assert_eq!(range.get((1, 0)), Some(&Data::String("白京".into())));
        assert_eq!(range.get((1, 1)), Some(&Data::Empty));
        assert!(matches!(range.get((1, 2)), Some(Data::DateTime(day)) if day.as_f64() == 29_645.0));
        assert_eq!(range.get((1, 3)), Some(&Data::Float(110_105_810_228_001.0)));
        let formulas = workbook.worksheet_formula(SHEET).unwrap();
        assert_eq!(formulas.get_value((1, 4)), Some(&"1+1".to_owned()));
    }
}
