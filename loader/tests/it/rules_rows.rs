//! Rows as a whole: what a good one becomes, rules over several fields, scope and catalogue.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use zhengcha_engine::{Certificate, Date, IdType};
use zhengcha_loader::judge::{Rule, Severity};
use zhengcha_loader::layout::{FieldName as F, Layout};

use crate::rules_support::Sample;

#[test]
fn a_good_row_is_stored_field_by_field() {
    let expected = Certificate {
        name: "白京".into(),
        gender: Some(2),
        birth_date: Date::new(1949, 12, 31),
        education: Some(91),
        issue_date: Date::new(2019, 4, 16),
        certificate_number: "1910012003100058".into(),
        id_number: "11010519491231002X".into(),
        id_type: IdType::Resident,
        ticket_number: "20190001".into(),
        occupation_code: "6-18-01-01".into(),
        occupation_name: "车工".into(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(823),
        grade: Some(3),
        institution: "某市职业技能鉴定指导中心".into(),
        issuer: "某省人力资源和社会保障厅".into(),
    };
    assert_eq!(Sample::new().accepted(), expected);
    assert_eq!(Sample::new().layout(Layout::Of2019).accepted(), expected);
}

#[test]
fn blanks_are_filled_from_the_numbers_and_only_those() {
    let bare = [F::Gender, F::BirthDate, F::Education, F::TicketNumber, F::OccupationCode]
        .into_iter()
        .chain([F::Level, F::TheoryScore, F::SkillScore, F::ReviewScore, F::Grade, F::Issuer])
        .fold(Sample::new(), |sample, field| sample.with(field, " \u{3000}"));
    let certificate = bare.accepted();
    assert_eq!(certificate.birth_date, Date::new(1949, 12, 31), "from the ID number");
    assert_eq!(certificate.level, Some(1), "from digit 11");
    assert_eq!(certificate.gender, None, "never guessed");
    assert_eq!(certificate.theory_score, None);
    assert_eq!(certificate.ticket_number, "");
    let unlevelled = bare.clone().with(F::CertificateNumber, "1910012003900058").accepted();
    assert_eq!(unlevelled.level, None, "9 is no level");
    let passport = bare.with(F::IdNumber, "E12345678").accepted();
    assert_eq!(passport.birth_date, None);
}

#[test]
fn every_broken_rule_is_reported_and_scope_waits_for_the_rest() {
    let bad = Sample::new()
        .org("11")
        .with(F::Gender, "3")
        .with(F::Name, "")
        .with(F::SkillScore, "101")
        .with(F::Grade, "1");
    bad.rejects(&["name:missing", "gender:code", "skill_score:score", "grade:not-qualified"]);
    Sample::new().org("11").rejects(&["certificate_number:scope"]);
    Sample::new()
        .org("11")
        .layout(Layout::Of2019)
        .with(F::OccupationName, "无此职业")
        .rejects(&["certificate_number:scope", "occupation_name:catalogue"]);
}

#[test]
fn birth_date_must_be_that_of_the_id() {
    Sample::new().with(F::BirthDate, "1949-12-30").rejects(&["birth_date:birth-date-mismatch"]);
    Sample::new().with(F::BirthDate, "1949年12月31日").accepted();
    Sample::new().with(F::IdNumber, "E12345678").with(F::BirthDate, "1950-01-01").accepted();
}

#[test]
fn issue_dates_lie_between_birth_and_today() {
    let issued = |date| {
        Sample::new()
            .with(F::CertificateNumber, "A910012003100058")
            .with(F::IdNumber, "E12345678")
            .with(F::BirthDate, "2019-04-16")
            .with(F::IssueDate, date)
    };
    issued("2019-05-01").accepted();
    issued("2019-05-02").rejects(&["issue_date:date-order"]);
    issued("2019-04-16").accepted();
    issued("2019-04-15").rejects(&["issue_date:date-order"]);
    Sample::new()
        .with(F::BirthDate, "")
        .with(F::IssueDate, "1949-12-30")
        .with(F::CertificateNumber, "A910012003100058")
        .rejects(&["issue_date:date-order", "issue_date:late"]);
}

#[test]
fn late_is_more_than_thirty_days() {
    Sample::new().today("2019-05-16").accepted();
    Sample::new().today("2019-05-17").warns(&["issue_date:late"]);
}

#[test]
fn those_who_failed_have_no_certificate() {
    Sample::new().with(F::Grade, "1").rejects(&["grade:not-qualified"]);
    Sample::new().with(F::Grade, "不合格").rejects(&["grade:not-qualified"]);
    Sample::new().with(F::Grade, "2").accepted();
}

#[test]
fn warnings_of_the_numbers() {
    Sample::new().with(F::Gender, "1").warns(&["gender:gender-id-mismatch"]);
    Sample::new().with(F::Gender, "0").accepted();
    Sample::new().with(F::Gender, "9").accepted();
    Sample::new().with(F::Level, "2").warns(&["level:level-mismatch"]);
    let number = |number| Sample::new().with(F::CertificateNumber, number);
    number("1810012003100058").accepted();
    number("2010012003100058").accepted();
    number("1710012003100058").warns(&["certificate_number:year-mismatch"]);
    number("2110012003100058").warns(&["certificate_number:year-mismatch"]);
    number("9910012003100058").warns(&["certificate_number:year-mismatch"]);
    number("1999012003100058").warns(&["certificate_number:unknown-issuer-code"]);
    number("1900012003100058").warns(&["certificate_number:unknown-issuer-code"]);
    number("1972003018100058").accepted();
    // Numbers that follow another rule say nothing of year, issuer or level.
    number("A999012003900058").accepted();
}

#[test]
fn regions_by_their_years() {
    // 110103 ended in 2009; a holder born before keeps it, one born long after cannot have it.
    let born = |id, day| {
        Sample::new()
            .today("2030-01-01")
            .with(F::Gender, "")
            .with(F::BirthDate, day)
            .with(F::IdNumber, id)
    };
    let late = "issue_date:late";
    born(with_check("11010319850101001"), "").warns(&[late]);
    born(with_check("99010119850101001"), "").warns(&[late]);
    born(with_check("19010119850101001"), "").warns(&["id_number:unknown-region", late]);
    born(with_check("81000019850101001"), "").warns(&[late]);
    let after = Sample::new()
        .today("2030-01-01")
        .with(F::Gender, "")
        .with(F::BirthDate, "")
        .with(F::IssueDate, "2029-12-31")
        .with(F::CertificateNumber, "2910012003100058");
    after.clone().with(F::IdNumber, with_check("11010320100101001")).accepted();
    after.with(F::IdNumber, with_check("11010320110101001")).warns(&["id_number:unknown-region"]);
}

fn with_check(first: &str) -> &'static str {
    let digits: &[u8; 17] = first.as_bytes().try_into().unwrap();
    let check = zhengcha_engine::key::resident_id::check_character(digits).unwrap();
    format!("{first}{check}").leak()
}

#[test]
fn scope_is_the_own_unit_and_those_below_it() {
    for org in ["all", "10", "1001", "10012003"] {
        Sample::new().org(org).accepted();
    }
    for org in ["11", "1002", "10012004", "19"] {
        Sample::new().org(org).rejects(&["certificate_number:scope"]);
    }
    let number = |org, number| Sample::new().org(org).with(F::CertificateNumber, number);
    number("all", "1912345678901").accepted();
    number("09", "1912345678901").accepted();
    number("10", "1912345678901").rejects(&["certificate_number:scope"]);
    number("10", "1910012003A00058").rejects(&["certificate_number:scope"]);
    number("all", "1910012003A00058").accepted();
    let longer = number("10", "Y000123000000195000001").layout(Layout::Of2019);
    longer.clone().rejects(&["certificate_number:scope"]);
    longer.org("all").accepted();
}

#[test]
fn catalogue_of_the_edition_in_force() {
    let named = |name, day: &'static str, number| {
        Sample::new()
            .layout(Layout::Of2019)
            .today(day)
            .with(F::IssueDate, day)
            .with(F::CertificateNumber, number)
            .with(F::OccupationName, name)
    };
    let unlisted = ["occupation_name:catalogue"];
    // Before the first edition any name stands; the layout of 2013 never asks.
    named("无此职业", "2017-09-11", "1710012003100058").accepted();
    named("无此职业", "2017-09-12", "1710012003100058").rejects(&unlisted);
    named("无此职业", "2017-09-12", "1710012003100058").layout(Layout::Of2013).accepted();
    // Occupation, group, and one that left with the edition of 2021.
    named("车工", "2017-09-12", "1710012003100058").accepted();
    named("机械冷加工人员", "2017-09-12", "1710012003100058").accepted();
    named("车工", "2020-12-31", "2010012003100058").accepted();
    named("车工", "2021-12-01", "2110012003100058").accepted();
    named("车工", "2021-12-02", "2110012003100058").rejects(&unlisted);
    // Brackets, in either width, or left out.
    for name in ["（粮油）仓储管理员", "(粮油)仓储管理员", "仓储管理员"] {
        named(name, "2018-01-01", "1810012003100058").accepted();
    }
    for name in
        ["社会体育指导员", "社会体育指导员（游泳、滑雪、潜水、攀岩）", "社会体育指导员(游泳)"]
    {
        named(name, "2022-01-01", "2210012003100058").accepted();
    }
}

#[test]
fn severity_decides_and_nothing_else() {
    for rule in Rule::ALL {
        let is_warning = matches!(
            rule.id(),
            "gender-id-mismatch"
                | "unknown-region"
                | "unknown-issuer-code"
                | "year-mismatch"
                | "level-mismatch"
                | "long-name"
                | "repeated"
                | "leading-zero-restored"
                | "late"
                | "shared-number"
        );
        assert_eq!(rule.severity() == Severity::Warn, is_warning, "{}", rule.id());
    }
}
