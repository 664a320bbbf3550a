//! What a file is follows from its content, and what is no table is told so.

use zhengcha_loader::input::{Format, InputError, Limits};

use super::input_support::{gb18030, read, read_with, refusal, refusal_with, zip_of};

#[test]
fn content_that_is_no_table_is_named_with_a_cure() {
    for (bytes, found) in [
        (&b""[..], "empty"),
        (b"%PDF-1.7\n", "PDF"),
        (b"junk\n%PDF-1.4\n", "PDF"),
        (b"\x89PNG\r\n\x1A\n", "PNG"),
        (b"\xFF\xD8\xFF\xE0", "JPEG"),
        (b"<html><table><tr><td>1", "HTML"),
        (b"\xEF\xBB\xBF  <!DOCTYPE HTML>", "HTML"),
        (b"<?xml version=\"1.0\"?><Workbook/>", "XML"),
        (b"MIME-Version: 1.0\nX-Document-Type: Workbook", "MHTML"),
        (b"{\"a\":1}", "JSON"),
        (b"Rar!\x1A\x07\x01\0", "RAR"),
        (b"7z\xBC\xAF\x27\x1C", "7z"),
        (b"\0\x01\0\0Standard Jet DB\0", "Access"),
        (b"\x09\x08\x10\0\0\x06\x05\0", "Excel 5"),
        (b"JDX\0\x01\x02\x03\x04", "4A 44 58 00 01 02 03 04"),
    ] {
        let message = refusal(bytes);
        assert!(message.contains(found), "{message}");
        assert!(message.contains(';'), "tells the cure: {message}");
    }
}

#[test]
fn a_jdx_file_is_what_its_content_is() {
    assert_eq!(read("姓名,证书编号\n张三,1\n".as_bytes()).rows, 2);
}

#[test]
fn members_of_a_zip_are_read_by_content_and_named_in_both_encodings() {
    let csv = "姓名,证书编号\n张三,1\n".as_bytes();
    let inner = zip_of(&[("b.txt", csv)]);
    let mut bytes = zip_of(&[("批次/甲.xlsx", csv), ("__MACOSX/._x", b"\0\0"), ("in.dat", &inner)]);
    let (result, seen) = read_with(&bytes, &Limits::default());
    let result = result.unwrap();
    assert_eq!(result.format, None);
    let files: Vec<&str> = seen.tables.iter().map(|table| table.file.as_str()).collect();
    assert_eq!(files, ["batch/批次/甲.xlsx", "batch/in.dat/b.txt"]);
    assert!(result.members.iter().all(|member| member.format == Format::Csv));
    assert_eq!(result.members[0].bytes, csv.len() as u64);

    // The same name as Chinese Windows writes it: GBK bytes and no flag.
    let utf8 = "批次".as_bytes();
    let gbk = gb18030("批次");
    let name = [&gbk[..], b"xx"].concat();
    for at in (0..bytes.len() - utf8.len()).rev() {
        if &bytes[at..at + utf8.len()] == utf8 {
            bytes[at..at + utf8.len()].copy_from_slice(&name);
            let rest = "/甲.xlsx".len();
            let after = &mut bytes[at + utf8.len()..][..rest];
            after.copy_from_slice(b"/a--.xlsx".get(..rest).unwrap());
        }
    }
    clear_utf8_flags(&mut bytes);
    let (result, seen) = read_with(&bytes, &Limits::default());
    result.unwrap();
    assert!(seen.tables[0].file.starts_with("batch/批次xx/"), "{}", seen.tables[0].file);
}

#[test]
fn every_format_is_read_inside_a_zip() {
    let members: [(&str, &[u8]); 4] = [
        ("1.csv", include_bytes!("../files/openpyxl.xlsx")),
        ("2.xlsx", include_bytes!("../files/xlwt.xls")),
        ("3.txt", include_bytes!("../files/python_dbf_vfp.dbf")),
        ("4.dbf", "姓名,证书编号\n张三,1\n".as_bytes()),
    ];
    let (result, seen) = read_with(&zip_of(&members), &Limits::default());
    let formats: Vec<Format> = result.unwrap().members.iter().map(|member| member.format).collect();
    assert_eq!(formats, [Format::Xlsx, Format::Xls, Format::Dbf, Format::Csv]);
    assert!(seen.tables.iter().all(|table| table.ended));
    // What a workbook inflates to counts as well.
    let limits = Limits { zip_inflated_bytes_max: 20_000, ..Limits::default() };
    assert!(refusal_with(&zip_of(&members), &limits).contains("batch/1.csv"));
}

#[test]
fn progress_rises_to_the_length_of_the_file() {
    let csv = "1,2\n".repeat(100_000);
    let (result, seen) = read_with(csv.as_bytes(), &Limits::default());
    result.unwrap();
    assert!(seen.progress.len() >= 10);
    assert!(seen.progress.is_sorted());
    assert!(seen.progress.last().unwrap() * 10 > csv.len() as u64 * 9);
}

fn clear_utf8_flags(bytes: &mut [u8]) {
    for at in 0..bytes.len() - 10 {
        if bytes[at..].starts_with(b"PK\x03\x04") {
            bytes[at + 7] &= !0x08;
        } else if bytes[at..].starts_with(b"PK\x01\x02") {
            bytes[at + 9] &= !0x08;
        }
    }
}

#[test]
fn names_are_shown_and_never_followed() {
    let csv = b"a,b\n1,2\n";
    let bytes = zip_of(&[("../../etc/passwd", csv), ("/abs\x1b[31m.csv", csv)]);
    let seen = read(&bytes);
    assert_eq!(seen.tables[0].file, "batch/../../etc/passwd");
    assert_eq!(seen.tables[1].file, "batch//abs\u{FFFD}[31m.csv");
}

#[test]
fn archives_nest_once() {
    let csv = b"a,b\n1,2\n";
    let one = zip_of(&[("a.csv", csv)]);
    let two = zip_of(&[("one.zip", &one)]);
    let three = zip_of(&[("two.zip", &two)]);
    assert_eq!(read(&two).rows, 2);
    assert!(refusal(&three).contains("nesting"));
}

#[test]
fn archives_without_tables_or_with_pictures_are_refused() {
    assert!(refusal(&zip_of(&[])).contains("no table"));
    assert!(
        refusal(&zip_of(&[("a.csv", b"a,b\n"), ("scan.pdf", b"%PDF-1.4")]))
            .contains("batch/scan.pdf")
    );
    assert!(refusal(&zip_of(&[("a.csv", b"")])).contains("batch/a.csv: is empty"));
    let docx = zip_of(&[("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")]);
    assert!(refusal(&docx).contains("Word"));
    let ods = zip_of(&[("mimetype", b"x"), ("content.xml", b"<x/>")]);
    assert!(refusal(&ods).contains("OpenDocument"));
}

#[test]
fn bombs_are_refused_by_what_they_inflate_to() {
    let zeros = vec![b'0'; 20 << 20];
    let message = refusal(&zip_of(&[("a.csv", &zeros)]));
    assert!(message.contains("ratio"), "{message}");

    let csv = vec![b'x'; 1_000];
    let bytes = zip_of(&[("a.csv", &csv), ("b.csv", &csv)]);
    let limits = |max| Limits { zip_inflated_bytes_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &limits(2_000)).0.is_ok());
    assert!(refusal_with(&bytes, &limits(1_999)).contains("batch/b.csv"));
    let limits = |max| Limits { zip_entries_max: max, ..Limits::default() };
    assert!(read_with(&bytes, &limits(2)).0.is_ok());
    assert!(refusal_with(&bytes, &limits(1)).contains("members"));
}

#[test]
fn a_member_with_a_password_is_named() {
    let mut zip = zip_of(&[("a.csv", b"a,b\n1,2\n")]);
    // The flag alone says so: bit 0 of both headers.
    let central = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    zip[6] |= 1;
    zip[central + 8] |= 1;
    let (result, _) = read_with(&zip, &Limits::default());
    assert!(matches!(result, Err(InputError::Encrypted { file, .. }) if file == "batch/a.csv"));
}

#[test]
fn every_truncation_of_a_zip_is_refused() {
    let bytes = zip_of(&[("a.csv", b"a,b\n1,2\n"), ("b.csv", b"a,b\n1,2\n")]);
    for len in 4..bytes.len() {
        assert!(read_with(&bytes[..len], &Limits::default()).0.is_err(), "{len}");
    }
}

#[test]
fn a_flipped_bit_in_packed_data_is_noticed() {
    let csv = "姓名,证书编号\n".repeat(50);
    let bytes = zip_of(&[("a.csv", csv.as_bytes())]);
    let data = 30 + 5;
    for at in data..data + 10 {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        assert!(read_with(&bytes, &Limits::default()).0.is_err(), "{at}");
    }
}

#[test]
fn limits_of_the_file_itself() {
    let limits = |max| Limits { file_bytes_max: max, ..Limits::default() };
    assert!(read_with(b"a,b\n", &limits(4)).0.is_ok());
    assert!(refusal_with(b"a,b\n", &limits(3)).contains("size"));
}

#[test]
fn the_digest_is_that_of_the_delivered_bytes() {
    let (result, _) = read_with(b"abc", &Limits::default());
    let result = result.unwrap();
    assert_eq!(result.bytes, 3);
    assert_eq!(result.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
