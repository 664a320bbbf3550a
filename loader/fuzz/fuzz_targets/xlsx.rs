//! Parts in a sound package.
#![no_main]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relation(kind: &str, target: &str) -> String {
    format!(
        "<Relationships><Relationship Id=\"r\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>\
         </Relationships>"
    )
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (strings, styles, sheet) = input;
    let sheet = [b"<worksheet><sheetData>", sheet].concat();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml").as_bytes()),
        ("xl/workbook.xml", b"<workbook><sheet name=\"a\" id=\"r\"/></workbook>"),
        ("xl/_rels/workbook.xml.rels", relation("worksheet", "sheet.xml").as_bytes()),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", styles),
        ("xl/sheet.xml", &sheet),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).expect("in memory");
        zip.write_all(bytes).expect("in memory");
    }
    zhengcha_loader_fuzz::read(&zip.finish().expect("in memory").into_inner());
});
