//! Comma-separated text in UTF-8 with a byte order mark, or in GB18030.

use std::io::Write;

use anyhow::ensure;

use super::{Column, TableWriter, Value};

/// How the text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvEncoding {
    /// UTF-8 after a byte order mark.
    Utf8Bom,
    /// GB18030, which old spreadsheets call GBK.
    Gb18030,
}

/// Text kept back before it is encoded and written.
const HELD_BACK_BYTES_MAX: usize = 64 * 1024;

/// Writes a csv file.
pub struct CsvWriter<W: Write> {
    out: W,
    encoding: CsvEncoding,
    text: csv::Writer<Vec<u8>>,
}

impl<W: Write> CsvWriter<W> {
    /// Starts a file with the full names of the columns.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(mut out: W, encoding: CsvEncoding, columns: &[Column]) -> anyhow::Result<Self> {
        if encoding == CsvEncoding::Utf8Bom {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut text = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(Vec::with_capacity(HELD_BACK_BYTES_MAX));
        text.write_record(columns.iter().map(|column| column.header))?;
        Ok(Self { out, encoding, text })
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.text.flush()?;
        let held = std::str::from_utf8(self.text.get_ref())?;
        match self.encoding {
            CsvEncoding::Utf8Bom => self.out.write_all(held.as_bytes())?,
            CsvEncoding::Gb18030 => {
                let (encoded, _, lossy) = encoding_rs::GB18030.encode(held);
                ensure!(!lossy, "a character has no form in GB18030");
                self.out.write_all(&encoded)?;
            }
        }
        let empty = Vec::with_capacity(HELD_BACK_BYTES_MAX);
        self.text = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(empty);
        Ok(())
    }
}

impl<W: Write> TableWriter for CsvWriter<W> {
    fn row(&mut self, values: &[Value<'_>]) -> anyhow::Result<()> {
        for value in values {
            self.text.write_field(value.to_text().as_bytes())?;
        }
        self.text.write_record(None::<&[u8]>)?;
        if self.text.get_ref().len() > HELD_BACK_BYTES_MAX / 2 {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.flush()?;
        self.out.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TableLayout, columns};
    use super::*;

    fn write(encoding: CsvEncoding, rows: &[Vec<Value<'_>>]) -> Vec<u8> {
        let mut out = Vec::new();
        let columns = &columns(TableLayout::Of2013)[..2];
        let mut writer = Box::new(CsvWriter::new(&mut out, encoding, columns).unwrap());
        rows.iter().for_each(|row| writer.row(row).unwrap());
        writer.finish().unwrap();
        out
    }

    #[test]
    fn both_encodings_say_the_same() {
        let rows = [
            vec![Value::text("张\"三,"), Value::Number(84.8)],
            vec![Value::text("𠮷·\n"), Value::Empty],
        ];
        let utf8 = write(CsvEncoding::Utf8Bom, &rows);
        let text = "姓名,性别\r\n\"张\"\"三,\",84.8\r\n\"𠮷·\n\",\r\n";
        assert_eq!(String::from_utf8(utf8).unwrap(), format!("\u{feff}{text}"));
        let gb = write(CsvEncoding::Gb18030, &rows);
        assert_eq!(
            encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(&gb).unwrap(),
            text
        );
    }

    #[test]
    fn rows_beyond_what_is_held_back_all_arrive() {
        let rows = vec![vec![Value::text("王"), Value::text("1")]; 30_000];
        let out = write(CsvEncoding::Gb18030, &rows);
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 30_001);
    }
}
