//! The XML of one part as a stream of nodes, each bounded before it is held.
//!
//! Promises that no node takes more memory than it may, whatever hides it from the look through the
//! package (comments, quoted angle brackets), and that errors quote nothing of the content. Knows
//! nothing of workbooks.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use super::super::error::{Blame, Place, SAVE_AGAIN, SHORTEN};
use super::super::{InputError, Limits};

/// Elements inside one another; sheets have six, formatted strings fewer.
const DEPTH_MAX: u32 = 64;
/// XML bytes that one byte of cell text may take, tags and escapes included.
const XML_BYTES_PER_CELL_BYTE: u64 = 4;

/// What is wrong with a part, before it is known where.
#[derive(Debug)]
pub(super) enum Fault {
    Damaged { expected: &'static str, found: Cow<'static, str> },
    Limit { what: &'static str, limit: u64, cure: &'static str },
}

impl Fault {
    pub(super) fn damaged(expected: &'static str, found: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged { expected, found: found.into() }
    }

    pub(super) fn at(self, place: Place, blame: Blame<'_>) -> InputError {
        match self {
            Self::Damaged { expected, found } => blame.damaged(place, expected, found),
            Self::Limit { what, limit, cure } => blame.limit(place, what, limit, cure),
        }
    }
}

/// One node. What a reader of workbooks has no use for comes as `Other`.
#[derive(Debug)]
pub(super) enum Node<'b> {
    /// An element begins; its `Close` follows even when it is empty.
    Open(Tag<'b>),
    /// An element ended, and so many are open still.
    Close {
        depth: u32,
    },
    /// A piece of text, entities resolved.
    Text(Cow<'b, str>),
    Other,
}

/// The tag that begins an element.
#[derive(Debug)]
pub(super) struct Tag<'b> {
    start: BytesStart<'b>,
    /// The number of elements open, this one included.
    pub(super) depth: u32,
}

impl Tag<'_> {
    /// The name without the prefix of its name space.
    pub(super) fn name(&self) -> &str {
        let name = self.start.name().into_inner();
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// Calls `each` with the full name and the raw value of every attribute.
    pub(super) fn attributes<'t>(
        &'t self,
        mut each: impl FnMut(&'t str, Cow<'t, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Fault::damaged("sound XML", "a broken tag"))?;
            each(attribute.key.into_inner(), attribute.value)?;
        }
        Ok(())
    }

    /// The value of an attribute, entities resolved.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, Fault> {
        let mut found = None;
        self.attributes(|key, value| {
            if key == name {
                found = Some(value);
            }
            Ok(())
        })?;
        found.map(unescaped).transpose()
    }
}

/// The value of an attribute with its entities resolved.
pub(super) fn unescaped(value: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    if !value.contains('&') {
        return Ok(value);
    }
    match unescape(&value) {
        Ok(text) => Ok(Cow::Owned(text.into_owned())),
        Err(_) => Err(unknown_entity()),
    }
}

fn unknown_entity() -> Fault {
    Fault::damaged("sound XML", "an unknown entity")
}

/// Reads the nodes of one part.
pub(super) struct Xml<R: BufRead> {
    reader: Reader<Bounded<R>>,
    buffer: Vec<u8>,
    node_bytes_max: u64,
    cell_bytes_max: u64,
    depth: u32,
    /// The element just opened was empty.
    close_due: bool,
    root_closed: bool,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn new(part: R, limits: &Limits) -> Self {
        let cell_bytes_max = u64::from(limits.cell_bytes_max);
        let mut reader = Reader::from_reader(Bounded { inner: part, left: 0 });
        let config = reader.config_mut();
        config.check_end_names = true;
        config.allow_dangling_amp = false;
        Self {
            reader,
            buffer: Vec::with_capacity(1 << 10),
            node_bytes_max: cell_bytes_max * XML_BYTES_PER_CELL_BYTE,
            cell_bytes_max,
            depth: 0,
            close_due: false,
            root_closed: false,
        }
    }

    /// Elements open.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// The next node; `None` once the outermost element is closed.
    pub(super) fn node(&mut self) -> Result<Option<Node<'_>>, Fault> {
        if self.root_closed {
            return Ok(None);
        }
        if std::mem::take(&mut self.close_due) {
            return Ok(Some(self.close()));
        }
        self.buffer.clear();
        self.reader.get_mut().left = self.node_bytes_max;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(fault(&error, self.node_bytes_max)),
        };
        Ok(Some(match event {
            Event::Start(start) => {
                self.depth = deeper(self.depth)?;
                Node::Open(Tag { start, depth: self.depth })
            }
            Event::Empty(start) => {
                self.depth = deeper(self.depth)?;
                self.close_due = true;
                Node::Open(Tag { start, depth: self.depth })
            }
            Event::End(_) => {
                // Inlined: the event holds the buffer still.
                self.depth = self.depth.saturating_sub(1);
                self.root_closed = self.depth == 0;
                Node::Close { depth: self.depth }
            }
            Event::Text(text) => Node::Text(text.xml10_content()),
            Event::CData(text) => Node::Text(text.xml10_content()),
            Event::GeneralRef(entity) => match resolve_xml_entity(&entity) {
                Some(text) => Node::Text(Cow::Borrowed(text)),
                None => match entity.resolve_char_ref() {
                    Ok(Some(c)) => Node::Text(Cow::Owned(c.to_string())),
                    _ => return Err(unknown_entity()),
                },
            },
            Event::Eof => return Err(Fault::damaged("a whole part", "its sudden end")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Node::Other,
        }))
    }

    fn close(&mut self) -> Node<'static> {
        self.depth = self.depth.saturating_sub(1);
        self.root_closed = self.depth == 0;
        Node::Close { depth: self.depth }
    }

    /// The next node of an element that is open.
    pub(super) fn inside(&mut self) -> Result<Node<'_>, Fault> {
        self.node()?.ok_or_else(|| Fault::damaged("sound XML", "an end too early"))
    }

    /// Leaves out what is left of the element just opened.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let inner = self.depth;
        loop {
            if matches!(self.inside()?, Node::Close { depth } if depth < inner) {
                return Ok(());
            }
        }
    }

    /// Replaces `text` by the text of the element just opened.
    pub(super) fn text(&mut self, text: &mut String) -> Result<(), Fault> {
        text.clear();
        let (inner, bytes_max) = (self.depth, self.node_bytes_max);
        loop {
            match self.inside()? {
                Node::Text(piece) => text.push_str(&piece),
                Node::Close { depth } if depth < inner => return Ok(()),
                _ => {}
            }
            if text.len() as u64 > bytes_max {
                return Err(self.too_long());
            }
        }
    }

    /// Appends the text of the `si` or `is` element just opened to `out`: runs of formatted text
    /// joined, phonetic guides left out. `raw` is scratch.
    pub(super) fn string(&mut self, raw: &mut String, out: &mut String) -> Result<(), Fault> {
        let (inner, start) = (self.depth, out.len());
        loop {
            let keeps_space = match self.inside()? {
                Node::Open(tag) if tag.name() == "t" => {
                    Some(tag.attribute("xml:space")?.as_deref() == Some("preserve"))
                }
                Node::Open(tag) if tag.name() == "rPh" => None,
                Node::Close { depth } if depth < inner => return Ok(()),
                _ => continue,
            };
            let Some(keeps_space) = keeps_space else {
                self.skip()?;
                continue;
            };
            self.text(raw)?;
            let text =
                if keeps_space { raw.as_str() } else { raw.trim_matches([' ', '\t', '\r', '\n']) };
            push_unescaped(text, out);
            if (out.len() - start) as u64 > self.node_bytes_max {
                return Err(self.too_long());
            }
        }
    }

    fn too_long(&self) -> Fault {
        let what = "the length of a cell in bytes";
        Fault::Limit { what, limit: self.cell_bytes_max, cure: SHORTEN }
    }
}

fn deeper(depth: u32) -> Result<u32, Fault> {
    if depth == DEPTH_MAX {
        let what = "the depth of XML elements";
        return Err(Fault::Limit { what, limit: u64::from(DEPTH_MAX), cure: SAVE_AGAIN });
    }
    Ok(depth + 1)
}

/// What an error of the parser means, without the content that some of them quote.
fn fault(error: &Error, node_bytes_max: u64) -> Fault {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let what = "the length of an XML tag or comment";
            Fault::Limit { what, limit: node_bytes_max, cure: SAVE_AGAIN }
        }
        Error::Io(error) => Fault::damaged("sound packed data", error.to_string()),
        Error::Syntax(error) => Fault::damaged("sound XML", error.to_string()),
        Error::Encoding(_) => Fault::damaged("text in UTF-8", "other bytes"),
        _ => Fault::damaged("sound XML", "tags that do not match"),
    }
}

/// Ends the reading once more than `left` bytes were taken since it was set.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    #[inline]
    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
        self.inner.consume(bytes);
    }
}

/// Bytes of an escaped UTF-16 unit, `_xHHHH_`.
const ESCAPE_BYTES: usize = 7;

/// Appends text with the escapes resolved by which spreadsheets write what XML cannot hold:
/// `_x000D_` is a carriage return, `_x005F_` an underscore (ECMA-376 part 1, 22.9.2.19 ST_Xstring).
pub(super) fn push_unescaped(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let Some(unit) = escaped_unit(&rest[at..]) else {
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        out.push_str(&rest[..at]);
        rest = &rest[at + ESCAPE_BYTES..];
        let low = escaped_unit(rest).filter(|low| (0xDC00..0xE000).contains(low));
        match (unit, low) {
            (0xD800..0xDC00, Some(low)) => {
                let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = &rest[ESCAPE_BYTES..];
            }
            _ => out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
    out.push_str(rest);
}

/// The UTF-16 unit escaped at the very start of `text`.
fn escaped_unit(text: &str) -> Option<u32> {
    let bytes = text.as_bytes().get(..ESCAPE_BYTES)?;
    let digits = bytes.strip_prefix(b"_x")?.strip_suffix(b"_")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(cell_bytes_max: u32) -> Limits {
        Limits { cell_bytes_max, ..Limits::default() }
    }

    fn drain(xml: &str, limits: &Limits) -> Result<String, Fault> {
        // A small buffer, so that nodes cross its end.
        let part = io::BufReader::with_capacity(16, xml.as_bytes());
        let mut xml = Xml::new(part, limits);
        let mut seen = String::new();
        while let Some(node) = xml.node()? {
            match node {
                Node::Open(tag) => seen.push_str(&format!("<{}{}", tag.name(), tag.depth)),
                Node::Close { depth } => seen.push_str(&format!(">{depth}")),
                Node::Text(text) => seen.push_str(&text),
                Node::Other => seen.push('?'),
            }
        }
        Ok(seen)
    }

    #[test]
    fn nodes_come_in_order_and_empty_elements_are_closed() {
        let xml = "\u{FEFF}<?xml version=\"1.0\"?><a><x:b c='>'/>t&amp;&#x41;<!-- < --><![CDATA[<]]></a>rest";
        assert_eq!(drain(xml, &limits(100)).unwrap(), "?<a1<b2>1t&A?<>0");
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_not_held() {
        let long = |bytes: usize| format!("<a><!--{}--></a>", "<x>".repeat(bytes / 3));
        assert!(drain(&long(300), &limits(100)).is_ok());
        assert!(matches!(drain(&long(600), &limits(100)), Err(Fault::Limit { .. })));
        let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(drain(&deep(64), &limits(100)).is_ok());
        assert!(matches!(drain(&deep(65), &limits(100)), Err(Fault::Limit { .. })));
    }

    #[test]
    fn broken_xml_is_told_without_its_content() {
        for xml in
            ["<a>张三", "<a></b>", "<a>&nbsp;</a>", "<a>&#xD800;</a>", "<a>x & y</a>", "<a", ""]
        {
            match drain(xml, &limits(100)) {
                Err(Fault::Damaged { found, .. }) => assert!(!found.contains("张三"), "{found}"),
                other => panic!("{xml}: {other:?}"),
            }
        }
    }

    #[test]
    fn spreadsheet_escapes_are_resolved() {
        for (given, want) in [
            ("张_x000D_三", "张\r三"),
            ("_x005F_x000D_", "_x000D_"),
            ("_xD83D__xDCF7_", "\u{1F4F7}"),
            ("_xD83D_x", "\u{FFFD}x"),
            ("_xDCF7_", "\u{FFFD}"),
            ("_x00_x0041_", "_x00A"),
            ("a_b_xGGGG__x", "a_b_xGGGG__x"),
            ("_x+041_", "_x+041_"),
        ] {
            let mut out = String::new();
            push_unescaped(given, &mut out);
            assert_eq!(out, want, "{given}");
        }
    }
}
