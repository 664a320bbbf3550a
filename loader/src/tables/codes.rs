//! Words accepted in place of codes.

use std::collections::HashMap;

use zhengcha_engine::key::normalize;

use crate::layout::FieldName;
use zhengcha_engine::tables::{Source, TableError};

/// Words by field.
#[derive(Clone, Debug, Default)]
pub struct Codes {
    words: [HashMap<String, u8>; FieldName::COUNT],
}

impl Codes {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, TableError> {
        let mut codes = Self::default();
        source.each(&["field", "word", "code"], |row| {
            let word = normalize::ticket_number(row.filled(1)?).into_owned();
            match codes.words[super::field(row, 0)? as usize].insert(word, row.number(2)?) {
                Some(_) => Err(row.wrong(1, "this word stands twice")),
                None => Ok(()),
            }
        })?;
        Ok(codes)
    }

    /// The code of a word without spaces, half-width and upper case.
    #[must_use]
    pub fn code(&self, field: FieldName, word: &str) -> Option<u8> {
        self.words[field as usize].get(word).copied()
    }
}
