//! What can be done to a claim, and how often it is: the stated shares.

use std::fmt::Write as _;

use zhengcha_engine::testing::Random;

use super::ClaimFormat;

/// What was done to a claim. What it says of the verdict is an intention; the reference judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All as in the register.
    Plain,
    /// Another 发证日期.
    OtherIssueDate,
    /// Another 职业名称.
    OtherOccupation,
    /// Another 发证机关.
    OtherIssuer,
    /// Another 鉴定中心.
    OtherInstitution,
    /// Another 等级.
    OtherLevel,
    /// One key of another record.
    OtherKey,
    /// One digit of the ID number off.
    IdDigit,
    /// One digit of the certificate number off.
    NumberDigit,
    /// Two neighbouring digits of a number the wrong way round.
    Transposed,
    /// Two key fields in each other's place.
    Exchanged,
    /// The ID number with its former 15 digits.
    OldId,
    /// A Shanghai certificate number with its 13 digits.
    ShanghaiNumber,
    /// Another separator in the name, or its letters in another case.
    NameSeparator,
    /// Full-width digits and letters.
    FullWidth,
    /// Spaces around and inside.
    Padding,
    /// Brackets of the occupation name half-width, dropped or added.
    Brackets,
    /// The group of the catalogue in place of the occupation.
    GroupName,
    /// The date in another form.
    DateForm,
    /// The level in words.
    LevelWords,
    /// A line break inside a quoted field.
    LineBreak,
    /// Keys that no record has together.
    NotFound,
    /// An earlier claim again.
    Again,
    /// Two certificates of one person and year, in two claims.
    SecondCertificate,
    /// A certificate on hold, where the store has some.
    OnHold,
    /// `invalid`: a day that does not exist.
    BadDate,
    /// `invalid`: a level that does not exist.
    BadLevel,
    /// `invalid`: no year.
    BadTaxYear,
    /// `invalid`: one key field alone.
    OneField,
    /// `invalid`: a key field of more than 64 characters.
    TooLong,
    /// `invalid`: a control character in a key field.
    Unusable,
    /// `invalid`: no claim of the format at all.
    Malformed,
    /// `invalid`: bytes that are no text.
    Undecodable,
    /// `invalid`: a JSON member of another name.
    UnknownField,
    /// `invalid`: a JSON member twice.
    DuplicateField,
    /// `invalid`: a JSON member that is no text.
    NotText,
}

/// Which shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Claims as a tax authority has them.
    Tax,
    /// In normal form alone: no other spelling, no bad line.
    Plain,
    /// Everything there is, the rare often.
    All,
}

impl Mix {
    fn column(self) -> usize {
        match self {
            Self::Tax => 0,
            Self::Plain => 1,
            Self::All => 2,
        }
    }
}

/// Shares are given in parts of this many claims.
const PARTS: u32 = 10_000;

/// Kind, name, parts in the mixes tax, plain and all. What is missing to the whole is [`Kind::Plain`].
#[rustfmt::skip]
const SHARES: &[(Kind, &str, [u32; 3])] = &[
    (Kind::OtherIssueDate,    "issue_date differs",              [300, 400, 300]),
    (Kind::OtherOccupation,   "occupation_name differs",         [300, 400, 300]),
    (Kind::OtherIssuer,       "issuer differs",                  [150, 200, 200]),
    (Kind::OtherInstitution,  "institution differs",             [ 50,   0, 150]),
    (Kind::OtherLevel,        "level differs",                   [ 50,   0, 150]),
    (Kind::OtherKey,          "one key of another record",       [250, 400, 300]),
    (Kind::IdDigit,           "ID number one digit off",         [150, 200, 200]),
    (Kind::NumberDigit,       "certificate number one digit off",[150, 200, 200]),
    (Kind::Transposed,        "two digits swapped",              [100, 150, 150]),
    (Kind::Exchanged,         "two fields swapped",              [ 50,  50, 100]),
    (Kind::OldId,             "ID number of 15 digits",          [ 50,   0, 100]),
    (Kind::ShanghaiNumber,    "Shanghai number of 13 digits",    [ 20,   0,  30]),
    (Kind::NameSeparator,     "separator or case in the name",   [ 50,   0, 100]),
    (Kind::FullWidth,         "full-width digits",               [100,   0, 200]),
    (Kind::Padding,           "padding",                         [100,   0, 200]),
    (Kind::Brackets,          "brackets folded or dropped",      [100,   0, 200]),
    (Kind::GroupName,         "group for occupation",            [200,   0, 200]),
    (Kind::DateForm,          "date in another form",            [300,   0, 300]),
    (Kind::LevelWords,        "level in words",                  [ 50,   0, 200]),
    (Kind::LineBreak,         "line break in a quoted field",    [  0,   0,  50]),
    (Kind::NotFound,          "not found",                       [400, 500, 500]),
    (Kind::Again,             "an earlier claim again",          [200, 200, 200]),
    (Kind::SecondCertificate, "two certificates in one year",    [200, 200, 200]),
    (Kind::OnHold,            "on hold",                         [ 20,  20,  20]),
    (Kind::BadDate,           "invalid: date",                   [  5,   0,  20]),
    (Kind::BadLevel,          "invalid: level",                  [  0,   0,  20]),
    (Kind::BadTaxYear,        "invalid: tax-year",               [  5,   0,  20]),
    (Kind::OneField,          "invalid: two-fields-required",    [  5,   0,  20]),
    (Kind::TooLong,           "invalid: too-long",               [  1,   0,  20]),
    (Kind::Unusable,          "invalid: unusable",               [  1,   0,  20]),
    (Kind::Malformed,         "invalid: malformed",              [  3,   0,  20]),
    (Kind::Undecodable,       "invalid: undecodable",            [  3,   0,  20]),
    (Kind::UnknownField,      "invalid: unknown-field",          [  3,   0,  20]),
    (Kind::DuplicateField,    "invalid: duplicate-field",        [  1,   0,  20]),
    (Kind::NotText,           "invalid: not-text",               [  3,   0,  20]),
];

/// The name of what is done to most.
const PLAIN: &str = "as in the register";

impl Kind {
    /// Every kind, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Plain].into_iter().chain(SHARES.iter().map(|(kind, ..)| *kind))
    }

    /// How it is called in the table of shares and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        SHARES.iter().find(|(kind, ..)| *kind == self).map_or(PLAIN, |(_, name, _)| name)
    }

    /// Parts of 10,000 in a mix.
    #[must_use]
    pub fn parts(self, mix: Mix) -> u32 {
        let parts = |shares: &[u32; 3]| shares[mix.column()];
        match SHARES.iter().find(|(kind, ..)| *kind == self) {
            Some((.., shares)) => parts(shares),
            None => PARTS - SHARES.iter().map(|(.., shares)| parts(shares)).sum::<u32>(),
        }
    }

    /// Draws one, but for [`Kind::SecondCertificate`], which is drawn for two claims at once.
    pub(super) fn draw(mix: Mix, format: ClaimFormat, random: &mut Random) -> Self {
        let rest = PARTS - Self::SecondCertificate.parts(mix);
        let mut at = random.below(rest);
        for (kind, _, shares) in SHARES.iter().filter(|(kind, ..)| *kind != Self::SecondCertificate)
        {
            let parts = shares[mix.column()];
            if at < parts {
                return if kind.fits(format) { *kind } else { Self::Plain };
            }
            at -= parts;
        }
        Self::Plain
    }

    /// Whether a format can hold it.
    #[must_use]
    pub fn fits(self, format: ClaimFormat) -> bool {
        match self {
            Self::UnknownField | Self::DuplicateField | Self::NotText => {
                format == ClaimFormat::Ndjson
            }
            Self::LineBreak => format == ClaimFormat::Csv,
            Self::Malformed | Self::Undecodable => format != ClaimFormat::Xlsx,
            _ => true,
        }
    }
}

/// The table of shares, in percent, as `--help` shows it.
#[must_use]
pub fn shares_text() -> String {
    let mut text = format!("{:<34}{:>7}{:>7}{:>7}\n", "Shares in percent", "tax", "plain", "all");
    for kind in Kind::all() {
        let _ = write!(text, "{:<34}", kind.name());
        for mix in [Mix::Tax, Mix::Plain, Mix::All] {
            let parts = kind.parts(mix);
            let _ = write!(text, "{:>7}", format!("{}.{:02}", parts / 100, parts % 100));
        }
        text.push('\n');
    }
    text
}
