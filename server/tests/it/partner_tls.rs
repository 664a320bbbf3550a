//! TLS of the partner listener, end to end, with certificates made here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use zhengcha_server::Options;

use crate::certificates::{Authority, Files, Identity, TLS13, connect};
use crate::partner::{Tokens, bearer, query_bytes, site};
use crate::partner_client::{MATCH, NDJSON};
use crate::support::{Depot, HIT, PATIENCE, Site, wait_for};

fn site_with_tls(tokens: &Path, files: &Files, server: &Identity, client_ca: Option<&str>) -> Site {
    let (certificate, key) = files.put_identity(server);
    let client_ca = client_ca.map(|pem| files.write("ca.pem", pem));
    site(tokens, |config| {
        config.tls_cert = Some(certificate);
        config.tls_key = Some(key);
        config.client_ca = client_ca;
    })
}

/// One query over TLS; the text of the error when the two do not come together.
fn ask(
    address: SocketAddr,
    ca: &Authority,
    identity: Option<&Identity>,
    version: &'static rustls::SupportedProtocolVersion,
    authorization: &str,
) -> Result<String, String> {
    let mut stream = connect(address, ca, identity, version);
    let text = query_bytes(authorization, HIT);
    let text = text.replacen("Host: a", "Host: a\r\nConnection: close", 1);
    let failed = |error: std::io::Error| error.to_string();
    stream.write_all(text.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn tokens_and_registered_certificates_come_in_over_tls() {
    let (ca, client_ca, foreign) = (Authority::new(), Authority::new(), Authority::new());
    let files = Files::new();
    let (registered, other) = (client_ca.client(), client_ca.client());
    let certificate = files.write("client.pem", &registered.certificate);
    let tokens = Tokens::new();
    let token = bearer(&tokens.add("tax-bj", &[]));
    let fingerprint = tokens.add("tax-sh", &["--certificate", certificate.to_str().unwrap()]);
    assert_eq!(fingerprint.len(), 64);
    let site = site_with_tls(&tokens.path, &files, &ca.server(), Some(&client_ca.pem));
    let to = site.partner();

    for version in [TLS13, &rustls::version::TLS12] {
        let answer = ask(to, &ca, None, version, &token).unwrap();
        assert!(answer.contains("11010519491231002X"), "{answer}");
        let answer = ask(to, &ca, Some(&registered), version, "").unwrap();
        assert!(answer.contains("11010519491231002X"), "{answer}");
    }
    let status = |answer: Result<String, String>| answer.unwrap()[9..12].to_owned();
    assert_eq!(status(ask(to, &ca, None, TLS13, "")), "401", "neither token nor certificate");
    assert_eq!(status(ask(to, &ca, Some(&other), TLS13, "")), "401", "signed, not registered");
    assert_eq!(status(ask(to, &ca, Some(&other), TLS13, &token)), "200", "its token counts");
    assert_eq!(status(ask(to, &ca, Some(&registered), TLS13, "Bearer x")), "401");
    assert!(ask(to, &ca, Some(&foreign.client()), TLS13, &token).is_err(), "another authority's");
    assert!(ask(to, &foreign, None, TLS13, &token).is_err(), "the client knows its server");
    let metrics = site.metrics();
    assert!(!metrics.contains("zhengcha_partner_handshake_failures_total 0\n"), "{metrics}");

    tokens.run(&["revoke", "tax-sh"]).unwrap();
    wait_for("the end", || status(ask(to, &ca, Some(&registered), TLS13, "")) == "401");

    // Plain HTTP at this door gets no answer.
    let mut plain = TcpStream::connect(to).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(query_bytes(&token, HIT).as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _closed = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"));
}

#[test]
fn without_a_client_ca_certificates_are_not_asked_for() {
    let ca = Authority::new();
    let files = Files::new();
    let tokens = Tokens::new();
    let token = bearer(&tokens.add("tax-bj", &[]));
    let site = site_with_tls(&tokens.path, &files, &ca.server(), None);
    let answer = ask(site.partner(), &ca, Some(&ca.client()), TLS13, &token).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_bad_one_is_not() {
    let (before, after) = (Authority::new(), Authority::new());
    let files = Files::new();
    let tokens = Tokens::new();
    let token = bearer(&tokens.add("tax-bj", &[]));
    let site = site_with_tls(&tokens.path, &files, &before.server(), None);
    let reload = || {
        let text = "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        crate::support::exchange(site.admin, text).unwrap()
    };
    files.write("key.pem", "nonsense");
    assert_eq!(reload().status, 200);
    assert!(ask(site.partner(), &before, None, TLS13, &token).is_ok(), "the old one goes on");
    files.put_identity(&after.server());
    assert_eq!(reload().status, 200);
    assert!(ask(site.partner(), &after, None, TLS13, &token).is_ok());
    assert!(ask(site.partner(), &before, None, TLS13, &token).is_err());
}

#[test]
fn bad_certificates_end_the_start_and_are_named() {
    let ca = Authority::new();
    let files = Files::new();
    let (certificate, _) = files.put_identity(&ca.server());
    let other_key = files.write("other.pem", &ca.server().key);
    let start = |key: &Path, client_ca: Option<PathBuf>| {
        let outcome = Site::try_on(Depot::new(), Options::default(), |config| {
            config.partner_tokens = Some("/nowhere/partners.toml".into());
            config.tls_cert = Some(certificate.clone());
            config.tls_key = Some(key.to_owned());
            config.client_ca = client_ca;
        });
        outcome.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let error = start(&other_key, None);
    assert!(error.contains("other.pem") && error.contains("cert.pem"), "{error}");
    let error = start(Path::new("/nowhere/key.pem"), None);
    assert!(error.contains("/nowhere/key.pem"), "{error}");
    let key = files.folder.path().join("key.pem");
    let error = start(&key, Some(files.write("ca.pem", "")));
    assert!(error.contains("ca.pem"), "{error}");
    assert_eq!(start(&key, None), "", "a missing file of partners closes the door alone");
}

#[test]
fn a_silent_handshake_has_a_deadline() {
    let ca = Authority::new();
    let files = Files::new();
    let tokens = Tokens::new();
    tokens.add("tax-bj", &[]);
    let (certificate, key) = files.put_identity(&ca.server());
    let site = site(&tokens.path, |config| {
        config.tls_cert = Some(certificate);
        config.tls_key = Some(key);
        config.limits.header_timeout_ms = 100;
    });
    assert!(crate::support::Connection::new(site.partner()).is_closed_by_server());
}

#[test]
fn streams_go_over_tls_and_a_broken_one_has_no_end() {
    let ca = Authority::new();
    let files = Files::new();
    let tokens = Tokens::new();
    let token = bearer(&tokens.add("tax-bj", &[]));
    let site = site_with_tls(&tokens.path, &files, &ca.server(), None);
    let claims = format!("{MATCH}\n").repeat(20_000);
    let head = |length: usize| {
        format!(
            "POST /v1/verify HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\nConnection: close\r\n\
             {NDJSON}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    // Small enough for the sockets to hold the verdicts while the claims are sent.
    let mut whole = connect(site.partner(), &ca, None, TLS13);
    for part in [head(claims.len() / 20).as_bytes(), &claims.as_bytes()[..claims.len() / 20]] {
        whole.write_all(part).unwrap();
    }
    let mut answer = String::new();
    whole.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"claims\":1000,\"match\":1000,"), "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"));

    let mut broken = connect(site.partner(), &ca, None, TLS13);
    broken.write_all(head(claims.len()).as_bytes()).unwrap();
    broken.write_all(&claims.as_bytes()[..claims.len() / 20]).unwrap();
    let mut first = [0; 12];
    broken.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    tokens.run(&["revoke", "tax-bj"]).unwrap();
    let mut rest = Vec::new();
    let error = broken.read_to_end(&mut rest).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "no close_notify");
    let rest = String::from_utf8_lossy(&rest);
    assert!(!rest.contains("summary") && !rest.ends_with("\r\n0\r\n\r\n"));
}
