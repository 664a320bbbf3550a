//! The reference judgement of claims on cases worked out by hand: it judges others, so nothing else
//! judges it.

use tempfile::TempDir;
use zhengcha_engine::testing::{
    ClaimsModel, Granted, PlainCatalogue, PlainClaim, PlainVerdict, publish,
};
use zhengcha_engine::{Certificate, Date, Holds, Snapshot, Store};

const ID: &str = "11010519491231002X";
const NUMBER: &str = "1901012001300001";
const NAME: &str = "白京";

/// A certificate that gives a deduction in 2019.
fn certificate() -> Certificate {
    Certificate {
        name: NAME.into(),
        issue_date: Date::new(2019, 5, 6),
        certificate_number: NUMBER.into(),
        id_number: ID.into(),
        ticket_number: "T77".into(),
        occupation_name: "车工".into(),
        level: Some(3),
        grade: Some(2),
        institution: "北京市第一职业技能鉴定所".into(),
        issuer: "北京市人力资源和社会保障局".into(),
        ..Certificate::default()
    }
}

fn issued(number: &str, occupation: &str, year: u16, month: u8, day: u8) -> Certificate {
    Certificate {
        certificate_number: number.into(),
        occupation_name: occupation.into(),
        issue_date: Date::new(year, month, day),
        ..certificate()
    }
}

struct Case {
    _folder: TempDir,
    snapshot: Snapshot,
    holds: Holds,
    catalogue: PlainCatalogue,
    granted: Granted,
}

impl Case {
    fn new(certificates: &[Certificate], held: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::new(folder.path());
        publish(&store, certificates.to_vec()).unwrap();
        let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
        let holds = Holds::new(held.iter().map(|&number| number.to_owned()));
        let (catalogue, granted) = (PlainCatalogue::embedded(), Granted::default());
        Self { _folder: folder, snapshot, holds, catalogue, granted }
    }

    fn judge(&mut self, fields: &[(&'static str, &str)]) -> PlainVerdict {
        let Self { snapshot, holds, catalogue, granted, .. } = self;
        granted.close(ClaimsModel { snapshot, holds, catalogue }.judge(&PlainClaim::new(fields)))
    }

    /// Year and reason of a claim by number and identity alone.
    fn deduction(&mut self, number: &str, tax_year: &str) -> (Option<u16>, Option<&'static str>) {
        let claim = [("id_number", ID), ("certificate_number", number), ("tax_year", tax_year)];
        let verdict = self.judge(&claim);
        assert_eq!(verdict.verdict, "match", "{number} {tax_year}");
        (verdict.deduction_year, verdict.reason)
    }
}

const BASE: [(&str, &str); 3] = [("name", NAME), ("id_number", ID), ("certificate_number", NUMBER)];

#[test]
fn every_comparison() {
    let mut case = Case::new(&[certificate()], &[]);
    for (field, text, equal) in [
        ("issue_date", "2019-05-06", true),
        ("issue_date", "2019年5月6日", true),
        ("issue_date", "20190506", true),
        ("issue_date", "2019.5.6", true),
        ("issue_date", "2019-05-07", false),
        ("occupation_name", "车工", true),
        ("occupation_name", " 车　工 ", true),
        ("occupation_name", "车工（数控）", true),
        ("occupation_name", "机械冷加工人员", true),
        ("occupation_name", "铣工", false),
        ("occupation_name", "机械热加工人员", false),
        ("issuer", "北京市人力资源和社会保障局", true),
        ("issuer", "北京市第一职业技能鉴定所", true),
        ("issuer", "上海市人力资源和社会保障局", false),
        ("institution", "北京市第一职业技能鉴定所", true),
        ("institution", "北京市人力资源和社会保障局", false),
        ("level", "3", true),
        ("level", "三级/高级工", true),
        ("level", "四级", false),
        ("ticket_number", "t77", true),
        ("ticket_number", "T78", false),
    ] {
        let claim: Vec<_> = BASE.into_iter().chain([(field, text)]).collect();
        let verdict = case.judge(&claim);
        let expected = if equal { ("match", vec![]) } else { ("mismatch", vec![field]) };
        assert_eq!((verdict.verdict, verdict.mismatched), expected, "{field} {text}");
        assert_eq!((verdict.deduction_year, verdict.reason), (None, None));
    }
}

#[test]
fn what_the_record_lacks_is_not_compared() {
    let lacking = Certificate {
        ticket_number: String::new(),
        level: None,
        issuer: String::new(),
        ..certificate()
    };
    let mut case = Case::new(&[lacking], &[]);
    let claim: Vec<_> = BASE
        .into_iter()
        .chain([("ticket_number", "T1"), ("level", "5"), ("issuer", "上海市人力资源和社会保障局")])
        .collect();
    assert_eq!(case.judge(&claim).verdict, "match");
}

#[test]
fn keys_that_differ_are_named_in_the_order_of_the_claim() {
    let mut case = Case::new(&[certificate()], &[]);
    let claim = [
        ("occupation_name", "铣工"),
        ("certificate_number", NUMBER),
        ("tax_year", "2019"),
        ("id_number", "110105194912310038"),
        ("name", NAME),
        ("issue_date", "2019-05-07"),
    ];
    let verdict = case.judge(&claim);
    assert_eq!(verdict.mismatched, ["occupation_name", "id_number", "issue_date"]);
    assert_eq!((verdict.verdict, verdict.reason), ("mismatch", Some("no-match")));
    let one = case.judge(&[("id_number", ID), ("name", "白净"), ("tax_year", "2019")]);
    assert_eq!(one, PlainVerdict { verdict: "not_found", reason: Some("no-match"), ..one.clone() });
}

#[test]
fn the_record_that_agrees_most_then_the_newest_then_the_lowest() {
    let certificates = [
        issued("1901012001300003", "车工", 2019, 5, 6),
        issued("1901012001300002", "铣工", 2019, 5, 6),
        issued("1801012001300001", "磨工", 2018, 5, 6),
    ];
    let mut case = Case::new(&certificates, &[]);
    let by_person =
        |occupation| [("id_number", ID), ("name", NAME), ("occupation_name", occupation)];
    assert_eq!(case.judge(&by_person("铣工")).verdict, "match", "the lowest of the newest");
    assert_eq!(case.judge(&by_person("车工")).verdict, "mismatch");
    let third = [
        ("id_number", ID),
        ("name", NAME),
        ("certificate_number", "1801012001300001"),
        ("occupation_name", "磨工"),
    ];
    assert_eq!(case.judge(&third).verdict, "match", "three keys beat a newer date");
}

#[test]
fn a_held_record_is_under_review_whatever_else_is_claimed() {
    let mut case = Case::new(&[certificate()], &[NUMBER]);
    let claim: Vec<_> =
        BASE.into_iter().chain([("occupation_name", "铣工"), ("tax_year", "2019")]).collect();
    let verdict = case.judge(&claim);
    assert_eq!((verdict.verdict, verdict.reason), ("under_review", Some("no-match")));
    assert!(verdict.mismatched.is_empty());
}

#[test]
fn deductions_by_year_and_catalogue() {
    let all = [
        ("1", "车工", (2018, 12, 31), "2018", Err("not-in-force")),
        ("1", "车工", (2018, 12, 31), "2019", Err("other-year")),
        ("2", "车工", (2019, 1, 1), "2019", Ok(2019)),
        ("3", "车工", (2019, 12, 31), "2019", Ok(2019)),
        ("3", "车工", (2019, 12, 31), "2020", Err("other-year")),
        ("3", "车工", (2019, 12, 31), "2018", Err("not-in-force")),
        // Batch 1 left on 2020-09-30, batch 2 on 2020-12-31.
        ("4", "车工", (2020, 9, 30), "2020", Ok(2020)),
        ("5", "车工", (2020, 10, 1), "2020", Err("not-in-catalogue")),
        ("6", "起重装卸机械操作工", (2020, 12, 31), "2020", Ok(2020)),
        ("7", "起重装卸机械操作工", (2021, 1, 1), "2021", Err("not-in-catalogue")),
        // A group counts while any of its occupations does: 电工 left with batch 1, 设备点检员 with 2.
        ("8", "机械设备修理人员", (2020, 10, 1), "2020", Ok(2020)),
        ("9", "机械设备修理人员", (2021, 1, 1), "2021", Err("not-in-catalogue")),
        // The edition of 2021 from 2021-12-02.
        ("10", "出租汽车驾驶员", (2021, 12, 1), "2021", Err("not-in-catalogue")),
        ("11", "出租汽车驾驶员", (2021, 12, 2), "2021", Ok(2021)),
        ("12", "焊工", (2021, 6, 1), "2021", Ok(2021)),
        ("13", "社会体育指导员", (2022, 1, 1), "2022", Ok(2022)),
        ("14", "心理咨询师", (2019, 3, 1), "2019", Err("not-in-catalogue")),
        ("15", "（粮油） 仓储管理员", (2020, 6, 1), "2020", Ok(2020)),
    ];
    for (number, occupation, (year, month, day), tax_year, expected) in all {
        let mut case = Case::new(&[issued(number, occupation, year, month, day)], &[]);
        let expected = match expected {
            Ok(year) => (Some(year), None),
            Err(reason) => (None, Some(reason)),
        };
        let found = case.deduction(number, tax_year);
        assert_eq!(found, expected, "{occupation} of {year}-{month}-{day} for {tax_year}");
    }
}

#[test]
fn who_did_not_pass_gets_nothing() {
    let mut case = Case::new(&[Certificate { grade: Some(1), ..certificate() }], &[]);
    assert_eq!(case.deduction(NUMBER, "2019"), (None, Some("not-qualified")));
}

#[test]
fn one_certificate_a_person_and_year() {
    let certificates = [
        issued("1901012001300001", "车工", 2019, 1, 1),
        issued("1901012001300002", "铣工", 2019, 12, 31),
        issued("2001012001300003", "钳工", 2020, 1, 1),
        Certificate { id_number: "110105194912310038".into(), ..issued("4", "车工", 2019, 1, 1) },
    ];
    let mut case = Case::new(&certificates, &[]);
    assert_eq!(case.deduction("1901012001300001", "2020"), (None, Some("other-year")));
    assert_eq!(case.deduction("1901012001300002", "2019"), (Some(2019), None));
    assert_eq!(case.deduction("1901012001300001", "2019"), (None, Some("already-granted")));
    assert_eq!(case.deduction("1901012001300002", "2019"), (None, Some("already-granted")));
    assert_eq!(case.deduction("2001012001300003", "2020"), (Some(2020), None));
    let other =
        [("id_number", "110105194912310038"), ("certificate_number", "4"), ("tax_year", "2019")];
    assert_eq!(case.judge(&other).deduction_year, Some(2019), "another person of the same name");
}

#[test]
fn claims_that_cannot_be_judged() {
    let mut case = Case::new(&[certificate()], &[]);
    let long = "1".repeat(65);
    for (field, text, reason) in [
        ("issue_date", "2019-02-29", "date"),
        ("issue_date", "43561", "date"),
        ("level", "特级技师", "level"),
        ("tax_year", "19", "tax-year"),
        ("ticket_number", long.as_str(), "too-long"),
        ("ticket_number", "T\u{1}7", "unusable"),
    ] {
        let claim: Vec<_> = BASE.into_iter().chain([(field, text)]).collect();
        assert_eq!(case.judge(&claim), PlainVerdict::invalid(reason), "{field}");
    }
    for claim in [&[("id_number", ID)][..], &[("id_number", ID), ("name", " \u{3000}")], &[]] {
        assert_eq!(case.judge(claim), PlainVerdict::invalid("two-fields-required"));
    }
}

#[test]
fn numbers_and_names_in_other_spellings_are_the_same() {
    let mut case = Case::new(&[certificate()], &[]);
    let claim = [
        ("id_number", " 110105491231002 "),
        ("certificate_number", "１９０１０１２００１３００００１"),
        ("name", "白　京"),
    ];
    assert_eq!(case.judge(&claim).verdict, "match");
}
