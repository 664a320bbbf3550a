//! Pictures of every kind of page for people to look at: `target/screenshots/*.png`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::browser::{Browser, DESKTOP, PHONE, Screen, Scripts, with_browser};
use crate::site::{
    HELD_CERTIFICATE, HELD_NAME, ID_NUMBER, LONG_NAME, LONG_NAME_CERTIFICATE, NAME, Site, State,
};

/// What is typed into which field.
pub(crate) type Asked = &'static [(&'static str, &'static str)];

/// One kind of page.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    /// What to ask; nothing for the form itself.
    pub(crate) asked: Asked,
}

const fn scene(name: &'static str, state: State, asked: Asked) -> Scene {
    Scene { name, state, asked }
}

/// Longer than any number: a paste gone wrong.
pub(crate) const LONG_NUMBER: &str =
    "01011202011000580101120201100058010112020110005801011202011000580101120201100058";

const HOLDER: Asked = &[("id_number", ID_NUMBER), ("name", NAME)];

/// Every kind of page.
pub(crate) const SCENES: [Scene; 9] = [
    scene("form", State::Serving, &[]),
    scene("found", State::Serving, HOLDER),
    scene(
        "found-long",
        State::Serving,
        &[("certificate_number", LONG_NAME_CERTIFICATE), ("name", LONG_NAME)],
    ),
    scene(
        "under-review",
        State::Serving,
        &[("certificate_number", HELD_CERTIFICATE), ("name", HELD_NAME)],
    ),
    scene("not-found", State::Serving, &[("id_number", ID_NUMBER), ("name", "李雷")]),
    scene("one-field", State::Serving, &[("name", NAME)]),
    scene("bad-field", State::Serving, &[("certificate_number", LONG_NUMBER), ("name", NAME)]),
    scene("unavailable", State::Empty, HOLDER),
    scene("too-many", State::Throttled, HOLDER),
];

/// A4 between our margins, at 96 dots to the inch.
const SHEET: Screen = Screen { width: 673, height: 1001, scale: 2, mobile: false };

/// Brings the browser to a scene.
pub(crate) async fn visit(browser: &Browser, site: &Site, asked: Asked) {
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
    for Scene { name, state, asked } in SCENES {
        let site = Site::start(state).await;
        visit(browser, &site, asked).await;
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let look = if dark { "dark" } else { "light" };
            save(browser, &format!("{name}-{size}-{look}.png")).await;
        }
        browser.set_dark(false).await;
    }
}

#[tokio::test]
async fn pictures_on_a_desktop() {
    with_browser(Scripts::On, |browser| async move {
        take(&browser, DESKTOP, "desktop").await;
    })
    .await;
}

#[tokio::test]
async fn two_certificates_print_on_one_sheet() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        visit(&browser, &site, HOLDER).await;
        browser.set_dark(true).await;
        browser.set_print().await;
        browser.set_screen(SHEET).await;
        save(&browser, "found-print.png").await;

        let sheet = BASE64_STANDARD.decode(browser.printed().await).unwrap();
        let pages = String::from_utf8_lossy(&sheet).matches("/Type /Page\n").count();
        assert_eq!(pages, 1);
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
