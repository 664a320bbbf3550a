//! Pictures of every kind of page for people to look at: `target/screenshots/*.png`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::browser::{Browser, DESKTOP, PHONE, Screen, Scripts, with_browser};
use crate::site::{
    HELD_CERTIFICATE, HELD_NAME, ID_NUMBER, LONG_NAME, LONG_NAME_CERTIFICATE, NAME, Site, State,
};

/// Every kind of page: its name, the state of the server, what to ask (nothing: the form itself).
pub(crate) const SCENES: [(&str, State, &[(&str, &str)]); 9] = [
    ("form", State::Serving, &[]),
    ("found", State::Serving, &[("id_number", ID_NUMBER), ("name", NAME)]),
    (
        "found-long",
        State::Serving,
        &[("certificate_number", LONG_NAME_CERTIFICATE), ("name", LONG_NAME)],
    ),
    (
        "under-review",
        State::Serving,
        &[("certificate_number", HELD_CERTIFICATE), ("name", HELD_NAME)],
    ),
    ("not-found", State::Serving, &[("id_number", ID_NUMBER), ("name", "李雷")]),
    ("one-field", State::Serving, &[("name", NAME)]),
    ("bad-field", State::Serving, &[("certificate_number", "#0101"), ("name", NAME)]),
    ("unavailable", State::Empty, &[("id_number", ID_NUMBER), ("name", NAME)]),
    ("too-many", State::Throttled, &[("id_number", ID_NUMBER), ("name", NAME)]),
];

/// Brings the browser to a scene.
pub(crate) async fn visit(browser: &Browser, site: &Site, asked: &[(&str, &str)]) {
    browser.goto(&site.url()).await;
    if !asked.is_empty() {
        browser.ask(asked).await;
        browser.find(".notice, .card").await;
    }
}

async fn save(browser: &Browser, name: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let bytes = BASE64_STANDARD.decode(browser.picture().await).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    std::fs::write(folder.join(name), bytes).unwrap();
}

async fn take(browser: &Browser, screen: Screen, size: &str) {
    browser.set_screen(screen).await;
    for (scene, state, asked) in SCENES {
        let site = Site::start(state).await;
        visit(browser, &site, asked).await;
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let look = if dark { "dark" } else { "light" };
            save(browser, &format!("{scene}-{size}-{look}.png")).await;
        }
        browser.set_dark(false).await;
    }
}

#[tokio::test]
async fn pictures_on_a_desktop() {
    with_browser(Scripts::On, |browser| async move {
        take(&browser, DESKTOP, "desktop").await;
        let site = Site::start(State::Serving).await;
        visit(&browser, &site, &[("id_number", ID_NUMBER), ("name", NAME)]).await;
        browser.set_print().await;
        save(&browser, "found-print.png").await;
    })
    .await;
}

#[tokio::test]
async fn pictures_on_a_phone() {
    with_browser(Scripts::On, |browser| async move {
        take(&browser, PHONE, "phone").await;
    })
    .await;
}
