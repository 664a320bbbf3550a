//! The stored record: 64 bytes, one cache line, and the view that reads it.
//!
//! What does not fit the packed form stands in the segment's heap as an *extension*: the texts
//! named by the record's flags, in flag order, each behind one length byte.

use crate::certificate::{Certificate, IdType};
use crate::date::Date;
use crate::key::Field;
#[cfg(feature = "build")]
use crate::key::Mode;
#[cfg(feature = "build")]
use crate::key::encode::PairWords;
use crate::key::encode::{self, NumberText};
#[cfg(feature = "build")]
use crate::key::normalize;

/// Days are counted from here in birth dates: 1850-01-01 is 1, 0 is none.
const BIRTH_EPOCH_DAYS: i32 = -43_829;
/// Days are counted from here in issue dates: 1949-01-01 is 1, 0 is none.
const ISSUE_EPOCH_DAYS: i32 = -7_670;
/// Bits of one score; all ones is none.
const SCORE_BITS: u32 = 10;
const SCORE_NONE: u32 = (1 << SCORE_BITS) - 1;
/// Longest text of an extension, in bytes of UTF-8.
pub const EXTENSION_TEXT_BYTES_MAX: usize = 255;

/// Texts a record may keep in its extension, in this order.
pub(crate) mod flag {
    /// The certificate number is not 16 digits.
    pub(crate) const CERTIFICATE: u32 = 1 << 0;
    /// The ID number is not 17 digits and a check character.
    pub(crate) const ID: u32 = 1 << 1;
    /// The ticket number is not up to 19 digits.
    pub(crate) const TICKET: u32 = 1 << 2;
    /// The matching form of the name is longer than 16 bytes.
    pub(crate) const NAME_KEY: u32 = 1 << 3;
    /// The name is shown otherwise than it is matched.
    pub(crate) const NAME_SHOWN: u32 = 1 << 4;
    pub(crate) const ALL: [u32; 5] = [CERTIFICATE, ID, TICKET, NAME_KEY, NAME_SHOWN];
}

/// Places in [`Record::codes`]: shift and width in bits.
mod code {
    pub(super) const FLAGS: (u32, u32) = (0, 5);
    pub(super) const GENDER: (u32, u32) = (5, 3);
    pub(super) const EDUCATION: (u32, u32) = (8, 4);
    pub(super) const LEVEL: (u32, u32) = (12, 3);
    pub(super) const GRADE: (u32, u32) = (15, 3);
    pub(super) const ID_TYPE: (u32, u32) = (18, 4);
    /// Above this bit everything is zero.
    #[cfg(feature = "build")]
    pub(super) const USED_BITS: u32 = 22;
}

/// One certificate as stored. All integers little-endian on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(archived = StoredRecord)]
#[repr(C)]
pub struct Record {
    /// Packed 证件号码, see [`encode`].
    pub(crate) id: u64,
    /// Packed 证书编号; records lie in its order.
    pub(crate) certificate: u64,
    /// Packed 准考证号, 0 when there is none.
    pub(crate) ticket: u64,
    /// Packed matching form of 姓名.
    pub(crate) name: [u64; 2],
    /// Byte offset of the extension in the heap, 0 when there is none.
    pub(crate) extension: u32,
    /// 出生日期 in days, see [`BIRTH_EPOCH_DAYS`].
    pub(crate) birth: u16,
    /// 发证日期 in days, see [`ISSUE_EPOCH_DAYS`].
    pub(crate) issue: u16,
    /// Entry in the dictionary of occupations (职业编码, 职业名称).
    pub(crate) occupation: u32,
    /// Entry in the dictionary of bodies (鉴定机构, 发证机关).
    pub(crate) body: u32,
    /// Three scores of ten bits: theory lowest, then skill, then review.
    pub(crate) scores: u32,
    /// Flags and codes, see [`code`].
    pub(crate) codes: u32,
}

/// Bytes of a stored record.
pub const RECORD_BYTES: usize = 64;
const _: () = assert!(size_of::<StoredRecord>() == RECORD_BYTES);
const _: () = assert!(std::mem::offset_of!(StoredRecord, certificate) == 8);
const _: () = assert!(std::mem::offset_of!(StoredRecord, ticket) == 16);
const _: () = assert!(std::mem::offset_of!(StoredRecord, name) == 24);
const _: () = assert!(std::mem::offset_of!(StoredRecord, extension) == 40);
const _: () = assert!(std::mem::offset_of!(StoredRecord, birth) == 44);
const _: () = assert!(std::mem::offset_of!(StoredRecord, occupation) == 48);
const _: () = assert!(std::mem::offset_of!(StoredRecord, scores) == 56);
const _: () = assert!(std::mem::offset_of!(StoredRecord, codes) == 60);

/// What a record is asked for by: packed ID, certificate and ticket number, and both words of the name.
pub(crate) type KeyWords = [u64; 5];

impl StoredRecord {
    /// The fields a record is asked for by.
    #[inline]
    pub(crate) fn key_words(&self) -> KeyWords {
        [
            self.id.to_native(),
            self.certificate.to_native(),
            self.ticket.to_native(),
            self.name[0].to_native(),
            self.name[1].to_native(),
        ]
    }

    /// The record in native integers.
    #[inline]
    #[must_use]
    pub(crate) fn to_native(&self) -> Record {
        Record {
            id: self.id.to_native(),
            certificate: self.certificate.to_native(),
            ticket: self.ticket.to_native(),
            name: [self.name[0].to_native(), self.name[1].to_native()],
            extension: self.extension.to_native(),
            birth: self.birth.to_native(),
            issue: self.issue.to_native(),
            occupation: self.occupation.to_native(),
            body: self.body.to_native(),
            scores: self.scores.to_native(),
            codes: self.codes.to_native(),
        }
    }
}

fn days_code(date: Option<Date>, epoch: i32) -> Option<u16> {
    match date {
        None => Some(0),
        Some(date) => {
            u16::try_from(date.days_since_1970() - epoch + 1).ok().filter(|&code| code > 0)
        }
    }
}

fn code_days(code: u16, epoch: i32) -> Option<Date> {
    if code == 0 {
        return None;
    }
    Date::from_days_since_1970(i32::from(code) + epoch - 1)
}

/// Whether a birth date can be stored: 1850-01-01 to 2029-06-05.
#[must_use]
pub fn birth_date_fits(date: Date) -> bool {
    days_code(Some(date), BIRTH_EPOCH_DAYS).is_some()
}

/// Whether an issue date can be stored: 1949-01-01 to 2128-06-05.
#[must_use]
pub fn issue_date_fits(date: Date) -> bool {
    days_code(Some(date), ISSUE_EPOCH_DAYS).is_some()
}

impl Record {
    fn code(&self, (shift, width): (u32, u32)) -> u8 {
        ((self.codes >> shift) & ((1 << width) - 1)) as u8
    }

    pub(crate) fn flags(&self) -> u32 {
        u32::from(self.code(code::FLAGS))
    }

    pub(crate) fn issue_date(&self) -> Option<Date> {
        code_days(self.issue, ISSUE_EPOCH_DAYS)
    }

    fn score(&self, index: u32) -> Option<u16> {
        let value = (self.scores >> (index * SCORE_BITS)) & SCORE_NONE;
        (value != SCORE_NONE).then_some(value as u16)
    }

    /// The packed fields of the key in this mode.
    #[cfg(feature = "build")]
    #[inline]
    pub(crate) fn pair_words(&self, mode: Mode) -> PairWords {
        match mode {
            Mode::IC => PairWords { first: self.id, second: [self.certificate, 0] },
            Mode::IT => PairWords { first: self.id, second: [self.ticket, 0] },
            Mode::IN => PairWords { first: self.id, second: self.name },
            Mode::CT => PairWords { first: self.certificate, second: [self.ticket, 0] },
            Mode::CN => PairWords { first: self.certificate, second: self.name },
            Mode::TN => PairWords { first: self.ticket, second: self.name },
        }
    }

    /// The record as it is stored.
    #[cfg(feature = "build")]
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let words = [self.id, self.certificate, self.ticket, self.name[0], self.name[1]];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        let dates = u32::from(self.birth) | u32::from(self.issue) << 16;
        let halves = [self.extension, dates, self.occupation, self.body, self.scores, self.codes];
        for (place, half) in bytes[40..].as_chunks_mut::<4>().0.iter_mut().zip(halves) {
            *place = half.to_le_bytes();
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    #[cfg(feature = "build")]
    #[inline]
    pub(crate) fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        let half = |at: usize| (word(at / 2) >> (at % 2 * 32)) as u32;
        Self {
            id: word(0),
            certificate: word(1),
            ticket: word(2),
            name: [word(3), word(4)],
            extension: half(10),
            birth: half(11) as u16,
            issue: (half(11) >> 16) as u16,
            occupation: half(12),
            body: half(13),
            scores: half(14),
            codes: half(15),
        }
    }

    /// Whether every bit lies within what the format uses.
    #[cfg(feature = "build")]
    pub(crate) fn is_canonical(&self) -> bool {
        self.codes >> code::USED_BITS == 0
            && self.scores >> (3 * SCORE_BITS) == 0
            && (self.flags() != 0) == (self.extension != 0)
            && IdType::from_code(self.code(code::ID_TYPE)).is_some()
    }
}

/// Where the texts of records lie: a segment, or rows waiting to be written.
pub(crate) trait Texts: Sync {
    /// The heap with the extensions.
    fn heap(&self) -> &[u8];
    /// 职业编码 and 职业名称 of a dictionary entry.
    fn occupation(&self, index: u32) -> (&str, &str);
    /// 鉴定机构 and 发证机关 of a dictionary entry.
    fn body(&self, index: u32) -> (&str, &str);
}

/// The text behind one flag of an extension, `""` when it is not there.
pub(crate) fn extension_text<'h>(heap: &'h [u8], record: &Record, wanted: u32) -> &'h str {
    let flags = record.flags();
    if flags & wanted == 0 {
        return "";
    }
    let mut rest = heap.get(record.extension as usize..).unwrap_or_default();
    for flag in flag::ALL {
        if flags & flag == 0 {
            continue;
        }
        let Some((&len, tail)) = rest.split_first() else { return "" };
        let Some((text, tail)) = tail.split_at_checked(usize::from(len)) else { return "" };
        if flag == wanted {
            return std::str::from_utf8(text).unwrap_or("");
        }
        rest = tail;
    }
    ""
}

#[cfg(feature = "build")]
/// Bytes an extension takes in the heap; `None` when it runs over its end.
pub(crate) fn extension_bytes<'h>(heap: &'h [u8], record: &Record) -> Option<&'h [u8]> {
    let all = heap.get(record.extension as usize..)?;
    let mut used = 0usize;
    for _ in 0..record.flags().count_ones() {
        used += 1 + usize::from(*all.get(used)?);
    }
    all.get(..used)
}

/// One certificate of a verified segment, read in place.
#[derive(Clone, Copy)]
pub struct View<'s> {
    pub(crate) record: Record,
    pub(crate) texts: &'s dyn Texts,
}

impl<'s> View<'s> {
    pub(crate) fn extension(&self, flag: u32) -> &'s str {
        extension_text(self.texts.heap(), &self.record, flag)
    }

    /// 姓名 in matching form, with the buffer its inline bytes need.
    fn name_key_in<'a>(&self, buffer: &'a mut [u8; 16]) -> &'a str
    where
        's: 'a,
    {
        if encode::name_is_escape(self.record.name) {
            return self.extension(flag::NAME_KEY);
        }
        buffer[..8].copy_from_slice(&self.record.name[0].to_le_bytes());
        buffer[8..].copy_from_slice(&self.record.name[1].to_le_bytes());
        let len = buffer.iter().position(|&byte| byte == 0).unwrap_or(16);
        std::str::from_utf8(&buffer[..len]).unwrap_or("")
    }

    /// 姓名 as shown.
    #[must_use]
    pub fn name(&self) -> NameText<'s> {
        if self.record.flags() & flag::NAME_SHOWN != 0 {
            return NameText { heap: Some(self.extension(flag::NAME_SHOWN)), bytes: [0; 16] };
        }
        self.name_key()
    }

    /// 姓名 in matching form ([`normalize::name_key`]).
    #[must_use]
    pub fn name_key(&self) -> NameText<'s> {
        let mut bytes = [0; 16];
        if encode::name_is_escape(self.record.name) {
            return NameText { heap: Some(self.extension(flag::NAME_KEY)), bytes };
        }
        let _ = self.name_key_in(&mut bytes);
        NameText { heap: None, bytes }
    }

    /// 证书编号.
    #[must_use]
    pub fn certificate_number(&self) -> NumberText<'s> {
        if self.record.flags() & flag::CERTIFICATE != 0 {
            return NumberText::heap(self.extension(flag::CERTIFICATE));
        }
        NumberText::certificate(self.record.certificate)
    }

    /// 证件号码.
    #[must_use]
    pub fn id_number(&self) -> NumberText<'s> {
        if self.record.flags() & flag::ID != 0 {
            return NumberText::heap(self.extension(flag::ID));
        }
        NumberText::id(self.record.id)
    }

    /// Whether the certificate has a 准考证号.
    #[must_use]
    pub fn has_ticket_number(&self) -> bool {
        self.record.ticket != 0
    }

    /// 准考证号, if the certificate has one.
    #[must_use]
    pub fn ticket_number(&self) -> Option<NumberText<'s>> {
        if self.record.flags() & flag::TICKET != 0 {
            return Some(NumberText::heap(self.extension(flag::TICKET)));
        }
        (self.record.ticket != 0).then(|| NumberText::ticket(self.record.ticket))
    }

    /// 证件类型.
    #[must_use]
    pub fn id_type(&self) -> IdType {
        IdType::from_code(self.record.code(code::ID_TYPE)).unwrap_or(IdType::Other)
    }

    /// 性别: 0, 1, 2 or 9.
    #[must_use]
    pub fn gender(&self) -> Option<u8> {
        [None, Some(0), Some(1), Some(2), Some(9)]
            .get(usize::from(self.record.code(code::GENDER)))
            .copied()
            .flatten()
    }

    /// 文化程度: 91 to 99.
    #[must_use]
    pub fn education(&self) -> Option<u8> {
        Some(self.record.code(code::EDUCATION)).filter(|&code| code != 0).map(|code| 90 + code)
    }

    /// 等级: 1 to 5.
    #[must_use]
    pub fn level(&self) -> Option<u8> {
        Some(self.record.code(code::LEVEL)).filter(|&code| code != 0)
    }

    /// 评定成绩: 2 to 4.
    #[must_use]
    pub fn grade(&self) -> Option<u8> {
        Some(self.record.code(code::GRADE)).filter(|&code| code != 0)
    }

    /// 出生日期.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        code_days(self.record.birth, BIRTH_EPOCH_DAYS)
    }

    /// 发证日期.
    #[must_use]
    pub fn issue_date(&self) -> Option<Date> {
        self.record.issue_date()
    }

    /// Whether the certificate has a 发证日期, and another one than this.
    #[inline]
    #[must_use]
    pub fn is_issued_otherwise(&self, date: Date) -> bool {
        self.record.issue != 0 && days_code(Some(date), ISSUE_EPOCH_DAYS) != Some(self.record.issue)
    }

    /// 理论知识考试成绩 in tenths.
    #[must_use]
    pub fn theory_score(&self) -> Option<u16> {
        self.record.score(0)
    }

    /// 操作技能考核成绩 in tenths.
    #[must_use]
    pub fn skill_score(&self) -> Option<u16> {
        self.record.score(1)
    }

    /// 综合评审成绩 in tenths.
    #[must_use]
    pub fn review_score(&self) -> Option<u16> {
        self.record.score(2)
    }

    /// 职业编码, `""` when blank.
    #[must_use]
    pub fn occupation_code(&self) -> &'s str {
        self.texts.occupation(self.record.occupation).0
    }

    /// 职业名称.
    #[must_use]
    pub fn occupation_name(&self) -> &'s str {
        self.texts.occupation(self.record.occupation).1
    }

    /// 鉴定机构 and 发证机关, each `""` when blank, at the cost of one.
    #[must_use]
    pub fn bodies(&self) -> (&'s str, &'s str) {
        self.texts.body(self.record.body)
    }

    /// 职业技能鉴定机构 or 鉴定中心.
    #[must_use]
    pub fn institution(&self) -> &'s str {
        self.texts.body(self.record.body).0
    }

    /// 发证机关, `""` when blank.
    #[must_use]
    pub fn issuer(&self) -> &'s str {
        self.texts.body(self.record.body).1
    }

    /// Asks for the texts that claims are compared with, ahead of the comparison.
    #[cfg(feature = "claims")]
    #[inline]
    pub(crate) fn prefetch_texts(&self) {
        let (institution, issuer) = self.texts.body(self.record.body);
        for text in [self.occupation_name(), institution, issuer] {
            crate::map::prefetch(text.as_bytes(), 0);
        }
    }

    /// The text a field is matched by.
    #[must_use]
    pub fn key_text(&self, field: Field) -> String {
        match field {
            Field::IdNumber => self.id_number().as_str().to_owned(),
            Field::CertificateNumber => self.certificate_number().as_str().to_owned(),
            Field::TicketNumber => {
                self.ticket_number().map(|text| text.as_str().to_owned()).unwrap_or_default()
            }
            Field::Name => self.name_key().as_str().to_owned(),
        }
    }

    /// A copy of everything, independent of the segment.
    #[must_use]
    pub fn to_certificate(&self) -> Certificate {
        Certificate {
            name: self.name().as_str().to_owned(),
            gender: self.gender(),
            birth_date: self.birth_date(),
            education: self.education(),
            issue_date: self.issue_date(),
            certificate_number: self.key_text(Field::CertificateNumber),
            id_number: self.key_text(Field::IdNumber),
            id_type: self.id_type(),
            ticket_number: self.key_text(Field::TicketNumber),
            occupation_code: self.occupation_code().to_owned(),
            occupation_name: self.occupation_name().to_owned(),
            level: self.level(),
            theory_score: self.theory_score(),
            skill_score: self.skill_score(),
            review_score: self.review_score(),
            grade: self.grade(),
            institution: self.institution().to_owned(),
            issuer: self.issuer().to_owned(),
        }
    }
}

/// A name without allocation.
#[derive(Clone, Copy)]
pub struct NameText<'s> {
    heap: Option<&'s str>,
    bytes: [u8; 16],
}

impl NameText<'_> {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self.heap {
            Some(text) => text,
            None => {
                let len = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(16);
                std::str::from_utf8(&self.bytes[..len]).unwrap_or("")
            }
        }
    }
}

impl std::ops::Deref for NameText<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Packs the parts of a certificate that need no dictionary; the texts that do not fit go to
/// `extension`, ready for the heap.
#[cfg(feature = "build")]
pub(crate) fn pack(
    certificate: &Certificate,
    extension: &mut Vec<u8>,
) -> Result<Record, crate::error::BuildError> {
    use crate::error::BuildError;
    let invalid = |field: &str| BuildError::Invalid {
        place: "record",
        detail: format!("{field} out of range"),
    };
    extension.clear();
    let name_key = normalize::name_key(&certificate.name);
    let mut record = Record {
        id: encode::id(&certificate.id_number),
        certificate: encode::certificate(&certificate.certificate_number),
        ticket: encode::ticket(&certificate.ticket_number),
        name: encode::name(&name_key),
        birth: days_code(certificate.birth_date, BIRTH_EPOCH_DAYS)
            .ok_or_else(|| invalid("birth_date"))?,
        issue: days_code(certificate.issue_date, ISSUE_EPOCH_DAYS)
            .ok_or_else(|| invalid("issue_date"))?,
        ..Record::default()
    };
    let texts = [
        (
            encode::certificate_is_escape(record.certificate),
            certificate.certificate_number.as_str(),
        ),
        (encode::id_is_escape(record.id), certificate.id_number.as_str()),
        (encode::ticket_is_escape(record.ticket), certificate.ticket_number.as_str()),
        (encode::name_is_escape(record.name), &*name_key),
        (*name_key != certificate.name, certificate.name.as_str()),
    ];
    let mut flags = 0;
    for (flag, (needed, text)) in flag::ALL.into_iter().zip(texts) {
        if needed {
            flags |= flag;
            let len = u8::try_from(text.len()).map_err(|_| BuildError::LimitExceeded {
                what: "bytes of one text",
                found: text.len() as u64,
                limit: EXTENSION_TEXT_BYTES_MAX as u64,
            })?;
            extension.push(len);
            extension.extend_from_slice(text.as_bytes());
        }
    }
    for (index, score) in
        [certificate.theory_score, certificate.skill_score, certificate.review_score]
            .into_iter()
            .enumerate()
    {
        let value = match score {
            None => SCORE_NONE,
            Some(tenths @ 0..=1000) => u32::from(tenths),
            Some(_) => return Err(invalid("score")),
        };
        record.scores |= value << (index as u32 * SCORE_BITS);
    }
    let gender = match certificate.gender {
        None => 0,
        Some(code @ 0..=2) => code + 1,
        Some(9) => 4,
        Some(_) => return Err(invalid("gender")),
    };
    let within = |value: Option<u8>, low: u8, high: u8, field| match value {
        None => Ok(0),
        Some(code) if (low..=high).contains(&code) => Ok(code - low + 1),
        Some(_) => Err(invalid(field)),
    };
    let codes = [
        (code::FLAGS, flags as u8),
        (code::GENDER, gender),
        (code::EDUCATION, within(certificate.education, 91, 99, "education")?),
        (code::LEVEL, within(certificate.level, 1, 5, "level")?),
        (code::GRADE, within(certificate.grade, 1, 4, "grade")?),
        (code::ID_TYPE, certificate.id_type.code()),
    ];
    for ((shift, _), value) in codes {
        record.codes |= u32::from(value) << shift;
    }
    Ok(record)
}

#[cfg(feature = "build")]
impl View<'_> {
    /// The packed certificate number: records with different ones have different numbers.
    #[must_use]
    pub fn sort_key(&self) -> u64 {
        self.record.certificate
    }

    /// A total order on content for records of one certificate number, independent of where and when
    /// they were stored.
    #[must_use]
    pub fn content_order(&self, other: &View<'_>) -> std::cmp::Ordering {
        let key = |view: &View<'_>| {
            let record = &view.record;
            (record.id, record.name, record.ticket, record.birth, record.issue, record.scores)
        };
        let text = |view: &View<'_>| {
            let certificate = view.to_certificate();
            let codes = view.record.codes;
            (
                [certificate.certificate_number, certificate.id_number, certificate.ticket_number],
                [certificate.name, certificate.occupation_code, certificate.occupation_name],
                [certificate.institution, certificate.issuer],
                codes,
            )
        };
        // Unusual numbers that share a hash stay apart.
        self.extension(flag::CERTIFICATE)
            .cmp(other.extension(flag::CERTIFICATE))
            .then_with(|| key(self).cmp(&key(other)))
            .then_with(|| text(self).cmp(&text(other)))
    }

    /// Whether both are the same certificate with the same content.
    #[must_use]
    pub fn same_content(&self, other: &View<'_>) -> bool {
        // What is packed, and then the texts; a text packs in one way only.
        let packed =
            |Record { id, certificate, ticket, name, birth, issue, scores, codes, .. }| {
                (id, certificate, ticket, name, birth, issue, scores, codes)
            };
        packed(self.record) == packed(other.record)
            && (self.record.flags() == 0
                || flag::ALL.iter().all(|&flag| self.extension(flag) == other.extension(flag)))
            && (self.occupation_code(), self.occupation_name())
                == (other.occupation_code(), other.occupation_name())
            && (self.institution(), self.issuer()) == (other.institution(), other.issuer())
    }

    /// The same holder, for corrections: equal ID numbers, or equal names and birth dates.
    #[must_use]
    pub fn same_person(&self, other: &View<'_>) -> bool {
        *self.id_number() == *other.id_number()
            || (self.birth_date().is_some()
                && self.birth_date() == other.birth_date()
                && *self.name_key() == *other.name_key())
    }
}

#[cfg(feature = "testing")]
impl View<'_> {
    /// A word that depends on the record, for digests of answers in benches.
    #[must_use]
    pub fn digest_word(&self) -> u32 {
        self.record.scores ^ self.record.body ^ self.record.ticket as u32
    }
}
