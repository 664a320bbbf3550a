//! Whether an answer is right.

use std::sync::Arc;
use std::time::Instant;

use super::timeline::Timeline;
use super::{Question, QuestionSet, Wrong, examine};

/// Judges answers; shared by all threads that send.
#[derive(Clone)]
pub struct Judge {
    set: Arc<QuestionSet>,
    timeline: Arc<Timeline>,
    /// What stands between the generation and the count, with so many uploads.
    heads: Arc<[Box<[u8]>]>,
}

/// What a right answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The generation that answered.
    pub generation: u64,
    /// Whether any certificate of the answer is under review.
    pub under_review: bool,
}

impl Judge {
    /// A judge of answers to these questions.
    #[must_use]
    pub fn new(set: Arc<QuestionSet>, timeline: Arc<Timeline>) -> Self {
        let head = |as_of: &Option<Box<str>>| -> Box<[u8]> {
            let as_of = serde_json::json!(as_of);
            format!(",\"as_of\":{as_of},\"count\":").into_bytes().into()
        };
        let heads = set.as_of.iter().map(head).collect();
        Self { set, timeline, heads }
    }

    /// Judges the body of a 200 answer to a question by number.
    ///
    /// Any moment between sending and receiving may be the one at which the server looked; what was right
    /// at none of them is wrong.
    ///
    /// # Errors
    /// What is wrong, without personal data.
    #[inline]
    pub fn judge(
        &self,
        question: u32,
        body: &[u8],
        sent: Instant,
        received: Instant,
    ) -> Result<Seen, Wrong> {
        let Some(asked) = self.set.questions.get(question as usize) else {
            return Err(Wrong::NoSuchQuestion { question });
        };
        let Some(seen) = self.at_once(asked, body, sent, received) else {
            let case = examine::Case {
                question,
                asked,
                set: &self.set,
                timeline: &self.timeline,
                sent,
                received,
            };
            return case.examine(body);
        };
        match self.timeline.see(seen.generation, sent, received) {
            Ok(()) => Ok(seen),
            Err(later) => {
                Err(Wrong::Backward { question, generation: seen.generation, seen: later })
            }
        }
    }

    /// An answer that is right to the byte, as nearly every one is; `None` for any other.
    fn at_once(
        &self,
        asked: &Question,
        body: &[u8],
        sent: Instant,
        received: Instant,
    ) -> Option<Seen> {
        let (generation, rest) = number(body.strip_prefix(b"{\"generation\":")?)?;
        let uploads = self.timeline.uploads_in(generation)?;
        let rest = rest.strip_prefix(&**self.heads.get(uploads as usize)?)?;
        let (count, rest) = number(rest)?;
        let mut rest = rest.strip_prefix(b",\"certificates\":[")?;
        let mut under_review = false;
        let mut shown_count = 0;
        for shown in asked.shown_at(uploads) {
            if shown_count > 0 {
                rest = rest.strip_prefix(b",")?;
            }
            shown_count += 1;
            let allowed = self.timeline.allowed(&shown.number, sent, received);
            let as_valid = || rest.strip_prefix(shown.json.as_bytes());
            rest = match allowed.valid.then(as_valid).flatten() {
                Some(rest) => rest,
                None if allowed.under_review => {
                    under_review = true;
                    rest.strip_prefix(b"{\"status\":\"under_review\",\"certificate_number\":\"")?
                        .strip_prefix(shown.number.as_bytes())?
                        .strip_prefix(b"\"}")?
                }
                None => return None,
            };
        }
        (count == shown_count && rest == b"]}").then_some(Seen { generation, under_review })
    }
}

/// A number as JSON writes it, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((value, rest))
}
