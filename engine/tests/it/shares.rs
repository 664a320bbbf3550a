//! Invented registers have the shares of real ones, whichever way they are made.

use std::collections::{HashMap, HashSet};
use zhengcha_engine::testing::{Generator, Part, Register, delivered_id, resident_id};
use zhengcha_engine::{Certificate, Date, IdType};

/// Shares by what was counted.
struct Shares {
    count: usize,
    seen: HashMap<&'static str, usize>,
    people: HashMap<String, u32>,
    tickets: HashMap<String, u32>,
}

impl Shares {
    fn of(certificates: impl Iterator<Item = Certificate>) -> Self {
        let mut this = Self {
            count: 0,
            seen: HashMap::new(),
            people: HashMap::new(),
            tickets: HashMap::new(),
        };
        let mut numbers = HashSet::new();
        for certificate in certificates {
            this.add(&certificate);
            assert!(numbers.insert(certificate.certificate_number));
        }
        this
    }

    fn add(&mut self, certificate: &Certificate) {
        self.count += 1;
        let mut count = |what, yes: bool| *self.seen.entry(what).or_default() += usize::from(yes);
        let resident = certificate.id_type == IdType::Resident;
        count("ticketless", certificate.ticket_number.is_empty());
        count("separator", certificate.name.contains('·'));
        count("long", certificate.name.len() > 16);
        count("longest", certificate.name.chars().count() == 25);
        count("wang", certificate.name.starts_with('王'));
        count("other", !resident);
        count("hanzi", certificate.id_number.contains('字'));
        let id = certificate.id_number.as_str();
        count("short", delivered_id(certificate).len() == 15 && id.len() == 18);
        count("technician", certificate.level <= Some(2));
        count("lettered", certificate.certificate_number.len() == 22);
        assert!(certificate.name.chars().count() <= 25);
        assert!(certificate.birth_date < certificate.issue_date);
        assert!(!resident || is_resident_number(id, certificate.birth_date));
        *self.people.entry(certificate.id_number.clone()).or_default() += 1;
        *self.tickets.entry(certificate.ticket_number.clone()).or_default() += 1;
    }

    fn within(&self, what: &str, low: f64, high: f64) {
        let share = self.seen[what] as f64 / self.count as f64;
        assert!((low..high).contains(&share), "{what}: {share}");
    }

    fn are_those_of_the_register(&self) {
        let holds = self.count as f64 / self.people.len() as f64;
        assert!((1.3..1.5).contains(&holds), "{holds}");
        self.within("ticketless", 0.025, 0.035);
        self.within("separator", 0.01, 0.02);
        self.within("long", 0.01, 0.02);
        self.within("longest", 0.000_02, 0.001);
        self.within("wang", 0.07, 0.10);
        self.within("other", 0.002, 0.004);
        self.within("hanzi", 0.000_1, 0.001);
        self.within("short", 0.006, 0.014);
        self.within("technician", 0.02, 0.04);
        self.within("lettered", 0.000_5, 0.004);
        let shared = self.tickets.values().filter(|&&held| held > 1).count();
        assert!(shared > self.count / 20, "{shared}");
    }
}

/// Whether it carries the birth date and the right check character.
fn is_resident_number(id: &str, birth: Option<Date>) -> bool {
    let number =
        |range: std::ops::Range<usize>| id.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let (Some(birth), Some(address), Some(sequence)) = (birth, number(0..6), number(14..17)) else {
        return false;
    };
    resident_id(address, birth, sequence) == id
}

#[test]
fn of_one_stream() {
    Shares::of(Generator::new(1).take(200_000)).are_those_of_the_register();
}

#[test]
fn of_a_register_in_parts() {
    let parts = Register::new(1, 300_000, 100_000);
    Shares::of(parts.flat_map(Part::certificates)).are_those_of_the_register();
}
