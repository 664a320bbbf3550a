//! Separated text as units make it, and as nobody should.

use zhengcha_loader::input::Limits;

use super::input_support::{gb18030, read, read_with, refusal, refusal_with, rows};

#[test]
fn a_row_number_is_the_line_on_which_its_record_starts() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["姓名,备注", "", "张三,\"两", "行\"", "", "李四,x", ",", "王五,y"].join(end);
        for text in [text.clone(), text + end] {
            let seen = read(text.as_bytes());
            let numbers: Vec<u64> = rows(&seen).iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [1, 3, 6, 8], "{end:?}");
            assert_eq!(rows(&seen)[1].1[1], format!("两{end}行"));
        }
    }
}

#[test]
fn separators_are_found_in_the_header_line() {
    for text in [
        "姓名,\"a;b;c\",证书\n张三,1,2\n",
        "姓名\ta,b\t证书\n张三\t1\t2\n",
        "姓名;a;证书\n张三;1;2\n",
        "sep=;\n姓名;a,b;证书\n张三;1;2\n",
    ] {
        let seen = read(text.as_bytes());
        let rows = rows(&seen);
        assert_eq!(rows.len(), 2, "{text}");
        assert_eq!(rows[1].1, ["张三", "1", "2"], "{text}");
    }
    assert_eq!(rows(&read(b"sep=;\na;b\n"))[0].0, 2, "the line of sep= counts");
}

#[test]
fn the_same_rows_come_from_every_encoding() {
    let text = "姓名,证件号码\r\n㼆𠮷,11010519491231002X\r\n阿卜杜·克里木,2\r\n";
    let utf16: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let want = read(text.as_bytes());
    for bytes in [gb18030(text), format!("\u{feff}{text}").into_bytes(), utf16] {
        assert_eq!(rows(&read(&bytes)), rows(&want));
    }
}

#[test]
fn a_cell_that_is_no_text_spoils_only_itself() {
    let mut bytes = gb18030("姓名,证件号码\n张三,1\n李四,2\n王五,3\n");
    let at = bytes.windows(4).position(|w| w == gb18030("李四")).unwrap();
    bytes[at + 2] = 0xFF;
    let seen = read(&bytes);
    let rows = rows(&seen);
    assert_eq!(rows[1].1, ["张三", "1"]);
    assert_eq!(rows[2].1, ["~undecodable", "2"]);
    assert_eq!(rows[3].1, ["王五", "3"]);
}

#[test]
fn tricks_and_formulas() {
    let text = "a,b,c,d,e\n=\"0101\",\"=\"\"0102\"\"\",'0103,\t0104,-5\n=1+1,+x,@y,-z,-\n";
    let seen = read(text.as_bytes());
    let rows = rows(&seen);
    assert_eq!(rows[1].1, ["0101", "0102", "0103", "0104", "-5"]);
    assert_eq!(rows[2].1, ["~formula", "~formula", "~formula", "~formula", "-"]);
}

#[test]
fn field_counts_may_differ() {
    let seen = read(b"a,b,c\n1\n1,2,3,4\n");
    assert_eq!(rows(&seen)[1].1, ["1"]);
    assert_eq!(rows(&seen)[2].1, ["1", "2", "3", "4"]);
}

#[test]
fn an_endless_quote_is_refused_at_its_line() {
    let mut text = String::from("姓名,号\n张三,1\n李四,\"2\n");
    for _ in 0..200_000 {
        text.push_str("王五,3\n");
    }
    let message = refusal(text.as_bytes());
    assert!(message.contains("line 3") && message.contains("quotation mark"), "{message}");
    let message = refusal("姓名,号\n张三,1\n李四,\"2\n王五,3\n".as_bytes());
    assert!(message.contains("line 3") && message.contains("quotation mark"), "{message}");
    // A quotation mark inside an unquoted field is text.
    assert_eq!(rows(&read("a,b\n5\" x,2\n".as_bytes()))[1].1, ["5\" x", "2"]);
}

#[test]
fn limits_hold_at_below_and_above() {
    let line = |bytes: usize| format!("a,b\n{},1\n", "x".repeat(bytes - 3));
    let limits = Limits { csv_record_bytes_max: 100, ..Limits::default() };
    // The line end counts.
    for bytes in [99, 100] {
        assert!(read_with(line(bytes).as_bytes(), &limits).0.is_ok(), "{bytes}");
    }
    let message = refusal_with(line(101).as_bytes(), &limits);
    assert!(message.contains("line 2") && message.contains("100"), "{message}");

    let wide = |columns: usize| format!("a,b\n{}\n", vec!["1"; columns].join(","));
    for max in [3, 63, 64, 65, 200] {
        let limits = Limits { columns_max: max, ..Limits::default() };
        assert!(read_with(wide(max as usize).as_bytes(), &limits).0.is_ok(), "{max}");
        let message = refusal_with(wide(max as usize + 1).as_bytes(), &limits);
        assert!(message.contains("line 2") && message.contains("columns"), "{message}");
    }

    let limits = Limits { cell_bytes_max: 6, ..Limits::default() };
    assert!(read_with("a\n张三\n".as_bytes(), &limits).0.is_ok());
    assert!(refusal_with("a\n张三x\n".as_bytes(), &limits).contains("line 2"));

    let limits = Limits { table_rows_max: 3, ..Limits::default() };
    assert!(read_with(b"a\n1\n2\n", &limits).0.is_ok());
    assert!(refusal_with(b"a\n1\n2\n3\n", &limits).contains("line 4"));
}

#[test]
fn records_longer_than_every_buffer_come_whole() {
    let long = "长".repeat(40_000);
    let limits = Limits { cell_bytes_max: 1 << 20, ..Limits::default() };
    let (result, seen) = read_with(format!("a,b\n{long},2\n").as_bytes(), &limits);
    result.unwrap();
    assert_eq!(rows(&seen)[1].1, [long.as_str(), "2"]);
}

#[test]
fn a_dos_end_mark_is_no_row() {
    assert_eq!(rows(&read(b"a,b\r\n1,2\r\n\x1A")).len(), 2);
}
