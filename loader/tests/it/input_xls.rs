//! Workbooks of Excel 97 to 2003: one of another program's making, the others record by record.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zhengcha_loader::input::{InputError, Limits};

use super::input_support::{read, read_with, refusal, refusal_with, rows};

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
}

fn cell(kind: u16, row: u16, column: u16, format: u16, value: &[u8]) -> Vec<u8> {
    let place = [row, column, format].map(u16::to_le_bytes).concat();
    record(kind, &[&place[..], value].concat())
}

fn number(row: u16, column: u16, value: f64) -> Vec<u8> {
    cell(0x0203, row, column, 0, &value.to_le_bytes())
}

fn shared(row: u16, column: u16, index: u32) -> Vec<u8> {
    cell(0x00FD, row, column, 0, &index.to_le_bytes())
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn bof(kind: u16) -> Vec<u8> {
    record(0x0809, &[0x0600, kind, 0, 0, 0, 0, 0, 0].map(u16::to_le_bytes).concat())
}

/// A workbook stream with one sheet, then the shared strings as given.
fn workbook(globals: &[Vec<u8>], cells: &[Vec<u8>]) -> Vec<u8> {
    let globals = globals.concat();
    let name = wide("证书");
    let sheet_len = 4 + 8 + name.len();
    let start = bof(5).len() + globals.len() + sheet_len + 4;
    let bound = [&(start as u32).to_le_bytes()[..], &[0, 0, 2, 1], &name].concat();
    let end = record(0x000A, &[]);
    [bof(5), globals, record(0x0085, &bound), end.clone(), bof(0x10), cells.concat(), end].concat()
}

fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in streams {
        file.create_stream(name).unwrap().write_all(bytes).unwrap();
    }
    file.into_inner().into_inner()
}

fn xls(stream: &[u8]) -> Vec<u8> {
    compound(&[("/Workbook", stream)])
}

fn strings(pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let kinds = std::iter::once(0x00FC).chain(std::iter::repeat(0x003C));
    kinds.zip(pieces).map(|(kind, piece)| record(kind, piece)).collect()
}

#[test]
fn a_workbook_of_another_program_reads_as_its_maker_meant_it() {
    let seen = read(include_bytes!("../files/xlwt.xls"));
    let sheets: Vec<_> = seen.tables.iter().map(|table| table.sheet.as_deref().unwrap()).collect();
    assert_eq!(sheets, ["证书", "空", "说明"]);
    let rows = &seen.tables[0].rows;
    let numbers: Vec<u64> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 7]);
    let first = ["白京", "1", "~1949-12-31", "~2001-10-22", "0101120201100058"];
    assert_eq!(rows[1].1[..5], first);
    assert_eq!(rows[1].1[5..8], ["11010519491231002X", "~84.8", "~3"]);
    assert_eq!(
        rows[2].1[2..6],
        ["~1980-02-29", "2019-04-16", "0101120201100059", "~110105800229123"]
    );
    assert_eq!(rows[3].1[0], "㼆𠮷");
    assert_eq!(rows[3].1[8], "~formula");
    assert_eq!(rows[4].1[1..4], ["x", "~formula", "合并"]);
    assert!(seen.tables[1].rows.is_empty());
    assert_eq!(seen.tables[2].rows[0], (3, vec![String::new(), "读我".to_owned()]));
}

#[test]
fn cells_of_every_kind() {
    let rk = |value: i32| ((value << 2 | 2) as u32).to_le_bytes();
    let many = [&[2, 0, 1, 0, 0, 0][..], &rk(7), &[0, 0], &rk(8), &[2, 0]].concat();
    let cells = [
        number(0, 0, 84.5),
        cell(0x027E, 0, 1, 0, &rk(-5)),
        cell(0x0205, 0, 2, 0, &[1, 0]),
        cell(0x0205, 0, 3, 0, &[0x77, 1]),
        cell(0x0006, 0, 4, 0, &[0; 16]),
        record(0x0207, &[1, 0, 0, b'x']),
        cell(0x0203, 1, 0, 1, &45_413.0f64.to_le_bytes()),
        record(0x00BD, &many),
    ];
    // Format 14 is a date.
    let formats = [0u16, 14].map(|id| record(0x00E0, &[0, id, 0].map(u16::to_le_bytes).concat()));
    let seen = read(&xls(&workbook(&formats, &cells)));
    let rows = rows(&seen);
    assert_eq!(rows[0].1, ["~84.5", "~-5", "~true", "~error", "~formula"]);
    assert_eq!(rows[1].1[0], "~2024-05-01");
    assert_eq!(rows[2], (3, vec!["", "~7", "~8", "", ""]));
    let epoch = [record(0x0022, &[1, 0]), formats.concat()];
    let seen = read(&xls(&workbook(&epoch, &cells)));
    assert_eq!(self::rows(&seen)[1].1[0], "~2028-05-02");
}

#[test]
fn strings_go_on_in_the_next_piece_with_another_width() {
    let header = [0u8; 8].to_vec();
    let first = [header, vec![2, 0, 1], wide("张三"), vec![5, 0, 0], b"ab".to_vec()].concat();
    let second =
        [vec![1], wide("cde"), vec![3, 0, 0x0C, 1, 0, 4, 0, 0, 0], b"xyz".to_vec(), vec![9; 8]];
    let cells = [shared(0, 0, 0), shared(0, 1, 1), shared(0, 2, 2)];
    let stream = workbook(&strings(&[first, second.concat()]), &cells);
    assert_eq!(rows(&read(&xls(&stream)))[0].1, ["张三", "abcde", "xyz"]);
}

#[test]
fn encrypted_workbooks_are_named_as_such() {
    let stream = workbook(&[record(0x002F, &[1, 0, 1, 0])], &[]);
    for bytes in [xls(&stream), compound(&[("/EncryptedPackage", b"x"), ("/EncryptionInfo", b"x")])]
    {
        let (result, _) = read_with(&bytes, &Limits::default());
        assert!(matches!(result, Err(InputError::Encrypted { .. })), "{result:?}");
    }
}

#[test]
fn compound_files_of_other_programs_are_named() {
    assert!(refusal(&compound(&[("/WordDocument", b"x")])).contains("Word"));
    assert!(refusal(&compound(&[("/Other", b"x")])).contains("without workbook"));
}

#[test]
fn far_cells_are_refused() {
    let far = workbook(&[], &[number(0, 0, 1.0), number(65_535, 255, 1.0)]);
    assert!(refusal(&xls(&far)).contains("area"));
    let area = workbook(&[], &[number(10, 0, 1.0), number(19, 9, 1.0)]);
    let limits = |max| Limits { xls_cells_max: max, ..Limits::default() };
    assert!(read_with(&xls(&area), &limits(100)).0.is_ok());
    assert!(refusal_with(&xls(&area), &limits(99)).contains("area"));
    let beyond = workbook(&[], &[number(0, 256, 1.0)]);
    assert!(refusal(&xls(&beyond)).contains("IV"));
}

#[test]
fn one_giant_string_shown_in_many_cells_is_refused() {
    let long = [vec![0; 8], 20_000u16.to_le_bytes().to_vec(), vec![0], vec![b'x'; 8_000]].concat();
    let pieces =
        [long, [vec![0], vec![b'x'; 8_000]].concat(), [vec![0], vec![b'x'; 4_000]].concat()];
    let cells: Vec<Vec<u8>> = (0..6_000).map(|row| shared(row, 0, 0)).collect();
    let bytes = xls(&workbook(&strings(&pieces), &cells));
    assert!(refusal(&bytes).contains("text of all cells"));
}

#[test]
fn records_that_lie_are_damage() {
    let sst = strings(&[[vec![0; 8], vec![1, 0, 0, b'x']].concat()]);
    for (cells, found) in [
        (vec![shared(0, 0, 1)], "beyond the last"),
        (vec![record(0x0203, &[0; 6])], "14 bytes"),
        (vec![record(0x00BD, &[0, 0, 5, 0, 1, 0])], "another number"),
        (vec![vec![0x03, 0x02, 0xFF, 0xFF]], "cut off"),
    ] {
        let message = refusal(&xls(&workbook(&sst, &cells)));
        assert!(message.contains(found) && message.contains("byte"), "{message}");
    }
    let cut = strings(&[[vec![0; 8], vec![9, 0, 0, b'x']].concat()]);
    assert!(refusal(&xls(&workbook(&cut, &[]))).contains("a cut one"));
    let mut overlapping = workbook(&[], &[]);
    let at = bof(5).len() + 4;
    overlapping[at..at + 4].copy_from_slice(&0u32.to_le_bytes());
    assert!(refusal(&xls(&overlapping)).contains("overlap"));
}

/// Where one sheet ends is where the next begins, and the workbook says where that is.
#[test]
fn sheets_that_begin_beyond_the_end_are_damage() {
    let bound =
        |start: u32| record(0x0085, &[&start.to_le_bytes()[..], &[0, 0, 1, 0, b'x']].concat());
    for (first, second) in [(60_000, 70_000), (50, 70_000), (4_096, 4_097), (4_090, u32::MAX)] {
        let globals = [bof(5), bound(first), bound(second), record(0x000A, &[])].concat();
        assert!(refusal(&xls(&globals)).contains("cut off"), "{first} {second}");
        let padded = [globals, bof(0x10), vec![0; 4_000]].concat();
        assert!(read_with(&xls(&padded), &Limits::default()).0.is_err(), "{first} {second}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = include_bytes!("../files/xlwt.xls");
    for len in (8..bytes.len()).step_by(97) {
        assert!(read_with(&bytes[..len], &Limits::default()).0.is_err(), "{len}");
    }
}

/// Chains of sectors that bite their own tail would be followed until memory ends.
#[test]
fn endless_chains_are_refused() {
    let bytes = include_bytes!("../files/xlwt.xls");
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let table = 512 + 512 * u32_at(76) as usize;
    for sector in [u32_at(48), 0] {
        let mut bytes = bytes.to_vec();
        bytes[table + 4 * sector as usize..][..4].copy_from_slice(&sector.to_le_bytes());
        assert!(refusal(&bytes).contains("duplicate sector"));
    }
}

proptest! {
    #[test]
    fn no_change_of_bytes_panics(changes in prop::collection::vec((0usize..5_632, any::<u8>()), 1..4)) {
        let mut bytes = include_bytes!("../files/xlwt.xls").to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = read_with(&bytes, &Limits::default());
    }
}
