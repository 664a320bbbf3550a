//! Chromium under WebDriver, one fresh profile for each test.
//!
//! Promises: nothing outlives a test, pass or fail; the console of the browser stays clean (a refused
//! style, script or missing file fails the test); a missing browser fails with the command that installs it.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

const INSTALL: &str =
    "install the browser: apt-get install chromium chromium-driver fonts-noto-cjk";
/// Browsers at a time; each is several processes.
const BROWSERS_MAX: usize = 2;
/// How long to wait for the page of an answer; a form that is held back stays where it is.
const REPLACED_WAIT: Duration = Duration::from_secs(1);
/// How long to wait for an element that is to come.
const ELEMENT_WAIT: Duration = Duration::from_secs(20);
/// How long to wait for the focus to arrive.
const FOCUS_WAIT: Duration = Duration::from_secs(5);
/// How often to look meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

static BROWSERS: Semaphore = Semaphore::const_new(BROWSERS_MAX);

/// Whether the page's script may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// A screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scale: u32,
    pub(crate) mobile: bool,
}

/// The narrowest phone of WCAG 1.4.10.
pub(crate) const PHONE: Screen = Screen { width: 320, height: 640, scale: 2, mobile: true };
pub(crate) const DESKTOP: Screen = Screen { width: 1280, height: 860, scale: 1, mobile: false };

/// A window of Chromium.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
}

/// Runs a test in a fresh browser and closes it, also when the test fails.
pub(crate) async fn with_browser<F, Fut>(scripts: Scripts, test: F)
where
    F: FnOnce(Browser) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _turn = BROWSERS.acquire().await.unwrap();
    let profile = TempDir::new().unwrap();
    let driver = Driver::start();
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities(scripts, &profile))
        .connect(&format!("http://127.0.0.1:{}", driver.port))
        .await
        .unwrap_or_else(|error| panic!("chromium did not start ({error}); {INSTALL}"));
    let browser = Browser { client: client.clone() };
    let outcome = tokio::spawn(test(browser.clone())).await;
    let console = if outcome.is_ok() { browser.console().await } else { Vec::new() };
    client.close().await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
    assert!(console.is_empty(), "console: {console:#?}");
}

fn capabilities(scripts: Scripts, profile: &TempDir) -> Capabilities {
    const FLAGS: [&str; 11] = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--lang=zh-CN",
    ];
    let mut flags = FLAGS.map(str::to_owned).to_vec();
    flags.push(format!("--user-data-dir={}", profile.path().display()));
    let blocked = 2;
    let preferences = match scripts {
        Scripts::On => json!({}),
        Scripts::Off => json!({"profile.managed_default_content_settings.javascript": blocked}),
    };
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"args": flags, "prefs": preferences},
        "goog:loggingPrefs": {"browser": "ALL"},
    });
    capabilities.as_object().unwrap().clone()
}

/// A running chromedriver on a port of its own choice.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver did not start ({error}); {INSTALL}"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .unwrap_or_else(|| panic!("chromedriver named no port; {INSTALL}"));
        // Keeps the pipe open and empty for as long as the driver writes.
        std::thread::spawn(move || lines.map_while(Result::ok).count());
        Self { process, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A call of chromedriver that WebDriver does not have.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// The element, once it is there.
    pub(crate) async fn find(&self, css: &str) -> Element {
        self.client
            .wait()
            .at_most(ELEMENT_WAIT)
            .every(LOOK_EVERY)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn find_all(&self, css: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(css)).await.unwrap()
    }

    /// The text of an element of the page at hand, also when it is just taking the place of another.
    pub(crate) async fn text(&self, css: &str) -> String {
        let deadline = Instant::now() + ELEMENT_WAIT;
        loop {
            match self.find(css).await.text().await {
                Ok(text) => return text,
                Err(error) => {
                    let replaced = format!("{error:?}").contains("StaleElementReference");
                    assert!(replaced && Instant::now() < deadline, "{css}: {error}");
                }
            }
        }
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Puts text into a field in place of what is there.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        let input = self.find(&format!("input[name={field}]")).await;
        input.clear().await.unwrap();
        input.send_keys(text).await.unwrap();
    }

    pub(crate) async fn value(&self, field: &str) -> String {
        let input = self.find(&format!("input[name={field}]")).await;
        input.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Fills in fields on the form at hand, empties the others and sends it.
    pub(crate) async fn ask(&self, fields: &[(&str, &str)]) {
        for name in ["id_number", "certificate_number", "ticket_number", "name"] {
            let text =
                fields.iter().find(|(field, _)| *field == name).map_or("", |(_, text)| *text);
            self.fill(name, text).await;
        }
        // The answer is another page: what is asked next must not be read from this one.
        let asked = self.find("html").await;
        self.click("button[type=submit]").await;
        let deadline = Instant::now() + REPLACED_WAIT;
        while asked.tag_name().await.is_ok() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Presses one key, wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        self.type_text(&char::from(key).to_string()).await;
    }

    /// Types, wherever the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        let keys = text.chars().fold(KeyActions::new("keyboard".into()), |keys, value| {
            keys.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Waits for the focus: a page moves it once it has been drawn.
    pub(crate) async fn expect_focus(&self, css: &str) {
        let focused = format!("{css}:focus");
        let wait = self.client.wait().at_most(FOCUS_WAIT).every(LOOK_EVERY);
        if wait.for_element(Locator::Css(&focused)).await.is_err() {
            panic!("focus is on {}, not on {css}", self.focused().await);
        }
    }

    /// The element with the focus, as `tag#id.class`.
    async fn focused(&self) -> String {
        let element = self.client.active_element().await.unwrap();
        let mut name = element.tag_name().await.unwrap();
        if let Some(id) = element.attr("id").await.unwrap() {
            name = format!("{name}#{id}");
        }
        if let Some(class) = element.attr("class").await.unwrap() {
            name = format!("{name}.{}", class.replace(' ', "."));
        }
        name
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    pub(crate) async fn set_screen(&self, screen: Screen) {
        let Screen { width, height, scale, mobile } = screen;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub(crate) async fn set_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    pub(crate) async fn set_print(&self) {
        self.devtools("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    }

    /// The whole page as PNG, base64.
    pub(crate) async fn picture(&self) -> String {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.devtools("Page.captureScreenshot", parameters).await;
        answer["data"].as_str().unwrap().to_owned()
    }

    /// The page as PDF on A4, base64.
    pub(crate) async fn printed(&self) -> String {
        const A4_INCHES: (f64, f64) = (8.27, 11.69);
        let (width, height) = A4_INCHES;
        let paper = json!({"paperWidth": width, "paperHeight": height, "preferCSSPageSize": true});
        let answer = self.devtools("Page.printToPDF", paper).await;
        answer["data"].as_str().unwrap().to_owned()
    }

    /// What a screen reader is given: the nodes that are not ignored.
    pub(crate) async fn accessibility_tree(&self) -> Vec<Value> {
        let answer = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes = answer["nodes"].as_array().unwrap();
        nodes.iter().filter(|node| node["ignored"] == false).cloned().collect()
    }

    async fn console(&self) -> Vec<String> {
        let command = Vendor { path: "se/log", body: json!({"type": "browser"}) };
        let entries = self.client.issue_cmd(command).await.unwrap();
        // A 4xx or 5xx answer to the query itself is what some tests ask for.
        let is_answer =
            |message: &str| message.contains("Failed to load resource") && message.contains("/ - ");
        let messages =
            entries.as_array().unwrap().iter().filter_map(|entry| entry["message"].as_str());
        messages.filter(|message| !is_answer(message)).map(str::to_owned).collect()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.client.issue_cmd(Vendor { path: "goog/cdp/execute", body }).await.unwrap()
    }
}
