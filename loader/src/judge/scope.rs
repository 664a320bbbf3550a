//! Whose numbers an upload may hold: own and subordinate units (人社鉴发〔2013〕2号 第二十四条（六）).

use std::fmt;
use std::str::FromStr;

use super::certificate_number::NumberKind;

/// Digits of a 机构编码 that name a unit: two for a province or industry, eight for one body.
const ORG_MIN_DIGITS: usize = 2;
const ORG_MAX_DIGITS: usize = 8;
/// 上海, whose 13-digit numbers carry no 机构编码.
const SHANGHAI: &str = "09";

/// The leading part of the uploading unit's 机构编码, or `all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgScope {
    /// The national operator.
    All,
    /// 2 to 8 digits.
    Unit(String),
}

/// `--org` is neither `all` nor 2 to 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the unit must be {ORG_MIN_DIGITS} to {ORG_MAX_DIGITS} digits of its 机构编码 (10 a province, \
     1001 a prefecture), or all"
)]
pub struct OrgScopeError;

impl FromStr for OrgScope {
    type Err = OrgScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let fits = (ORG_MIN_DIGITS..=ORG_MAX_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self::Unit(text.to_owned())) } else { Err(OrgScopeError) }
    }
}

impl fmt::Display for OrgScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Unit(code) => code,
        })
    }
}

impl OrgScope {
    /// Whether the unit may upload a certificate of this number in normal form.
    #[must_use]
    pub fn covers(&self, number: &str, kind: NumberKind) -> bool {
        match (self, kind) {
            (Self::All, _) => true,
            (Self::Unit(code), NumberKind::Coded) => {
                number.get(2..10).is_some_and(|body| body.starts_with(code.as_str()))
            }
            (Self::Unit(code), NumberKind::Shanghai) => code == SHANGHAI,
            (Self::Unit(_), NumberKind::Other) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_unit() {
        for good in ["all", "10", "1001", "10012003", "100"] {
            assert_eq!(good.parse::<OrgScope>().unwrap().to_string(), good);
        }
        for bad in ["", "1", "100120031", "1a", "ALL", "１０", "-1", " 10"] {
            assert_eq!(bad.parse::<OrgScope>(), Err(OrgScopeError), "{bad}");
        }
    }

    #[test]
    fn own_and_subordinate_numbers_only() {
        let covers =
            |org: &str, kind| org.parse::<OrgScope>().unwrap().covers("0110012003100058", kind);
        for org in ["10", "1001", "10012", "10012003", "all"] {
            assert!(covers(org, NumberKind::Coded), "{org}");
        }
        for org in ["01", "11", "1002", "10012004"] {
            assert!(!covers(org, NumberKind::Coded), "{org}");
        }
        assert!(covers("09", NumberKind::Shanghai) && covers("all", NumberKind::Shanghai));
        assert!(!covers("0900", NumberKind::Shanghai) && !covers("10", NumberKind::Shanghai));
        assert!(!covers("10", NumberKind::Other) && covers("all", NumberKind::Other));
    }
}
