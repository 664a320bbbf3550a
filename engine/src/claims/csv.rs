//! Claims as CSV (RFC 4180): a header, then one record a claim.
//!
//! Promises that a record ends where it ends however the bytes are cut, that a record which is no
//! CSV costs itself alone, and that a quote which is never closed costs the line it stands on.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr2_iter};

use super::claim::{Invalid, Reading};
use super::error::StreamError;
use super::field::{ClaimField, FieldOrder};

/// Bytes of a header.
pub(super) const HEADER_BYTES_MAX: usize = 4096;

/// Which field each column holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    columns: Vec<ClaimField>,
    order: FieldOrder,
}

impl Header {
    /// Reads the first record of a stream.
    pub(super) fn parse(line: &str) -> Result<Self, StreamError> {
        let mut texts = Vec::new();
        let record = split(line, 0, &mut texts);
        if !record.is_well_formed {
            return Err(StreamError::HeaderUnreadable);
        }
        let mut columns = Vec::with_capacity(texts.len());
        for text in texts {
            let field = ClaimField::from_title(&text)
                .ok_or_else(|| StreamError::UnknownColumn(shown(&text)))?;
            if columns.contains(&field) {
                return Err(StreamError::DuplicateColumn(field.name()));
            }
            columns.push(field);
        }
        if columns.iter().filter(|field| field.key().is_some()).count() < 2 {
            return Err(StreamError::FewKeyColumns);
        }
        let mut order = FieldOrder::default();
        columns.iter().for_each(|&field| order.push(field));
        Ok(Self { columns, order })
    }

    /// Reads the claim of one record.
    #[inline]
    pub(super) fn read<'t>(&self, texts: &mut Vec<Cow<'t, str>>, reading: &mut Reading<'t>) {
        if texts.len() != self.columns.len() {
            return self.name(texts, reading);
        }
        reading.claim.order = self.order;
        for (&field, text) in self.columns.iter().zip(texts.drain(..)) {
            reading.give(field, text);
        }
        reading.end();
    }

    /// What a record of too few or too many columns calls itself by, when that column is there.
    #[cold]
    fn name<'t>(&self, texts: &[Cow<'t, str>], reading: &mut Reading<'t>) {
        reading.note(Invalid::Malformed);
        let at = self.columns.iter().position(|&field| field == ClaimField::Reference);
        if let Some(text) = at.and_then(|at| texts.get(at)) {
            reading.give(ClaimField::Reference, text.clone());
        }
    }
}

/// A title as it can stand in an error: short, and nothing that is not seen.
fn shown(title: &str) -> String {
    const CHARACTERS_MAX: usize = 32;
    title.chars().filter(|c| !c.is_control()).take(CHARACTERS_MAX).collect()
}

/// Where a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Behind its line end.
    pub(super) end: usize,
    pub(super) is_well_formed: bool,
    /// Whether it is known to stand on one line.
    pub(super) is_one_line: bool,
}

/// The end of the record that begins at `start`; `None` when it is not all here.
pub(super) fn record_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        if bytes.get(at) == Some(&b'"') {
            at = closing_quote(bytes, at)? + 1;
            match bytes.get(at)? {
                b',' => at += 1,
                b'\n' => return Some(at + 1),
                // `\r\n`, or something that has no business here: up to the end of the line.
                _ => return memchr(b'\n', &bytes[at..]).map(|found| at + found + 1),
            }
        } else {
            let found = at + memchr2(b',', b'\n', bytes.get(at..)?)?;
            at = found + 1;
            if bytes[found] == b'\n' {
                return Some(at);
            }
        }
    }
}

/// The quote that closes the one at `open`: the first that is not doubled.
fn closing_quote(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Splits the record that begins at `start` into its fields. A record that never ends ends with the
/// line on which it begins.
pub(super) fn split<'t>(text: &'t str, start: usize, fields: &mut Vec<Cow<'t, str>>) -> Record {
    fields.clear();
    let bytes = text.as_bytes();
    let line_end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |found| start + found);
    if memchr(b'"', &bytes[start..line_end]).is_none() {
        return split_unquoted(text, start, fields);
    }
    split_quoted(text, start, fields).unwrap_or(Record {
        end: (line_end + 1).min(bytes.len()),
        is_well_formed: false,
        is_one_line: true,
    })
}

/// The same for a text without quotes.
#[inline]
pub(super) fn split_unquoted<'t>(
    text: &'t str,
    start: usize,
    fields: &mut Vec<Cow<'t, str>>,
) -> Record {
    fields.clear();
    let bytes = text.as_bytes();
    let mut field = start;
    for found in memchr2_iter(b',', b'\n', &bytes[start..]) {
        let at = start + found;
        if bytes[at] == b',' {
            fields.push(Cow::Borrowed(&text[field..at]));
            field = at + 1;
        } else {
            let last = &text[field..at];
            fields.push(Cow::Borrowed(last.strip_suffix('\r').unwrap_or(last)));
            return Record { end: at + 1, is_well_formed: true, is_one_line: true };
        }
    }
    let last = &text[field..];
    fields.push(Cow::Borrowed(last.strip_suffix('\r').unwrap_or(last)));
    Record { end: bytes.len(), is_well_formed: true, is_one_line: true }
}

fn split_quoted<'t>(text: &'t str, start: usize, fields: &mut Vec<Cow<'t, str>>) -> Option<Record> {
    let bytes = text.as_bytes();
    let end = match record_end(bytes, start) {
        Some(end) => end,
        // The last record of all may lack its line end.
        None if bytes.last() != Some(&b'\n') && ends_at_end(bytes, start) => bytes.len(),
        None => return None,
    };
    let record = &text[start..end];
    let record = record.strip_suffix('\n').unwrap_or(record);
    let record = record.strip_suffix('\r').unwrap_or(record);
    let bytes = record.as_bytes();
    let mut is_well_formed = true;
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            let close = closing_quote(bytes, at).unwrap_or(bytes.len());
            let inner = &record[at + 1..close];
            fields.push(if inner.contains('"') {
                Cow::Owned(inner.replace("\"\"", "\""))
            } else {
                Cow::Borrowed(inner)
            });
            at = close + 1;
            match bytes.get(at) {
                Some(b',') => at += 1,
                None => break,
                Some(_) => {
                    is_well_formed = false;
                    break;
                }
            }
        } else {
            let comma = memchr(b',', &bytes[at..]).map(|found| at + found);
            let inner = &record[at..comma.unwrap_or(bytes.len())];
            is_well_formed &= !inner.contains('"');
            fields.push(Cow::Borrowed(inner));
            match comma {
                Some(comma) => at = comma + 1,
                None => break,
            }
        }
    }
    Some(Record { end, is_well_formed, is_one_line: false })
}

/// Whether all quotes from `start` on are closed at the end of the text.
fn ends_at_end(bytes: &[u8], start: usize) -> bool {
    let mut closed = bytes[start..].to_vec();
    closed.push(b'\n');
    record_end(&closed, 0) == Some(closed.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(text: &str) -> (Vec<String>, Record) {
        let mut fields = Vec::new();
        let record = split(text, 0, &mut fields);
        (fields.into_iter().map(Cow::into_owned).collect(), record)
    }

    #[test]
    fn records_and_what_is_none() {
        for (text, expected, end, well_formed) in [
            ("a,b\r\nc", &["a", "b"][..], 5, true),
            ("a,b", &["a", "b"], 3, true),
            ("\"a,1\",\"b\"\"\"\nc", &["a,1", "b\""], 12, true),
            ("\"a\nb\",c\n", &["a\nb", "c"], 8, true),
            ("\"a\nb\",c", &["a\nb", "c"], 7, true),
            (",,\n", &["", "", ""], 3, true),
            ("\"\",\"\"\r\n", &["", ""], 7, true),
            ("\"a\"x,b\nc\n", &["a"], 7, false),
            ("a\"x,b\nc\n", &["a\"x", "b"], 6, false),
            ("\"a,b\nc,d\n", &[], 5, false),
        ] {
            let (found, record) = fields(text);
            assert_eq!((record.end, record.is_well_formed), (end, well_formed), "{text:?}");
            if well_formed {
                assert_eq!(found, expected, "{text:?}");
            }
        }
    }

    #[test]
    fn headers_in_both_languages_and_what_is_wrong_with_them() {
        let columns = |line| Header::parse(line).map(|header| header.columns.len());
        assert_eq!(columns("ref,name,id_number,tax_year\r\n"), Ok(4));
        assert_eq!(columns("序号,姓名,\"身份证号\",证书编号,发证（批准）日期"), Ok(5));
        assert_eq!(
            columns("姓名,证书编号,纳税人识别号"),
            Err(StreamError::UnknownColumn("纳税人识别号".to_owned()))
        );
        assert_eq!(columns("姓名,name,证书编号"), Err(StreamError::DuplicateColumn("name")));
        assert_eq!(columns("姓名,发证日期"), Err(StreamError::FewKeyColumns));
        assert_eq!(columns("\"姓名\"x,证书编号"), Err(StreamError::HeaderUnreadable));
    }

    proptest! {
        #[test]
        fn written_fields_read_back(
            records in prop::collection::vec(prop::collection::vec("[a,\"\n\r张]{0,6}", 1..5), 1..6),
        ) {
            // A single empty field would be an empty line.
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let text: String = records
                .iter()
                .map(|fields| fields.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n")
                .collect();
            let mut at = 0;
            for expected in &records {
                let mut fields = Vec::new();
                let record = split(&text, at, &mut fields);
                prop_assert!(record.is_well_formed);
                prop_assert_eq!(record_end(text.as_bytes(), at), Some(record.end));
                prop_assert_eq!(&fields, expected);
                at = record.end;
            }
            prop_assert_eq!(at, text.len());
        }

        #[test]
        fn any_text_is_split_without_panic_and_to_its_end(text in "[a,\"\n\r]{0,30}") {
            let mut at = 0;
            let mut fields = Vec::new();
            while at < text.len() {
                let record = split(&text, at, &mut fields);
                prop_assert!(record.end > at);
                at = record.end;
            }
        }
    }
}
