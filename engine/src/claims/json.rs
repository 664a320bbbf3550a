//! Claims as JSON objects: a line each (NDJSON), or the elements of an array.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::claim::{Invalid, Reading};
use super::field::ClaimField;

/// Reads the claim of one JSON text, as far as it can be read.
pub(super) fn read<'t>(text: &'t str, reading: &mut Reading<'t>) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Members(reading).deserialize(&mut deserializer);
    if read.and_then(|()| deserializer.end()).is_err() {
        reading.wrong = Some(Invalid::Malformed);
    }
    reading.end();
}

/// Reads the members of an object; a wrong one does not keep the others from being read.
struct Members<'r, 't>(&'r mut Reading<'t>);

impl<'t> DeserializeSeed<'t> for Members<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Members<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(field) = members.next_key_seed(Name)? {
            match (field, members.next_value_seed(Value(field))?) {
                (None, _) => self.0.note(Invalid::UnknownField),
                (Some(_), Given::Nothing) => {}
                (Some(_), Given::Wrong) => self.0.note(Invalid::NotText),
                (Some(field), Given::Text(text)) => {
                    self.0.claim.order.push(field);
                    self.0.give(field, text);
                }
            }
        }
        Ok(())
    }
}

/// The name of a member.
struct Name;

impl<'t> DeserializeSeed<'t> for Name {
    type Value = Option<ClaimField>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<ClaimField>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(ClaimField::from_name(name))
    }
}

/// The value of a member.
enum Given<'t> {
    Text(Cow<'t, str>),
    Nothing,
    Wrong,
}

struct Value(Option<ClaimField>);

impl Value {
    /// `tax_year` and `level` may be numbers.
    fn number<'t>(&self, number: impl fmt::Display) -> Given<'t> {
        match self.0 {
            Some(ClaimField::TaxYear | ClaimField::Level) => {
                Given::Text(Cow::Owned(number.to_string()))
            }
            _ => Given::Wrong,
        }
    }
}

impl<'t> DeserializeSeed<'t> for Value {
    type Value = Given<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Value {
    type Value = Given<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Given<'t>, E> {
        Ok(Given::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Given<'t>, E> {
        Ok(Given::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Given<'t>, E> {
        Ok(Given::Nothing)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Given<'t>, E> {
        Ok(self.number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Given<'t>, E> {
        Ok(self.number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Given<'t>, E> {
        Ok(self.number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Given<'t>, E> {
        Ok(Given::Wrong)
    }

    fn visit_seq<A: serde::de::SeqAccess<'t>>(self, mut seq: A) -> Result<Given<'t>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong)
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Given<'t>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong)
    }
}

/// Finds the ends of the elements of an array, however its bytes are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ElementScanner {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

/// What ends an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementEnd {
    /// A comma at this place: another follows.
    Comma(usize),
    /// The end of the array at this place.
    Bracket(usize),
}

impl ElementScanner {
    /// The end of the element the scanner is in, from `from` on; `None` when it is not here yet.
    pub(super) fn scan(&mut self, bytes: &[u8], from: usize) -> Option<ElementEnd> {
        for (at, &byte) in bytes.iter().enumerate().skip(from) {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b',' if self.depth == 0 => return Some(ElementEnd::Comma(at)),
                b']' if self.depth == 0 => return Some(ElementEnd::Bracket(at)),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Reading<'_> {
        let mut reading = Reading::default();
        read(text, &mut reading);
        reading
    }

    fn invalid(text: &str) -> Option<Invalid> {
        reading(text).wrong
    }

    #[test]
    fn a_wrong_member_is_named_and_the_reference_is_read_all_the_same() {
        for (text, expected) in [
            (r#"{"name":"白京","id_number":"1"}"#, None),
            (r#"{"name":"\u767d京","id_number":"1","tax_year":2020,"level":null,"ref":"7"}"#, None),
            (
                r#"{"name":"白京","ticket_number":"1","ref":"7","x":{"y":[1]}}"#,
                Some(Invalid::UnknownField),
            ),
            (r#"{"name":"白京","姓名":"白京","ref":"7"}"#, Some(Invalid::UnknownField)),
            (r#"{"name":"白京","name":"白京","ref":"7"}"#, Some(Invalid::DuplicateField)),
            (r#"{"id_number":1,"ref":"7"}"#, Some(Invalid::NotText)),
            (r#"{"name":["白京"],"ref":"7"}"#, Some(Invalid::NotText)),
            (r#"{"ref":"7","name":"白京""#, Some(Invalid::Malformed)),
            (r#"{"ref":"7"} x"#, Some(Invalid::Malformed)),
        ] {
            let found = reading(text);
            assert_eq!(found.wrong, expected, "{text}");
            let reference = if text.contains("ref") { "7" } else { "" };
            assert_eq!(found.reference, reference, "{text}");
        }
        for text in ["", "7", "[]", "nonsense", "{}}", "{\"name\":\"\u{1}\"}"] {
            assert_eq!(invalid(text), Some(Invalid::Malformed), "{text}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(invalid(&deep), Some(Invalid::UnknownField), "however deep");
    }

    #[test]
    fn elements_end_where_they_end_however_they_are_cut() {
        let text = br#" {"a":"x,]}\"","b":[1,{"c":2}]} , 7 ,"]" ]"#;
        for cut in 0..text.len() {
            let mut scanner = ElementScanner::default();
            let mut ends = Vec::new();
            for (from, to) in [(0, cut), (cut, text.len())] {
                let mut at = from;
                while let Some(end) = scanner.scan(&text[..to], at) {
                    ends.push(end);
                    at = match end {
                        ElementEnd::Comma(at) | ElementEnd::Bracket(at) => at + 1,
                    };
                }
            }
            let expected = [ElementEnd::Comma(32), ElementEnd::Comma(36), ElementEnd::Bracket(41)];
            assert_eq!(ends, expected, "cut at {cut}");
        }
    }
}
