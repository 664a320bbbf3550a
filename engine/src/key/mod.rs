//! Keys: which two fields a lookup uses, how their text is folded and how it is packed.
//!
//! Loading and asking go through the same functions here, so they cannot disagree.

mod digits;
pub mod encode;
pub mod normalize;
pub mod resident_id;

/// A field a certificate can be asked for by (人社鉴发〔2013〕2号 第四条).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// 证件号码, `id_number`.
    IdNumber,
    /// 证书编号, `certificate_number`.
    CertificateNumber,
    /// 准考证号, `ticket_number`.
    TicketNumber,
    /// 姓名, `name`.
    Name,
}

impl Field {
    /// All four, in the order of the contract.
    pub const ALL: [Self; 4] =
        [Self::IdNumber, Self::CertificateNumber, Self::TicketNumber, Self::Name];

    /// The name of the field in JSON, CSV and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IdNumber => "id_number",
            Self::CertificateNumber => "certificate_number",
            Self::TicketNumber => "ticket_number",
            Self::Name => "name",
        }
    }
}

/// One of the six ways to ask: any two of the four fields (人社鉴发〔2013〕2号 第四条).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mode {
    /// ① 证件号码 + 证书编号.
    IC = 0,
    /// ② 证件号码 + 准考证号.
    IT = 1,
    /// ③ 证件号码 + 姓名.
    IN = 2,
    /// ④ 证书编号 + 准考证号.
    CT = 3,
    /// ⑤ 证书编号 + 姓名.
    CN = 4,
    /// ⑥ 准考证号 + 姓名.
    TN = 5,
}

impl Mode {
    /// All six, in the order of the regulation.
    pub const ALL: [Self; 6] = [Self::IC, Self::IT, Self::IN, Self::CT, Self::CN, Self::TN];

    /// The two fields of this mode, in the order of its name.
    #[must_use]
    pub const fn fields(self) -> (Field, Field) {
        match self {
            Self::IC => (Field::IdNumber, Field::CertificateNumber),
            Self::IT => (Field::IdNumber, Field::TicketNumber),
            Self::IN => (Field::IdNumber, Field::Name),
            Self::CT => (Field::CertificateNumber, Field::TicketNumber),
            Self::CN => (Field::CertificateNumber, Field::Name),
            Self::TN => (Field::TicketNumber, Field::Name),
        }
    }

    /// The two letters of the mode.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IC => "IC",
            Self::IT => "IT",
            Self::IN => "IN",
            Self::CT => "CT",
            Self::CN => "CN",
            Self::TN => "TN",
        }
    }

    /// The name of this mode's index: its two fields in key order.
    #[must_use]
    pub fn index_name(self) -> &'static str {
        match self {
            Self::IC => "by_certificate_id",
            Self::IT => "by_id_ticket",
            Self::IN => "by_id_name",
            Self::CT => "by_certificate_ticket",
            Self::CN => "by_certificate_name",
            Self::TN => "by_ticket_name",
        }
    }

    /// Whether the index lies in certificate-number order, so that its entries are the records.
    #[must_use]
    pub fn is_certificate_first(self) -> bool {
        matches!(self, Self::IC | Self::CT | Self::CN)
    }

    /// Whether a tree is kept under this mode; the certificate-first modes share that of the first.
    pub(crate) fn has_tree(self) -> bool {
        !matches!(self, Self::CT | Self::CN)
    }

    /// Whether one of the two fields is the ticket number, which not every certificate has.
    #[cfg(feature = "build")]
    pub(crate) fn asks_for_ticket(self) -> bool {
        matches!(self, Self::IT | Self::CT | Self::TN)
    }

    /// The mode that uses these two fields, whichever comes first; `None` for the same field twice.
    #[must_use]
    pub fn of(a: Field, b: Field) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.fields() == (a, b) || mode.fields() == (b, a))
    }
}
