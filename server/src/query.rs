//! A request body to the two fields of a query: the only place that decodes what a client typed.
//!
//! Promises that a body is either understood whole or refused: no unknown fields, none twice, no
//! numbers in place of text (they lose digits), nothing but UTF-8. Meaning is the engine's, by the
//! same normalisation that loading uses.

use std::borrow::Cow;
use std::fmt;

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use zhengcha_engine::Field;
use zhengcha_engine::key::normalize::{NormalPair, QueryError, query_pair};

use crate::page::Entered;
use crate::problem::{Kind, Problem};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl Encoding {
    /// What the headers say the body is.
    pub fn of(headers: &HeaderMap) -> Result<Self, Kind> {
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(Kind::UnsupportedMediaType);
        }
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Kind::UnsupportedMediaType);
        };
        Self::named(value.as_bytes())
    }

    /// What the value of the one `Content-Type` says the body is.
    pub fn named(value: &[u8]) -> Result<Self, Kind> {
        if value == b"application/json" {
            return Ok(Self::Json);
        }
        let text = std::str::from_utf8(value).map_err(|_| Kind::UnsupportedMediaType)?;
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        for parameter in parameters.split(';') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
                return Err(Kind::UnsupportedMediaType);
            }
        }
        if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else {
            Err(Kind::UnsupportedMediaType)
        }
    }
}

/// The four fields as sent, in the order of [`Field::ALL`]. Never printed: they are personal data.
#[derive(Default)]
pub struct Typed<'b> {
    fields: [Option<Cow<'b, str>>; 4],
}

impl<'b> Typed<'b> {
    /// Reads a body.
    pub fn parse(encoding: Encoding, body: &'b [u8]) -> Result<Self, Problem> {
        match encoding {
            Encoding::Json => parse_json(body),
            Encoding::Form => parse_form(body),
        }
    }

    /// What was sent for one field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields[field as usize].as_deref()
    }

    /// The two fields in normal form.
    pub fn normal(&self) -> Result<NormalPair, Problem> {
        query_pair(Field::ALL.map(|field| self.get(field))).map_err(|error| match error {
            QueryError::TwoFieldsRequired => Problem::from(Kind::TwoFieldsRequired),
            QueryError::TooLong { field } => Problem::with_field(Kind::FieldTooLong, field),
            QueryError::Unusable { field } => Problem::with_field(Kind::FieldUnusable, field),
        })
    }

    /// What was typed, for putting it back into the form.
    #[must_use]
    pub fn entered(&self) -> Entered {
        let text = |field| self.get(field).unwrap_or_default().to_owned();
        Entered {
            id_number: text(Field::IdNumber),
            certificate_number: text(Field::CertificateNumber),
            ticket_number: text(Field::TicketNumber),
            name: text(Field::Name),
        }
    }

    fn put(&mut self, field: Field, text: Cow<'b, str>) -> Result<(), Problem> {
        let place = &mut self.fields[field as usize];
        if place.is_some() {
            return Err(Problem::with_field(Kind::DuplicateField, field));
        }
        *place = Some(text);
        Ok(())
    }
}

fn field_named(name: &str) -> Option<Field> {
    Field::ALL.into_iter().find(|field| field.name() == name)
}

fn parse_form(body: &[u8]) -> Result<Typed<'_>, Problem> {
    let mut typed = Typed::default();
    for (name, value) in form_urlencoded::parse(body) {
        // Bytes that were no UTF-8 have become this; no name or number holds it.
        if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER)
        {
            return Err(Kind::InvalidBody.into());
        }
        let field = field_named(&name).ok_or(Kind::UnknownField)?;
        typed.put(field, value)?;
    }
    Ok(typed)
}

fn parse_json(body: &[u8]) -> Result<Typed<'_>, Problem> {
    if let Some(typed) = parse_usual_json(body) {
        return Ok(typed);
    }
    let Object(outcome) = serde_json::from_slice(body).map_err(|_| Kind::InvalidBody)?;
    outcome
}

/// The usual body: an object of text members without escapes. `None` for anything else, whether good
/// or bad: that is for the whole parser to say.
fn parse_usual_json(body: &[u8]) -> Option<Typed<'_>> {
    let mut typed = Typed::default();
    let mut rest = after_space(std::str::from_utf8(body).ok()?).strip_prefix('{')?;
    loop {
        let (name, after) = plain_text(after_space(rest))?;
        let value = after_space(after).strip_prefix(':')?;
        let (value, after) = plain_text(after_space(value))?;
        typed.put(field_named(name)?, Cow::Borrowed(value)).ok()?;
        let after = after_space(after);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after_space(after.strip_prefix('}')?).is_empty().then_some(typed),
        }
    }
}

/// What follows the white space of RFC 8259.
fn after_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// A text without escapes, and what follows it.
fn plain_text(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    let (inside, after) = text.split_at_checked(end)?;
    Some((inside, after.strip_prefix('"')?))
}

/// A JSON object of the four fields. What is wrong with it is kept until the whole is read, so that
/// broken JSON is always called that.
struct Object<'b>(Result<Typed<'b>, Problem>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of text fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut typed = Typed::default();
                let mut problem = None;
                while let Some(Text(name)) = map.next_key()? {
                    let field = name.as_deref().and_then(field_named);
                    let Text(value) = map.next_value()?;
                    let outcome = match (field, value) {
                        (None, _) => Err(Kind::UnknownField.into()),
                        (Some(field), None) => Err(Problem::with_field(Kind::FieldNotText, field)),
                        (Some(field), Some(text)) => typed.put(field, text),
                    };
                    problem = problem.or(outcome.err());
                }
                Ok(Object(problem.map_or(Ok(typed), Err)))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Text, borrowed where it has no escapes; null counts as empty; `None` for anything else.
struct Text<'b>(Option<Cow<'b, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(""))))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Text<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn outcome(encoding: Encoding, body: &str) -> Result<Vec<Option<String>>, &'static str> {
        let typed =
            Typed::parse(encoding, body.as_bytes()).map_err(|problem| problem.kind.code())?;
        Ok(Field::ALL.map(|field| typed.get(field).map(str::to_owned)).to_vec())
    }

    #[test]
    fn fields_are_numbered_in_order() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, index);
        }
    }

    #[test]
    fn json_bodies() {
        let json = |body: &str| outcome(Encoding::Json, body);
        let name = |text: &str| Ok(vec![None, None, None, Some(text.to_owned())]);
        assert_eq!(json(r#"{"name":"白京"}"#), name("白京"));
        assert_eq!(json(r#"{"name":"\u767d\u4eac"}"#), name("白京"));
        assert_eq!(json(r#" {"name":null} "#), name(""));
        assert_eq!(json("{}"), Ok(vec![None; 4]));
        for broken in
            ["", "{", "[]", "null", "\"a\"", "{}{}", "{\"name\":\"a\",}", "{name:1}", "\u{feff}{}"]
        {
            assert_eq!(json(broken), Err("invalid-body"), "{broken}");
        }
        assert_eq!(json(r#"{"nmae":"a"}"#), Err("unknown-field"));
        assert_eq!(json(r#"{"nmae":{"a":[1]}}"#), Err("unknown-field"));
        assert_eq!(json(r#"{"name":"a","name":"b"}"#), Err("duplicate-field"));
        assert_eq!(json(r#"{"name":null,"name":"b"}"#), Err("duplicate-field"));
        for wrong in ["1", "1.5", "-1", "true", "[\"a\"]", "{\"a\":1}", "110105199001011237"] {
            assert_eq!(json(&format!("{{\"id_number\":{wrong}}}")), Err("field-not-text"));
        }
        assert_eq!(json(r#"{"id_number":1,"name":"#), Err("invalid-body"), "broken comes first");
        let deep = format!("{{\"name\":{}}}", "[".repeat(8000));
        assert_eq!(json(&deep), Err("invalid-body"));
    }

    #[test]
    fn usual_bodies_take_the_short_way() {
        for usual in [
            r#"{"name":"白京","certificate_number":"0101120201100058"}"#,
            "{ \"name\" : \"白京\",\n \"ticket_number\": \"1\" }\n",
        ] {
            assert!(parse_usual_json(usual.as_bytes()).is_some(), "{usual}");
        }
        for other in [r#"{"name":"\u767d"}"#, r#"{"name":null}"#, "{}", "{\"name\":\"a\"}}"] {
            assert!(parse_usual_json(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn form_bodies() {
        let form = |body: &str| outcome(Encoding::Form, body);
        let expected = vec![Some("1 2".to_owned()), None, None, Some("白京".to_owned())];
        assert_eq!(form("id_number=1+2&name=%E7%99%BD%E4%BA%AC"), Ok(expected));
        assert_eq!(form(""), Ok(vec![None; 4]));
        assert_eq!(form("name=%FF"), Err("invalid-body"));
        assert_eq!(form("name=a&name=b"), Err("duplicate-field"));
        assert_eq!(form("name=a&other=b"), Err("unknown-field"));
    }

    #[test]
    fn content_types() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            Encoding::of(&headers)
        };
        assert_eq!(of("application/json"), Ok(Encoding::Json));
        assert_eq!(of("Application/JSON ; charset=\"UTF-8\""), Ok(Encoding::Json));
        assert_eq!(of("application/x-www-form-urlencoded"), Ok(Encoding::Form));
        for refused in
            ["", "text/plain", "application/json; charset=gbk", "application/jsonp", "*/*"]
        {
            assert_eq!(of(refused), Err(Kind::UnsupportedMediaType), "{refused}");
        }
        assert_eq!(Encoding::of(&HeaderMap::new()), Err(Kind::UnsupportedMediaType));
        let mut twice = HeaderMap::new();
        twice.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        twice.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(Encoding::of(&twice), Err(Kind::UnsupportedMediaType));
    }

    #[test]
    fn exactly_two_fields_make_a_query() {
        let normal = |body: &str| {
            let typed = Typed::parse(Encoding::Json, body.as_bytes()).unwrap();
            typed.normal().map(|pair| pair.mode.name()).map_err(|problem| problem.kind.code())
        };
        assert_eq!(normal(r#"{"name":"白京","certificate_number":"0101120201100058"}"#), Ok("CN"));
        for body in [
            "{}",
            r#"{"name":"白京"}"#,
            r#"{"name":"白京","certificate_number":" \u3000"}"#,
            r#"{"name":"白京","certificate_number":"1","ticket_number":"2"}"#,
        ] {
            assert_eq!(normal(body), Err("two-fields-required"), "{body}");
        }
        let long = format!(r#"{{"name":"白京","ticket_number":"{}"}}"#, "1".repeat(65));
        assert_eq!(normal(&long), Err("field-too-long"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in [Encoding::Json, Encoding::Form] {
                if let Ok(typed) = Typed::parse(encoding, &body) {
                    let _ = typed.normal();
                }
            }
        }

        #[test]
        fn the_usual_body_reads_as_the_whole_parser_reads_it(
            members in proptest::collection::vec(
                ("(id_number|certificate_number|ticket_number|name|nmae)",
                 "[ \t\n]?",
                 "(\"[0-9白京a ]{0,6}\"|null|1|\"\\\\\"|\"\\\\u767d\"|\"\t\"|\"\u{0}\"|\"\u{7f}\")"),
                0..4,
            ),
            cut in 0usize..8,
        ) {
            let members: Vec<String> = members
                .iter()
                .map(|(name, space, value)| format!("{space}\"{name}\"{space}:{space}{value}{space}"))
                .collect();
            let mut body = format!("{{{}}} ", members.join(","));
            body.truncate(body.len() - cut.saturating_sub(5).min(body.len()));
            let whole = serde_json::from_slice(body.as_bytes())
                .map_err(|_| Problem::from(Kind::InvalidBody))
                .and_then(|Object(outcome)| outcome);
            match (parse_usual_json(body.as_bytes()), whole) {
                (Some(usual), Ok(whole)) => prop_assert_eq!(usual.fields, whole.fields),
                (Some(_), Err(_)) => prop_assert!(false, "taken, though the parser refuses {}", body),
                (None, _) => {}
            }
        }

        #[test]
        fn what_json_and_form_carry_is_the_same(values in proptest::array::uniform4(".{0,20}")) {
            prop_assume!(values.iter().all(|value| !value.contains(char::REPLACEMENT_CHARACTER)));
            let object: serde_json::Map<_, _> = Field::ALL
                .iter()
                .zip(&values)
                .map(|(field, value)| (field.name().to_owned(), value.clone().into()))
                .collect();
            let json = serde_json::Value::Object(object).to_string();
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (field, value) in Field::ALL.iter().zip(&values) {
                form.append_pair(field.name(), value);
            }
            let from_json = outcome(Encoding::Json, &json);
            prop_assert_eq!(&from_json, &outcome(Encoding::Form, &form.finish()));
            prop_assert_eq!(from_json, Ok(values.into_iter().map(Some).collect()));
        }
    }
}
