//! What was found, with every field: for partners alone.
//!
//! A record under review shows its number and nothing else here too (人社鉴函〔2019〕20号 五).

use bytes::Bytes;
use zhengcha_engine::View;
use zhengcha_engine::claims::Verdict;
use zhengcha_engine::key::normalize::NormalPair;

use crate::answer::{
    find_views, put_certificate_with, put_code, put_date, put_text, put_text_or_null,
    put_under_review,
};
use crate::live::Serving;

/// The answer to a query, and the verdict that it counts as.
pub(crate) fn answer(serving: &Serving, pair: &NormalPair) -> (Bytes, Verdict) {
    let views = find_views(&serving.snapshot, pair);
    let mut verdict = Verdict::NotFound;
    let answer = serving.template.answer_with(views.len(), |out, index| {
        let view = &views[index];
        let number = view.certificate_number();
        if serving.holds.contains(&number) {
            if verdict == Verdict::NotFound {
                verdict = Verdict::UnderReview;
            }
            put_under_review(out, &number);
        } else {
            verdict = Verdict::Match;
            put_full(out, view);
        }
    });
    (answer, verdict)
}

fn put_full(out: &mut Vec<u8>, view: &View<'_>) {
    put_certificate_with(out, view, |out| put_text(out, &view.id_number()));
    out.extend_from_slice(b",\"id_type\":");
    put_code(out, Some(view.id_type().code()));
    out.extend_from_slice(b",\"birth_date\":");
    put_date(out, view.birth_date());
    out.extend_from_slice(b",\"ticket_number\":");
    put_text_or_null(out, view.ticket_number().as_deref().unwrap_or_default());
    out.push(b'}');
}
