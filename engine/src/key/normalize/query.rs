//! What an asker typed, made ready for a lookup.

use std::borrow::Cow;
use std::fmt;

use super::characters::{is_invisible, is_padding};
use super::{certificate_number, id_number, name_key, ticket_number};
use crate::key::{Field, Mode};

/// A field as typed may be this long, in bytes of UTF-8.
pub const QUERY_FIELD_MAX_BYTES: usize = 1024;
/// A field in normal form may be this long, in characters. The longest stored one has 50.
pub const QUERY_FIELD_MAX_CHARS: usize = 64;

/// Two fields in normal form: the whole input of a lookup.
///
/// `Debug` shows the mode alone, since the values are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct NormalPair {
    /// Which two fields.
    pub mode: Mode,
    /// The first of [`Mode::fields`].
    pub first: String,
    /// The second of [`Mode::fields`]; a name is in the form of [`name_key`].
    pub second: String,
}

impl fmt::Debug for NormalPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NormalPair").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Why a question cannot be asked. Names fields, never values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not exactly two fields hold anything (人社鉴发〔2013〕2号 第四条).
    #[error("exactly two of id_number, certificate_number, ticket_number and name are needed")]
    TwoFieldsRequired,
    /// Over [`QUERY_FIELD_MAX_CHARS`] or [`QUERY_FIELD_MAX_BYTES`].
    #[error("{} is too long: at most {QUERY_FIELD_MAX_CHARS} characters", field.name())]
    TooLong {
        /// Which.
        field: Field,
    },
    /// Holds control characters, or bytes that were no text where they came from.
    #[error("{} holds characters that no name or number has", field.name())]
    Unusable {
        /// Which.
        field: Field,
    },
}

/// Takes the four fields in the order of [`Field::ALL`], of which exactly two may hold anything
/// but spaces, and gives the mode and both values in normal form.
///
/// # Errors
/// See [`QueryError`].
pub fn query_pair(fields: [Option<&str>; 4]) -> Result<NormalPair, QueryError> {
    let mut given = Field::ALL.into_iter().zip(fields).filter_map(|(field, text)| {
        text.filter(|text| !text.chars().all(is_blank)).map(|text| (field, text))
    });
    let (Some(first), Some(second), None) = (given.next(), given.next(), given.next()) else {
        return Err(QueryError::TwoFieldsRequired);
    };
    // `Field::ALL` and `Mode::fields` are in the same order, so first is first.
    let mode = Mode::of(first.0, second.0).ok_or(QueryError::TwoFieldsRequired)?;
    let normal = |(field, text)| query_field(field, text).map(Cow::into_owned);
    Ok(NormalPair { mode, first: normal(first)?, second: normal(second)? })
}

/// Whether a character is none that anybody would see: padding, or invisible.
#[must_use]
pub fn is_blank(c: char) -> bool {
    is_padding(c) || is_invisible(c)
}

/// One field as typed, in the normal form it is looked up by; a name in the form of [`name_key`].
///
/// # Errors
/// See [`QueryError`].
pub fn query_field(field: Field, text: &str) -> Result<Cow<'_, str>, QueryError> {
    if text.len() > QUERY_FIELD_MAX_BYTES {
        return Err(QueryError::TooLong { field });
    }
    let normal = match field {
        Field::IdNumber => id_number(text),
        Field::CertificateNumber => certificate_number(text),
        Field::TicketNumber => ticket_number(text),
        Field::Name => name_key(text),
    };
    if normal.len() > QUERY_FIELD_MAX_CHARS && normal.chars().count() > QUERY_FIELD_MAX_CHARS {
        return Err(QueryError::TooLong { field });
    }
    let plain = normal.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain && normal.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(QueryError::Unusable { field });
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_in_the_order_of_its_fields() {
        let values = ["110105491231002", "0912345678901", "ab 1", "白　京"];
        let normal = ["11010519491231002X", "0000912345678901", "AB1", "白京"];
        for mode in Mode::ALL {
            let (a, b) = mode.fields();
            let at = |field| Field::ALL.iter().position(|&f| f == field).unwrap();
            let mut fields = [None, Some(" "), Some("\u{200B}\u{3000}"), Some("")];
            fields[at(a)] = Some(values[at(a)]);
            fields[at(b)] = Some(values[at(b)]);
            let pair = query_pair(fields).unwrap();
            assert_eq!(pair.mode, mode);
            assert_eq!((&*pair.first, &*pair.second), (normal[at(a)], normal[at(b)]));
        }
    }

    #[test]
    fn any_other_number_of_fields_is_refused() {
        for fields in [
            [None; 4],
            [Some("1"), None, None, None],
            [Some("1"), Some("  "), None, None],
            [Some("1"), Some("2"), Some("3"), None],
            [Some("1"); 4],
        ] {
            assert_eq!(query_pair(fields), Err(QueryError::TwoFieldsRequired));
        }
    }

    #[test]
    fn limits_hold_at_one_below_and_one_above() {
        let ask = |name: &str| query_pair([Some("1"), None, None, Some(name)]);
        assert!(ask(&"张".repeat(63)).is_ok());
        assert!(ask(&"张".repeat(64)).is_ok());
        let too_long = Err(QueryError::TooLong { field: Field::Name });
        assert_eq!(ask(&"张".repeat(65)), too_long);
        let padded = |bytes: usize| format!("A{}", " ".repeat(bytes - 1));
        assert!(ask(&padded(QUERY_FIELD_MAX_BYTES)).is_ok());
        assert_eq!(ask(&padded(QUERY_FIELD_MAX_BYTES + 1)), too_long);
    }

    #[test]
    fn control_characters_are_unusable_but_a_newline_is_a_space() {
        let ask = |id: &str| query_pair([Some(id), Some("2"), None, None]);
        assert_eq!(ask("1\u{0}2"), Err(QueryError::Unusable { field: Field::IdNumber }));
        assert_eq!(ask("1\u{FFFD}"), Err(QueryError::Unusable { field: Field::IdNumber }));
        assert_eq!(ask("1\r\n2\t").unwrap().first, "12");
    }

    #[test]
    fn nothing_shown_holds_a_value() {
        let pair = query_pair([Some("11010519491231002X"), None, None, Some("白京")]).unwrap();
        assert_eq!(format!("{pair:?}"), "NormalPair { mode: IN, .. }");
    }
}
