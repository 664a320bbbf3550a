//! The stream of certificates: sittings of examining bodies, some open at a time, each handing out
//! runs of numbers.

use super::bodies::UNITS;
use super::people::{People, Person};
use super::random::Random;
use super::sitting::{FIRST_YEAR, LAST_YEAR, Sitting, SittingOrder, Slot};
use crate::certificate::Certificate;

/// Sittings that hand out certificates by turns.
const OPEN_SITTINGS: usize = 64;
/// People remembered for each unit, who may sit again.
const REMEMBERED_PEOPLE: usize = 256;
/// A sitter is a known person in so many parts of 10,000, which makes 1.4 certificates for each.
const KNOWN_PERSON_PARTS: u32 = 3_200;
/// How often a known person of the right age is looked for.
const KNOWN_PERSON_TRIES: u32 = 8;

/// An endless-looking stream of invented certificates, the same for the same seed: two hundred
/// millions before it ends, no certificate number twice, in memory that does not grow.
///
/// Persons hold 1.4 certificates on average, within one unit; tickets repeat across bodies and 3 %
/// are missing; 0.3 % of the people have another document than the resident identity card.
///
/// One stream is one thread's work; [`Register`](super::Register) is the way to a large register.
pub struct Generator {
    seed: u64,
    lettered: bool,
    units: std::ops::Range<usize>,
    years: std::ops::RangeInclusive<u16>,
    stream: Option<Stream>,
}

impl Generator {
    /// All units and years.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            lettered: true,
            units: 0..UNITS.len(),
            years: FIRST_YEAR..=LAST_YEAR,
            stream: None,
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

    fn stream(&mut self) -> &mut Stream {
        self.stream.get_or_insert_with(|| {
            let (units, years) = (self.units.clone(), self.years.clone());
            let order = SittingOrder::new(units, years, &mut Random::new(self.seed ^ 0x5157));
            let manner = Manner {
                open_sittings: OPEN_SITTINGS,
                remembered_people: REMEMBERED_PEOPLE,
                lettered: self.lettered,
            };
            Stream::new(Random::new(self.seed), Box::new(order), manner)
        })
    }
}

impl Iterator for Generator {
    type Item = Certificate;

    fn next(&mut self) -> Option<Certificate> {
        self.stream().next()
    }
}

/// What may differ from one stream to another.
pub(super) struct Manner {
    /// Sittings that hand out certificates by turns.
    pub(super) open_sittings: usize,
    /// People remembered for each unit, who may sit again.
    pub(super) remembered_people: usize,
    /// Whether there are certificate numbers of 22 characters.
    pub(super) lettered: bool,
}

/// Certificates of given sittings. [`Stream::fill`] gives the same as the iterator without making
/// new texts for each.
pub struct Stream {
    random: Random,
    people: People,
    manner: Manner,
    order: Box<dyn Iterator<Item = Slot> + Send>,
    open: Vec<Sitting>,
    known: Vec<Vec<Person>>,
    /// Room for the next new person.
    fresh: Person,
}

impl Stream {
    pub(super) fn new(
        random: Random,
        order: Box<dyn Iterator<Item = Slot> + Send>,
        manner: Manner,
    ) -> Self {
        Self {
            random,
            people: People::new(),
            open: Vec::with_capacity(manner.open_sittings),
            manner,
            order,
            known: vec![Vec::new(); UNITS.len()],
            fresh: Person::default(),
        }
    }

    /// Writes the next certificate over `certificate`; false, and nothing written, after the last.
    pub fn fill(&mut self, certificate: &mut Certificate) -> bool {
        while self.open.len() < self.manner.open_sittings {
            let Some(slot) = self.order.next() else { break };
            self.open.extend(Sitting::open(&slot, &mut self.random));
        }
        if self.open.is_empty() {
            return false;
        }
        let at = self.random.below(self.open.len() as u32) as usize;
        let (unit, year) = (self.open[at].unit, self.open[at].year());
        let known = self.sitter(unit, year);
        let person = &self.known[unit][known];
        let sitting = &mut self.open[at];
        sitting.hand_out(person, self.manner.lettered, &mut self.random, certificate);
        if sitting.left() == 0 {
            self.open.swap_remove(at);
        }
        true
    }

    /// A person for the sitting, by position among the known ones of the unit: one of them in about
    /// three cases of ten, else a new one, who takes the place of another.
    fn sitter(&mut self, unit: usize, year: u16) -> usize {
        let known = &mut self.known[unit];
        if self.random.one_in_ten_thousand(KNOWN_PERSON_PARTS) && !known.is_empty() {
            for _ in 0..KNOWN_PERSON_TRIES {
                let position = self.random.below(known.len() as u32) as usize;
                if known[position].may_sit(year) {
                    return position;
                }
            }
        }
        self.people.draw(&UNITS[unit], year, &mut self.random, &mut self.fresh);
        if known.len() < self.manner.remembered_people {
            known.push(self.fresh.clone());
            known.len() - 1
        } else {
            let position = self.random.below(self.manner.remembered_people as u32) as usize;
            std::mem::swap(&mut known[position], &mut self.fresh);
            position
        }
    }
}

impl Iterator for Stream {
    type Item = Certificate;

    fn next(&mut self) -> Option<Certificate> {
        let mut certificate = Certificate::default();
        self.fill(&mut certificate).then_some(certificate)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::date::Date;
    use crate::testing::LAST_MONTH;

    #[test]
    fn same_seed_same_certificates() {
        let first: Vec<_> = Generator::new(5).take(3000).collect();
        assert!(first.iter().eq(&Generator::new(5).take(3000).collect::<Vec<_>>()));
        assert!(!first.iter().eq(&Generator::new(6).take(3000).collect::<Vec<_>>()));
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
