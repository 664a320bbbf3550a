//! A store with invented people, a server on it, and a plain client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zhengcha_engine::testing::publish;
use zhengcha_engine::{Certificate, Date, Holds, IdType, Store, build};
use zhengcha_server::cli::Cli;
use zhengcha_server::{Config, Options, Server, StartError};

/// The longest a test waits for something that should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The certificate of the contract's example; its holder is invented.
pub(crate) fn example() -> Certificate {
    Certificate {
        name: "白京".to_owned(),
        gender: Some(1),
        birth_date: Date::new(1949, 12, 31),
        education: Some(91),
        issue_date: Date::new(2001, 10, 22),
        certificate_number: "0101120201100058".to_owned(),
        id_number: "11010519491231002X".to_owned(),
        id_type: IdType::Resident,
        ticket_number: "200110220001".to_owned(),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(823),
        grade: Some(3),
        institution: "XX市职业技能鉴定指导中心".to_owned(),
        issuer: String::new(),
    }
}

/// Another certificate of the same person: newer.
pub(crate) fn second() -> Certificate {
    Certificate {
        certificate_number: "0101120201100059".to_owned(),
        issue_date: Date::new(2010, 1, 2),
        theory_score: None,
        review_score: Some(1000),
        issuer: "XX市\"人社局\"\\".to_owned(),
        ..example()
    }
}

/// A folder with a store that is not published yet.
pub(crate) struct Depot {
    folder: TempDir,
    pub(crate) store: Store,
}

impl Depot {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        Self { folder, store }
    }

    /// Publishes these as the next generation.
    pub(crate) fn publish(&self, certificates: impl IntoIterator<Item = Certificate>) -> u64 {
        build::create_folders(&self.store).unwrap();
        publish(&self.store, certificates).unwrap()
    }

    pub(crate) fn hold(&self, numbers: &[&str]) {
        let holds = Holds::new(numbers.iter().map(|number| (*number).to_owned()));
        build::write_holds(&self.store, &holds).unwrap();
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// A running server on a depot.
pub(crate) struct Site {
    pub(crate) depot: Depot,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) partner: Option<SocketAddr>,
    server: Option<Server>,
}

impl Site {
    /// Serves the two certificates, with limits far away.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let depot = Depot::new();
        depot.publish([example(), second()]);
        let site = Self::on(depot, Options::default(), adjust);
        site.wait_until_ready();
        site
    }

    pub(crate) fn on(depot: Depot, options: Options, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::try_on(depot, options, adjust).unwrap()
    }

    pub(crate) fn try_on(
        depot: Depot,
        options: Options,
        adjust: impl FnOnce(&mut Config),
    ) -> Result<Self, StartError> {
        let mut config = Config::from_cli(&Cli::default()).unwrap();
        config.store = depot.path().to_owned();
        config.listen = ([127, 0, 0, 1], 0).into();
        config.admin_listen = ([127, 0, 0, 1], 0).into();
        config.partner_listen = ([127, 0, 0, 1], 0).into();
        config.workers = 2;
        config.limits.address_queries_per_minute = 60_000_000_000;
        config.limits.address_queries_burst = 1_000_000_000;
        config.limits.target_misses_per_hour = 3_600_000_000_000;
        config.limits.target_misses_burst = 1_000_000;
        config.limits.refresh_interval_ms = 10;
        adjust(&mut config);
        let server = Server::start(&config, options)?;
        let (public, admin) = (server.public_address(), server.admin_address());
        let partner = server.partner_address();
        Ok(Self { depot, public, admin, partner, server: Some(server) })
    }

    pub(crate) fn wait_until_ready(&self) {
        wait_for("ready", || get(self.admin, "/readyz").status == 200);
    }

    pub(crate) fn wait_for_generation(&self, generation: u64) {
        let metric = format!("zhengcha_generation {generation}\n");
        wait_for(&metric, || get(self.admin, "/metrics").text().contains(&metric));
    }

    pub(crate) fn partner(&self) -> SocketAddr {
        self.partner.expect("the partner listener is open")
    }

    pub(crate) fn metrics(&self) -> String {
        get(self.admin, "/metrics").text()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
            server.join();
        }
    }
}

/// Waits for a condition that nothing announces.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem code; empty when the answer is no problem.
    pub(crate) fn code(&self) -> String {
        let document = serde_json::from_slice::<serde_json::Value>(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Says that nothing more comes from this side.
    pub(crate) fn end_sending(&mut self) {
        let _gone = self.reader.get_mut().shutdown(std::net::Shutdown::Write);
    }

    /// Reads one answer; `None` when the server closed first.
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body.resize(if status == 304 { 0 } else { length }, 0);
        self.reader.read_exact(&mut answer.body).ok()?;
        Some(answer)
    }

    /// Whether the server closes the connection, and with nothing more to say.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Everything until the server closes.
    pub(crate) fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        self.reader.read_to_string(&mut text).unwrap();
        text
    }

    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.send(bytes).ok()?;
        self.receive()
    }

    pub(crate) fn query(&mut self, body: &str) -> Option<Answer> {
        self.exchange(&query_bytes(body))
    }
}

/// A query as a program sends it.
pub(crate) fn query_bytes(body: &str) -> Vec<u8> {
    format!(
        "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Option<Answer> {
    Connection::new(address).exchange(bytes.as_ref())
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap()
}

pub(crate) fn query(address: SocketAddr, body: &str) -> Answer {
    exchange(address, query_bytes(body)).unwrap()
}

pub(crate) fn form(address: SocketAddr, path: &str, body: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(address, head).unwrap()
}

/// The query that finds [`example`].
pub(crate) const HIT: &str = r#"{"certificate_number":"0101120201100058","name":"白京"}"#;
/// A query with one field right.
pub(crate) const MISS: &str = r#"{"certificate_number":"0101120201100058","name":"黑京"}"#;
