//! The shared strings of a workbook, packed.
//!
//! Promises four bytes beside the text of each string, and to count both while reading.

use std::io::BufRead;

use super::super::Limits;
use super::super::error::SPLIT;
use super::super::package::SHARED_STRING_COST_BYTES;
use super::xml::{Fault, Node, Xml};

/// All strings in one piece, and where each ends.
#[derive(Debug, Default)]
pub(super) struct SharedStrings {
    text: String,
    ends: Vec<u32>,
}

impl SharedStrings {
    /// Reads the part `sharedStrings.xml`.
    pub(super) fn read<R: BufRead>(xml: &mut Xml<R>, limits: &Limits) -> Result<Self, Fault> {
        let mut strings = Self::default();
        let mut raw = String::new();
        while let Some(node) = xml.node()? {
            let Node::Open(tag) = node else { continue };
            if tag.name() == "si" {
                xml.string(&mut raw, &mut strings.text)?;
                strings.end_string(limits)?;
            }
        }
        strings.text.shrink_to_fit();
        strings.ends.shrink_to_fit();
        Ok(strings)
    }

    fn end_string(&mut self, limits: &Limits) -> Result<(), Fault> {
        let limit = limits.shared_strings_bytes_max;
        let bytes =
            self.text.len() as u64 + (self.ends.len() as u64 + 1) * SHARED_STRING_COST_BYTES;
        match u32::try_from(self.text.len()) {
            Ok(end) if bytes <= limit => {
                self.ends.push(end);
                Ok(())
            }
            _ => {
                let what = "the size of the shared strings in bytes";
                Err(Fault::Limit { what, limit, cure: SPLIT })
            }
        }
    }

    /// The string of that number, counted from 0.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &str, limits: &Limits) -> Result<SharedStrings, Fault> {
        let xml = format!("<sst uniqueCount=\"1\">{items}</sst>");
        SharedStrings::read(&mut Xml::new(xml.as_bytes(), limits), limits)
    }

    #[test]
    fn strings_of_every_shape_are_found_again() {
        let items = "<si><t>张三</t></si><si/><si><t> a </t></si><si><t xml:space=\"preserve\"> a </t></si>\
                     <si><r><rPr><b/></rPr><t>阿卜杜</t></r><r><t xml:space='preserve'> ·</t></r>\
                     <rPh sb=\"0\" eb=\"1\"><t>abu</t></rPh><phoneticPr fontId=\"1\"/></si>\
                     <si><t>a&lt;&#10;_x0041_<![CDATA[&]]></t></si>";
        let strings = read(items, &Limits::default()).unwrap();
        let seen: Vec<_> = (0..7).map(|index| strings.get(index)).collect();
        let want = ["张三", "", "a", " a ", "阿卜杜 ·", "a<\nA&"];
        assert_eq!(seen[..6], want.map(Some));
        assert_eq!(seen[6], None);
    }

    #[test]
    fn strings_are_counted_while_they_are_read() {
        let limits = |max| Limits { shared_strings_bytes_max: max, ..Limits::default() };
        let items = "<si><t>abcd</t></si>".repeat(10);
        assert!(read(&items, &limits(680)).is_ok());
        assert!(matches!(read(&items, &limits(679)), Err(Fault::Limit { .. })));
        assert!(matches!(read("<si><t>a", &limits(680)), Err(Fault::Damaged { .. })));
    }
}
