//! The file of partners: who may use the partner listener, and how they show who they are.
//!
//! A token is 256 random bits. Nobody can guess one or try them all, so a single keyed hash
//! (HMAC-SHA256) keeps it as safe as a slow password hash would, at a microsecond a request; argon2 is
//! for secrets that people choose. The key is drawn for each file, so that hashes of two files cannot
//! be compared. What a client shows is compared with every entry in constant time.
//!
//! Promises that a file is understood whole or refused, and that neither a token nor the key ever
//! stands in an error. Must not know HTTP.

use std::fmt;
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use ring::rand::SecureRandom;
use ring::{digest, hmac, rand};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::cidr::Cidr;

/// The most partners of a file.
pub const PARTNERS_MAX: usize = 1_000;
/// The most bytes of a file: all partners with many addresses each.
pub const TOKENS_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The most characters of a name.
pub const NAME_CHARACTERS_MAX: usize = 32;
/// What every token begins with, so that one that leaks can be recognised.
pub const TOKEN_PREFIX: &str = "zhengcha_";
/// Bytes of randomness in a token, of the key, and of every hash.
const SECRET_BYTES: usize = 32;
/// The version of the file.
const VERSION: u32 = 1;
/// Group or others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
const COMMENT: &str = "# Partners of zhengcha-server. It holds keyed hashes, never a token; change it with\n\
                       # `zhengcha-server token add|revoke`. Protect it from being written to.\n";

/// A hash, or the key of hashes.
pub type Secret = [u8; SECRET_BYTES];

/// The name of a partner: 1 to 32 of `a-z`, `0-9` and `-`. Safe in logs and as a label of metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a partner's name has 1 to {NAME_CHARACTERS_MAX} characters of a-z, 0-9 and -")]
pub struct NameError;

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(good);
        if fits { Ok(Self(text.into())) } else { Err(NameError) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a partner shows who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A token, kept as its HMAC-SHA256 under the key of the file.
    Token(Secret),
    /// A client certificate, kept as the SHA-256 of its DER form.
    Certificate(Secret),
}

/// One partner.
#[derive(Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its name.
    pub name: Name,
    /// How it shows who it is.
    pub credential: Credential,
    /// When it was added.
    pub created: Date,
    /// The last day (Asia/Shanghai) on which it may ask; without, there is no end.
    pub expires: Option<Date>,
    /// Claims it may have judged a day; without, any number.
    pub daily_quota: Option<u64>,
    /// From where it may ask; empty for anywhere.
    pub addresses: Vec<Cidr>,
}

impl Partner {
    /// Whether it may not ask any more on this day.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| today > last)
    }

    /// Whether it may ask from this address.
    #[must_use]
    pub fn may_ask_from(&self, address: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|range| range.contains(address))
    }
}

/// Why a file of partners cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot read the partners file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is larger than any real one.
    #[error("the partners file {path} has more than {TOKENS_FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else than its owner could add partners.
    #[error("the partners file {path} can be written to by group or others; run chmod go-w on it")]
    Writable {
        /// The file.
        path: PathBuf,
    },
    /// It is not what the command writes.
    #[error(
        "the partners file {path}, line {line}: {reason}; restore it from a copy, or make it anew"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, 0 where none can be named.
        line: usize,
        /// What is wrong, without any value.
        reason: String,
    },
    /// No randomness from the system.
    #[error("the system gives no random bytes")]
    Random,
}

/// All partners of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Book {
    key: Secret,
    partners: Vec<Arc<Partner>>,
}

impl Book {
    /// A book without partners and with a key of its own.
    pub fn new() -> Result<Self, TokensError> {
        Ok(Self { key: random()?, partners: Vec::new() })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        let read = |source| TokensError::Read { path: path.to_owned(), source };
        let file = fs::File::open(path).map_err(read)?;
        if file.metadata().map_err(read)?.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(TokensError::Writable { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(TOKENS_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read)?;
        if text.len() as u64 > TOKENS_FILE_BYTES_MAX {
            return Err(TokensError::TooLarge { path: path.to_owned() });
        }
        Self::parse(&text).map_err(|(line, reason)| TokensError::Malformed {
            path: path.to_owned(),
            line,
            reason,
        })
    }

    /// Reads the text of a file; the line and what is wrong there as error.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let file: BookText = toml::from_str(text).map_err(|error| {
            // Not the error itself: it shows the line, which may be the key.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count() + 1);
            (line, error.message().to_owned())
        })?;
        let whole = |reason: &str| (0, reason.to_owned());
        if file.version != VERSION {
            return Err(whole("its version is not one of this program"));
        }
        let key = secret_of(&file.key).ok_or_else(|| whole("`key` has not 64 digits"))?;
        if file.partner.len() > PARTNERS_MAX {
            return Err(whole("more partners than a file may have"));
        }
        let mut book = Self { key, partners: Vec::with_capacity(file.partner.len()) };
        for (index, entry) in file.partner.iter().enumerate() {
            let partner = entry.meant();
            let partner =
                partner.map_err(|reason| whole(&format!("[[partner]] {index}: {reason}")))?;
            if book.find(&partner.name).is_some() {
                return Err(whole(&format!("the partner {} stands in it twice", partner.name)));
            }
            book.partners.push(Arc::new(partner));
        }
        Ok(book)
    }

    /// The text of the file.
    pub fn emit(&self) -> Result<String, toml::ser::Error> {
        let partner = self.partners.iter().map(|partner| EntryText::of(partner)).collect();
        let text = BookText { version: VERSION, key: hex(&self.key), partner };
        Ok(format!("{COMMENT}{}", toml::to_string(&text)?))
    }

    /// The partners, in the order in which they were added.
    #[must_use]
    pub fn partners(&self) -> &[Arc<Partner>] {
        &self.partners
    }

    /// The partner of this name.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<&Arc<Partner>> {
        self.partners.iter().find(|partner| partner.name == *name)
    }

    /// Whose token this is.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<&Arc<Partner>> {
        let shown = self.hash_of(token);
        self.matching(|credential| match credential {
            Credential::Token(kept) => Some(kept.ct_eq(&shown)),
            Credential::Certificate(_) => None,
        })
    }

    /// Whose certificate this is, given its DER form.
    #[must_use]
    pub fn by_certificate(&self, der: &[u8]) -> Option<&Arc<Partner>> {
        let shown = fingerprint(der);
        self.matching(|credential| match credential {
            Credential::Certificate(kept) => Some(kept.ct_eq(&shown)),
            Credential::Token(_) => None,
        })
    }

    /// Looks at every partner, whether or not one has been found.
    fn matching(
        &self,
        agrees: impl Fn(&Credential) -> Option<subtle::Choice>,
    ) -> Option<&Arc<Partner>> {
        let mut found = None;
        for partner in &self.partners {
            if agrees(&partner.credential).is_some_and(bool::from) {
                found = Some(partner);
            }
        }
        found
    }

    /// The hash under which a token is kept.
    #[must_use]
    pub fn hash_of(&self, token: &str) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        let mut hash = Secret::default();
        hash.copy_from_slice(hmac::sign(&key, token.as_bytes()).as_ref());
        hash
    }

    /// Adds a partner whose name is new.
    pub fn add(&mut self, partner: Partner) {
        self.partners.push(Arc::new(partner));
    }

    /// Removes a partner; `false` when there is none of this name.
    pub fn revoke(&mut self, name: &Name) -> bool {
        let before = self.partners.len();
        self.partners.retain(|partner| partner.name != *name);
        self.partners.len() < before
    }
}

/// A new token: the prefix and 256 random bits.
pub fn make_token() -> Result<String, TokensError> {
    Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random()?)))
}

/// The SHA-256 of a certificate in DER form.
#[must_use]
pub fn fingerprint(der: &[u8]) -> Secret {
    let mut hash = Secret::default();
    hash.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    hash
}

/// A hash in hexadecimal digits.
#[must_use]
pub fn hex(secret: &Secret) -> String {
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret_of(text: &str) -> Option<Secret> {
    let mut secret = Secret::default();
    if text.len() != 2 * SECRET_BYTES || !text.is_ascii() {
        return None;
    }
    for (index, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(secret)
}

fn random() -> Result<Secret, TokensError> {
    let mut bytes = Secret::default();
    rand::SystemRandom::new().fill(&mut bytes).map_err(|_| TokensError::Random)?;
    Ok(bytes)
}

/// The file as written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BookText {
    version: u32,
    key: String,
    #[serde(default)]
    partner: Vec<EntryText>,
}

/// A partner as written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    name: String,
    token_hmac_sha256: Option<String>,
    certificate_sha256: Option<String>,
    created: String,
    expires: Option<String>,
    daily_quota: Option<u64>,
    /// The last line, and never left out: of a file that was cut off, nobody comes in from elsewhere.
    addresses: Vec<Cidr>,
}

impl EntryText {
    fn of(partner: &Partner) -> Self {
        let (token, certificate) = match &partner.credential {
            Credential::Token(hash) => (Some(hex(hash)), None),
            Credential::Certificate(hash) => (None, Some(hex(hash))),
        };
        Self {
            name: partner.name.to_string(),
            token_hmac_sha256: token,
            certificate_sha256: certificate,
            created: partner.created.to_string(),
            expires: partner.expires.map(|date| date.to_string()),
            daily_quota: partner.daily_quota,
            addresses: partner.addresses.clone(),
        }
    }

    fn meant(&self) -> Result<Partner, String> {
        let date = |field: &str, text: &str| {
            text.parse::<Date>().map_err(|_| format!("`{field}` is no date such as 2027-06-30"))
        };
        let hash = |field: &str, text: &str| {
            secret_of(text).ok_or_else(|| format!("`{field}` has not 64 hexadecimal digits"))
        };
        let credential = match (&self.token_hmac_sha256, &self.certificate_sha256) {
            (Some(text), None) => Credential::Token(hash("token_hmac_sha256", text)?),
            (None, Some(text)) => Credential::Certificate(hash("certificate_sha256", text)?),
            _ => {
                let reason = "needs either token_hmac_sha256 or certificate_sha256";
                return Err(reason.to_owned());
            }
        };
        Ok(Partner {
            name: self.name.parse().map_err(|error: NameError| error.to_string())?,
            credential,
            created: date("created", &self.created)?,
            expires: self.expires.as_deref().map(|text| date("expires", text)).transpose()?,
            daily_quota: self.daily_quota,
            addresses: self.addresses.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn partner(name: &str, credential: Credential) -> Partner {
        Partner {
            name: name.parse().unwrap(),
            credential,
            created: "2026-11-26".parse().unwrap(),
            expires: Some("2027-06-30".parse().unwrap()),
            daily_quota: Some(1_000_000),
            addresses: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn book() -> (Book, String) {
        let mut book = Book::new().unwrap();
        let token = make_token().unwrap();
        book.add(partner("tax-bj", Credential::Token(book.hash_of(&token))));
        book.add(Partner {
            expires: None,
            daily_quota: None,
            addresses: Vec::new(),
            ..partner("tax-sh", Credential::Certificate(fingerprint(b"certificate")))
        });
        (book, token)
    }

    #[test]
    fn a_book_reads_back_as_itself_and_holds_no_token() {
        let (book, token) = book();
        let text = book.emit().unwrap();
        assert!(Book::parse(&text).is_ok_and(|again| again == book));
        assert!(!text.contains(&token) && !text.contains(&token[TOKEN_PREFIX.len()..]));
        assert_eq!(token.len(), TOKEN_PREFIX.len() + 43);
    }

    #[test]
    fn a_token_and_a_certificate_find_their_partner_and_nothing_else_does() {
        let (book, token) = book();
        let name = |found: Option<&Arc<Partner>>| found.map(|partner| partner.name.to_string());
        assert_eq!(name(book.by_token(&token)).as_deref(), Some("tax-bj"));
        assert_eq!(name(book.by_certificate(b"certificate")).as_deref(), Some("tax-sh"));
        for other in ["", &token[1..], &token[..token.len() - 1], &format!("{token} ")] {
            assert_eq!(name(book.by_token(other)), None);
        }
        assert_eq!(name(book.by_certificate(token.as_bytes())), None);
        let other_file = Book { key: random().unwrap(), ..book.clone() };
        assert_eq!(name(other_file.by_token(&token)), None, "a hash is worth nothing elsewhere");
    }

    #[test]
    fn a_damaged_file_is_refused_without_showing_what_stands_in_it() {
        let (book, _) = book();
        let good = book.emit().unwrap();
        let key = hex(&book.key);
        let hash = hex(&fingerprint(b"certificate"));
        // The whole key is looked for: two of its random digits may stand elsewhere first.
        let not_hex = format!("zz{}", &key[2..]);
        for (from, to) in [
            ("version = 1", "version = 2"),
            ("version", "versio"),
            (&key[..], &key[1..]),
            (&key, &not_hex),
            (&hash[..], &hash[1..]),
            ("tax-bj", "Tax-BJ"),
            ("tax-bj", "tax-sh"),
            ("2027-06-30", "2027-06-31"),
            ("certificate_sha256", "certificate_sha1"),
            ("10.0.0.0/8", "10.0.0.1/8"),
            ("daily_quota = 1000000", "daily_quota = -1"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let (_, reason) = Book::parse(&bad).err().unwrap();
            assert!(!reason.contains(&key[4..]) && !reason.contains(&hash[4..]), "{reason}");
        }
        for end in 0..good.len() - 1 {
            // Cut off anywhere, it lets in fewer, never more.
            if let Ok(cut) = Book::parse(&good[..end]) {
                assert!(cut.partners.iter().all(|partner| book.partners.contains(partner)));
                assert!(cut.partners.len() < 2, "cut at {end}");
            }
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(book().0.emit().unwrap().as_bytes()).unwrap();
        assert!(Book::read(file.path()).is_ok());
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o664)).unwrap();
        assert!(matches!(Book::read(file.path()), Err(TokensError::Writable { .. })));
        let missing = Book::read(Path::new("/nowhere/tokens")).err().unwrap().to_string();
        assert!(missing.contains("/nowhere/tokens"), "{missing}");
    }

    #[test]
    fn the_last_day_counts_and_addresses_restrict() {
        let (book, _) = book();
        let partner = &book.partners[0];
        assert!(!partner.is_expired("2027-06-30".parse().unwrap()));
        assert!(partner.is_expired("2027-07-01".parse().unwrap()));
        assert!(partner.may_ask_from([10, 1, 2, 3].into()));
        assert!(!partner.may_ask_from([192, 0, 2, 1].into()));
        let anywhere = &book.partners[1];
        assert!(!anywhere.is_expired("9999-12-31".parse().unwrap()));
        assert!(anywhere.may_ask_from([192, 0, 2, 1].into()));
    }

    #[test]
    fn names() {
        let longest = "a".repeat(NAME_CHARACTERS_MAX);
        for good in ["a", "tax-11", "0", &longest] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "A", "税", "a b", "a_b", "a\n", &format!("{longest}a")] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
