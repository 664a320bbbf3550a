//! Partners: tokens, addresses, expiry, quotas, and the answer with every field.

use std::path::{Path, PathBuf};

use clap::Parser;
use tempfile::TempDir;
use zhengcha_server::cli::{Cli, Command};
use zhengcha_server::partner::command;
use zhengcha_server::{Config, Options};

use crate::support::{
    Answer, Depot, HIT, MISS, Site, example, exchange, get, query, second, wait_for,
};

/// A file of partners.
pub(crate) struct Tokens {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partners.toml");
        Self { _folder: folder, path }
    }

    /// Runs `zhengcha-server token …` on this file, and gives what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let path = self.path.to_str().unwrap();
        let all = [&["zhengcha-server", "token"], arguments, &["--tokens", path]].concat();
        let cli = Cli::try_parse_from(all).unwrap();
        let Some(Command::Token { command }) = cli.command else { panic!("no token command") };
        let mut out = Vec::new();
        command::run(&command, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    pub(crate) fn add(&self, name: &str, more: &[&str]) -> String {
        let printed = self.run(&[&["add", name], more].concat()).unwrap();
        printed.strip_suffix('\n').unwrap().to_owned()
    }
}

/// A server with a partner listener that follows this file.
pub(crate) fn site(tokens: &Path, adjust: impl FnOnce(&mut Config)) -> Site {
    let depot = Depot::new();
    depot.publish([example(), second()]);
    let site = Site::on(depot, Options::default(), |config| {
        config.partner_tokens = Some(tokens.to_owned());
        adjust(config);
    });
    site.wait_until_ready();
    site
}

/// A query with a token, or with what else stands for one.
pub(crate) fn ask(site: &Site, authorization: &str, body: &str) -> Answer {
    exchange(site.partner(), query_bytes(authorization, body)).unwrap()
}

pub(crate) fn query_bytes(authorization: &str, body: &str) -> String {
    let authorization = match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    format!(
        "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{authorization}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn only_a_known_token_comes_in() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |_| {});
    assert_eq!(ask(&site, &bearer(&token), HIT).json()["count"], 1);
    let wrong = bearer(&token.replace("zhengcha_", "zhengcha_A"));
    for bad in ["", "Bearer", "Bearer x", &token, &format!("Basic {token}"), &wrong] {
        let answer = ask(&site, bad, HIT);
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{bad}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let metrics = site.metrics();
    assert!(metrics.contains("zhengcha_partner_refused_total{reason=\"no_credential\"} 1\n"));
    assert!(metrics.contains("zhengcha_partner_refused_total{reason=\"unknown_token\"} 5\n"));
    assert!(metrics.contains("zhengcha_partner_door_open 1\n"));

    let status =
        format!("GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    assert_eq!(exchange(site.partner(), status).unwrap().json()["generation"], 1);
    assert_eq!(get(site.partner(), "/v1/status").status, 401);
    assert_eq!(get(site.partner(), "/v1/query").header("allow"), Some("POST"));
    assert_eq!(get(site.partner(), "/").status, 404, "the page is the public's");
    assert_eq!(query(site.public, HIT).status, 200, "the public asks as before");
}

#[test]
fn the_last_day_and_the_addresses_of_a_partner_count() {
    let tokens = Tokens::new();
    let old = tokens.add("old", &["--expires", "2020-01-01"]);
    let elsewhere = tokens.add("elsewhere", &["--address", "192.0.2.0/24"]);
    let here = tokens.add("here", &["--address", "192.0.2.1", "--address", "127.0.0.0/8"]);
    let site_here = site(&tokens.path, |_| {});
    for token in [&old, &elsewhere] {
        let answer = ask(&site_here, &bearer(token), HIT);
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    }
    assert_eq!(ask(&site_here, &bearer(&here), HIT).status, 200);

    // Behind a gateway the address is the one that the gateway saw.
    let forwarded = query_bytes(&bearer(&elsewhere), HIT).replacen(
        "Host: a\r\n",
        "Host: a\r\nX-Forwarded-For: 192.0.2.9\r\n",
        1,
    );
    assert_eq!(exchange(site_here.partner(), &forwarded).unwrap().status, 403, "not believed");
    let behind = site(&tokens.path, |config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    assert_eq!(exchange(behind.partner(), &forwarded).unwrap().status, 200);
}

#[test]
fn a_change_of_the_file_is_in_force_within_a_second() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |config| config.limits.refresh_interval_ms = 3_600_000);
    assert_eq!(ask(&site, &bearer(&token), HIT).status, 200);
    let later = tokens.add("tax-sh", &[]);
    let began = std::time::Instant::now();
    wait_for("the new partner", || ask(&site, &bearer(&later), HIT).status == 200);
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
    tokens.run(&["revoke", "tax-bj"]).unwrap();
    let began = std::time::Instant::now();
    wait_for("the end", || ask(&site, &bearer(&token), HIT).status == 401);
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
    assert_eq!(ask(&site, &bearer(&later), HIT).status, 200);
}

#[test]
fn a_damaged_file_closes_the_door_and_a_good_one_opens_it_again() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |_| {});
    let good = std::fs::read(&tokens.path).unwrap();
    for damage in ["broken", "missing"] {
        match damage {
            "broken" => std::fs::write(&tokens.path, &good[..good.len() - 20]).unwrap(),
            _ => std::fs::remove_file(&tokens.path).unwrap(),
        }
        wait_for("503", || ask(&site, &bearer(&token), HIT).status == 503);
        let answer = ask(&site, &bearer(&token), HIT);
        assert_eq!(answer.code(), "partners-unavailable", "{damage}");
        assert!(answer.header("retry-after").is_some());
        assert!(site.metrics().contains("zhengcha_partner_door_open 0\n"));
        assert_eq!(query(site.public, HIT).status, 200, "the public asks as before");
        std::fs::write(&tokens.path, &good).unwrap();
        wait_for("200", || ask(&site, &bearer(&token), HIT).status == 200);
    }
}

#[test]
fn a_partner_sees_every_field() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |_| {});
    let answer = ask(&site, &bearer(&token), HIT);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.text(),
        "{\"generation\":1,\"as_of\":\"2010-01-02\",\"count\":1,\"certificates\":[\
         {\"status\":\"valid\",\"certificate_number\":\"0101120201100058\",\"name\":\"白京\",\"gender\":\"1\",\
         \"id_number\":\"11010519491231002X\",\"education\":\"91\",\"occupation_code\":\"6-04-01-01\",\
         \"occupation_name\":\"车工\",\"level\":\"1\",\"theory_score\":\"84.8\",\"skill_score\":\"85.8\",\
         \"review_score\":\"82.3\",\"grade\":\"3\",\"issue_date\":\"2001-10-22\",\
         \"institution\":\"XX市职业技能鉴定指导中心\",\"issuer\":null,\"id_type\":\"1\",\
         \"birth_date\":\"1949-12-31\",\"ticket_number\":\"200110220001\"}]}"
    );
    let both = r#"{"id_number":"11010519491231002X","name":"白京"}"#;
    let answer = ask(&site, &bearer(&token), both).json();
    assert_eq!(answer["certificates"][0]["certificate_number"], "0101120201100059", "newest first");
    assert_eq!(ask(&site, &bearer(&token), MISS).json()["count"], 0);
    assert_eq!(ask(&site, &bearer(&token), "{}").code(), "two-fields-required");

    let metrics = site.metrics();
    for line in [
        "zhengcha_partner_claims_total{partner=\"tax-bj\",verdict=\"match\"} 2\n",
        "zhengcha_partner_claims_total{partner=\"tax-bj\",verdict=\"not_found\"} 1\n",
        "zhengcha_partner_misses_high{partner=\"tax-bj\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }

    site.depot.hold(&["0101120201100058"]);
    wait_for("the hold", || ask(&site, &bearer(&token), HIT).text().contains("under_review"));
    let held = ask(&site, &bearer(&token), HIT).json();
    let alone = serde_json::json!(
        [{"status": "under_review", "certificate_number": "0101120201100058"}]
    );
    assert_eq!(held["certificates"], alone);
}

#[test]
fn a_quota_ends_at_its_last_query() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &["--daily-quota", "3"]);
    let other = tokens.add("tax-sh", &["--daily-quota", "3"]);
    let site = site(&tokens.path, |_| {});
    for _ in 0..3 {
        assert_eq!(ask(&site, &bearer(&token), HIT).status, 200);
    }
    assert_eq!(ask(&site, &bearer(&token), "{}").status, 400, "a mistake costs nothing");
    let answer = ask(&site, &bearer(&token), HIT);
    assert_eq!((answer.status, answer.code().as_str()), (429, "quota-exceeded"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds));
    assert_eq!(ask(&site, &bearer(&other), HIT).status, 200, "each has its own");
}

#[test]
fn without_data_or_holds_partners_get_503() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &["--daily-quota", "1"]);
    let site = site(&tokens.path, |_| {});
    let holds = site.depot.store.holds_path();
    let good = std::fs::read(&holds).unwrap();
    std::fs::remove_file(&holds).unwrap();
    wait_for("503", || query(site.public, HIT).status == 503);
    assert_eq!(ask(&site, &bearer(&token), HIT).code(), "not-ready");
    std::fs::write(&holds, good).unwrap();
    wait_for("200", || query(site.public, HIT).status == 200);
    assert_eq!(ask(&site, &bearer(&token), HIT).status, 200, "what failed cost nothing");
}

#[test]
fn connections_of_partners_have_their_own_limit() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |config| config.limits.partner_connections_max = 2);
    let mut kept = crate::support::Connection::new(site.partner());
    let query_text = query_bytes(&bearer(&token), HIT);
    assert_eq!(kept.exchange(query_text.as_bytes()).unwrap().status, 200);
    let mut idle = crate::support::Connection::new(site.partner());
    assert_eq!(idle.exchange(query_text.as_bytes()).unwrap().status, 200);
    assert!(crate::support::Connection::new(site.partner()).is_closed_by_server());
    assert_eq!(query(site.public, HIT).status, 200, "the public has its own");
    drop(idle);
    wait_for("a place", || {
        exchange(site.partner(), &query_text).is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn slow_partners_are_let_go() {
    let tokens = Tokens::new();
    let token = tokens.add("tax-bj", &[]);
    let site = site(&tokens.path, |config| {
        config.limits.idle_timeout_ms = 100;
        config.limits.header_timeout_ms = 100;
        config.limits.body_timeout_ms = 100;
    });
    let mut silent = crate::support::Connection::new(site.partner());
    assert!(silent.is_closed_by_server());
    let mut half_head = crate::support::Connection::new(site.partner());
    half_head.send(b"POST /v1/query HTTP/1.1\r\nHo").unwrap();
    assert!(half_head.is_closed_by_server());
    let whole = query_bytes(&bearer(&token), HIT);
    let mut half_body = crate::support::Connection::new(site.partner());
    half_body.send(&whole.as_bytes()[..whole.len() - 2]).unwrap();
    assert_eq!(half_body.receive().unwrap().code(), "body-timeout");
}
