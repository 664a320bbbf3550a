//! The stream of certificates: sittings of examining bodies, some open at a time, each handing out
//! runs of numbers.

use super::bodies::UNITS;
use super::numbers::{push_digits, push_random_digits};
use super::occupations::{Occupation, in_force};
use super::people::{People, Person};
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
/// Sittings that hand out certificates by turns.
const OPEN_SITTINGS: usize = 64;
/// People remembered for each unit, who may sit again.
const REMEMBERED_PEOPLE: usize = 256;
/// A sitter is a known person in so many parts of 10,000, which makes 1.4 certificates for each.
const KNOWN_PERSON_PARTS: u32 = 3_200;
/// How often a known person of the right age is looked for.
const KNOWN_PERSON_TRIES: u32 = 8;

/// Levels 1 (高级技师) to 5 (初级工) in parts of 1,000: 3 % are 技师 and 高级技师.
const LEVEL_PARTS: [u32; 5] = [6, 24, 220, 400, 350];
/// Certificates by year, in percent of the best years.
const YEAR_PERCENT: [u32; 31] = [
    20, 22, 25, 28, 32, 36, 40, 44, 48, 52, 58, 64, 70, 78, 86, 96, 100, 100, 100, 98, 92, 84, 76,
    70, 60, 40, 24, 20, 18, 18, 16,
];
/// From this year on a few certificates are 职业技能等级证书 with 22 characters.
const LETTERED_FROM_YEAR: u16 = 2019;

/// An endless-looking stream of invented certificates, the same for the same seed: hundreds of
/// millions before it ends, no certificate number twice, in memory that does not grow.
///
/// Persons hold 1.4 certificates on average, within one unit; tickets repeat across bodies and 3 %
/// are missing; 0.3 % of the people have another document than the resident identity card.
pub struct Generator {
    random: Random,
    people: People,
    seed: u64,
    lettered: bool,
    units: std::ops::Range<usize>,
    years: std::ops::RangeInclusive<u16>,
    order: Option<SittingOrder>,
    open: Vec<Sitting>,
    known: Vec<Vec<Person>>,
}

impl Generator {
    /// All units and years.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            people: People::new(),
            seed,
            lettered: true,
            units: 0..UNITS.len(),
            years: FIRST_YEAR..=LAST_YEAR,
            order: None,
            open: Vec::with_capacity(OPEN_SITTINGS),
            known: vec![Vec::new(); UNITS.len()],
        }
    }

    /// Certificates of one unit only, by its two-digit code; an unknown code changes nothing.
    #[must_use]
    pub fn unit(mut self, code: &str) -> Self {
        if let Some(position) = UNITS.iter().position(|unit| unit.code == code) {
            self.units = position..position + 1;
        }
        self
    }

    /// Certificates of these years only, as far as they lie between [`FIRST_YEAR`] and [`LAST_YEAR`].
    #[must_use]
    pub fn years(mut self, first: u16, last: u16) -> Self {
        let first = first.clamp(FIRST_YEAR, LAST_YEAR);
        self.years = first..=last.clamp(first, LAST_YEAR);
        self
    }

    /// Certificate numbers of 16 digits only, without the few of 22 characters that start with a
    /// letter and do not fit the table of 2013.
    #[must_use]
    pub fn sixteen_digits(mut self) -> Self {
        self.lettered = false;
        self
    }

    fn open_sittings(&mut self) {
        let bodies = self.units.clone().map(|unit| UNITS[unit].bodies).sum();
        let years = self.years.clone().count() as u32;
        let order = self.order.get_or_insert_with(|| {
            SittingOrder::new(bodies, years, &mut Random::new(self.seed ^ 0x5157))
        });
        while self.open.len() < OPEN_SITTINGS {
            let Some((body, year, turn)) = order.next() else { break };
            let year = self.years.start() + year as u16;
            let sitting = Sitting::open(self.units.start, body, year, turn, &mut self.random);
            self.open.extend(sitting);
        }
    }

    /// A person for the sitting: a known one of the unit in about three cases of ten.
    fn sitter(&mut self, unit_index: usize, year: u16) -> Person {
        let known = &mut self.known[unit_index];
        if self.random.one_in_ten_thousand(KNOWN_PERSON_PARTS) && !known.is_empty() {
            for _ in 0..KNOWN_PERSON_TRIES {
                let person = &known[self.random.below(known.len() as u32) as usize];
                if person.may_sit(year) {
                    return person.clone();
                }
            }
        }
        let person = self.people.draw(&UNITS[unit_index], year, &mut self.random);
        if known.len() < REMEMBERED_PEOPLE {
            known.push(person.clone());
        } else {
            known[self.random.below(REMEMBERED_PEOPLE as u32) as usize] = person.clone();
        }
        person
    }
}

impl Iterator for Generator {
    type Item = Certificate;

    fn next(&mut self) -> Option<Certificate> {
        if self.order.is_none() || self.open.len() < OPEN_SITTINGS {
            self.open_sittings();
        }
        if self.open.is_empty() {
            return None;
        }
        let at = self.random.below(self.open.len() as u32) as usize;
        let (unit_index, year) = (self.open[at].unit, self.open[at].date.year());
        let person = self.sitter(unit_index, year);
        let certificate = self.open[at].certificate(person, self.lettered, &mut self.random);
        if self.open[at].left() == 0 {
            self.open.swap_remove(at);
        }
        Some(certificate)
    }
}

/// Every sitting of every body and year once, in an order that jumps about: step by step through
/// all of them with a stride that has no factor in common with their number.
struct SittingOrder {
    bodies: u64,
    years: u64,
    stride: u64,
    at: u64,
    left: u64,
}

impl SittingOrder {
    fn new(bodies: u32, years: u32, random: &mut Random) -> Self {
        let (bodies, years) = (u64::from(bodies), u64::from(years));
        let all = bodies * years * u64::from(SITTINGS_IN_YEAR);
        let mut stride = all / 3 + random.bits() % (all / 3 + 1);
        while gcd(stride, all) != 1 {
            stride += 1;
        }
        Self { bodies, years, stride, at: random.bits() % all, left: all }
    }
}

impl Iterator for SittingOrder {
    /// Body, year and turn within the year, each from 0.
    type Item = (u32, u32, u32);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        self.at = (at + self.stride) % (self.bodies * self.years * u64::from(SITTINGS_IN_YEAR));
        let (body, rest) = (at % self.bodies, at / self.bodies);
        Some((body as u32, (rest % self.years) as u32, (rest / self.years) as u32))
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// One examination of one body, with the certificates it still has to hand out.
struct Sitting {
    unit: usize,
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
    /// `body` counts through the bodies of all units from `first_unit` on. `None` for a sitting
    /// that nobody attended.
    fn open(
        first_unit: usize,
        mut body: u32,
        year: u16,
        turn: u32,
        random: &mut Random,
    ) -> Option<Self> {
        let mut unit = first_unit;
        while body >= UNITS[unit].bodies {
            body -= UNITS[unit].bodies;
            unit += 1;
        }
        let about = UNITS[unit].body(body);
        let people = about.sitting_people * YEAR_PERCENT[usize::from(year - FIRST_YEAR)] / 100;
        let key = (unit as u64) << 48 | u64::from(body) << 32 | u64::from(year) << 16;
        let mut next = [1; 5];
        for earlier in 0..turn {
            let taken = sizes(key | u64::from(earlier) << 8, people);
            next.iter_mut().zip(taken).for_each(|(next, taken)| *next += taken);
        }
        let left = sizes(key | u64::from(turn) << 8, people);
        let date = sitting_date(year, turn, key);
        let occupations = [(); 3].map(|()| {
            let table = in_force(date);
            table[random.falling(table.len())]
        });
        let sitting = Self {
            unit,
            body_code: about.code,
            institution: about.name,
            date,
            occupations,
            ticket_with_body: mix_below(key ^ 1, 4) == 0,
            notes_issuer: year >= LETTERED_FROM_YEAR || mix_below(key ^ 2, 10) == 0,
            next,
            left,
            seat: 0,
        };
        (sitting.left() > 0).then_some(sitting)
    }

    fn left(&self) -> u32 {
        self.left.iter().sum()
    }

    /// Hands out the next certificate of a level drawn by how many are left of each.
    fn certificate(&mut self, person: Person, lettered: bool, random: &mut Random) -> Certificate {
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
        let unit = &UNITS[self.unit];
        let occupation = self.occupations[random.falling(3)];
        let scores = Scores::draw(level, random);
        Certificate {
            gender: (!random.one_in_ten_thousand(80)).then_some(if person.male { 1 } else { 2 }),
            birth_date: (person.id_type == IdType::Resident || random.below(10) > 0)
                .then_some(person.birth),
            education: person.education,
            issue_date: Some(self.date),
            certificate_number: self.number(level, sequence, lettered),
            name: person.name,
            id_number: person.id_number,
            id_type: person.id_type,
            ticket_number: self.ticket(random),
            occupation_code: occupation.1.to_owned(),
            occupation_name: occupation.0.to_owned(),
            level: Some(level),
            theory_score: scores.theory,
            skill_score: scores.skill,
            review_score: scores.review,
            grade: scores.grade,
            institution: self.institution.clone(),
            issuer: if self.notes_issuer { unit.issuer.to_owned() } else { String::new() },
        }
    }

    /// Year, body, level, sequence: 16 digits. One certificate in 300 of the later years gets the
    /// 22 characters of a 职业技能等级证书 instead, made of the same parts.
    fn number(&self, level: u8, sequence: u32, lettered: bool) -> String {
        let year = u32::from(self.date.year() % 100);
        let mut number = String::with_capacity(22);
        if lettered && self.date.year() >= LETTERED_FROM_YEAR && sequence % 300 == 7 {
            number.push('S');
            number.push_str("00");
            number.push_str(&self.body_code[..2]);
            number.push_str("11");
            number.push_str(&self.body_code[2..]);
            push_digits(&mut number, year, 2);
            push_digits(&mut number, u32::from(level), 1);
            push_digits(&mut number, sequence, 6);
        } else {
            push_digits(&mut number, year, 2);
            number.push_str(&self.body_code);
            push_digits(&mut number, u32::from(level), 1);
            push_digits(&mut number, sequence, 5);
        }
        number
    }

    /// Year, month and seat; 3 % have none.
    fn ticket(&self, random: &mut Random) -> String {
        let mut ticket = String::new();
        if random.one_in_ten_thousand(300) {
            return ticket;
        }
        ticket.reserve(20);
        if self.ticket_with_body {
            ticket.push_str(&self.body_code);
        }
        push_digits(&mut ticket, u32::from(self.date.year()), 4);
        push_digits(&mut ticket, u32::from(self.date.month()), 2);
        push_digits(&mut ticket, self.seat, 4);
        if self.ticket_with_body {
            push_random_digits(&mut ticket, random, 1);
        }
        ticket
    }
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

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::testing::delivered_id;

    #[test]
    fn same_seed_same_certificates() {
        let first: Vec<_> = Generator::new(5).take(3000).collect();
        assert!(first.iter().eq(&Generator::new(5).take(3000).collect::<Vec<_>>()));
        assert!(!first.iter().eq(&Generator::new(6).take(3000).collect::<Vec<_>>()));
    }

    #[test]
    fn shares_are_those_of_the_register() {
        const COUNT: usize = 200_000;
        let mut numbers = HashSet::new();
        let mut people: HashMap<String, u32> = HashMap::new();
        let mut tickets: HashMap<String, u32> = HashMap::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for certificate in Generator::new(1).take(COUNT) {
            let mut count = |what, yes: bool| *seen.entry(what).or_default() += usize::from(yes);
            count("ticketless", certificate.ticket_number.is_empty());
            count("separator", certificate.name.contains('·'));
            count("longest", certificate.name.chars().count() == 25);
            count("other", certificate.id_type != IdType::Resident);
            count("hanzi", certificate.id_number.contains('字'));
            count(
                "short",
                delivered_id(&certificate).len() == 15 && certificate.id_number.len() == 18,
            );
            count("technician", certificate.level <= Some(2));
            count("lettered", certificate.certificate_number.len() == 22);
            assert!(certificate.name.chars().count() <= 25);
            assert!(certificate.birth_date < certificate.issue_date);
            *people.entry(certificate.id_number).or_default() += 1;
            *tickets.entry(certificate.ticket_number).or_default() += 1;
            assert!(numbers.insert(certificate.certificate_number));
        }
        let share = |what: &str| seen[what] as f64 / COUNT as f64;
        let holds = COUNT as f64 / people.len() as f64;
        assert!((1.3..1.5).contains(&holds), "{holds}");
        assert!((0.025..0.035).contains(&share("ticketless")), "{seen:?}");
        assert!((0.01..0.02).contains(&share("separator")), "{seen:?}");
        assert!((0.002..0.004).contains(&share("other")), "{seen:?}");
        assert!((0.006..0.014).contains(&share("short")), "{seen:?}");
        assert!((0.02..0.04).contains(&share("technician")), "{seen:?}");
        assert!(seen["longest"] > 0 && seen["hanzi"] > 0 && seen["lettered"] > 0, "{seen:?}");
        assert!(tickets.values().filter(|&&held| held > 1).count() > COUNT / 20);
    }

    #[test]
    fn numbers_say_year_unit_and_level() {
        for certificate in
            Generator::new(2).sixteen_digits().unit("11").years(2012, 2019).take(5000)
        {
            let (number, date) = (&certificate.certificate_number, certificate.issue_date.unwrap());
            assert_eq!(number.len(), 16);
            assert_eq!(number[..2].parse(), Ok(date.year() % 100));
            assert_eq!(&number[2..4], "11");
            assert_eq!(number[10..11].parse().ok(), certificate.level);
            assert!((2012..=2019).contains(&date.year()));
        }
    }

    #[test]
    fn a_body_hands_out_its_numbers_without_gaps() {
        // Few enough sittings to see them all.
        let mut runs: HashMap<String, Vec<u32>> = HashMap::new();
        for certificate in Generator::new(3).unit("26").years(1996, 1996) {
            let number = certificate.certificate_number;
            runs.entry(number[..11].to_owned()).or_default().push(number[11..].parse().unwrap());
        }
        assert!(runs.len() > 60);
        for run in runs.values_mut() {
            run.sort_unstable();
            assert!(run.iter().copied().eq(1..=run.len() as u32));
        }
    }

    #[test]
    fn it_ends_and_nothing_is_issued_later_than_said() {
        let mut all = Generator::new(4).unit("26").years(LAST_YEAR, 9999);
        let last = all.by_ref().filter_map(|certificate| certificate.issue_date).max().unwrap();
        assert!(last <= Date::new(LAST_YEAR, LAST_MONTH, 30).unwrap());
        assert!(all.next().is_none());
    }
}
