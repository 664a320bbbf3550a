//! The real server over a store with a known register of invented people.
//!
//! `Site::start` is the only place that knows how the page is served.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zhengcha_engine::{Certificate, Date, Holds, Store, testing};
use zhengcha_server::cli::Switch;
use zhengcha_server::limits::Limits;
use zhengcha_server::{Config, Options, Server};

pub(crate) const ID_NUMBER: &str = "11010519491231002X";
pub(crate) const NAME: &str = "白京";
pub(crate) const TICKET_NUMBER: &str = "200110010058";
/// The older of the two certificates of [`NAME`].
pub(crate) const OLD_CERTIFICATE: &str = "0101120201100058";
pub(crate) const NEW_CERTIFICATE: &str = "1901120201200007";
/// A name of the greatest length met in practice, with a separator.
pub(crate) const LONG_NAME: &str = "阿不都克里木·阿不都热合曼";
pub(crate) const LONG_NAME_CERTIFICATE: &str = "1610010000300001";
pub(crate) const HELD_NAME: &str = "何静";
pub(crate) const HELD_CERTIFICATE: &str = "1711010000400021";

/// In which state the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// With the register below, one number of it on hold.
    Serving,
    /// Without any generation yet.
    Empty,
    /// With every asker over the rate limit.
    Throttled,
}

/// The register, invented throughout.
pub(crate) fn register() -> Vec<Certificate> {
    let turner = Certificate {
        name: NAME.to_owned(),
        gender: Some(1),
        education: Some(91),
        issue_date: Date::new(2001, 10, 22),
        certificate_number: OLD_CERTIFICATE.to_owned(),
        id_number: ID_NUMBER.to_owned(),
        ticket_number: TICKET_NUMBER.to_owned(),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(823),
        grade: Some(3),
        institution: "北京市职业技能鉴定指导中心".to_owned(),
        ..Certificate::default()
    };
    let welder = Certificate {
        issue_date: Date::new(2019, 6, 28),
        certificate_number: NEW_CERTIFICATE.to_owned(),
        ticket_number: "201906280007".to_owned(),
        occupation_code: "6-18-02-04".to_owned(),
        occupation_name: "焊工".to_owned(),
        level: Some(2),
        theory_score: Some(910),
        skill_score: Some(885),
        review_score: Some(900),
        grade: Some(4),
        issuer: "北京市人力资源和社会保障局".to_owned(),
        ..turner.clone()
    };
    let long = Certificate {
        name: LONG_NAME.to_owned(),
        gender: Some(2),
        education: Some(93),
        issue_date: Date::new(2016, 12, 9),
        certificate_number: LONG_NAME_CERTIFICATE.to_owned(),
        id_number: "440524188001010014".to_owned(),
        ticket_number: String::new(),
        occupation_code: "X2-02-34-07".to_owned(),
        occupation_name: "计算机程序设计员（数控机床编程与自动化控制方向）".to_owned(),
        level: Some(3),
        theory_score: Some(1000),
        skill_score: Some(765),
        review_score: None,
        grade: Some(2),
        institution: "新疆维吾尔自治区克孜勒苏柯尔克孜自治州职业技能鉴定所".to_owned(),
        ..turner.clone()
    };
    let held = Certificate {
        name: HELD_NAME.to_owned(),
        issue_date: Date::new(2017, 3, 1),
        certificate_number: HELD_CERTIFICATE.to_owned(),
        id_number: "110105194912310038".to_owned(),
        ticket_number: "201703010021".to_owned(),
        ..turner.clone()
    };
    vec![turner, welder, long, held]
}

/// How long the server may take to open the store.
const READY_WAIT: Duration = Duration::from_secs(10);

/// A running server and its store; both end with it.
pub(crate) struct Site {
    server: Server,
    _store: TempDir,
}

impl Site {
    pub(crate) async fn start(state: State) -> Self {
        let folder = TempDir::new().unwrap();
        if state != State::Empty {
            let store = Store::new(folder.path());
            testing::publish(&store, register()).unwrap();
            let holds = Holds::new([HELD_CERTIFICATE.to_owned()]);
            std::fs::write(store.holds_path(), holds.emit()).unwrap();
        }
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config {
            store: folder.path().to_owned(),
            listen: any_port,
            admin_listen: any_port,
            partner_listen: any_port,
            partner_tokens: None,
            public_tls: Switch::Off,
            tls_cert: None,
            tls_key: None,
            client_ca: None,
            admin_allow_remote: false,
            rate_limit: if state == State::Throttled { Switch::On } else { Switch::Off },
            trusted_proxies: Vec::new(),
            workers: 1,
            memory: zhengcha_server::cli::Memory::Mapped,
            log: "off".to_owned(),
            limits: Limits {
                address_queries_per_minute: 1,
                address_queries_burst: 1,
                ..Limits::default()
            },
        };
        let server = Server::start(&config, Options::default()).unwrap();
        let site = Self { server, _store: folder };
        if state != State::Empty {
            site.wait_until_ready();
        }
        if state == State::Throttled {
            // Uses up the one query that this address has.
            site.request("POST /v1/query", "{\"name\":\"何静\",\"ticket_number\":\"1\"}");
        }
        site
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.server.public_address())
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY_WAIT;
        while !self.request("GET /v1/status", "").starts_with("HTTP/1.1 200 ") {
            assert!(Instant::now() < deadline, "the server did not open the store");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn request(&self, line: &str, json: &str) -> String {
        let mut stream = TcpStream::connect(self.server.public_address()).unwrap();
        let length = json.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(json.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.stop();
    }
}
