//! What people do on the page, from the form to the answer.

use fantoccini::key::Key;

use crate::browser::{Browser, DESKTOP, PHONE, Scripts, with_browser};
use crate::pictures::{Asked, LONG_NUMBER};
use crate::site::{
    HELD_CERTIFICATE, HELD_NAME, ID_NUMBER, NAME, NEW_CERTIFICATE, OLD_CERTIFICATE, Site, State,
    TICKET_NUMBER,
};

/// All six modes of 人社鉴发〔2013〕2号 第四条, with what the holder of the older certificate would type.
const SIX_MODES: [[(&str, &str); 2]; 6] = [
    [("id_number", ID_NUMBER), ("certificate_number", OLD_CERTIFICATE)],
    [("id_number", ID_NUMBER), ("ticket_number", TICKET_NUMBER)],
    [("id_number", ID_NUMBER), ("name", NAME)],
    [("certificate_number", OLD_CERTIFICATE), ("ticket_number", TICKET_NUMBER)],
    [("certificate_number", OLD_CERTIFICATE), ("name", NAME)],
    [("ticket_number", TICKET_NUMBER), ("name", NAME)],
];

async fn asks_in_all_six_ways(browser: Browser) {
    let site = Site::start(State::Serving).await;
    for mode in SIX_MODES {
        browser.goto(&site.url()).await;
        browser.ask(&mode).await;
        let main = browser.text("main:has(.card)").await;
        assert!(main.contains(OLD_CERTIFICATE), "{mode:?}: {main}");
        assert_eq!(browser.url().await, site.url(), "nothing of the query in the address");
    }
}

#[tokio::test]
async fn all_six_modes_find_the_certificate_with_scripts() {
    with_browser(Scripts::On, asks_in_all_six_ways).await;
}

#[tokio::test]
async fn all_six_modes_find_the_certificate_without_scripts_on_a_phone() {
    with_browser(Scripts::Off, |browser| async move {
        browser.set_screen(PHONE).await;
        asks_in_all_six_ways(browser).await;
    })
    .await;
}

async fn reads_the_cards(browser: Browser) {
    let site = Site::start(State::Serving).await;
    browser.goto(&site.url()).await;
    browser.ask(&[("id_number", ID_NUMBER), ("name", NAME)]).await;
    assert_eq!(browser.text("h1").await, "查到 2 本证书");
    assert_eq!(browser.title().await, "查询结果 - 职业资格证书全国联网查询 · 证查");
    browser.expect_focus("h1").await;
    let cards = browser.find_all(".card").await;
    let mut texts = Vec::new();
    for card in &cards {
        texts.push(card.text().await.unwrap());
    }
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].contains(NEW_CERTIFICATE) && texts[1].contains(OLD_CERTIFICATE),
        "newest first"
    );
    for shown in [NAME, "男", "110105************", "研究生", "焊工", "二级/技师", "91.0", "优秀"]
    {
        assert!(texts[0].contains(shown), "{shown} in {}", texts[0]);
    }
    assert!(texts[0].contains("2019年6月28日") && texts[0].contains("北京市人力资源和社会保障局"));
    assert!(!texts.concat().contains(ID_NUMBER), "masked");
    browser.click("a.button").await;
    browser.find("#query-form").await;
    assert_eq!(browser.value("name").await, "", "the next asker finds an empty form");
}

#[tokio::test]
async fn cards_come_newest_first_with_scripts() {
    with_browser(Scripts::On, reads_the_cards).await;
}

#[tokio::test]
async fn cards_come_newest_first_without_scripts() {
    with_browser(Scripts::Off, reads_the_cards).await;
}

async fn corrects_a_miss(browser: Browser) {
    let site = Site::start(State::Serving).await;
    browser.goto(&site.url()).await;
    browser.ask(&[("certificate_number", OLD_CERTIFICATE), ("name", "白晶")]).await;
    assert_eq!(browser.text("h1").await, "对不起，没有查到相关信息");
    browser.expect_focus("section.notice.notice-empty").await;
    assert_eq!(browser.value("certificate_number").await, OLD_CERTIFICATE);
    assert_eq!(browser.value("name").await, "白晶");
    assert!(browser.text("#causes").await.contains("尚未上网"));
    browser.fill("name", NAME).await;
    browser.click("button[type=submit]").await;
    assert!(browser.text(".card").await.contains("车工"));
}

#[tokio::test]
async fn a_miss_keeps_the_input_and_is_corrected_with_scripts() {
    with_browser(Scripts::On, corrects_a_miss).await;
}

#[tokio::test]
async fn a_miss_keeps_the_input_and_is_corrected_without_scripts() {
    with_browser(Scripts::Off, corrects_a_miss).await;
}

/// The script and the server say the same of the same mistake, and lead to the same field.
async fn is_told_to_fill_in_two(browser: Browser) {
    let site = Site::start(State::Serving).await;
    let cases: [(Asked, &str, &str); 3] = [
        (&[], "还没有填写，请任选两项填写", "input#id_number"),
        (&[("id_number", ID_NUMBER)], "只填写了 1 项，请再填写一项", "input#certificate_number"),
        (
            &[("id_number", ID_NUMBER), ("ticket_number", "1"), ("name", NAME)],
            "填写了 3 项，请清空多余的，只保留两项",
            "input#id_number",
        ),
    ];
    for (filled, said, target) in cases {
        browser.goto(&site.url()).await;
        browser.ask(filled).await;
        let summary = browser.text("#error-summary").await;
        assert_eq!(summary.replace('\n', " "), format!("请改正后再查询 {said}"));
        browser.expect_focus("div#error-summary.notice.notice-error").await;
        for (field, text) in filled {
            assert_eq!(browser.value(field).await, *text, "kept for correction");
        }
        browser.click("#error-summary a").await;
        browser.expect_focus(target).await;
    }
}

#[tokio::test]
async fn exactly_two_fields_are_asked_for_with_scripts() {
    with_browser(Scripts::On, is_told_to_fill_in_two).await;
}

#[tokio::test]
async fn exactly_two_fields_are_asked_for_without_scripts() {
    with_browser(Scripts::Off, is_told_to_fill_in_two).await;
}

#[tokio::test]
async fn a_bad_field_is_named_and_reached_from_the_summary() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        browser.ask(&[("certificate_number", LONG_NUMBER), ("name", NAME)]).await;
        browser.click("#error-summary a").await;
        browser.expect_focus("input#certificate_number").await;
        assert_eq!(browser.find_all("[aria-invalid=true]").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_record_on_hold_shows_its_number_alone() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        browser.ask(&[("certificate_number", HELD_CERTIFICATE), ("name", HELD_NAME)]).await;
        let card = browser.text(".card").await;
        assert!(card.contains("记录核实中") && card.contains(HELD_CERTIFICATE));
        assert!(!browser.text("main").await.contains(HELD_NAME));
    })
    .await;
}

#[tokio::test]
async fn no_answer_for_now_is_said_above_the_form() {
    with_browser(Scripts::Off, |browser| async move {
        for (state, said) in
            [(State::Empty, "查询服务暂时不可用"), (State::Throttled, "查询过于频繁")]
        {
            let site = Site::start(state).await;
            browser.goto(&site.url()).await;
            browser.ask(&[("id_number", ID_NUMBER), ("name", NAME)]).await;
            assert_eq!(browser.text("h1").await, said);
            browser.find("#query-form").await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_script_counts_along_clears_and_offers_to_print() {
    with_browser(Scripts::On, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        let status = async || browser.text("#pair-status").await;
        assert_eq!(status().await, "");
        browser.fill("name", NAME).await;
        assert_eq!(status().await, "已填写 1 项，还需填写 1 项。");
        browser.fill("id_number", ID_NUMBER).await;
        assert_eq!(status().await, "已填写两项，可以查询。");
        browser.fill("ticket_number", "1").await;
        assert_eq!(status().await, "已填写 3 项，请清空多余的，只保留两项。");
        browser.click("#clear-form").await;
        assert_eq!(status().await, "");
        assert_eq!(browser.value("name").await, "");
        browser.expect_focus("input#id_number").await;
        browser.ask(&[("id_number", ID_NUMBER), ("name", NAME)]).await;
        assert!(browser.find("#print-page").await.is_displayed().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn buttons_that_need_the_script_are_hidden_without_it() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        assert!(!browser.find("#clear-form").await.is_displayed().await.unwrap());
        browser.ask(&[("id_number", ID_NUMBER), ("name", NAME)]).await;
        browser.find(".card").await;
        assert!(!browser.find("#print-page").await.is_displayed().await.unwrap());
    })
    .await;
}

async fn uses_the_keyboard_alone(browser: Browser, with_clear_button: bool) {
    browser.set_screen(DESKTOP).await;
    let site = Site::start(State::Serving).await;
    browser.goto(&site.url()).await;
    let mut order = vec![
        "a.skip-link",
        "a.brand",
        "input#id_number",
        "input#certificate_number",
        "input#ticket_number",
        "input#name",
        "button.button",
    ];
    if with_clear_button {
        order.push("button#clear-form.button.button-plain");
    }
    order.extend(["summary"; 3]);
    for expected in order {
        browser.press(Key::Tab).await;
        browser.expect_focus(expected).await;
        let outline = browser.find(":focus").await.css_value("outline-style").await.unwrap();
        assert_eq!(outline, "solid", "focus on {expected} can be seen");
    }
    // Enter opens what was closed.
    browser.press(Key::Enter).await;
    assert!(browser.text(".help details:last-child").await.contains("职业技能等级证书"));

    // Skip link, then straight to the first field.
    browser.goto(&site.url()).await;
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    browser.expect_focus("main#main.wrap").await;
    browser.press(Key::Tab).await;
    browser.expect_focus("input#id_number").await;
    browser.type_text(ID_NUMBER).await;
    for _ in 0..3 {
        browser.press(Key::Tab).await;
    }
    browser.expect_focus("input#name").await;
    browser.type_text(NAME).await;
    browser.press(Key::Enter).await;
    browser.find(".card").await;
    browser.expect_focus("h1").await;
    browser.press(Key::Tab).await;
    browser.expect_focus("a.button").await;
}

#[tokio::test]
async fn the_keyboard_alone_is_enough_with_scripts() {
    with_browser(Scripts::On, |browser| uses_the_keyboard_alone(browser, true)).await;
}

#[tokio::test]
async fn the_keyboard_alone_is_enough_without_scripts() {
    with_browser(Scripts::Off, |browser| uses_the_keyboard_alone(browser, false)).await;
}
