//! What WCAG 2.1 AA asks and a machine can tell, on every kind of page.

use serde_json::{Value, json};

use crate::browser::{Browser, DESKTOP, PHONE, Screen, Scripts, with_browser};
use crate::pictures::{SCENES, Scene, visit};
use crate::site::{Site, State};

/// Texts whose contrast with the ground behind them is under 4.5 to 1 (3 to 1 when large), and borders
/// of inputs under 3 to 1. Our grounds are opaque, so the nearest one that is not transparent counts.
const LOW_CONTRAST: &str = r#"
    const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b]
        .map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (a, b) => {
        const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
        return (high + 0.05) / (low + 0.05);
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = channels(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const low = [];
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
        texts += 1;
        const style = getComputedStyle(element);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 600);
        const ratio = contrast(channels(style.color), ground(element));
        if (ratio < (large ? 3 : 4.5)) {
            low.push(`${ratio.toFixed(2)} ${walker.currentNode.textContent.trim()}`);
        }
    }
    for (const input of document.querySelectorAll("input")) {
        const border = channels(getComputedStyle(input).borderTopColor);
        const ratio = Math.min(contrast(border, ground(input)), contrast(border, ground(input.parentElement)));
        if (ratio < 3) low.push(`${ratio.toFixed(2)} border of ${input.id}`);
    }
    return { low, texts };
"#;

/// What is wider than the screen, and controls too small to touch (WCAG 2.5.8 asks 24, we keep 44).
const MISFITS: &str = r#"
    const misfits = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > window.innerWidth) misfits.push(`page is ${root.scrollWidth} wide`);
    for (const element of document.querySelectorAll("main *, header *, footer *")) {
        const box = element.getBoundingClientRect();
        const hidden = element.closest(".visually-hidden") || !element.checkVisibility();
        if (!hidden && box.right > window.innerWidth + 0.5) {
            misfits.push(`${element.tagName}.${element.className} ends at ${box.right}`);
        }
    }
    for (const control of document.querySelectorAll("input, button, a.button, summary, a.brand")) {
        const box = control.getBoundingClientRect();
        if (control.checkVisibility() && box.height < 44) {
            misfits.push(`${control.tagName} ${control.id} is ${box.height} high`);
        }
    }
    return misfits;
"#;

async fn check_every_scene(browser: &Browser, screen: Screen) {
    browser.set_screen(screen).await;
    for Scene { name, state, asked } in SCENES {
        let site = Site::start(state).await;
        visit(browser, &site, asked).await;
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true").await;
        assert_eq!(browser.run(MISFITS).await, json!([]), "{name} at {} px", screen.width);
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let found = browser.run(LOW_CONTRAST).await;
            assert_eq!(found["low"], json!([]), "{name}, dark: {dark}");
            assert!(found["texts"].as_u64().unwrap() > 10, "{name} was looked at");
        }
    }
}

#[tokio::test]
async fn every_page_fits_and_keeps_contrast_on_a_phone() {
    with_browser(Scripts::On, |browser| async move { check_every_scene(&browser, PHONE).await })
        .await;
}

#[tokio::test]
async fn every_page_fits_and_keeps_contrast_on_a_desktop() {
    with_browser(Scripts::On, |browser| async move { check_every_scene(&browser, DESKTOP).await })
        .await;
}

fn property<'n>(node: &'n Value, name: &str) -> &'n str {
    node[name]["value"].as_str().unwrap_or_default()
}

/// The names of all nodes with a role, in reading order.
fn named<'t>(tree: &'t [Value], role: &str) -> Vec<&'t str> {
    let nodes = tree.iter().filter(|node| property(node, "role") == role);
    nodes.map(|node| property(node, "name")).collect()
}

#[tokio::test]
async fn a_screen_reader_is_given_landmarks_labels_and_hints() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        let tree = browser.accessibility_tree().await;
        for landmark in ["banner", "main", "contentinfo", "complementary"] {
            assert_eq!(named(&tree, landmark).len(), 1, "{landmark}");
        }
        assert_eq!(named(&tree, "textbox"), ["证件号码", "证书编号", "准考证号", "姓名"]);
        assert!(named(&tree, "group").contains(&"任选两项填写"), "{:?}", named(&tree, "group"));
        for node in tree.iter().filter(|node| property(node, "role") == "textbox") {
            assert!(
                !property(node, "description").is_empty(),
                "hint of {}",
                property(node, "name")
            );
        }
        assert_eq!(named(&tree, "button")[0], "查询");
    })
    .await;
}

#[tokio::test]
async fn a_screen_reader_is_told_of_faults_and_cards() {
    with_browser(Scripts::Off, |browser| async move {
        let site = Site::start(State::Serving).await;
        let asked = |name| SCENES.into_iter().find(|scene| scene.name == name).unwrap().asked;
        visit(&browser, &site, asked("bad-field")).await;
        let tree = browser.accessibility_tree().await;
        assert_eq!(named(&tree, "alert"), ["请改正后再查询"]);
        let faulty = tree.iter().find(|node| property(node, "name") == "证书编号").unwrap();
        assert!(property(faulty, "description").starts_with("证书编号过长"));

        visit(&browser, &site, asked("found")).await;
        let tree = browser.accessibility_tree().await;
        assert_eq!(named(&tree, "article"), ["证书 1： 焊工", "证书 2： 车工"]);
        assert_eq!(named(&tree, "heading")[0], "查到 2 本证书");
        let texts = named(&tree, "StaticText");
        assert!(texts.contains(&"110105 开头，其余已隐去"), "the mask is put into words");
        assert!(!texts.iter().any(|text| text.contains("***")), "no row of stars is read out");
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "Content Security Policy")]
async fn whatever_the_policy_refuses_fails_a_test() {
    with_browser(Scripts::On, |browser| async move {
        let site = Site::start(State::Serving).await;
        browser.goto(&site.url()).await;
        browser.run("document.body.setAttribute('style', 'color: red')").await;
    })
    .await;
}
