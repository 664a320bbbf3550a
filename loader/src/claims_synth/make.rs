//! One claim, from its number alone.

use std::collections::HashMap;

use zhengcha_engine::testing::{PlainCatalogue, PlainClaim, Random, resident_id};
use zhengcha_engine::{Date, View};

use super::broken::Flaw;
use super::draw::Draw;
use super::kind::{Kind, Mix};
use super::shape::{self, FIELDS, Mask};
use super::{ClaimFormat, spell};

/// Claims of one person and year stand this far apart: a power of two.
const PAIR_DISTANCE: u64 = 512;
/// Records looked at for one that a rare spelling fits.
const RARE_TRIES: u32 = 512;
/// Records looked at for a person with two certificates in one year.
const PAIR_TRIES: u32 = 24;
/// Draws of another value that is not the same after all.
const OTHER_TRIES: u32 = 8;
/// Earlier claims looked at for one that is not itself a repetition.
const AGAIN_TRIES: u32 = 16;
/// Tells the draws of pairs from those of single claims.
const PAIR_SEED: u64 = 0x7061_6972;

/// A claim to be written.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) kind: Kind,
    pub(super) reference: String,
    pub(super) claim: PlainClaim,
    pub(super) flaw: Option<Flaw>,
}

/// Makes any claim of a file.
pub(super) struct Maker<'s> {
    draw: Draw<'s>,
    held: &'s [String],
    catalogue: &'s PlainCatalogue,
    /// Groups by occupation.
    groups: HashMap<&'s str, Vec<&'s str>>,
    /// Names of the catalogue.
    names: Vec<&'s str>,
    seed: u64,
    mix: Mix,
    format: ClaimFormat,
}

/// Texts by the positions of [`FIELDS`].
type Texts = [Option<String>; FIELDS.len()];

impl<'s> Maker<'s> {
    pub(super) fn new(
        draw: Draw<'s>,
        held: &'s [String],
        catalogue: &'s PlainCatalogue,
        (seed, mix, format): (u64, Mix, ClaimFormat),
    ) -> Self {
        let names = catalogue.names();
        let groups = names.iter().map(|&name| (name, catalogue.groups_of(name)));
        let groups = groups.filter(|(_, groups)| !groups.is_empty()).collect();
        Self { draw, held, catalogue, groups, names, seed, mix, format }
    }

    /// The claim with this number, from 0.
    pub(super) fn make(&self, index: u64) -> Made {
        let mut random = self.random(index);
        let reference = self.reference(index, &mut random);
        let pair = index & !PAIR_DISTANCE;
        if self.is_paired(pair) {
            let claim = self.one_of_two(index != pair, &mut self.random(pair ^ PAIR_SEED << 32));
            return Made { kind: Kind::SecondCertificate, reference, claim, flaw: None };
        }
        match Kind::draw(self.mix, self.format, &mut random) {
            Kind::Again => self.again(index, reference, &mut random),
            kind => self.of_kind(kind, reference, &mut random),
        }
    }

    fn random(&self, number: u64) -> Random {
        Random::new(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) ^ number)
    }

    /// Whether the claim with this number and the one [`PAIR_DISTANCE`] later are one person's. Asked for
    /// every claim, so by a hash alone (the finaliser of splitmix64).
    fn is_paired(&self, first: u64) -> bool {
        let mut z = self.seed.rotate_left(17) ^ first.wrapping_add(PAIR_SEED);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % 10_000 < u64::from(Kind::SecondCertificate.parts(self.mix))
    }

    fn reference(&self, index: u64, random: &mut Random) -> String {
        let odd = self.mix == Mix::All;
        match random.below(1_000) {
            0..=4 if odd => String::new(),
            5..=9 if odd => format!("第{index}号"),
            10..=14 if odd => format!("a,\"{index}\""),
            _ => format!("T{index:08}"),
        }
    }

    /// An earlier claim under another reference.
    fn again(&self, index: u64, reference: String, random: &mut Random) -> Made {
        for _ in 0..AGAIN_TRIES.min(u32::try_from(index).unwrap_or(u32::MAX)) {
            let earlier = (u128::from(random.bits()) * u128::from(index)) >> 64;
            // A repetition of a repetition is made from it, so those are passed over.
            let mut theirs = self.random(earlier as u64);
            let _ = self.reference(earlier as u64, &mut theirs);
            let paired = self.is_paired(earlier as u64 & !PAIR_DISTANCE);
            if !paired && Kind::draw(self.mix, self.format, &mut theirs) == Kind::Again {
                continue;
            }
            return Made { kind: Kind::Again, reference, ..self.make(earlier as u64) };
        }
        self.of_kind(Kind::Plain, reference, random)
    }

    /// One of the two claims of a person with two certificates in one year.
    fn one_of_two(&self, second: bool, random: &mut Random) -> PlainClaim {
        let fields = shape::draw(self.mix, Kind::SecondCertificate, random);
        let first =
            self.draw.fitting(random, PAIR_TRIES, |view| self.draw.of_same_year(view).is_some());
        let first = first.unwrap_or_else(|| self.draw.recent(random));
        // Without a second certificate the same one is claimed twice.
        let other = self.draw.of_same_year(&first).unwrap_or(first);
        let view = if second { other } else { first };
        let mut texts = self.texts(&view, fields, random);
        texts[shape::TAX_YEAR] = view.issue_date().map(|date| date.year().to_string());
        claim(texts)
    }

    fn of_kind(&self, drawn: Kind, reference: String, random: &mut Random) -> Made {
        let (kind, view) = match self.record_for(drawn, random) {
            Some(view) => (drawn, view),
            None => (Kind::Plain, self.draw.recent(random)),
        };
        let fields = shape::draw(self.mix, kind, random);
        let mut texts = self.texts(&view, fields, random);
        self.change(kind, &view, &mut texts, random);
        Made { kind, reference, claim: claim(texts), flaw: Flaw::of(kind) }
    }

    /// A record that the kind can be done to.
    fn record_for(&self, kind: Kind, random: &mut Random) -> Option<View<'s>> {
        let fitting = |random: &mut Random, fits: &dyn Fn(&View<'_>) -> bool| {
            self.draw.fitting(random, RARE_TRIES, fits)
        };
        match kind {
            Kind::OnHold if self.held.is_empty() => None,
            Kind::OnHold => {
                let number = &self.held[random.below(self.held.len() as u32) as usize];
                self.draw.numbered(number)
            }
            Kind::OtherIssuer => fitting(random, &|view| !view.issuer().is_empty()),
            Kind::OldId => fitting(random, &|view| spell::old_id(&view.id_number()).is_some()),
            Kind::ShanghaiNumber => {
                fitting(random, &|view| spell::shanghai(&view.certificate_number()).is_some())
            }
            Kind::NameSeparator => fitting(random, &|view| !is_hanzi_alone(&view.name())),
            Kind::GroupName => {
                fitting(random, &|view| self.groups.contains_key(view.occupation_name()))
            }
            Kind::OtherLevel | Kind::LevelWords => fitting(random, &|view| view.level().is_some()),
            _ => Some(self.draw.recent(random)),
        }
    }

    /// What the register says, in the fields given.
    fn texts(&self, view: &View<'_>, fields: Mask, random: &mut Random) -> Texts {
        let issuer = || match view.issuer() {
            "" => view.institution().to_owned(),
            issuer => issuer.to_owned(),
        };
        let text = |at: usize, random: &mut Random| match at {
            shape::NAME => Some(view.name().as_str().to_owned()),
            shape::ID => Some(view.id_number().as_str().to_owned()),
            shape::NUMBER => Some(view.certificate_number().as_str().to_owned()),
            shape::TICKET => view.ticket_number().map(|number| number.as_str().to_owned()),
            shape::ISSUE_DATE => view.issue_date().map(|date| date.to_string()),
            shape::OCCUPATION => Some(view.occupation_name().to_owned()),
            shape::ISSUER => Some(issuer()),
            shape::INSTITUTION => Some(view.institution().to_owned()),
            shape::LEVEL => view.level().map(|level| level.to_string()),
            _ => view.issue_date().map(|date| tax_year(date, random).to_string()),
        };
        let keys = shape::mask(&[shape::NAME, shape::ID, shape::NUMBER]) & fields;
        let lacks_ticket = fields & shape::mask(&[shape::TICKET]) != 0 && keys.count_ones() < 2;
        let fields = match view.ticket_number() {
            None if lacks_ticket => fields | shape::THREE_KEYS,
            _ => fields,
        };
        std::array::from_fn(|at| if fields & (1 << at) == 0 { None } else { text(at, random) })
    }

    fn change(&self, kind: Kind, view: &View<'_>, texts: &mut Texts, random: &mut Random) {
        use shape::{
            ID, INSTITUTION, ISSUE_DATE, ISSUER, LEVEL, NAME, NUMBER, OCCUPATION, TAX_YEAR,
        };
        let level = view.level().unwrap_or(1);
        match kind {
            Kind::OtherIssueDate => {
                texts[ISSUE_DATE] = view.issue_date().map(|date| other_day(date, random));
            }
            Kind::OtherOccupation => {
                texts[OCCUPATION] = Some(self.other_occupation(view.occupation_name(), random));
            }
            Kind::OtherIssuer => {
                let own = [view.issuer(), view.institution(), ""];
                texts[ISSUER] = Some(self.other(random, &own, |view| view.issuer().to_owned()));
            }
            Kind::OtherInstitution => {
                let own = [view.institution()];
                texts[INSTITUTION] =
                    Some(self.other(random, &own, |view| view.institution().to_owned()));
            }
            Kind::OtherLevel => texts[LEVEL] = Some((level % 5 + 1).to_string()),
            Kind::OtherKey => {
                let other = self.draw.recent(random);
                let at = [NAME, ID, NUMBER][random.below(3) as usize];
                texts[at] = self.texts(&other, shape::THREE_KEYS, random)[at].take();
            }
            Kind::IdDigit => edit(texts, ID, |text| spell::digit_off(text, random)),
            Kind::NumberDigit => edit(texts, NUMBER, |text| spell::digit_off(text, random)),
            Kind::Transposed => {
                let at = if texts[ID].is_some() && random.below(2) == 0 { ID } else { NUMBER };
                edit(texts, at, |text| spell::transposed(text, random));
            }
            Kind::Exchanged => {
                let with = if texts[NAME].is_some() && random.below(3) == 0 { NAME } else { ID };
                texts.swap(with, NUMBER);
            }
            Kind::OldId => edit(texts, ID, |text| spell::old_id(text).unwrap_or_default()),
            Kind::ShanghaiNumber => {
                edit(texts, NUMBER, |text| spell::shanghai(text).unwrap_or_default().to_owned());
            }
            Kind::NameSeparator => edit(texts, NAME, |text| {
                spell::other_name(text, random).unwrap_or_else(|| text.to_owned())
            }),
            Kind::FullWidth => {
                for at in [ID, NUMBER, ISSUE_DATE, LEVEL, TAX_YEAR] {
                    if random.below(2) == 0 {
                        edit(texts, at, spell::full_width);
                    }
                }
            }
            Kind::Padding => {
                for at in 0..FIELDS.len() {
                    if random.below(3) > 0 {
                        edit(texts, at, |text| spell::padded(text, random));
                    }
                }
            }
            Kind::Brackets => edit(texts, OCCUPATION, |text| spell::brackets(text, random)),
            Kind::GroupName => {
                if let Some(groups) = self.groups.get(view.occupation_name()) {
                    texts[OCCUPATION] = Some(random.pick(groups).to_owned());
                }
            }
            Kind::DateForm => {
                texts[ISSUE_DATE] = view.issue_date().map(|date| spell::date_form(date, random));
            }
            Kind::LevelWords => texts[LEVEL] = Some(spell::level_words(level, random)),
            Kind::LineBreak => {
                edit(texts, OCCUPATION, |text| format!("{text}{}", random.pick(&["\r\n", "\n"])));
            }
            Kind::NotFound => self.not_found(view, texts, random),
            _ => spoil(kind, texts, random),
        }
    }

    /// Keys of three records, or of nobody at all.
    fn not_found(&self, view: &View<'_>, texts: &mut Texts, random: &mut Random) {
        let keys = [shape::NAME, shape::ID, shape::NUMBER, shape::TICKET];
        if random.below(2) == 0 {
            for at in keys.into_iter().filter(|&at| at != shape::NAME) {
                if texts[at].is_some() {
                    let other = self.draw.any(random);
                    texts[at] = self.texts(&other, shape::mask(&[at]), random)[at].take();
                }
            }
            return;
        }
        let born = view.birth_date().or(view.issue_date());
        let address = 110_101 + random.below(700_000);
        if let Some(born) = born {
            texts[shape::ID] = Some(resident_id(address, born, random.below(996)));
        }
        edit(texts, shape::NUMBER, |text| {
            let kept = text.len().saturating_sub(6);
            let kept = text.get(..kept).unwrap_or_default();
            format!("{kept}{:06}", random.below(1_000_000))
        });
    }

    /// What another record has, but none of `own`.
    fn other(&self, random: &mut Random, own: &[&str], of: impl Fn(&View<'_>) -> String) -> String {
        (0..OTHER_TRIES)
            .map(|_| of(&self.draw.any(random)))
            .find(|text| !own.contains(&text.as_str()))
            .unwrap_or_else(|| "某市职业技能鉴定指导中心".to_owned())
    }

    fn other_occupation(&self, own: &str, random: &mut Random) -> String {
        (0..OTHER_TRIES)
            .map(|_| match random.below(2) {
                0 => self.draw.any(random).occupation_name().to_owned(),
                _ => random.pick(&self.names).to_owned(),
            })
            .find(|name| !self.catalogue.same_qualification(name, own))
            .unwrap_or_else(|| "占星师".to_owned())
    }
}

fn claim(texts: Texts) -> PlainClaim {
    let fields = FIELDS.into_iter().zip(texts);
    PlainClaim { fields: fields.filter_map(|(name, text)| Some((name, text?))).collect() }
}

fn edit(texts: &mut Texts, at: usize, change: impl FnOnce(&str) -> String) {
    if let Some(text) = &mut texts[at] {
        *text = change(text);
    }
}

/// Makes one field unreadable, or leaves too few.
fn spoil(kind: Kind, texts: &mut Texts, random: &mut Random) {
    match kind {
        Kind::BadDate => {
            let days = ["2023-02-29", "2024-13-01", "45292", "去年五月", "2019-5", "24-05-06"];
            texts[shape::ISSUE_DATE] = Some(random.pick(&days).to_owned());
        }
        Kind::BadLevel => {
            texts[shape::LEVEL] = Some(random.pick(&["0", "6", "特级技师", "高级A"]).to_owned());
        }
        Kind::BadTaxYear => {
            texts[shape::TAX_YEAR] = Some(random.pick(&["今年", "24", "20x4"]).to_owned());
        }
        Kind::OneField => {
            let kept = [shape::ID, shape::NUMBER, shape::NAME][random.below(3) as usize];
            for at in [shape::NAME, shape::ID, shape::NUMBER, shape::TICKET] {
                if at != kept {
                    texts[at] = (random.below(2) == 0).then(|| " ".to_owned());
                }
            }
        }
        Kind::TooLong => texts[shape::ID] = Some("1".repeat(65 + random.below(100) as usize)),
        Kind::Unusable => edit(texts, shape::NAME, |text| format!("{text}\u{7}")),
        _ => {}
    }
}

/// Mostly the year of issue, which is the year of the deduction.
fn tax_year(issued: Date, random: &mut Random) -> u16 {
    let year = issued.year();
    match random.below(100) {
        0..=3 => year + 1,
        4..=7 => year - 1,
        8..=9 => 2018,
        _ => year,
    }
}

/// A day, a month, a year or some time off.
fn other_day(date: Date, random: &mut Random) -> String {
    let days = [1, 31, 365, 366, 2 + random.below(700) as i32][random.below(5) as usize];
    let days = if random.below(2) == 0 { days } else { -days };
    let other = Date::from_days_since_1970(date.days_since_1970() + days);
    other.unwrap_or(date).to_string()
}

fn is_hanzi_alone(name: &str) -> bool {
    name.chars().all(|c| c != '·' && !c.is_ascii_alphabetic())
}
