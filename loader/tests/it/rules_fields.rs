//! Rules on one field: presence, width, encoding, formulas, dates, codes, scores.

use zhengcha_engine::Date;
use zhengcha_loader::input::Cell;
use zhengcha_loader::layout::{FieldName as F, Layout};

use crate::rules_support::Sample;

#[test]
fn required_fields_by_layout() {
    for field in F::ALL {
        let required = matches!(
            field,
            F::Name
                | F::IssueDate
                | F::CertificateNumber
                | F::IdNumber
                | F::OccupationName
                | F::Institution
        );
        for (layout, required) in
            [(Layout::Of2013, required), (Layout::Of2019, required || field == F::Issuer)]
        {
            for blank in [Cell::Empty, Cell::Text(" \u{3000}\u{200B}")] {
                let sample = Sample::new().layout(layout).cell(field, blank);
                if required {
                    sample.rejects(&[&format!("{}:missing", field.name())]);
                } else {
                    sample.accepted();
                }
            }
        }
    }
}

#[test]
fn widths_at_one_below_and_one_above() {
    for (field, limit) in [(F::OccupationName, 60), (F::Institution, 60), (F::Issuer, 60)] {
        let of = |bytes: usize| {
            let text = "工".repeat(bytes / 2) + &"a".repeat(bytes % 2);
            Sample::new().with_owned(field, text)
        };
        of(limit - 1).accepted();
        of(limit).accepted();
        of(limit + 1).rejects(&[&format!("{}:too-long", field.name())]);
    }
    for (field, limit) in [(F::OccupationCode, 16), (F::TicketNumber, 32)] {
        Sample::new().with_owned(field, "1".repeat(limit)).accepted();
        let over = Sample::new().with_owned(field, "1".repeat(limit + 1));
        over.rejects(&[&format!("{}:too-long", field.name())]);
        // Spaces do not count: the width is that of the normal form.
        Sample::new().with_owned(field, format!("{} 1", "1".repeat(limit - 1))).accepted();
    }
    let number = |length| {
        Sample::new().layout(Layout::Of2019).with_owned(F::CertificateNumber, "A".repeat(length))
    };
    number(32).accepted();
    number(33).rejects(&["certificate_number:too-long"]);
    let id = |id| Sample::new().with(F::IdNumber, id).with(F::BirthDate, "1949-12-31");
    id("军字第123456789012").accepted();
    id("军字第1234567890123").rejects(&["id_number:id-number", "id_number:too-long"]);
    id("军字第号武警ABCDEFG1").rejects(&["id_number:too-long"]);
}

#[test]
fn names_of_twenty_and_fifty_bytes() {
    let named = |hanzi: usize| Sample::new().with_owned(F::Name, "阿".repeat(hanzi));
    named(10).accepted();
    named(11).warns(&["name:long-name"]);
    named(25).warns(&["name:long-name"]);
    named(26).rejects(&["name:too-long"]);
    // Four bytes for what GBK does not have.
    Sample::new().with_owned(F::Name, "𠮷".repeat(12)).warns(&["name:long-name"]);
    Sample::new().with_owned(F::Name, "𠮷".repeat(13)).rejects(&["name:too-long"]);
    let name =
        Sample::new().with(F::Name, " 阿不都克里木•阿不都热合曼 ").warns(&["name:long-name"]).name;
    assert_eq!(name, "阿不都克里木•阿不都热合曼", "the separator stays as delivered");
    assert_eq!(Sample::new().with(F::Name, "白　京").accepted().name, "白京");
}

#[test]
fn what_is_no_text_or_a_formula() {
    for field in F::ALL {
        for (cell, rule) in [
            (Cell::Formula, "formula"),
            (Cell::Error, "formula"),
            (Cell::Text("=1+1"), "formula"),
            (Cell::Undecodable, "undecodable"),
            (Cell::Text("白\u{FFFD}"), "undecodable"),
            (Cell::Text("白\u{1}京"), "undecodable"),
        ] {
            let sample = Sample::new().cell(field, cell);
            sample.rejects(&[&format!("{}:{rule}", field.name())]);
        }
    }
}

#[test]
fn cells_of_a_kind_that_fits_no_text() {
    let day = Cell::Date(Date::new(2019, 4, 16).unwrap());
    for (field, rule) in [
        (F::Name, "code"),
        (F::Gender, "code"),
        (F::Education, "code"),
        (F::CertificateNumber, "certificate-number"),
        (F::IdNumber, "id-number"),
        (F::TicketNumber, "code"),
        (F::OccupationCode, "code"),
        (F::OccupationName, "code"),
        (F::Level, "code"),
        (F::TheoryScore, "score"),
        (F::Grade, "code"),
        (F::Institution, "code"),
    ] {
        for cell in [day, Cell::Bool(true), Cell::BadDate] {
            Sample::new().cell(field, cell).rejects(&[&format!("{}:{rule}", field.name())]);
        }
    }
    for field in [F::BirthDate, F::IssueDate] {
        for cell in [Cell::Bool(true), Cell::BadDate, Cell::Number(43_571.0)] {
            Sample::new().cell(field, cell).rejects(&[&format!("{}:date", field.name())]);
        }
    }
    Sample::new().cell(F::IssueDate, day).accepted();
}

#[test]
fn dates_codes_and_scores_under_their_rules() {
    Sample::new().with(F::IssueDate, "2019-02-29").rejects(&["issue_date:date"]);
    Sample::new().with(F::BirthDate, "43571").rejects(&["birth_date:date"]);
    Sample::new().with(F::Gender, "3").rejects(&["gender:code"]);
    assert_eq!(Sample::new().with(F::Gender, "女").accepted().gender, Some(2));
    assert_eq!(Sample::new().with(F::Education, "20").accepted().education, Some(92));
    Sample::new().with(F::Education, "100").rejects(&["education:code"]);
    Sample::new().with(F::IdType, "8").rejects(&["id_type:code"]);
    Sample::new().with(F::Level, "6").rejects(&["level:code"]);
    assert_eq!(Sample::new().with(F::Level, "一级/高级技师").accepted().level, Some(1));
    assert_eq!(Sample::new().with(F::Grade, "优秀").accepted().grade, Some(4));
    for field in [F::TheoryScore, F::SkillScore, F::ReviewScore] {
        Sample::new().with(field, "100.0").accepted();
        Sample::new().with(field, "100.1").rejects(&[&format!("{}:score", field.name())]);
        Sample::new().with(field, "84.85").rejects(&[&format!("{}:score", field.name())]);
        Sample::new().cell(field, Cell::Number(84.8)).accepted();
    }
}

#[test]
fn number_cells_in_text_columns_are_written_out() {
    let certificate = Sample::new().cell(F::OccupationCode, Cell::Number(604.0)).accepted();
    assert_eq!(certificate.occupation_code, "604");
    Sample::new().cell(F::Gender, Cell::Number(2.0)).accepted();
    Sample::new().cell(F::Level, Cell::Number(1.0)).accepted();
}
