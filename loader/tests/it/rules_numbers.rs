//! Rules on numbers: `id-number`, `id-numeric`, `certificate-number`, `leading-zero-restored`.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use proptest::prelude::*;
use zhengcha_engine::IdType;
use zhengcha_loader::input::Cell;
use zhengcha_loader::layout::{FieldName as F, Layout};

use crate::rules_support::Sample;

fn id(number: &'static str) -> Sample {
    Sample::new().with(F::IdNumber, number)
}

#[test]
fn id_numbers() {
    id("11010519491231002x").accepted();
    let old = id("110105 491231 002").accepted();
    assert_eq!(old.id_number, "11010519491231002X");
    for wrong in [
        "110105194912310021",
        "11010519490231002X",
        "11010519810228XXXX",
        "1101051949123100",
        "11010519491231002",
        "110105491331002",
        "白京",
        "123",
    ] {
        id(wrong).rejects(&["id_number:id-number"]);
    }
    id("1101051949123100211").rejects(&["id_number:id-number", "id_number:too-long"]);
    // The check character to be expected is told, the number itself never.
    let (_, findings) = id("110105194912310021").judge();
    let message = findings[0].message();
    assert!(message.contains("need X") && !message.contains("19491231"), "{message}");
}

#[test]
fn other_documents() {
    for (number, kind) in [
        ("E12345678", IdType::Passport),
        ("H1234567890", IdType::HongKongMacaoPermit),
        ("12345678", IdType::TaiwanPermit),
        ("军字第0012345号", IdType::Military),
    ] {
        let certificate = id(number).accepted();
        assert_eq!(certificate.id_type, kind);
        assert_eq!(certificate.id_number, number);
    }
    id("E12345678").with(F::IdType, "居民身份证").rejects(&["id_number:id-number"]);
    id("E12345678").with(F::IdType, "护照").accepted();
    id("11010519491231002X").with(F::IdType, "护照").rejects(&["id_number:id-number"]);
}

#[test]
fn numbers_stored_as_numbers() {
    let numeric = |field, number| Sample::new().cell(field, Cell::Number(number));
    assert_eq!(
        numeric(F::IdNumber, 110_105_491_231_002.0).accepted().id_number,
        "11010519491231002X"
    );
    numeric(F::IdNumber, 110_105_194_912_310_000.0).rejects(&["id_number:id-numeric"]);
    id("1.1E+17").rejects(&["id_number:id-numeric"]);
    id("1.10105e+17").rejects(&["id_number:id-numeric"]);
    let restored = numeric(F::CertificateNumber, 110_012_003_100_058.0)
        .warns(&["certificate_number:leading-zero-restored", "certificate_number:year-mismatch"]);
    assert_eq!(restored.certificate_number, "0110012003100058");
    numeric(F::CertificateNumber, 1_910_012_003_100_058.0)
        .rejects(&["certificate_number:id-numeric"]);
    Sample::new()
        .with(F::CertificateNumber, "1.91E+15")
        .rejects(&["certificate_number:id-numeric"]);
    assert_eq!(numeric(F::TicketNumber, 20_190_001.0).accepted().ticket_number, "20190001");
    numeric(F::TicketNumber, 1e15).rejects(&["ticket_number:id-numeric"]);
    Sample::new().with(F::TicketNumber, "2.019E+15").rejects(&["ticket_number:id-numeric"]);
}

#[test]
fn certificate_numbers() {
    let number = |number| Sample::new().with(F::CertificateNumber, number);
    assert_eq!(number("1910 0120 0310 0058").accepted().certificate_number, "1910012003100058");
    number("191001200310005").rejects(&["certificate_number:certificate-number"]);
    number("19100120031000581")
        .rejects(&["certificate_number:certificate-number", "certificate_number:too-long"]);
    number("1910-12003100058").rejects(&["certificate_number:certificate-number"]);
    let shanghai = number("1912345678901").accepted();
    assert_eq!(shanghai.certificate_number, "0001912345678901");
    number("191001200310005").layout(Layout::Of2019).accepted();
    number("y000123000000195000001").layout(Layout::Of2019).accepted();
    number("19100120031000证")
        .layout(Layout::Of2019)
        .rejects(&["certificate_number:certificate-number"]);
}

/// ISO 7064 MOD 11-2 in its recursive form, written apart from the engine's weights.
fn check_character(digits: &str) -> char {
    let remainder = digits.bytes().fold(0, |sum, byte| (sum + u32::from(byte - b'0')) * 2 % 11);
    match (12 - remainder) % 11 {
        10 => 'X',
        value => char::from_digit(value, 10).unwrap(),
    }
}

proptest! {
    #[test]
    fn only_the_right_check_character_passes(sequence in 0u32..1000, given in "[0-9X]") {
        let first = format!("11010519491231{sequence:03}");
        let sample = Sample::new()
            .with(F::Gender, "")
            .with_owned(F::IdNumber, format!("{first}{given}"));
        if given == check_character(&first).to_string() {
            prop_assert!(sample.judge().0.is_some());
        } else {
            prop_assert_eq!(sample.broken(), vec!["id_number:id-number"]);
        }
    }

    #[test]
    fn no_cell_whatsoever_is_a_panic(
        field in 0usize..F::COUNT, text in "(\\PC|[0-9/.年月日EX+-]|.){0,24}", number: f64,
    ) {
        let _ = Sample::new().with_owned(F::ALL[field], text).judge();
        let _ = Sample::new().cell(F::ALL[field], Cell::Number(number)).judge();
    }
}
