//! A seeded stream of invented certificates with the structure of real ones.
//!
//! Bodies issue runs of consecutive numbers, year by year and level by level (职业技能鉴定编码规则: two
//! digits of the year, eight of the body, one of the level, five in sequence). A person has 1.4
//! certificates on average. No person is real: names, birth dates and sequence numbers are drawn
//! independently of each other.

use super::names::Names;
use super::random::Random;
use crate::certificate::{Certificate, IdType};
use crate::date::Date;
use crate::key::resident_id;

/// First-level codes with the address-code province they mostly examine and their names.
const UNITS: &[(u8, u8, &str)] = &[
    (1, 11, "北京市"),
    (2, 12, "天津市"),
    (3, 13, "河北省"),
    (4, 14, "山西省"),
    (5, 15, "内蒙古自治区"),
    (6, 21, "辽宁省"),
    (7, 22, "吉林省"),
    (8, 23, "黑龙江省"),
    (9, 31, "上海市"),
    (10, 32, "江苏省"),
    (11, 33, "浙江省"),
    (12, 34, "安徽省"),
    (13, 35, "福建省"),
    (14, 36, "江西省"),
    (15, 37, "山东省"),
    (16, 41, "河南省"),
    (17, 42, "湖北省"),
    (18, 43, "湖南省"),
    (19, 44, "广东省"),
    (20, 45, "广西壮族自治区"),
    (21, 46, "海南省"),
    (22, 50, "重庆市"),
    (23, 51, "四川省"),
    (24, 52, "贵州省"),
    (25, 53, "云南省"),
    (26, 54, "西藏自治区"),
    (27, 61, "陕西省"),
    (28, 62, "甘肃省"),
    (29, 63, "青海省"),
    (30, 64, "宁夏回族自治区"),
    (31, 65, "新疆维吾尔自治区"),
    (72, 53, "烟草行业"),
    (60, 11, "电力行业"),
    (45, 13, "铁道行业"),
];

/// Occupations of the catalogue of 2017 with a 职业编码.
const OCCUPATIONS: &[(&str, &str)] = &[
    ("6-18-01-01", "车工"),
    ("6-18-01-02", "铣工"),
    ("6-18-02-04", "焊工"),
    ("4-03-02-01", "中式烹调师"),
    ("4-03-02-02", "中式面点师"),
    ("4-10-01-01", "育婴员"),
    ("4-10-03-01", "美容师"),
    ("4-10-03-02", "美发师"),
    ("6-31-01-03", "电工"),
    ("6-20-01-01", "装配钳工"),
    ("4-02-06-01", "仓储管理员"),
    ("4-07-05-04", "消防设施操作员"),
    ("4-13-05-03", "保健按摩师"),
    ("4-03-02-05", "茶艺师"),
    ("4-12-01-01", "汽车维修工"),
    ("5-05-02-03", "水生物病害防治员"),
];

/// Certificates of one body, year and level before the stream moves on.
const RUN_MIN: u32 = 20;
const RUN_SPAN: u32 = 180;
/// Persons remembered, to give some of them another certificate.
const RECENT_PERSONS: usize = 4096;

#[derive(Clone, Debug)]
struct Person {
    name: String,
    id_number: String,
    id_type: IdType,
    birth_date: Date,
    gender: u8,
    education: u8,
}

/// An endless stream of invented certificates; numbers are unique for 30 million.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    names: Names,
    persons: Vec<Person>,
    run: Run,
    run_number: u64,
    ticket: u64,
}

/// One body examining one level in one year.
#[derive(Clone, Debug, Default)]
struct Run {
    left: u32,
    unit: usize,
    body: u32,
    year: u16,
    level: u8,
    sequence: u32,
    institution: String,
    issuer: String,
    occupation: usize,
    ticket_prefix: u64,
}

impl Generator {
    /// Starts a stream; the same seed gives the same certificates.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            names: Names::new(),
            persons: Vec::new(),
            run: Run::default(),
            run_number: 0,
            ticket: 0,
        }
    }

    /// Moves to the next body, year and level. Each combination comes once, in scattered order.
    fn next_run(&mut self) {
        const YEARS: u64 = 31;
        const LEVELS: [u8; 5] = [5, 4, 3, 2, 1];
        const BODIES: u64 = 900;
        let slots = YEARS * LEVELS.len() as u64 * UNITS.len() as u64 * BODIES;
        // A step coprime with the number of slots visits every slot once.
        let slot = (self.run_number * 2_750_159) % slots;
        self.run_number += 1;
        let level = LEVELS[(slot % 5) as usize];
        let year = 1996 + (slot / 5 % YEARS) as u16;
        let unit = (slot / (5 * YEARS) % UNITS.len() as u64) as usize;
        let body = (slot / (5 * YEARS * UNITS.len() as u64)) as u32;
        let (_, _, name) = UNITS[unit];
        self.run = Run {
            left: RUN_MIN + self.random.below(RUN_SPAN),
            unit,
            body,
            year,
            level,
            sequence: 0,
            institution: format!("{name}第{}职业技能鉴定所", body + 1),
            issuer: if year >= 2019 {
                format!("{name}职业技能鉴定指导中心")
            } else {
                String::new()
            },
            occupation: self.random.below(OCCUPATIONS.len() as u32) as usize,
            ticket_prefix: u64::from(year) * 100 + u64::from(self.random.below(12) + 1),
        };
        self.ticket = u64::from(self.random.below(900));
    }

    fn new_person(&mut self) -> Person {
        let random = &mut self.random;
        let birth_date = birth_date(random, self.run.year);
        let gender = 1 + (random.below(2) as u8);
        let education = 91 + random.below(9) as u8;
        let mut name = String::new();
        if random.permille(3) {
            let (id_number, id_type) = other_document(random);
            if id_type == IdType::Passport {
                Names::foreign(random, &mut name);
            } else {
                self.names.chinese(random, &mut name);
            }
            return Person { name, id_number, id_type, birth_date, gender, education };
        }
        let (_, province, _) = UNITS[self.run.unit];
        let sequence = 2 * random.below(495) + u32::from(gender == 1);
        let head = format!(
            "{province:02}0{}0{}{:04}{:02}{:02}{sequence:03}",
            1 + random.below(2),
            1 + random.below(5),
            birth_date.year(),
            birth_date.month(),
            birth_date.day(),
        );
        let mut id_number = head;
        if let Ok(digits) = <&[u8; 17]>::try_from(id_number.as_bytes())
            && let Some(check) = resident_id::check_character(digits)
        {
            id_number.push(check);
        }
        self.names.chinese(&mut self.random, &mut name);
        Person { name, id_number, id_type: IdType::Resident, birth_date, gender, education }
    }

    /// Somebody new, or in up to two of five cases somebody who already has a certificate.
    fn person(&mut self) -> Person {
        if !self.persons.is_empty() && self.random.below(5) < 2 {
            let at = self.random.below(self.persons.len() as u32) as usize;
            let person = &self.persons[at];
            if person.birth_date.year() + 18 <= self.run.year {
                return person.clone();
            }
        }
        let person = self.new_person();
        if self.persons.len() < RECENT_PERSONS {
            self.persons.push(person.clone());
        } else {
            let at = self.random.below(RECENT_PERSONS as u32) as usize;
            self.persons[at] = person.clone();
        }
        person
    }

    fn score(&mut self) -> u16 {
        600 + self.random.below(401) as u16
    }
}

/// Somebody between 18 and 45 years old at the end of `year`.
fn birth_date(random: &mut Random, year: u16) -> Date {
    loop {
        let (born, month, day) =
            (year - 18 - random.below(27) as u16, 1 + random.below(12), 1 + random.below(31));
        if let Some(date) = Date::new(born, month as u8, day as u8) {
            return date;
        }
    }
}

impl Iterator for Generator {
    type Item = Certificate;

    fn next(&mut self) -> Option<Certificate> {
        if self.run.left == 0 {
            self.next_run();
        }
        self.run.left -= 1;
        self.run.sequence += 1;
        self.ticket += 1;
        let person = self.person();
        let run = self.run.clone();
        let (unit, _, _) = UNITS[run.unit];
        let certificate_number = format!(
            "{:02}{unit:02}{:02}{}{:03}{}{:05}",
            run.year % 100,
            1 + run.body % 18,
            run.body % 4,
            run.body / 18 + 1,
            run.level,
            run.sequence
        );
        let issue_date = Date::new(
            run.year,
            1 + self.random.below(if run.year == 2026 { 11 } else { 12 }) as u8,
            1 + self.random.below(15) as u8,
        );
        let ticket_number = if self.random.permille(30) {
            String::new()
        } else {
            format!("{}{:05}", run.ticket_prefix, self.ticket)
        };
        let (occupation_code, occupation_name) = OCCUPATIONS[run.occupation];
        Some(Certificate {
            name: person.name,
            gender: Some(person.gender),
            birth_date: Some(person.birth_date),
            education: Some(person.education),
            issue_date,
            certificate_number,
            id_number: person.id_number,
            id_type: person.id_type,
            ticket_number,
            occupation_code: occupation_code.to_owned(),
            occupation_name: occupation_name.to_owned(),
            level: Some(run.level),
            theory_score: Some(self.score()),
            skill_score: Some(self.score()),
            review_score: (run.level <= 2).then(|| self.score()),
            grade: Some(2 + self.random.below(3) as u8),
            institution: run.institution,
            issuer: run.issuer,
        })
    }
}

fn other_document(random: &mut Random) -> (String, IdType) {
    let digits = |random: &mut Random, count: u32| format!("{:08}", random.below(10u32.pow(count)));
    match random.below(4) {
        0 => (format!("E{}", digits(random, 8)), IdType::Passport),
        1 => (format!("H{}", digits(random, 8)), IdType::HongKongMacaoPermit),
        2 => (digits(random, 8), IdType::TaiwanPermit),
        _ => (format!("军字第{}号", random.below(9_000_000) + 1_000_000), IdType::Military),
    }
}

/// The 15-digit form in which old registers deliver some resident numbers born before 2000.
#[must_use]
pub fn old_id_number(certificate: &Certificate) -> Option<String> {
    let number = &certificate.id_number;
    let old = certificate.id_type == IdType::Resident && number.get(6..8) == Some("19");
    // One in a hundred, always the same ones: by two digits of the sequence.
    let chosen = number.get(14..16) == Some("37");
    (old && chosen).then(|| format!("{}{}", &number[..6], &number[8..17]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::normalize;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let one: Vec<Certificate> = Generator::new(7).take(500).collect();
        assert_eq!(one, Generator::new(7).take(500).collect::<Vec<_>>());
        assert_ne!(one, Generator::new(8).take(500).collect::<Vec<_>>());
    }

    #[test]
    fn certificates_are_normal_and_consistent() {
        let mut numbers = HashSet::new();
        let mut people = HashSet::new();
        let (mut without_ticket, mut foreign, mut old) = (0, 0, 0);
        const COUNT: usize = 200_000;
        for certificate in Generator::new(1).take(COUNT) {
            assert_eq!(certificate.certificate_number.len(), 16);
            assert!(numbers.insert(certificate.certificate_number.clone()), "a number repeats");
            assert_eq!(normalize::id_number(&certificate.id_number), certificate.id_number);
            assert_eq!(normalize::name_display(&certificate.name), certificate.name);
            assert!(certificate.name.chars().count() <= 25);
            let issued = certificate.issue_date.unwrap();
            assert!(
                u32::from(issued.year()) % 100
                    == certificate.certificate_number[..2].parse::<u32>().unwrap()
            );
            if certificate.id_type == IdType::Resident {
                let id = resident_id::parse(&certificate.id_number).unwrap();
                assert_eq!(Some(id.birth_date), certificate.birth_date);
            } else {
                foreign += 1;
            }
            without_ticket += usize::from(certificate.ticket_number.is_empty());
            old += usize::from(old_id_number(&certificate).is_some());
            people.insert(certificate.id_number);
        }
        let share = COUNT as f64 / people.len() as f64;
        assert!((1.3..1.5).contains(&share), "{share} certificates a person");
        assert!((4_000..8_000).contains(&without_ticket), "{without_ticket} without ticket");
        assert!((300..1_200).contains(&foreign), "{foreign} other documents");
        assert!((600..6_000).contains(&old), "{old} old numbers");
    }
}
