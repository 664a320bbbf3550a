//! Which people are asked for, and what is typed for them.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use rayon::prelude::*;
use serde_json::{Map, Value};
use zhengcha_engine::Certificate;
use zhengcha_engine::key::normalize::{NormalPair, query_pair};
use zhengcha_engine::key::{Field, Mode};
use zhengcha_engine::testing::Random;
use zhengcha_loader::progress::{Progress, Silent};

use super::truth::{self, text};
use super::uploads::Acceptance;
use super::{Kind, Question, QuestionSet, Wanted, pieces, variants};

/// How often another person to swap with is drawn.
const PARTNER_TRIES: u32 = 8;
/// More questions than this do not fit the numbers they have.
const QUESTIONS_MAX: usize = u32::MAX as usize;

impl QuestionSet {
    /// Draws people evenly from the register, asks about them, and finds every right answer.
    ///
    /// # Errors
    /// When the register is too small for the people asked for, or larger than there can be.
    pub fn draw(wanted: &Wanted) -> anyhow::Result<Self> {
        Self::draw_telling(wanted, &Silent)
    }

    /// The same, saying how far it has come.
    ///
    /// # Errors
    /// As [`QuestionSet::draw`].
    pub fn draw_telling(wanted: &Wanted, progress: &dyn Progress) -> anyhow::Result<Self> {
        let acceptance = Acceptance::new()?;
        let mut random = Random::new(wanted.question_seed);
        let subjects = subjects(wanted, &acceptance, &mut random, progress)?;
        let typed = questions(wanted, &subjects, &mut random);
        drop(subjects);
        ensure!(typed.len() < QUESTIONS_MAX, "too many questions: ask for fewer subjects");
        let normal = |typed: &Typed| query_pair(fields(typed)).context("a drawn question is none");
        let asked: Vec<NormalPair> = typed.iter().map(normal).collect::<Result<_, _>>()?;
        let truth = truth::find(wanted, &asked, &acceptance, progress)?;
        let questions = typed.into_iter().zip(truth.shown).map(|(typed, shown)| Question {
            mode: typed.mode,
            kind: typed.kind,
            subject: typed.subject,
            body: body(&typed),
            shown,
        });
        let mut set = Self {
            wanted: wanted.clone(),
            as_of: truth.as_of,
            digest: String::new(),
            questions: questions.collect(),
        };
        set.digest = set.digest_now()?;
        Ok(set)
    }
}

/// A question as somebody types it.
struct Typed {
    mode: Mode,
    kind: Kind,
    subject: u32,
    texts: [String; 2],
}

/// The four fields in the order of [`Field::ALL`].
fn fields(typed: &Typed) -> [Option<&str>; 4] {
    let (first, second) = typed.mode.fields();
    Field::ALL.map(|field| {
        if field == first {
            Some(typed.texts[0].as_str())
        } else if field == second {
            Some(typed.texts[1].as_str())
        } else {
            None
        }
    })
}

fn body(typed: &Typed) -> Box<[u8]> {
    let (first, second) = typed.mode.fields();
    let mut object = Map::new();
    for (field, text) in [first, second].into_iter().zip(&typed.texts) {
        object.insert(field.name().to_owned(), Value::String(text.clone()));
    }
    Value::Object(object).to_string().into_bytes().into()
}

/// So many certificates, none twice, in the order of their ranks.
fn subjects(
    wanted: &Wanted,
    acceptance: &Acceptance,
    random: &mut Random,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<Certificate>> {
    ensure!(
        (0.0..=1.0).contains(&wanted.upload_share)
            && wanted.shares.iter().all(|share| (0.0..=1.0).contains(share)),
        "every share of questions must be from 0 to 1"
    );
    let each = |&rows: &u64| (wanted.subjects as f64 * wanted.upload_share).ceil().min(rows as f64);
    let of_uploads: Vec<u64> = wanted.uploads.iter().map(|rows| each(rows) as u64).collect();
    let of_base = (wanted.subjects as u64).saturating_sub(of_uploads.iter().sum());
    ensure!(
        of_base > 0 && of_base <= wanted.records,
        "{} subjects cannot be drawn from {} certificates: ask for at least one and for fewer than there are",
        wanted.subjects,
        wanted.records
    );
    let mut places = vec![places(of_base, wanted.records, random)];
    for (count, rows) in of_uploads.into_iter().zip(&wanted.uploads) {
        places.push(self::places(count, *rows, random));
    }
    let places = &places;
    let done = AtomicU64::new(0);
    progress.begin("drawing subjects", wanted.records);
    let mut drawn: Vec<(u32, u64, Certificate)> = pieces::all(wanted)?
        .par_bridge()
        .flat_map_iter(|piece| {
            let (since, records) = (piece.since, piece.records());
            let places = &places[since as usize];
            let begin = places.partition_point(|&place| place < piece.first);
            let end = places.partition_point(|&place| place < piece.first + records);
            let mut wanted_here = places[begin..end].iter().peekable();
            let mut taken = Vec::new();
            if begin < end {
                piece.for_each(acceptance, |place, certificate| {
                    // A row that was left out is made up for by the next one that was not.
                    if wanted_here.next_if(|&&wanted| wanted <= place).is_some() {
                        taken.push((since, place, certificate.clone()));
                    }
                    wanted_here.peek().is_some()
                });
            }
            let before = done.fetch_add(records, Ordering::Relaxed);
            progress.advance(before + records);
            taken
        })
        .collect();
    progress.finish();
    drawn.sort_unstable_by_key(|(since, place, _)| (*since, *place));
    let mut subjects: Vec<Certificate> =
        drawn.into_iter().map(|(_, _, certificate)| certificate).collect();
    for end in (1..subjects.len()).rev() {
        subjects.swap(end, random.below(end as u32 + 1) as usize);
    }
    Ok(subjects)
}

/// So many different numbers below `bound`, rising: the method of Floyd.
fn places(count: u64, bound: u64, random: &mut Random) -> Vec<u64> {
    let mut chosen = std::collections::BTreeSet::new();
    for last in bound.saturating_sub(count)..bound {
        let drawn = ((u128::from(random.bits()) * u128::from(last + 1)) >> 64) as u64;
        if !chosen.insert(drawn) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// Every question about every subject, by rank.
fn questions(wanted: &Wanted, subjects: &[Certificate], random: &mut Random) -> Vec<Typed> {
    let mut questions = Vec::new();
    for (subject, certificate) in (0..).zip(subjects) {
        for mode in Mode::ALL {
            let (first, second) = mode.fields();
            if text(certificate, first).is_empty() || text(certificate, second).is_empty() {
                continue;
            }
            let mut add = |kind, texts: Option<[String; 2]>| {
                questions.extend(texts.map(|texts| Typed { mode, kind, subject, texts }));
            };
            add(Kind::Hit, Some([first, second].map(|field| text(certificate, field).to_owned())));
            for (kind, share) in Kind::ALL.into_iter().skip(1).zip(wanted.shares) {
                if random.one_in_ten_thousand((share * 10_000.0).round() as u32) {
                    add(kind, changed(kind, mode, certificate, subjects, random));
                }
            }
        }
    }
    questions
}

/// The two fields of a question that is no plain hit; `None` when this subject has none of the kind.
fn changed(
    kind: Kind,
    mode: Mode,
    certificate: &Certificate,
    subjects: &[Certificate],
    random: &mut Random,
) -> Option<[String; 2]> {
    let (first, second) = mode.fields();
    let fields = [first, second];
    let mut texts = fields.map(|field| text(certificate, field).to_owned());
    match kind {
        Kind::Hit => {}
        Kind::Variant => {
            let plain = texts.clone();
            let alone = random.below(3) as usize;
            for (at, field) in fields.into_iter().enumerate() {
                if alone == at || alone == 2 {
                    texts[at] = variants::typed(certificate, field, random);
                }
            }
            return (texts != plain).then_some(texts);
        }
        Kind::OneDigit => {
            // The first field of every mode is a number.
            let both = second != Field::Name;
            let at = if both { random.below(2) as usize } else { 0 };
            texts[at] = variants::one_digit(&texts[at], random)?;
        }
        Kind::Swapped => {
            let at = random.below(2) as usize;
            texts[at] = partner(certificate, fields, at, subjects, random)?;
        }
        Kind::Absent => {
            for (at, field) in fields.into_iter().enumerate() {
                texts[at] = match field {
                    Field::Name => {
                        subjects[random.below(subjects.len() as u32) as usize].name.clone()
                    }
                    _ => variants::absent(certificate, field, random),
                };
            }
        }
    }
    Some(texts)
}

/// The field of somebody else who shares neither.
fn partner(
    certificate: &Certificate,
    fields: [Field; 2],
    at: usize,
    subjects: &[Certificate],
    random: &mut Random,
) -> Option<String> {
    for _ in 0..PARTNER_TRIES {
        let other = &subjects[random.below(subjects.len() as u32) as usize];
        let differs = fields.iter().all(|&field| text(other, field) != text(certificate, field));
        let theirs = text(other, fields[at]);
        if differs && !theirs.is_empty() {
            return Some(theirs.to_owned());
        }
    }
    None
}
