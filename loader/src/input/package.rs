//! Looks an xlsx package through before any of its parts is read.
//!
//! Promises that after [`check`] every part is whole and within the limits: each is inflated once in
//! small pieces and counted, whatever its header declares, so that no row of a package that is too
//! large is handed over. Knows just enough of XML to tell tags from text.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::archive::{self, Budget, Zip};
use super::error::{Blame, NO_ARCHIVE, Place, SAVE_AGAIN, SHORTEN, SPLIT};
use super::source::CHUNK_BYTES;
use super::{InputError, Limits};

/// What each shared string counts for beside its text, so that empty ones have a limit as well.
pub(crate) const SHARED_STRING_COST_BYTES: u64 = 64;
/// Entries of one part of which a reader keeps something: relations, names, fonts, fills, borders,
/// formats. Spreadsheets allow 65,490 cell formats.
const KEPT_ITEMS_MAX: u64 = 200_000;
/// Cell formats times the longest entry they may repeat; only packages made to hurt come near.
const STYLE_BYTES_MAX: u64 = 128 << 20;
/// Pictures and other parts that are no XML.
const MEDIA_BYTES_MAX: u64 = 64 << 20;
/// XML bytes that one byte of cell text may take, tags and escapes included.
const XML_BYTES_PER_CELL_BYTE: u64 = 4;
/// Bytes of a tag that are looked at.
const TAG_HEAD_BYTES: usize = 256;
/// Names of elements that are counted as kept.
const KEPT: &[&[u8]] = &[
    b"Relationship",
    b"definedName",
    b"sheet",
    b"numFmt",
    b"xf",
    b"font",
    b"fill",
    b"border",
    b"gradientFill",
    b"stop",
];

/// Inflates and counts every part.
pub(crate) fn check(
    zip: &mut Zip,
    budget: &mut Budget,
    blame: Blame<'_>,
    limits: &Limits,
) -> Result<(), InputError> {
    for index in 0..zip.len() {
        check_part(zip, index, budget, blame, limits)?;
    }
    Ok(())
}

fn check_part(
    zip: &mut Zip,
    index: usize,
    budget: &mut Budget,
    blame: Blame<'_>,
    limits: &Limits,
) -> Result<(), InputError> {
    let (name, encrypted) = {
        let entry = zip
            .by_index_data(index)
            .map_err(|error| blame.damaged(Place::File, "a part", error.to_string()))?;
        (String::from_utf8_lossy(entry.name_raw()).into_owned(), entry.encrypted())
    };
    if encrypted {
        return Err(InputError::Encrypted { file: blame.file.to_owned(), what: "the workbook" });
    }
    let place = || Place::Part { part: name.clone(), cell: None };
    let mut entry = zip.by_index(index).map_err(|error| archive::unreadable(&error, blame))?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut scan: Option<PartScan<'_>> = None;
    let mut bytes = 0;
    loop {
        let read = match catch_unwind(AssertUnwindSafe(|| entry.read(&mut chunk))) {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                return Err(blame.damaged(place(), "sound packed data", error.to_string()));
            }
            Err(_) => return Err(blame.reader_failed(place())),
        };
        if read == 0 {
            break;
        }
        budget.take(read as u64, limits, blame)?;
        bytes += read as u64;
        let scan = scan.get_or_insert_with(|| PartScan::new(&chunk[..read], limits));
        match scan.encoding {
            PartEncoding::Utf8 => {
                scan.feed(&chunk[..read]).map_err(|excess| scan.error(excess, &name, blame))?;
            }
            PartEncoding::Utf16 => {
                return Err(blame.unsupported(place(), "XML in UTF-16", SAVE_AGAIN));
            }
            PartEncoding::NoXml if bytes > MEDIA_BYTES_MAX => {
                let what = "the size of an embedded object in bytes";
                return Err(blame.limit(place(), what, MEDIA_BYTES_MAX, "take pictures out"));
            }
            PartEncoding::NoXml => {}
        }
    }
    if let Some(scan) = scan {
        scan.finish().map_err(|excess| scan.error(excess, &name, blame))?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartEncoding {
    Utf8,
    Utf16,
    NoXml,
}

/// What is too much of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Cell,
    Tag,
    Kept,
    Styles,
    SharedStrings,
    StringCount,
    Sheets,
    Rows,
}

/// Counts one part as it streams by.
struct PartScan<'a> {
    limits: &'a Limits,
    encoding: PartEncoding,
    run_bytes_max: u64,
    in_tag: bool,
    tag: Vec<u8>,
    tag_bytes: u64,
    text_bytes: u64,
    /// Bytes since the cell or shared string began, when inside one.
    unit_bytes: Option<u64>,
    /// The tag that opened the last cell.
    cell: Vec<u8>,
    total_text_bytes: u64,
    strings: u64,
    strings_declared: u64,
    in_kept: bool,
    kept_items: u64,
    kept_bytes: u64,
    kept_tag_bytes_max: u64,
    formats: u64,
    sheets: u64,
    rows: u64,
}

impl<'a> PartScan<'a> {
    fn new(head: &[u8], limits: &'a Limits) -> Self {
        let bare = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let encoding = match head {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'<', 0, ..] | [0, b'<', ..] => {
                PartEncoding::Utf16
            }
            _ if bare.starts_with(b"<") => PartEncoding::Utf8,
            _ => PartEncoding::NoXml,
        };
        Self {
            limits,
            encoding,
            run_bytes_max: u64::from(limits.cell_bytes_max) * XML_BYTES_PER_CELL_BYTE,
            in_tag: false,
            tag: Vec::with_capacity(TAG_HEAD_BYTES),
            tag_bytes: 0,
            text_bytes: 0,
            unit_bytes: None,
            cell: Vec::with_capacity(TAG_HEAD_BYTES),
            total_text_bytes: 0,
            strings: 0,
            strings_declared: 0,
            in_kept: false,
            kept_items: 0,
            kept_bytes: 0,
            kept_tag_bytes_max: 0,
            formats: 0,
            sheets: 0,
            rows: 0,
        }
    }

    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        loop {
            let end = memchr::memchr(if self.in_tag { b'>' } else { b'<' }, bytes);
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.in_tag {
                let room = TAG_HEAD_BYTES - self.tag.len();
                self.tag.extend_from_slice(&piece[..piece.len().min(room)]);
                self.tag_bytes += piece.len() as u64;
                if self.tag_bytes > self.run_bytes_max {
                    return Err(Excess::Tag);
                }
            } else {
                self.add_text(piece.len() as u64)?;
            }
            let Some(end) = end else { return Ok(()) };
            bytes = &bytes[end + 1..];
            if self.in_tag {
                self.close_tag()?;
            } else {
                self.tag.clear();
                self.tag_bytes = 0;
            }
            self.in_tag = !self.in_tag;
        }
    }

    fn add_text(&mut self, bytes: u64) -> Result<(), Excess> {
        self.text_bytes += bytes;
        self.total_text_bytes += bytes;
        if self.in_kept {
            self.kept_bytes += bytes;
        }
        self.add_to_unit(bytes)?;
        if self.text_bytes > self.run_bytes_max { Err(Excess::Cell) } else { Ok(()) }
    }

    fn add_to_unit(&mut self, bytes: u64) -> Result<(), Excess> {
        if let Some(unit) = &mut self.unit_bytes {
            *unit += bytes;
            if *unit > self.run_bytes_max {
                return Err(Excess::Cell);
            }
        }
        Ok(())
    }

    fn close_tag(&mut self) -> Result<(), Excess> {
        self.text_bytes = 0;
        self.add_to_unit(self.tag_bytes)?;
        let closing = self.tag.first() == Some(&b'/');
        let alone = self.tag.last() == Some(&b'/') && self.tag_bytes <= TAG_HEAD_BYTES as u64;
        let name = &self.tag[usize::from(closing)..];
        let end = name.iter().position(|b| b" /\t\r\n".contains(b)).unwrap_or(name.len());
        let name = &name[..end];
        let local = memchr::memchr(b':', name).map_or(name, |colon| &name[colon + 1..]);
        match local {
            b"c" | b"si" => {
                self.unit_bytes = (!closing && !alone).then_some(0);
                if local == b"si" {
                    self.strings += u64::from(!closing);
                } else if !closing {
                    std::mem::swap(&mut self.cell, &mut self.tag);
                }
            }
            b"v" | b"t" | b"f" | b"is" => {}
            b"row" => {
                self.rows += u64::from(!closing);
                if self.rows > u64::from(self.limits.sheet_rows_max) {
                    return Err(Excess::Rows);
                }
            }
            b"sst" if !closing => {
                self.strings_declared = attribute(&self.tag, b"uniqueCount")
                    .map_or(0, |digits| digits.parse().unwrap_or(u64::MAX));
            }
            _ => self.keep(closing)?,
        }
        Ok(())
    }

    fn keep(&mut self, closing: bool) -> Result<(), Excess> {
        let name = self.tag.split(|b| b" /\t\r\n".contains(b)).next().unwrap_or_default();
        let local = memchr::memchr(b':', name).map_or(name, |colon| &name[colon + 1..]);
        self.in_kept = !closing && KEPT.contains(&local);
        if self.in_kept {
            self.kept_items += 1;
            self.kept_bytes += self.tag_bytes;
            self.kept_tag_bytes_max = self.kept_tag_bytes_max.max(self.tag_bytes);
            self.formats += u64::from(local == b"xf");
            self.sheets += u64::from(local == b"sheet");
        }
        if self.sheets > u64::from(self.limits.sheets_max) {
            return Err(Excess::Sheets);
        }
        if self.kept_items > KEPT_ITEMS_MAX || self.kept_bytes > self.limits.workbook_part_bytes_max
        {
            return Err(Excess::Kept);
        }
        if self.formats * self.kept_tag_bytes_max > STYLE_BYTES_MAX {
            return Err(Excess::Styles);
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Excess> {
        let strings_bytes = self.strings * SHARED_STRING_COST_BYTES + self.total_text_bytes;
        if self.strings > 0 && strings_bytes > self.limits.shared_strings_bytes_max {
            return Err(Excess::SharedStrings);
        }
        // No reader should come to make room for as many as are declared.
        let believable = (self.limits.shared_strings_bytes_max / SHARED_STRING_COST_BYTES).max(1);
        if self.strings_declared > believable { Err(Excess::StringCount) } else { Ok(()) }
    }

    fn error(&self, excess: Excess, part: &str, blame: Blame<'_>) -> InputError {
        let cell = attribute(&self.cell, b"r").map(str::to_owned);
        let place = Place::Part { part: part.to_owned(), cell };
        let limits = self.limits;
        match excess {
            Excess::Cell => {
                let limit = u64::from(limits.cell_bytes_max);
                blame.limit(place, "the length of a cell in bytes", limit, SHORTEN)
            }
            Excess::Tag => {
                blame.limit(place, "the length of an XML tag", self.run_bytes_max, SAVE_AGAIN)
            }
            Excess::Kept => {
                let limit = limits.workbook_part_bytes_max;
                blame.limit(place, "the size of a workbook part in bytes", limit, SAVE_AGAIN)
            }
            Excess::Styles => {
                blame.limit(place, "the size of the cell formats", STYLE_BYTES_MAX, SAVE_AGAIN)
            }
            Excess::SharedStrings => {
                let limit = limits.shared_strings_bytes_max;
                blame.limit(place, "the size of the shared strings in bytes", limit, SPLIT)
            }
            Excess::StringCount => {
                let found = format!("a declared {}", self.strings_declared);
                blame.damaged(place, "a believable number of shared strings", found)
            }
            Excess::Rows => {
                let limit = u64::from(limits.sheet_rows_max);
                blame.limit(place, "the number of rows", limit, SPLIT)
            }
            Excess::Sheets => {
                let limit = u64::from(limits.sheets_max);
                blame.limit(place, "the number of sheets", limit, NO_ARCHIVE)
            }
        }
    }
}

/// The value of an attribute, when it stands in the part of the tag that was kept.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(space) = rest.iter().position(u8::is_ascii_whitespace) {
        rest = &rest[space + 1..];
        let Some(value) = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")) else {
            continue;
        };
        let (&quote, value) = value.split_first()?;
        let end = value.iter().position(|&byte| byte == quote)?;
        return std::str::from_utf8(&value[..end]).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(xml: &str, chunk: usize, limits: &Limits) -> Result<(), Excess> {
        let mut scan = PartScan::new(xml.as_bytes(), limits);
        assert_eq!(scan.encoding, PartEncoding::Utf8);
        for piece in xml.as_bytes().chunks(chunk) {
            scan.feed(piece)?;
        }
        scan.finish()
    }

    #[test]
    fn verdicts_do_not_depend_on_how_the_part_is_cut() {
        let limits =
            Limits { cell_bytes_max: 10, sheets_max: 2, sheet_rows_max: 2, ..Limits::default() };
        let text = |len: usize| "x".repeat(len);
        for (xml, want) in [
            (format!("<a><c r=\"B2\"><v>{}</v></c></a>", text(33)), Ok(())),
            (format!("<a><c r=\"B2\"><v>{}</v></c></a>", text(41)), Err(Excess::Cell)),
            (format!("<x:c r=\"B2\"><v>{0}</v><v>{0}</v></x:c>", text(20)), Err(Excess::Cell)),
            (format!("<c/>{0}<c/>{0}", text(40)), Ok(())),
            (format!("<si><t>{0}</t><t>{0}</t></si>", text(20)), Err(Excess::Cell)),
            (format!("<a b=\"{}\">", text(40)), Err(Excess::Tag)),
            ("<sheet/><sheet/>".to_owned(), Ok(())),
            ("<sheet/><sheet/><sheet a=\"1\"></sheet>".to_owned(), Err(Excess::Sheets)),
            ("<row/><row></row>".to_owned(), Ok(())),
            ("<row r=\"1\"></row><x:row/><row/>".to_owned(), Err(Excess::Rows)),
            ("<sst uniqueCount=\"99999999999999999999\">".to_owned(), Err(Excess::StringCount)),
            ("<sst count=\"5\" uniqueCount=\"5\">".to_owned(), Ok(())),
        ] {
            for chunk in [1, 2, 3, 7, 1_000] {
                assert_eq!(scan(&xml, chunk, &limits), want, "{xml} in {chunk}");
            }
        }
    }

    #[test]
    fn attributes_are_found_by_their_whole_name() {
        let tag = b"c xr=\"1\" s='4' r=\"B17\" t=\"s\"";
        assert_eq!(attribute(tag, b"r"), Some("B17"));
        assert_eq!(attribute(tag, b"s"), Some("4"));
        assert_eq!(attribute(tag, b"x"), None);
        assert_eq!(attribute(b"c r=\"B", b"r"), None);
    }
}
