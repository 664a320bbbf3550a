//! Tells what a file is by its content, never by its name.
//!
//! Promises one answer for the same bytes, and for content that is no table a typed error that
//! says what was found and what serves instead.

use super::error::{Blame, Place, SAVE_AGAIN};
use super::source::{Source, Survey};
use super::{InputError, Limits, archive, dbf, xls};

/// What the content is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Csv,
    Dbf,
    Xlsx,
    Xls,
    Archive,
}

const CFB_MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// Bytes shown of content that is of no known kind.
const HEAD_SHOWN_BYTES: usize = 8;
/// A PDF may have some bytes of junk in front of its mark.
const PDF_MARK_WITHIN_BYTES: usize = 1_024;

/// Content that is known not to be a table, by how it begins.
const NO_TABLES: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"{\\rtf", "an RTF document"),
    (b"\x7FELF", "a program"),
    (b"MZ\x90\0", "a program"),
];
const EXPORT: &str = "export the table itself as xlsx, xls, csv or dbf";

/// Databases and archives of other kinds, with what to do.
const OTHER_CONTAINERS: &[(&[u8], &str, &str)] = &[
    (b"Rar!\x1A\x07", "a RAR archive", "pack the tables as a zip archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", "pack the tables as a zip archive"),
    (b"\x1F\x8B", "a gzip archive", "pack the tables as a zip archive"),
    (b"\xFD7zXZ\0", "an xz archive", "pack the tables as a zip archive"),
    (b"PK\x07\x08", "one part of a split zip archive", "pack the tables as one zip archive"),
    (b"\0\x01\0\0Standard Jet DB", "an Access database", EXPORT),
    (b"\0\x01\0\0Standard ACE DB", "an Access database", EXPORT),
    (b"SQLite format 3\0", "an SQLite database", EXPORT),
];

/// Records that begin the workbooks of Excel 2 to 5 that are not wrapped in a compound file.
const BARE_BIFF: &[&[u8]] =
    &[b"\x09\0\x04\0", b"\x09\x02\x06\0", b"\x09\x04\x06\0", b"\x09\x08\x08\0", b"\x09\x08\x10\0"];

/// The kind of the content, or why it cannot be read.
pub(crate) fn sniff(
    source: &Source,
    survey: &Survey,
    file: &str,
    limits: &Limits,
) -> Result<Kind, InputError> {
    let head = survey.head.as_slice();
    let blame = Blame { file, format: "upload" };
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return archive::classify(source, file, limits);
    }
    if head.starts_with(CFB_MAGIC) {
        xls::classify(source, file)?;
        return Ok(Kind::Xls);
    }
    if let Some(&(_, found, cure)) =
        OTHER_CONTAINERS.iter().find(|(magic, ..)| head.starts_with(magic))
    {
        return Err(blame.unsupported(Place::File, found, cure));
    }
    if BARE_BIFF.iter().any(|magic| head.starts_with(magic)) {
        let found = "a workbook of Excel 5 or older without compound file";
        return Err(blame.unsupported(Place::File, found, SAVE_AGAIN));
    }
    if dbf::is_plausible(head) {
        return Ok(Kind::Dbf);
    }
    if let Some((found, cure)) = no_table(head) {
        return Err(InputError::NotATable { file: file.to_owned(), found, cure });
    }
    if is_text(head) {
        return Ok(Kind::Csv);
    }
    Err(InputError::Unknown { file: file.to_owned(), head: hex(head) })
}

fn no_table(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some((_, found)) = NO_TABLES.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some((found, "deliver the table, not a picture or document of it"));
    }
    let start = &head[..head.len().min(PDF_MARK_WITHIN_BYTES)];
    if memchr::memmem::find(start, b"%PDF-").is_some() {
        return Some(("a PDF document", "deliver the table from which it was printed"));
    }
    let bare = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let tag = bare[..bare.len().min(16)].to_ascii_lowercase();
    let html: [&[u8]; 6] = [b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<body"];
    if html.iter().any(|mark| tag.starts_with(mark)) {
        return Some(("a web page (HTML), whatever its name says", SAVE_AGAIN));
    }
    if tag.starts_with(b"<?xml") || tag.starts_with(b"<") && tag.contains(&b':') {
        return Some(("an XML document", SAVE_AGAIN));
    }
    if tag.starts_with(b"mime-version:") || tag.starts_with(b"content-type:") {
        return Some(("a web archive (MHTML)", SAVE_AGAIN));
    }
    if matches!(bare.first(), Some(b'{')) {
        return Some(("a JSON document", EXPORT));
    }
    None
}

/// Text has no control bytes but those that part lines and cells; UTF-16 tells itself by its mark.
fn is_text(head: &[u8]) -> bool {
    head.starts_with(b"\xFF\xFE")
        || head.starts_with(b"\xFE\xFF")
        || head.iter().all(|byte| !matches!(byte, 0..=8 | 0x0B | 0x0E..=0x19 | 0x1B..=0x1F | 0x7F))
}

fn hex(head: &[u8]) -> String {
    let shown = &head[..head.len().min(HEAD_SHOWN_BYTES)];
    shown.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
