//! First-level codes of issuing bodies: digits 3 and 4 of a certificate number (职业技能鉴定编码规则).

use zhengcha_engine::tables::{Source, TableError};

/// The codes that are known. No full table is public, so an unknown one is only a warning.
#[derive(Clone, Debug)]
pub struct Issuers {
    known: [bool; 100],
}

impl Issuers {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, TableError> {
        let mut known = [false; 100];
        source.each(&["code", "name", "certainty"], |row| {
            let code: u8 = row.number(0)?;
            let place = known
                .get_mut(usize::from(code))
                .ok_or_else(|| row.wrong(0, "two digits are expected"))?;
            *place = true;
            Ok(())
        })?;
        Ok(Self { known })
    }

    /// Whether the two digits are known.
    #[must_use]
    pub fn is_known(&self, code: u8) -> bool {
        self.known.get(usize::from(code)).copied().unwrap_or(false)
    }
}
