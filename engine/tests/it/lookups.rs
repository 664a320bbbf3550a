//! Every lookup against the reference model, on the awkward data that prototypes get wrong.

use crate::support::{answer, plain};
use proptest::prelude::*;
use std::collections::BTreeSet;
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::testing::{self, Model};
use zhengcha_engine::{Certificate, Date, Mode, Shadows, Snapshot, Store};

/// Every key of every certificate, and mixtures of neighbours, must answer as the model does.
fn hold_against_model(snapshot: &Snapshot, certificates: &[Certificate]) {
    let model = Model::new(certificates);
    for mode in Mode::ALL {
        // Each once: hundreds may have the same two fields.
        let mut asked = BTreeSet::new();
        for (certificate, neighbour) in certificates.iter().zip(certificates.iter().cycle().skip(1))
        {
            let (first, second) = testing::pair(certificate, mode);
            let (_, other) = testing::pair(neighbour, mode);
            asked.extend([(first.clone(), second), (first, other)]);
        }
        for (first, second) in asked {
            assert_eq!(
                answer(snapshot, mode, &first, &second),
                model.lookup(mode, &first, &second),
                "{mode:?} {first} {second}"
            );
        }
    }
}

fn published(certificates: &[Certificate]) -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates.to_vec()).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    (folder, snapshot)
}

fn check(certificates: &[Certificate]) {
    let (_folder, snapshot) = published(certificates);
    assert_eq!(snapshot.records(), certificates.len() as u64);
    hold_against_model(&snapshot, certificates);
}

#[test]
fn no_certificates_at_all() {
    let (_folder, snapshot) = published(&[]);
    for mode in Mode::ALL {
        assert!(answer(&snapshot, mode, "0101120201100058", "王小明").is_empty());
        assert!(answer(&snapshot, mode, "", "").is_empty());
    }
}

#[test]
fn one_certificate_with_every_field() {
    check(&[plain("0101120201100058")]);
}

#[test]
fn a_number_shared_by_hundreds_over_many_blocks() {
    let mut certificates: Vec<Certificate> =
        (0..300u32).map(|n| plain(&format!("01011202011{n:05}"))).collect();
    certificates.extend((0..500u32).map(|n| Certificate {
        name: format!("人{n}"),
        ticket_number: format!("{n}"),
        ..plain("0101120201100100")
    }));
    certificates.extend((300..600u32).map(|n| plain(&format!("01011202011{n:05}"))));
    check(&certificates);
}

#[test]
fn one_person_with_hundreds_of_certificates() {
    // IN and TN keys are all equal: the run crosses dozens of index blocks.
    let certificates: Vec<Certificate> =
        (0..500u32).map(|n| plain(&format!("01011202011{n:05}"))).collect();
    let (_folder, snapshot) = published(&certificates);
    let found = answer(&snapshot, Mode::IN, "110105198102280018", "王小明");
    assert_eq!(found.len(), 500);
    let found = answer(&snapshot, Mode::TN, "200101230001", "王小明");
    assert_eq!(found.len(), 500);
}

#[test]
fn letters_hanzi_and_lengths_that_do_not_pack() {
    let numbers = [
        "S000123000001195000001",
        "AB00012300000119500001",
        "1",
        "000",
        "010112020110005",
        "01011202011000581",
        "ZHENGCHAZHENGCHAZHENGCHAZHENGCHA",
        "0101120201100058",
    ];
    let ids =
        ["E12345678", "军字第1234567号", "H12345678", "ABCDEFGHIJKLMNOPQR", "110105198102280018"];
    let tickets =
        ["", "A-1", "0", "00", "123456789012345678", "1234567890123456789", "准考2019001"];
    let names = [
        "王小明",
        "阿不都克里木·阿不都热合曼",
        "𠮷野家康",
        "JOHN SMITH",
        "John  Smith",
        "一二三四五六七八九十一二三四五六七八九十一二三四五",
    ];
    let mut certificates = Vec::new();
    for (n, number) in numbers.iter().enumerate() {
        for (m, id) in ids.iter().enumerate() {
            certificates.push(Certificate {
                id_number: (*id).to_owned(),
                ticket_number: tickets[(n + m) % tickets.len()].to_owned(),
                name: names[(n * 3 + m) % names.len()].to_owned(),
                ..plain(number)
            });
        }
    }
    check(&certificates);
}

#[test]
fn a_missing_ticket_is_never_matched() {
    let certificates = [Certificate { ticket_number: String::new(), ..plain("0101120201100058") }];
    let (_folder, snapshot) = published(&certificates);
    assert!(answer(&snapshot, Mode::IT, "110105198102280018", "").is_empty());
    assert!(answer(&snapshot, Mode::CT, "0101120201100058", "").is_empty());
    assert!(answer(&snapshot, Mode::TN, "", "王小明").is_empty());
    assert_eq!(answer(&snapshot, Mode::IN, "110105198102280018", "王小明").len(), 1);
}

#[test]
fn tickets_shared_by_thousands() {
    let certificates: Vec<Certificate> = (0..3000u32)
        .map(|n| Certificate {
            name: format!("人{}", n % 700),
            ticket_number: "20190001".to_owned(),
            ..plain(&format!("1901120201{:06}", n * 7))
        })
        .collect();
    let (_folder, snapshot) = published(&certificates);
    let model = Model::new(&certificates);
    for n in 0..700 {
        let name = format!("人{n}");
        let found = answer(&snapshot, Mode::TN, "20190001", &name);
        assert_eq!(found, model.lookup(Mode::TN, "20190001", &name));
    }
}

#[test]
fn every_field_comes_back() {
    let full = Certificate {
        gender: Some(9),
        education: Some(99),
        level: Some(5),
        grade: Some(4),
        theory_score: Some(0),
        skill_score: None,
        review_score: Some(1000),
        issuer: "某省人力资源和社会保障厅".to_owned(),
        birth_date: Date::new(1850, 1, 1),
        issue_date: Date::new(2128, 6, 5),
        id_type: zhengcha_engine::IdType::Military,
        ..plain("0101120201100058")
    };
    let bare = Certificate {
        gender: None,
        birth_date: None,
        education: None,
        ticket_number: String::new(),
        occupation_code: String::new(),
        level: None,
        theory_score: None,
        skill_score: None,
        review_score: None,
        grade: None,
        ..plain("0101120201100059")
    };
    let (_folder, snapshot) = published(&[full.clone(), bare.clone()]);
    for certificate in [full, bare] {
        let found = answer(&snapshot, Mode::CN, &certificate.certificate_number, "王小明");
        assert_eq!(found, [certificate]);
    }
}

#[test]
fn a_delta_lies_over_its_base() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let base: Vec<Certificate> =
        (0..200u32).map(|n| plain(&format!("01011202011{n:05}"))).collect();
    let base_written =
        testing::write_segment(&store, SegmentKind::Base, base.clone(), Vec::new()).unwrap();
    // Record 7 is corrected, record 9 withdrawn, two are new.
    let corrected = Certificate { theory_score: Some(900), ..base[7].clone() };
    let delta = vec![corrected, plain("2601120201100001"), plain("2601120201100002")];
    let shadows = vec![Shadows { segment: base_written.0.id.clone(), records: vec![7, 9] }];
    let delta_written =
        testing::write_segment(&store, SegmentKind::Delta, delta.clone(), shadows).unwrap();
    testing::publish_segments(&store, &[base_written, delta_written], 201).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    let mut expected = base;
    expected.remove(9);
    expected.remove(7);
    expected.extend(delta);
    hold_against_model(&snapshot, &expected);
    assert!(answer(&snapshot, Mode::CN, "0101120201100009", "王小明").is_empty());
    assert_eq!(snapshot.by_certificate("0101120201100007").count(), 1);
    assert_eq!(snapshot.by_certificate("0101120201100009").count(), 0);
    assert_eq!(snapshot.segments().count(), 2);
}

#[test]
fn a_reopened_generation_shares_the_segments_it_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, [plain("0101120201100058")]).unwrap();
    let first = Snapshot::open_current(&store, None).unwrap().unwrap();
    let path = first.segments().next().unwrap().path().to_owned();
    // The name may go: who holds the segment keeps it.
    std::fs::remove_file(&path).unwrap();
    let second = Snapshot::open_current(&store, Some(&first)).unwrap().unwrap();
    assert_eq!(answer(&second, Mode::CN, "0101120201100058", "王小明").len(), 1);
    assert!(Snapshot::open_current(&store, None).is_err());
}

/// Few different values, so that numbers, people and tickets collide in every way.
fn colliding() -> impl Strategy<Value = Certificate> {
    (
        prop_oneof![
            3 => (0u64..60).prop_map(|n| format!("{:016}", n * n * 1_000_003)),
            1 => (0u32..4).prop_map(|n| format!("S{n}")),
        ],
        prop_oneof![
            (0u32..5).prop_map(|n| format!("11010519810228001{n}")),
            (0u32..3).prop_map(|n| format!("军字第{n}号")),
        ],
        prop_oneof![
            Just(String::new()),
            (0u32..5).prop_map(|n| n.to_string()),
            Just("A1".to_owned())
        ],
        prop_oneof![
            (0u32..5).prop_map(|n| format!("王{n}")),
            (0u32..2).prop_map(|n| format!("阿不都克里木·阿不都热合曼{n}")),
        ],
        proptest::option::of(0u16..=1000),
    )
        .prop_map(|(number, id_number, ticket_number, name, theory_score)| Certificate {
            id_number,
            ticket_number,
            name,
            theory_score,
            ..plain(&number)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lookups_agree_with_sorted_maps(certificates in prop::collection::vec(colliding(), 0..400)) {
        check(&certificates);
    }

    #[test]
    fn the_same_certificates_in_any_order_give_the_same_bytes(
        certificates in prop::collection::vec(colliding(), 1..80).prop_flat_map(|list| {
            (Just(list.clone()), Just(list).prop_shuffle())
        })
    ) {
        let write = |list: Vec<Certificate>| {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::new(folder.path());
            testing::write_segment(&store, SegmentKind::Base, list, Vec::new()).unwrap().0.id
        };
        prop_assert_eq!(write(certificates.0), write(certificates.1));
    }
}
