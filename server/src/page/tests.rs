//! Every kind of page: sound HTML, escaped values, the words asked for, nothing that should stay out.

use proptest::prelude::*;

use super::html_check::{Tag, check};
use super::*;

const HOSTILE: &str =
    "\"><script>alert(1)</script><img src=x onerror='x'>&amp;\u{0}\u{202e}{{7*7}}";

fn context() -> PageContext {
    PageContext {
        generation: Some(12),
        as_of: Date::new(2026, 11, 15),
        entered: Entered {
            id_number: "11010519491231002X".to_owned(),
            name: "白京".to_owned(),
            ..Entered::default()
        },
    }
}

fn certificate() -> CertificateCard {
    CertificateCard {
        name: "白京".to_owned(),
        gender: Some(1),
        id_number: "110105************".to_owned(),
        education: Some(91),
        occupation_name: "车工".to_owned(),
        occupation_code: "6-04-01-01".to_owned(),
        level: Some(1),
        certificate_number: "0101120201100058".to_owned(),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(823),
        grade: Some(3),
        issue_date: Date::new(2001, 10, 22),
        institution: "某市职业技能鉴定指导中心".to_owned(),
        issuer: "某市劳动和社会保障局".to_owned(),
    }
}

fn valid(certificate: CertificateCard) -> Card {
    Card::Valid(Box::new(certificate))
}

fn under_review() -> Card {
    Card::UnderReview { certificate_number: "1611010000300001".to_owned() }
}

fn render(context: &PageContext, result: &PageResult) -> String {
    String::from_utf8(result_page(context, result).to_vec()).unwrap()
}

fn every_result() -> Vec<PageResult> {
    let mut results = vec![
        PageResult::Found(vec![]),
        PageResult::Found(vec![valid(certificate())]),
        PageResult::Found(vec![valid(certificate()), under_review(), valid(certificate())]),
        PageResult::Found(vec![under_review()]),
        PageResult::Found(vec![valid(CertificateCard::default())]),
        PageResult::NotFound,
        PageResult::TwoFieldsRequired,
        PageResult::BadRequest,
        PageResult::Unavailable,
        PageResult::TooMany { retry_after_seconds: u64::MAX },
    ];
    for field in Field::ALL {
        for reason in [InputFault::TooLong, InputFault::Unusable] {
            results.push(PageResult::BadInput { field, reason });
        }
    }
    results
}

fn input<'t>(tags: &'t [Tag], id: &str) -> &'t Tag {
    tags.iter().find(|tag| tag.name == "input" && tag.get("id") == Some(id)).unwrap()
}

#[test]
fn every_page_is_sound_html() {
    for context in [PageContext::default(), context()] {
        check(std::str::from_utf8(&form_page(&context)).unwrap());
        for result in every_result() {
            check(&render(&context, &result));
        }
    }
}

#[test]
fn the_form_posts_the_four_fields_to_the_root() {
    let page = String::from_utf8(form_page(&context()).to_vec()).unwrap();
    let tags = check(&page);
    let form = tags.iter().find(|tag| tag.name == "form").unwrap();
    assert_eq!((form.get("method"), form.get("action")), (Some("post"), Some("/")));
    let names = tags.iter().filter(|tag| tag.name == "input").map(|tag| tag.get("name").unwrap());
    assert_eq!(names.collect::<Vec<_>>(), Field::ALL.map(Field::name));
    for field in Field::ALL {
        let input = input(&tags, field.name());
        assert_eq!(input.get("autocomplete"), Some("off"));
        assert!(input.get("maxlength").is_some() && input.get("inputmode").is_some());
    }
    assert!(page.contains("<html lang=\"zh-CN\">"));
    assert!(page.contains("数据截至") && page.contains("2026年11月15日"));
    assert!(["①", "②", "③", "④", "⑤", "⑥"].iter().all(|number| page.contains(number)));
}

#[test]
fn the_form_page_shows_nothing_of_what_was_entered() {
    let page = String::from_utf8(form_page(&context()).to_vec()).unwrap();
    assert!(!page.contains("白京") && !page.contains("11010519491231002X"));
}

#[test]
fn a_card_shows_every_field_in_words() {
    let page = render(&context(), &PageResult::Found(vec![valid(certificate())]));
    for shown in [
        "查到 1 本证书",
        "白京",
        "男",
        "110105************",
        "研究生",
        "车工",
        "6-04-01-01",
        "一级/高级技师",
        "0101120201100058",
        "84.8",
        "85.8",
        "82.3",
        "良好",
        "2001年10月22日",
        "某市职业技能鉴定指导中心",
        "某市劳动和社会保障局",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn a_found_page_never_repeats_the_numbers_asked_with() {
    let page = render(&context(), &PageResult::Found(vec![valid(certificate())]));
    assert!(!page.contains("11010519491231002X"));
    assert!(!page.contains("<form"));
}

#[test]
fn cards_keep_the_order_given() {
    let numbers = ["2601120201100003", "1901120201100002", "0101120201100001"];
    let cards = numbers.map(|number| {
        valid(CertificateCard { certificate_number: number.to_owned(), ..certificate() })
    });
    let page = render(&context(), &PageResult::Found(cards.to_vec()));
    let places = numbers.map(|number| page.find(number).unwrap());
    assert!(places.is_sorted());
    assert!(page.contains("查到 3 本证书") && page.contains("最近的在前"));
}

#[test]
fn a_record_on_hold_shows_its_number_alone() {
    let page = render(&context(), &PageResult::Found(vec![under_review()]));
    assert!(page.contains("记录核实中") && page.contains("1611010000300001"));
    assert!(page.contains("核实中不表示证书无效"));
    assert!(!page.contains("白京") && !page.contains("证件号码</dt>"));
}

#[test]
fn a_miss_is_explained_and_can_be_corrected() {
    let page = render(&context(), &PageResult::NotFound);
    for said in [
        "对不起，没有查到相关信息",
        "证件号码 + 姓名",
        "填写有误",
        "30 日",
        "人社鉴函〔2019〕20号",
        "职业技能等级证书",
        "专业技术人员职业资格证书",
        "专项职业能力证书",
        "发证机关",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let tags = check(&page);
    assert_eq!(input(&tags, "id_number").get("value"), Some("11010519491231002X"));
    assert_eq!(input(&tags, "name").get("value"), Some("白京"));
    assert_eq!(input(&tags, "ticket_number").get("value"), Some(""));
    assert_eq!(page, render(&context(), &PageResult::Found(vec![])), "an empty list is a miss");
}

#[test]
fn the_count_of_fields_is_said_and_the_summary_leads_to_the_right_one() {
    let cases: [(&[Field], &str, &str); 4] = [
        (&[], "还没有填写", "id_number"),
        (&[Field::IdNumber], "只填写了 1 项", "certificate_number"),
        (
            &[Field::CertificateNumber, Field::TicketNumber, Field::Name],
            "填写了 3 项",
            "certificate_number",
        ),
        (&Field::ALL, "填写了 4 项", "id_number"),
    ];
    for (filled, said, target) in cases {
        let typed =
            |field| if filled.contains(&field) { "x".to_owned() } else { " \u{3000}".to_owned() };
        let entered = Entered {
            id_number: typed(Field::IdNumber),
            certificate_number: typed(Field::CertificateNumber),
            ticket_number: typed(Field::TicketNumber),
            name: typed(Field::Name),
        };
        let page = render(&PageContext { entered, ..context() }, &PageResult::TwoFieldsRequired);
        assert!(page.contains(said), "{said}");
        let tags = check(&page);
        assert_eq!(input(&tags, target).get("aria-invalid"), Some("true"));
        assert!(page.contains(&format!("<a href=\"#{target}\">{said}")));
    }
}

#[test]
fn a_bad_field_is_marked_and_described() {
    for field in Field::ALL {
        let result = PageResult::BadInput { field, reason: InputFault::TooLong };
        let page = render(&context(), &result);
        let tags = check(&page);
        for other in Field::ALL {
            let invalid = input(&tags, other.name()).get("aria-invalid");
            assert_eq!(invalid.is_some(), other == field);
        }
        let described = input(&tags, field.name()).get("aria-describedby").unwrap();
        assert!(described.starts_with(&format!("{}-fault ", field.name())));
        assert!(tags.iter().any(|tag| tag.get("role") == Some("alert")));
    }
}

#[test]
fn input_is_said_to_be_kept_only_when_it_is() {
    let said = |context| render(&context, &PageResult::Unavailable).contains("已保留");
    assert!(said(context()));
    assert!(!said(PageContext::default()));
}

#[test]
fn hostile_values_stay_text() {
    let entered = Entered {
        id_number: HOSTILE.to_owned(),
        certificate_number: HOSTILE.to_owned(),
        ticket_number: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
    };
    let context = PageContext { entered, ..context() };
    let hostile = || HOSTILE.to_owned();
    let card = CertificateCard {
        name: hostile(),
        id_number: hostile(),
        occupation_name: hostile(),
        occupation_code: hostile(),
        certificate_number: hostile(),
        institution: hostile(),
        issuer: hostile(),
        ..certificate()
    };
    let mut results = every_result();
    results.push(PageResult::Found(vec![
        valid(card),
        Card::UnderReview { certificate_number: hostile() },
    ]));
    for result in results {
        let page = render(&context, &result);
        let tags = check(&page);
        assert!(!page.contains("<script>") && !page.contains("<img src=x"));
        assert_eq!(tags.iter().filter(|tag| tag.name == "script").count(), 1);
    }
}

#[test]
fn debug_output_holds_no_personal_data() {
    let text = format!("{:?} {:?}", context(), PageResult::Found(vec![valid(certificate())]));
    assert!(!text.contains("白京") && !text.contains("110105"), "{text}");
}

proptest! {
    #[test]
    fn any_text_makes_a_sound_page(text in "\\PC{0,80}", other in any::<String>()) {
        let entered = Entered { name: text.clone(), ticket_number: other.clone(), ..Entered::default() };
        let context = PageContext { entered, ..context() };
        for result in [PageResult::NotFound, PageResult::TwoFieldsRequired] {
            check(&render(&context, &result));
        }
        let card = CertificateCard { name: text, issuer: other, ..certificate() };
        check(&render(&context, &PageResult::Found(vec![valid(card)])));
    }
}
