//! Invented people: name, sex, birth date, document and schooling that agree with each other.

use super::bodies::Unit;
use super::names::{Names, Origin};
use super::numbers::{push_other_document, push_resident_id};
use super::random::{Random, Weights};
use crate::certificate::IdType;
use crate::date::Date;

/// Youngest and oldest age at which a generated person receives a certificate.
const AGE_YEARS_MIN: u16 = 17;
const AGE_YEARS_MAX: u16 = 58;

/// Sequences below this can be written in 15 digits too.
const SEQUENCE_END: u32 = 990;

/// Documents other than the resident identity card, with parts of 10,000 people: 0.3 % in all.
const OTHER_DOCUMENTS: [(IdType, u32); 6] = [
    (IdType::HongKongMacaoPermit, 8),
    (IdType::Passport, 6),
    (IdType::TaiwanPermit, 5),
    (IdType::ResidencePermit, 4),
    (IdType::Military, 4),
    (IdType::ForeignerPermanentResident, 3),
];

/// Schooling, codes 91 (研究生) to 99 (文盲或半文盲), in parts of 1,000.
const EDUCATION: [u32; 9] = [8, 140, 240, 170, 130, 130, 165, 15, 2];

/// A person who may hold several certificates.
#[derive(Clone, Default)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) male: bool,
    /// Everybody has one; `None` before the first draw.
    pub(super) birth: Option<Date>,
    pub(super) id_number: String,
    pub(super) id_type: IdType,
    pub(super) education: Option<u8>,
    /// The identity number cannot be older than its address code.
    number_first_year: u16,
}

impl Person {
    /// Whether a certificate of this year fits the person's age and identity number.
    pub(super) fn may_sit(&self, year: u16) -> bool {
        year >= self.number_first_year
            && self.birth.is_some_and(|birth| {
                (AGE_YEARS_MIN..=AGE_YEARS_MAX).contains(&year.saturating_sub(birth.year()))
            })
    }
}

/// Makes people.
pub(super) struct People {
    names: Names,
    education: Weights,
}

impl People {
    pub(super) fn new() -> Self {
        Self { names: Names::new(), education: Weights::new(EDUCATION) }
    }

    /// Makes `person` a new one who sits an examination of `unit` in `year`.
    pub(super) fn draw(&self, unit: &Unit, year: u16, random: &mut Random, person: &mut Person) {
        // The younger the likelier: people sit for their first certificates early.
        let span = usize::from(AGE_YEARS_MAX - AGE_YEARS_MIN) + 1;
        let birth = birthday(year - AGE_YEARS_MIN - random.falling(span) as u16, random);
        let male = random.below(100) < 58;
        person.birth = Some(birth);
        person.education =
            (!random.one_in_ten_thousand(300)).then(|| 91 + self.education.draw(random) as u8);
        let id_number = &mut person.id_number;
        id_number.clear();
        (person.id_type, person.number_first_year) = match other_kind(random) {
            None => {
                let county = unit.address(year, random);
                let sequence = random.below(SEQUENCE_END / 2) * 2 + u32::from(male);
                push_resident_id(id_number, county.code, birth, sequence);
                (IdType::Resident, county.first_year)
            }
            Some(kind) => {
                push_other_document(id_number, kind, birth, random);
                (kind, 0)
            }
        };
        let origin = match person.id_type {
            IdType::Passport | IdType::ForeignerPermanentResident => Origin::Foreign,
            IdType::Resident => unit.origin(random),
            _ => Origin::Han,
        };
        person.male = if person.id_type == IdType::ResidencePermit || id_number.starts_with('9') {
            odd_sequence(id_number).unwrap_or(male)
        } else {
            male
        };
        self.names.draw(origin, person.male, random, &mut person.name);
    }
}

fn birthday(year: u16, random: &mut Random) -> Date {
    let days = random.below(365) as i32;
    Date::new(year, 1, 1)
        .and_then(|first| Date::from_days_since_1970(first.days_since_1970() + days))
        .expect("a day of a year of the twentieth century or later")
}

fn other_kind(random: &mut Random) -> Option<IdType> {
    let mut at = random.below(10_000);
    for (kind, parts) in OTHER_DOCUMENTS {
        if at < parts {
            return Some(kind);
        }
        at -= parts;
    }
    None
}

/// Whether the 17th digit of an 18-character number is odd, which stands for a man.
fn odd_sequence(id_number: &str) -> Option<bool> {
    let digit = id_number.as_bytes().get(16)?;
    (id_number.len() == 18).then_some(digit % 2 == 1)
}
