//! DBF tables of several makers, sound and damaged.

use proptest::prelude::*;
use zhengcha_loader::input::Limits;

use super::input_support::{gb18030, read, read_with, refusal, refusal_with, rows};

/// Columns as `(name, type, width)` and records as raw field bytes.
struct Dbf {
    version: u8,
    columns: Vec<(Vec<u8>, u8, usize)>,
    records: Vec<(u8, Vec<Vec<u8>>)>,
    header_padding: usize,
}

impl Dbf {
    fn new(columns: &[(&str, char, usize)]) -> Self {
        let columns = columns.iter().map(|(n, t, w)| (gb18030(n), *t as u8, *w)).collect();
        Self { version: 3, columns, records: Vec::new(), header_padding: 0 }
    }

    fn record(mut self, fields: &[&str]) -> Self {
        self.records.push((b' ', fields.iter().map(|field| gb18030(field)).collect()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let header = 33 + 32 * self.columns.len() + self.header_padding;
        let record: usize = 1 + self.columns.iter().map(|column| column.2).sum::<usize>();
        let mut out = vec![self.version, 126, 11, 24];
        out.extend((self.records.len() as u32).to_le_bytes());
        out.extend((header as u16).to_le_bytes());
        out.extend((record as u16).to_le_bytes());
        out.resize(32, 0);
        for (name, kind, width) in &self.columns {
            let mut descriptor = name.clone();
            descriptor.resize(11, 0);
            descriptor.push(*kind);
            descriptor.resize(16, 0);
            descriptor.push(*width as u8);
            descriptor.push((*width >> 8) as u8);
            descriptor.resize(32, 0);
            out.extend(descriptor);
        }
        out.push(0x0D);
        out.resize(header, 0);
        for (flag, fields) in &self.records {
            out.push(*flag);
            for (field, column) in fields.iter().zip(&self.columns) {
                let mut field = field.clone();
                field.resize(column.2, b' ');
                out.extend(field);
            }
        }
        out.push(0x1A);
        out
    }
}

fn register() -> Dbf {
    Dbf::new(&[
        ("姓名", 'C', 20),
        ("证书编号", 'C', 16),
        ("发证日期", 'D', 8),
        ("理论成绩", 'N', 5),
    ])
    .record(&["张三", "0101120201100058", "20011022", " 84.8"])
    .record(&["阿卜杜·克里木", "0101120201100059", "        ", "*****"])
    .record(&["李四", "", "20230229", "     "])
}

#[test]
fn the_makers_differ_and_the_rows_do_not() {
    let want: Vec<(u64, Vec<&str>)> = vec![
        (0, vec!["姓名", "证书编号", "发证日期", "理论成绩"]),
        (1, vec!["张三", "0101120201100058", "~2001-10-22", "84.8"]),
        (2, vec!["阿卜杜·克里木", "0101120201100059", "", "~error"]),
        (3, vec!["李四", "", "~bad-date", ""]),
    ];
    // dBase III; FoxPro 2 with padding behind the header; Visual FoxPro with its backlink.
    for (version, header_padding) in [(0x03, 0), (0x03, 1), (0xF5, 200), (0x30, 263)] {
        let dbf = Dbf { version, header_padding, ..register() };
        assert_eq!(rows(&read(&dbf.bytes())), want, "{version:02X}");
    }
}

#[test]
fn deleted_records_are_counted_and_keep_their_numbers() {
    let mut dbf = register();
    dbf.records[1].0 = b'*';
    let seen = read(&dbf.bytes());
    let numbers: Vec<u64> = rows(&seen).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 3]);
    assert_eq!(seen.notes, ["batch: 1 deleted records passed over"]);
}

#[test]
fn memo_columns_are_left_out_with_a_note() {
    let dbf = Dbf { version: 0x83, ..Dbf::new(&[("XM", 'C', 8), ("BZ", 'M', 10), ("DJ", 'C', 1)]) }
        .record(&["张三", "         1", "3"]);
    let seen = read(&dbf.bytes());
    assert_eq!(rows(&seen), [(0, vec!["XM", "DJ"]), (1, vec!["张三", "3"])]);
    assert!(seen.notes[0].contains("BZ (memo M)"), "{:?}", seen.notes);
}

#[test]
fn names_cut_in_the_middle_of_a_hanzi_lose_only_the_half() {
    let mut dbf = Dbf::new(&[("X", 'C', 4)]).record(&["1"]);
    dbf.columns[0].0 = gb18030("A理论知识考试")[..10].to_vec();
    assert_eq!(rows(&read(&dbf.bytes()))[0].1, ["A理论知识"]);
    dbf.columns[0].0 = gb18030("理论知识考试")[..10].to_vec();
    assert_eq!(rows(&read(&dbf.bytes()))[0].1, ["理论知识考"]);
}

#[test]
fn text_cut_in_the_middle_of_a_hanzi_is_undecodable() {
    let mut dbf = Dbf::new(&[("XM", 'C', 5), ("DJ", 'C', 1)]).record(&["", "3"]);
    dbf.records[0].1[0] = gb18030("张三李")[..5].to_vec();
    assert_eq!(rows(&read(&dbf.bytes()))[1].1, ["~undecodable", "3"]);
}

#[test]
fn logical_and_foxpro_binary_columns() {
    let mut dbf = Dbf {
        version: 0x30,
        ..Dbf::new(&[("L", 'L', 1), ("I", 'I', 4), ("B", 'B', 8), ("Y", 'Y', 8), ("T", 'T', 8)])
    };
    let datetime = [2_452_205i32.to_le_bytes(), 0i32.to_le_bytes()].concat();
    dbf.records.push((
        b' ',
        vec![
            b"T".to_vec(),
            (-7i32).to_le_bytes().to_vec(),
            84.5f64.to_le_bytes().to_vec(),
            848_000i64.to_le_bytes().to_vec(),
            datetime,
        ],
    ));
    assert_eq!(rows(&read(&dbf.bytes()))[1].1, ["~true", "-7", "~84.5", "~84.8", "~2001-10-22"]);
}

#[test]
fn a_lying_record_count_is_refused_both_ways() {
    for (count, found) in [(4u32, "cut off"), (u32::MAX, "limit"), (2, "behind the last")] {
        let mut bytes = register().bytes();
        bytes[4..8].copy_from_slice(&count.to_le_bytes());
        let message = refusal(&bytes);
        assert!(message.contains(found), "{message}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = register().bytes();
    // The end mark alone may be missing.
    assert_eq!(read(&bytes[..bytes.len() - 1]).rows, 4);
    for len in 1..bytes.len() - 1 {
        let (result, _) = read_with(&bytes[..len], &Limits::default());
        assert!(result.is_err(), "cut to {len} of {}", bytes.len());
    }
}

#[test]
fn damaged_headers_are_named() {
    let at = |at: usize, byte: u8| {
        let mut bytes = register().bytes();
        bytes[at] = byte;
        refusal(&bytes)
    };
    assert!(at(10, 3).contains("sum of the column widths"), "record length");
    assert!(at(32 + 11, 1).contains("column 1"), "type");
    assert!(at(64 + 16, 17).contains("sum of the column widths"), "width");
    assert!(at(32 * 5, b'X').contains("0x0D"), "terminator");
    assert!(at(0, 0x04).contains("dBase 7"));
    assert!(at(32 * 5 + 1, b'?').contains("record 1"), "deletion mark");
    let mut empty = vec![3, 126, 11, 24, 9, 0, 0, 0, 33, 0, 1, 0];
    empty.resize(32, 0);
    empty.push(0x0D);
    empty.extend([b' '; 9]);
    assert!(refusal(&empty).contains("without columns"));
}

#[test]
fn limits_hold() {
    let bytes = register().bytes();
    let columns = |max| Limits { columns_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &columns(4)).0.is_ok());
    assert!(refusal_with(&bytes, &columns(3)).contains("column 4"));
    let records = |max| Limits { table_rows_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &records(3)).0.is_ok());
    assert!(refusal_with(&bytes, &records(2)).contains("records"));
}

#[test]
fn tables_of_another_writer_read_the_same() {
    use dbase::{FieldValue, Record, TableWriterBuilder};
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = TableWriterBuilder::new()
        .add_character_field("NAME".try_into().unwrap(), 20)
        .add_date_field("FZRQ".try_into().unwrap())
        .add_numeric_field("LLCJ".try_into().unwrap(), 5, 1)
        .add_logical_field("OK".try_into().unwrap())
        .build_with_file_dest(file.path())
        .unwrap();
    let mut record = Record::default();
    record.insert("NAME".into(), FieldValue::Character(Some("O'Neill".into())));
    record.insert("FZRQ".into(), FieldValue::Date(Some(dbase::Date::new(22, 10, 2001).unwrap())));
    record.insert("LLCJ".into(), FieldValue::Numeric(Some(84.8)));
    record.insert("OK".into(), FieldValue::Logical(Some(true)));
    writer.write_record(&record).unwrap();
    drop(writer);
    let seen = read(&std::fs::read(file.path()).unwrap());
    assert_eq!(rows(&seen)[1].1, ["O'Neill", "~2001-10-22", "84.8", "~true"]);
}

#[test]
fn tables_of_a_third_writer_read_the_same() {
    let files: [&[u8]; 3] = [
        include_bytes!("../files/python_dbf_db3.dbf"),
        include_bytes!("../files/python_dbf_fp2.dbf"),
        include_bytes!("../files/python_dbf_vfp.dbf"),
    ];
    for file in files {
        let seen = read(file);
        let rows = rows(&seen);
        assert_eq!(rows[0].1[..4], ["XM", "FZRQ", "LLCJ", "OK"]);
        assert_eq!(rows[1].1[..4], ["白京", "~2001-10-22", "84.8", "~true"]);
    }
    let seen = read(files[0]);
    assert_eq!(rows(&seen)[2], (2, vec!["阿卜杜·克里木", "", "", ""]));
    assert!(seen.notes[0].contains("BZ") && seen.notes[1].contains("1 deleted"));
}

proptest! {
    #[test]
    fn no_change_of_bytes_panics(at in 0usize..500, byte: u8, at2 in 0usize..40, byte2: u8) {
        let mut bytes = register().bytes();
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes[at2 % len] = byte2;
        let _ = read_with(&bytes, &Limits::default());
    }
}
