//! dBase III tables in GBK: a header of fixed fields, then records of fixed width.
//!
//! Characters outside GBK come as the four bytes of GB18030.

use std::io::{Seek, SeekFrom, Write};

use anyhow::{Context, ensure};
use encoding_rs::EncoderResult;

use super::{Column, Kind, TableWriter, Value, tenths};

const VERSION_DBASE_III: u8 = 0x03;
const HEADER_BYTES: u16 = 32;
const COLUMN_BYTES: u16 = 32;
const HEADER_END: u8 = 0x0D;
const FILE_END: u8 = 0x1A;
const RECORD_LIVE: u8 = b' ';
const COUNT_OFFSET_BYTES: u64 = 4;
/// Day of the last change in every file, so that equal rows make equal files: 2026-01-01.
const CHANGED_YEAR_MONTH_DAY: [u8; 3] = [126, 1, 1];
const NAME_BYTES_MAX: usize = 10;

/// Writes a DBF file.
pub struct DbfWriter<W: Write + Seek> {
    out: W,
    columns: Vec<Column>,
    records: u32,
    record: Vec<u8>,
}

impl<W: Write + Seek> DbfWriter<W> {
    /// Starts a file with the short names of the columns and without a code-page mark, as most
    /// deliveries have it.
    ///
    /// # Errors
    /// When `out` cannot be written or a column does not fit a header.
    pub fn new(mut out: W, columns: &[Column]) -> anyhow::Result<Self> {
        let width: u16 = columns.iter().map(|column| u16::from(column.width_bytes)).sum();
        let header_bytes = HEADER_BYTES + COLUMN_BYTES * u16::try_from(columns.len())? + 1;
        let mut header = vec![VERSION_DBASE_III];
        header.extend(CHANGED_YEAR_MONTH_DAY);
        header.extend([0; 4]);
        header.extend(header_bytes.to_le_bytes());
        header.extend((width + 1).to_le_bytes());
        header.resize(usize::from(HEADER_BYTES), 0);
        for column in columns {
            let start = header.len();
            ensure!(column.short.len() <= NAME_BYTES_MAX, "column name too long: {}", column.short);
            header.extend(column.short.as_bytes());
            header.resize(start + NAME_BYTES_MAX + 1, 0);
            header.push(match column.kind {
                Kind::Text => b'C',
                Kind::Date => b'D',
                Kind::Number => b'N',
            });
            header.extend([0; 4]);
            header.push(column.width_bytes);
            header.push(u8::from(column.kind == Kind::Number));
            header.resize(start + usize::from(COLUMN_BYTES), 0);
        }
        header.push(HEADER_END);
        out.write_all(&header)?;
        Ok(Self { out, columns: columns.to_vec(), records: 0, record: Vec::new() })
    }
}

impl<W: Write + Seek> TableWriter for DbfWriter<W> {
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()> {
        self.record.clear();
        self.record.push(RECORD_LIVE);
        for (column, value) in self.columns.iter().zip(values) {
            push_field(&mut self.record, column, value)
                .with_context(|| format!("record {}, column {}", self.records + 1, column.short))?;
        }
        ensure!(values.len() == self.columns.len(), "a row of {} cells", values.len());
        self.out.write_all(&self.record)?;
        self.records = self.records.checked_add(1).context("too many records for a DBF file")?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.out.write_all(&[FILE_END])?;
        self.out.seek(SeekFrom::Start(COUNT_OFFSET_BYTES))?;
        self.out.write_all(&self.records.to_le_bytes())?;
        self.out.flush()?;
        Ok(())
    }
}

/// Appends one field: numbers to the right, everything else to the left.
fn push_field(record: &mut Vec<u8>, column: &Column, value: &Value<'_>) -> anyhow::Result<()> {
    let (start, width) = (record.len(), usize::from(column.width_bytes));
    match (column.kind, value) {
        (Kind::Date, Value::Date(date)) => {
            write!(record, "{:04}{:02}{:02}", date.year(), date.month(), date.day())?;
        }
        (Kind::Number, Value::Number(number)) => match tenths(*number) {
            Some(tenths) => {
                write!(record, "{:>w$}.{}", tenths / 10, tenths % 10, w = width.saturating_sub(2))?;
            }
            None => write!(record, "{number:>width$.1}")?,
        },
        _ => push_text(record, &value.to_text())?,
    }
    let bytes = record.len() - start;
    ensure!(bytes <= width, "{bytes} bytes do not fit into {width}");
    record.resize(start + width, b' ');
    Ok(())
}

fn push_text(record: &mut Vec<u8>, text: &str) -> anyhow::Result<()> {
    if text.is_ascii() {
        record.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let mut encoder = encoding_rs::GB18030.new_encoder();
    let most = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
    record.reserve(most.context("a text too long to encode")?);
    let (result, _) = encoder.encode_from_utf8_to_vec_without_replacement(text, record, true);
    ensure!(result == EncoderResult::InputEmpty, "a character has no form in GB18030");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zhengcha_engine::Date;

    use super::super::{TableLayout, columns};
    use super::*;

    fn write(rows: &[Vec<Value<'_>>]) -> anyhow::Result<Vec<u8>> {
        let mut out = Cursor::new(Vec::new());
        let mut writer = Box::new(DbfWriter::new(&mut out, columns(TableLayout::Of2013))?);
        for row in rows {
            writer.row(row)?;
        }
        writer.finish()?;
        Ok(out.into_inner())
    }

    fn row(name: &str) -> Vec<Value<'_>> {
        let mut row = vec![Value::Empty; 15];
        row[0] = Value::text(name);
        row[2] = Value::Date(Date::new(1981, 2, 28).unwrap());
        row[9] = Value::Number(84.8);
        row
    }

    #[test]
    fn another_reader_sees_the_same_table() {
        let bytes = write(&[row("BAI JING"), row("阿不都克里木·阿不都热合曼")]).unwrap();
        let (name, _, _) = encoding_rs::GBK.encode("阿不都克里木·阿不都热合曼");
        assert!(bytes.windows(name.len()).any(|window| window == &*name));

        let mut reader = dbase::Reader::new(Cursor::new(bytes)).unwrap();
        let records = reader.read().unwrap();
        assert_eq!(records.len(), 2);
        let field = |name| records[0].get(name).unwrap().clone();
        assert_eq!(field("XM"), dbase::FieldValue::Character(Some("BAI JING".into())));
        let born = dbase::Date::new(28, 2, 1981).unwrap();
        assert_eq!(field("CSRQ"), dbase::FieldValue::Date(Some(born)));
        assert_eq!(field("LLCJ"), dbase::FieldValue::Numeric(Some(84.8)));
        assert_eq!(field("CZCJ"), dbase::FieldValue::Numeric(None));
    }

    #[test]
    fn a_field_fits_to_the_byte_or_is_refused_with_its_place() {
        assert!(write(&[row(&"王".repeat(25))]).is_ok());
        let error = write(&[row("王"), row(&format!("{}a", "王".repeat(25)))]).unwrap_err();
        assert_eq!(error.to_string(), "record 2, column XM");
    }
}
