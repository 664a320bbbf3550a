//! Small helpers: awkward certificates and answers in comparable form.

use zhengcha_engine::{Certificate, Date, IdType, Mode, Query, Snapshot, testing};

/// A plain certificate; the tests change what they are about.
pub(crate) fn plain(number: &str) -> Certificate {
    Certificate {
        name: "王小明".to_owned(),
        gender: Some(1),
        birth_date: Date::new(1981, 2, 28),
        education: Some(91),
        issue_date: Date::new(2001, 10, 22),
        certificate_number: number.to_owned(),
        id_number: "110105198102280018".to_owned(),
        id_type: IdType::Resident,
        ticket_number: "200101230001".to_owned(),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(1000),
        grade: Some(3),
        institution: "某市职业技能鉴定指导中心".to_owned(),
        issuer: String::new(),
    }
}

/// An answer in comparable order, asked for alone and among others in a batch.
pub(crate) fn answer(
    snapshot: &Snapshot,
    mode: Mode,
    first: &str,
    second: &str,
) -> Vec<Certificate> {
    let mut found: Vec<Certificate> = snapshot
        .lookup(Query::new(mode, first, second))
        .map(|view| view.to_certificate())
        .collect();
    testing::sort(&mut found);
    let batch = [Query::new(Mode::CN, "0", "0"), Query::new(mode, first, second)];
    let mut batched = Vec::new();
    snapshot.lookup_batch(&batch, |at, view| {
        assert_eq!(at, 1);
        batched.push(view.to_certificate());
    });
    testing::sort(&mut batched);
    assert_eq!(batched, found);
    found
}
