//! Which cell formats make a day of a number.
//!
//! Promises one byte for each cell format. Decides on the format alone, never on the number.

use std::collections::HashMap;
use std::io::BufRead;

use super::xml::{Fault, Node, Xml};

/// What a number in a cell of some format is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// A number.
    #[default]
    Plain,
    /// A day or a time of day.
    Day,
    /// A span of time, which may be longer than a day.
    Span,
}

/// Reads the part `styles.xml`: the kind of every cell format in order.
pub(super) fn read<R: BufRead>(xml: &mut Xml<R>) -> Result<Vec<NumberKind>, Fault> {
    /// The depth of the lists inside `styleSheet`.
    const LIST_DEPTH: u32 = 2;
    let mut custom: HashMap<u32, NumberKind> = HashMap::new();
    let mut formats: Vec<u32> = Vec::new();
    let (mut in_formats, mut in_cells) = (false, false);
    while let Some(node) = xml.node()? {
        let Node::Open(tag) = node else { continue };
        let name = tag.name();
        if tag.depth == LIST_DEPTH {
            // `cellStyleXfs` and `dxfs` hold elements of the same names.
            (in_formats, in_cells) = (name == "numFmts", name == "cellXfs");
        } else if tag.depth == LIST_DEPTH + 1 && in_formats && name == "numFmt" {
            let id = tag.attribute("numFmtId")?.and_then(|id| id.parse().ok());
            if let (Some(id), Some(code)) = (id, tag.attribute("formatCode")?) {
                custom.insert(id, kind_of_code(&code));
            }
        } else if tag.depth == LIST_DEPTH + 1 && in_cells && name == "xf" {
            let id = tag.attribute("numFmtId")?.and_then(|id| id.parse().ok());
            formats.push(id.unwrap_or(0));
        }
    }
    let kind = |id: &u32| custom.get(id).copied().unwrap_or_else(|| kind_of_builtin(*id));
    Ok(formats.iter().map(kind).collect())
}

/// The formats that need not be spelt out (ECMA-376 part 1, 18.8.30 numFmt): 27 to 36 and 50 to 58
/// are days and times of East Asian languages.
fn kind_of_builtin(id: u32) -> NumberKind {
    match id {
        14..=22 | 27..=36 | 45 | 47 | 50..=58 => NumberKind::Day,
        46 => NumberKind::Span,
        _ => NumberKind::Plain,
    }
}

/// Looks for a letter of day or time in the first section of a format code, outside of quotes,
/// brackets and escapes. Hours, minutes or seconds alone in brackets are a span.
fn kind_of_code(code: &str) -> NumberKind {
    let (mut quoted, mut brackets, mut half_day) = (false, 0u32, false);
    let mut in_span = false;
    let mut before = ' ';
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c.to_ascii_lowercase() {
            // The next character is shown, left as blank, or repeated.
            '_' | '\\' | '*' => {
                before = chars.next().unwrap_or(' ');
                continue;
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            ';' => return NumberKind::Plain,
            '[' => brackets += 1,
            ']' if brackets == 1 && in_span => return NumberKind::Span,
            ']' => brackets = brackets.saturating_sub(1),
            'a' if brackets == 0 && !half_day => half_day = true,
            'p' | 'm' | '/' if brackets == 0 && half_day => return NumberKind::Day,
            'd' | 'm' | 'h' | 'y' | 's' if brackets == 0 && !half_day => return NumberKind::Day,
            _ if in_span && c.eq_ignore_ascii_case(&before) => {}
            lower => in_span = before == '[' && matches!(lower, 'm' | 'h' | 's'),
        }
        before = c;
    }
    NumberKind::Plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Limits;

    #[test]
    fn codes_are_told_by_their_letters() {
        use NumberKind::{Day, Plain, Span};
        for (code, want) in [
            ("yyyy\"年\"m\"月\"d\"日\"", Day),
            ("yyyy年m月d日", Day),
            ("[$-804]yyyy\\-mm\\-dd;@", Day),
            ("[DBNum1][$-804]yyyy\"年\"m\"月\"", Day),
            ("DD/MM/YY", Day),
            ("h:mm AM/PM", Day),
            ("上午/下午h\"时\"", Day),
            ("ha/p\\\\m", Day),
            ("*-yyyy-mm-dd", Day),
            ("[Red]d", Day),
            ("[h]:mm:ss", Span),
            ("[ss]", Span),
            ("[>=100][Magenta][s].00", Span),
            ("General", Plain),
            ("@", Plain),
            ("0.00%", Plain),
            ("0\"年\"", Plain),
            ("0年", Plain),
            ("\"Y: \"0.00\"m\";\"Y: \"-0.00\"m\"", Plain),
            ("0;yyyy", Plain),
            ("\\Y000000", Plain),
            ("#,##0*y", Plain),
            ("#,##0_d", Plain),
            ("#,##0\\ [$\u{20bd}-46D]", Plain),
            ("[>=100][Magenta]General", Plain),
            ("[hs]0", Plain),
        ] {
            assert_eq!(kind_of_code(code), want, "{code}");
        }
    }

    #[test]
    fn only_the_formats_of_cells_count() {
        let xml = "<styleSheet><numFmts><numFmt numFmtId=\"176\" formatCode=\"yyyy&quot;年&quot;\"/>\
                   <numFmt numFmtId=\"14\" formatCode=\"0\"/></numFmts>\
                   <cellStyleXfs><xf numFmtId=\"22\"/></cellStyleXfs>\
                   <cellXfs><xf numFmtId=\"176\"><alignment/></xf><xf numFmtId=\"14\"/><xf numFmtId=\"58\"/>\
                   <xf/><xf numFmtId=\"46\"/><xf numFmtId=\"x\"/></cellXfs>\
                   <dxfs><dxf><numFmt numFmtId=\"46\" formatCode=\"0\"/></dxf></dxfs></styleSheet>";
        use NumberKind::{Day, Plain, Span};
        let formats = read(&mut Xml::new(xml.as_bytes(), &Limits::default())).unwrap();
        assert_eq!(formats, [Day, Plain, Day, Plain, Span, Plain]);
    }
}
