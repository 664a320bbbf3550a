//! Sittings of examining bodies, each of which hands out runs of numbers.
//!
//! How many certificates a sitting hands out follows from body, year and turn alone, so that a
//! sitting knows where the numbers of the earlier ones end without anybody keeping account.

use std::ops::{Range, RangeInclusive};

use super::bodies::UNITS;
use super::numbers::{push_digits, push_random_digits};
use super::occupations::{Occupation, in_force};
use super::people::Person;
use super::random::{Random, mix_below};
use crate::certificate::{Certificate, IdType};
use crate::date::Date;

/// Certificates are issued from this year on.
pub const FIRST_YEAR: u16 = 1996;
/// Certificates are issued up to this year.
pub const LAST_YEAR: u16 = 2026;
/// In the last year nothing is issued after this month.
pub const LAST_MONTH: u8 = 6;

/// Sittings of a body in a year; its numbers run on from one to the next.
const SITTINGS_IN_YEAR: u32 = 8;
/// Levels 1 (高级技师) to 5 (初级工) in parts of 1,000: 3 % are 技师 and 高级技师.
const LEVEL_PARTS: [u32; 5] = [6, 24, 220, 400, 350];
/// Certificates by year, in percent of the best years.
const YEAR_PERCENT: [u32; 31] = [
    20, 22, 25, 28, 32, 36, 40, 44, 48, 52, 58, 64, 70, 78, 86, 96, 100, 100, 100, 98, 92, 84, 76,
    70, 60, 40, 24, 20, 18, 18, 16,
];
/// From this year on a few certificates are 职业技能等级证书 with 22 characters.
const LETTERED_FROM_YEAR: u16 = 2019;

/// A sitting that is still to come: the body with this index of this unit, when, and which part of
/// its certificates to hand out.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    unit: usize,
    body: u32,
    year: u16,
    turn: u32,
    /// So many certificates, counted from the highest level, are left to somebody else.
    pub(super) skip: u32,
    /// At most so many of the following are handed out.
    pub(super) take: u32,
}

impl Slot {
    /// What its body, year and turn are known by.
    fn key(&self, turn: u32) -> u64 {
        let body_year =
            (self.unit as u64) << 48 | u64::from(self.body) << 32 | u64::from(self.year) << 16;
        body_year | u64::from(turn) << 8
    }

    /// Certificates of each level at one turn of the year.
    fn sizes(&self, turn: u32) -> [u32; 5] {
        let year = usize::from(self.year - FIRST_YEAR);
        let people = UNITS[self.unit].sitting_people(self.body) * YEAR_PERCENT[year] / 100;
        sizes(self.key(turn), people)
    }

    /// Certificates of the sitting, whoever hands them out.
    pub(super) fn all(&self) -> u32 {
        self.sizes(self.turn).iter().sum()
    }
}

/// Every sitting of every body and year once, in an order that jumps about: step by step through
/// all of them with a stride that has no factor in common with their number.
pub(super) struct SittingOrder {
    units: Range<usize>,
    first_year: u16,
    bodies: u64,
    years: u64,
    stride: u64,
    at: u64,
    left: u64,
}

impl SittingOrder {
    pub(super) fn new(
        units: Range<usize>,
        years: RangeInclusive<u16>,
        random: &mut Random,
    ) -> Self {
        let bodies = UNITS[units.clone()].iter().map(|unit| u64::from(unit.bodies)).sum();
        let (first_year, years) = (*years.start(), years.count() as u64);
        let all = bodies * years * u64::from(SITTINGS_IN_YEAR);
        let mut stride = all / 3 + random.bits() % (all / 3 + 1);
        while gcd(stride, all) != 1 {
            stride += 1;
        }
        Self { units, first_year, bodies, years, stride, at: random.bits() % all, left: all }
    }
}

impl Iterator for SittingOrder {
    type Item = Slot;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        self.at = (at + self.stride) % (self.bodies * self.years * u64::from(SITTINGS_IN_YEAR));
        let (body, rest) = (at % self.bodies, at / self.bodies);
        let (year, turn) = (rest % self.years, rest / self.years);
        let (mut unit, mut body) = (self.units.start, body as u32);
        while body >= UNITS[unit].bodies {
            body -= UNITS[unit].bodies;
            unit += 1;
        }
        let year = self.first_year + year as u16;
        Some(Slot { unit, body, year, turn: turn as u32, skip: 0, take: u32::MAX })
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// One examination of one body, with the certificates it still has to hand out.
pub(super) struct Sitting {
    pub(super) unit: usize,
    body_code: String,
    institution: String,
    date: Date,
    occupations: [Occupation; 3],
    /// Whether tickets start with the body's code; most bodies do not, and so tickets repeat.
    ticket_with_body: bool,
    /// Whether the body notes the 发证机关.
    notes_issuer: bool,
    /// Next sequence number by level, and how many are left.
    next: [u32; 5],
    left: [u32; 5],
    seat: u32,
}

impl Sitting {
    /// `None` for a sitting that nobody attended.
    pub(super) fn open(slot: &Slot, random: &mut Random) -> Option<Self> {
        let about = UNITS[slot.unit].body(slot.body);
        let key = slot.key(0);
        let mut next = [1; 5];
        for earlier in 0..slot.turn {
            let taken = slot.sizes(earlier);
            next.iter_mut().zip(taken).for_each(|(next, taken)| *next += taken);
        }
        let mut left = slot.sizes(slot.turn);
        let (mut skip, mut take) = (slot.skip, slot.take);
        for (next, left) in next.iter_mut().zip(&mut left) {
            let skipped = skip.min(*left);
            *next += skipped;
            skip -= skipped;
            *left = take.min(*left - skipped);
            take -= *left;
        }
        let date = sitting_date(slot.year, slot.turn, key);
        let occupations = [(); 3].map(|()| {
            let table = in_force(date);
            table[random.falling(table.len())]
        });
        let sitting = Self {
            unit: slot.unit,
            body_code: about.code,
            institution: about.name,
            date,
            occupations,
            ticket_with_body: mix_below(key ^ 1, 4) == 0,
            notes_issuer: slot.year >= LETTERED_FROM_YEAR || mix_below(key ^ 2, 10) == 0,
            next,
            left,
            seat: slot.skip,
        };
        (sitting.left() > 0).then_some(sitting)
    }

    pub(super) fn year(&self) -> u16 {
        self.date.year()
    }

    pub(super) fn left(&self) -> u32 {
        self.left.iter().sum()
    }

    /// Hands out the next certificate, of a level drawn by how many are left of each.
    pub(super) fn hand_out(
        &mut self,
        person: &Person,
        lettered: bool,
        random: &mut Random,
        certificate: &mut Certificate,
    ) {
        let mut at = random.below(self.left());
        let mut level = 0;
        while at >= self.left[level] {
            at -= self.left[level];
            level += 1;
        }
        let sequence = self.next[level];
        self.next[level] += 1;
        self.left[level] -= 1;
        self.seat += 1;
        let level = level as u8 + 1;
        let occupation = self.occupations[random.falling(3)];
        let scores = Scores::draw(level, random);
        certificate.gender =
            (!random.one_in_ten_thousand(80)).then_some(if person.male { 1 } else { 2 });
        let dated = person.id_type == IdType::Resident || random.below(10) > 0;
        certificate.birth_date = person.birth.filter(|_| dated);
        certificate.education = person.education;
        certificate.issue_date = Some(self.date);
        self.number(level, sequence, lettered, &mut certificate.certificate_number);
        set(&mut certificate.name, &person.name);
        set(&mut certificate.id_number, &person.id_number);
        certificate.id_type = person.id_type;
        self.ticket(random, &mut certificate.ticket_number);
        set(&mut certificate.occupation_code, occupation.1);
        set(&mut certificate.occupation_name, occupation.0);
        certificate.level = Some(level);
        certificate.theory_score = scores.theory;
        certificate.skill_score = scores.skill;
        certificate.review_score = scores.review;
        certificate.grade = scores.grade;
        set(&mut certificate.institution, &self.institution);
        let issuer = if self.notes_issuer { UNITS[self.unit].issuer } else { "" };
        set(&mut certificate.issuer, issuer);
    }

    /// Year, body, level, sequence: 16 digits. One certificate in 300 of the later years gets the
    /// 22 characters of a 职业技能等级证书 instead, made of the same parts.
    fn number(&self, level: u8, sequence: u32, lettered: bool, number: &mut String) {
        let year = u32::from(self.date.year() % 100);
        number.clear();
        if lettered && self.date.year() >= LETTERED_FROM_YEAR && sequence % 300 == 7 {
            number.push('S');
            number.push_str("00");
            number.push_str(&self.body_code[..2]);
            number.push_str("11");
            number.push_str(&self.body_code[2..]);
            push_digits(number, year, 2);
            push_digits(number, u32::from(level), 1);
            push_digits(number, sequence, 6);
        } else {
            push_digits(number, year, 2);
            number.push_str(&self.body_code);
            push_digits(number, u32::from(level), 1);
            push_digits(number, sequence, 5);
        }
    }

    /// Year, month and seat; 3 % have none.
    fn ticket(&self, random: &mut Random, ticket: &mut String) {
        ticket.clear();
        if random.one_in_ten_thousand(300) {
            return;
        }
        if self.ticket_with_body {
            ticket.push_str(&self.body_code);
        }
        push_digits(ticket, u32::from(self.date.year()), 4);
        push_digits(ticket, u32::from(self.date.month()), 2);
        push_digits(ticket, self.seat, 4);
        if self.ticket_with_body {
            push_random_digits(ticket, random, 1);
        }
    }
}

/// Writes over a text, in the room it has.
fn set(text: &mut String, value: &str) {
    text.clear();
    text.push_str(value);
}

/// How many certificates of each level a sitting hands out; the same whenever it is asked.
fn sizes(key: u64, people: u32) -> [u32; 5] {
    // From three tenths to seventeen tenths of the typical number.
    let people = people * (30 + mix_below(key, 141)) / 100;
    let mut sizes = [0; 5];
    for (level, (size, parts)) in sizes.iter_mut().zip(LEVEL_PARTS).enumerate() {
        *size = (people * parts + mix_below(key ^ (level as u64 + 1), 1000)) / 1000;
    }
    sizes
}

/// The day on which the certificates of a sitting are issued; later turns come later in the year.
fn sitting_date(year: u16, turn: u32, key: u64) -> Date {
    let months = if year == LAST_YEAR { u32::from(LAST_MONTH) } else { 12 };
    let month = turn * months / SITTINGS_IN_YEAR + 1;
    let day = mix_below(key ^ u64::from(turn) << 4 ^ 3, 28) + 1;
    Date::new(year, month as u8, day as u8).expect("a month up to 12 and a day up to 28")
}

/// What the examiners wrote down.
struct Scores {
    theory: Option<u16>,
    skill: Option<u16>,
    review: Option<u16>,
    grade: Option<u8>,
}

impl Scores {
    /// Scores of one who passed: 60 and more; 综合评审 exists for 技师 and 高级技师.
    fn draw(level: u8, random: &mut Random) -> Self {
        let mut score = || {
            let score = 600 + random.falling(401) as u16;
            // Half of all bodies give whole points.
            let score = if random.below(2) == 0 { score / 10 * 10 } else { score };
            (random.below(20) > 0).then_some(score)
        };
        let (theory, skill) = (score(), score());
        let review = if level <= 2 { score() } else { None };
        let grade = match random.below(100) {
            0..=5 => None,
            6..=75 => Some(2),
            76..=95 => Some(3),
            _ => Some(4),
        };
        Self { theory, skill, review, grade }
    }
}
