//! The long way: an answer that is not right to the byte is parsed, and what is wrong is named. One that
//! says the same in other words (white space, order of members, escapes) is right.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::judge::Seen;
use super::timeline::Timeline;
use super::{Question, QuestionSet, Shown, Wrong};

/// Fields of a certificate in an answer.
const FIELDS: [&str; 16] = [
    "status",
    "certificate_number",
    "name",
    "gender",
    "id_number",
    "education",
    "occupation_code",
    "occupation_name",
    "level",
    "theory_score",
    "skill_score",
    "review_score",
    "grade",
    "issue_date",
    "institution",
    "issuer",
];

/// An answer as documented.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    generation: u64,
    as_of: Option<Box<str>>,
    count: u64,
    certificates: Vec<Map<String, Value>>,
}

/// One answer before the judge.
pub(super) struct Case<'c> {
    pub(super) question: u32,
    pub(super) asked: &'c Question,
    pub(super) set: &'c QuestionSet,
    pub(super) timeline: &'c Timeline,
    pub(super) sent: Instant,
    pub(super) received: Instant,
}

impl Case<'_> {
    #[cold]
    pub(super) fn examine(&self, body: &[u8]) -> Result<Seen, Wrong> {
        let question = self.question;
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| Wrong::NoAnswer { question, bytes: body.len() })?;
        let generation = answer.generation;
        let uploads = self
            .timeline
            .uploads_in(generation)
            .filter(|&uploads| (uploads as usize) < self.set.as_of.len())
            .ok_or(Wrong::UnknownGeneration { question, generation })?;
        self.timeline
            .see(generation, self.sent, self.received)
            .map_err(|seen| Wrong::Backward { question, generation, seen })?;
        let shown = answer.certificates.len();
        if answer.count != shown as u64 {
            return Err(Wrong::Miscounted { question, count: answer.count, shown });
        }
        let under_review =
            self.content(uploads, generation, &answer.certificates).map_err(|wrong| {
                self.mixed(uploads, generation, &answer.certificates).unwrap_or(wrong)
            })?;
        if self.set.as_of[uploads as usize] != answer.as_of {
            return Err(Wrong::AsOf { question, generation });
        }
        Ok(Seen { generation, under_review })
    }

    /// Whether wrong content is that of another generation.
    fn mixed(&self, uploads: u32, generation: u64, found: &[Map<String, Value>]) -> Option<Wrong> {
        let question = self.question;
        let others = (0..self.set.as_of.len() as u32).filter(|&other| other != uploads);
        others.into_iter().find_map(|other| {
            self.content(other, generation, found).ok()?;
            let other = self.timeline.first_with(other)?;
            Some(Wrong::Mixed { question, generation, other })
        })
    }

    /// Whether these are the certificates with so many uploads; says whether one is under review.
    fn content(
        &self,
        uploads: u32,
        generation: u64,
        found: &[Map<String, Value>],
    ) -> Result<bool, Wrong> {
        let question = self.question;
        let right: Vec<&Shown> = self.asked.shown_at(uploads).collect();
        let (shown, count) = (found.len(), right.len());
        if shown != count {
            return Err(Wrong::Count { question, generation, shown, right: count });
        }
        let number = |found: &Map<String, Value>| -> Box<str> {
            found.get("certificate_number").and_then(Value::as_str).unwrap_or_default().into()
        };
        let numbers: Vec<Box<str>> = found.iter().map(number).collect();
        let differing =
            numbers.iter().zip(&right).position(|(number, right)| *number != right.number);
        if let Some(differing) = differing {
            let belongs = |number: &str| right.iter().any(|right| &*right.number == number);
            let mut strangers = numbers.iter().zip(1..).filter(|(number, _)| !belongs(number));
            return Err(match strangers.next() {
                Some((_, place)) => Wrong::Stranger { question, place },
                None => Wrong::Order { question, place: differing + 1 },
            });
        }
        let mut under_review = false;
        for ((found, right), place) in found.iter().zip(&right).zip(1..) {
            under_review |= self.certificate(found, right, place)?;
        }
        Ok(under_review)
    }

    /// Whether this is the certificate, in a state that it may be in; says whether it is under review.
    fn certificate(
        &self,
        found: &Map<String, Value>,
        right: &Shown,
        place: usize,
    ) -> Result<bool, Wrong> {
        let question = self.question;
        let allowed = self.timeline.allowed(&right.number, self.sent, self.received);
        let is_kept_back = found.get("status").and_then(Value::as_str) == Some("under_review");
        let expected = if is_kept_back {
            if !allowed.under_review {
                return Err(Wrong::KeptBack { question, place });
            }
            let number = Value::String(right.number.to_string());
            let status = Value::String("under_review".to_owned());
            [("status".to_owned(), status), ("certificate_number".to_owned(), number)]
                .into_iter()
                .collect()
        } else {
            if !allowed.valid {
                return Err(Wrong::ShownUnderReview { question, place });
            }
            // Written by this program from the register.
            serde_json::from_str::<Map<String, Value>>(&right.json).unwrap_or_default()
        };
        let names = expected.keys().chain(found.keys());
        let wrong = names.into_iter().find(|&name| expected.get(name) != found.get(name));
        match wrong {
            None => Ok(is_kept_back),
            Some(wrong) => {
                let known = FIELDS.into_iter().find(|name| name == wrong);
                Err(Wrong::Field { question, place, field: known.unwrap_or("(other)") })
            }
        }
    }
}
