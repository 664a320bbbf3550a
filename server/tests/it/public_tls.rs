//! TLS of the public listener, end to end, with certificates made here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use zhengcha_server::cli::Switch;

use crate::certificates::{Authority, Files, TLS13, connect};
use crate::support::{Connection, HIT, PATIENCE, Site, exchange, query_bytes, wait_for};

fn site(files: &Files, ca: &Authority, adjust: impl FnOnce(&mut zhengcha_server::Config)) -> Site {
    let (certificate, key) = files.put_identity(&ca.server());
    Site::with(|config| {
        config.public_tls = Switch::On;
        config.tls_cert = Some(certificate);
        config.tls_key = Some(key);
        adjust(config);
    })
}

/// Reads one answer: head and body.
fn receive(stream: &mut impl Read) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

fn ask(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    request: &[u8],
) -> std::io::Result<(String, Vec<u8>)> {
    stream.write_all(request)?;
    receive(stream)
}

fn failures(site: &Site) -> u64 {
    let metrics = site.metrics();
    let line = metrics.lines().find(|line| line.starts_with("zhengcha_handshake_failures_total "));
    line.and_then(|line| line.rsplit_once(' ')).unwrap().1.parse().unwrap()
}

#[test]
fn queries_and_pages_come_over_tls_as_they_do_without() {
    let (ca, files, plain) = (Authority::new(), Files::new(), Site::new());
    let site = site(&files, &ca, |_| {});
    let expected = exchange(plain.public, query_bytes(HIT)).unwrap();
    for version in [TLS13, &rustls::version::TLS12] {
        let mut stream = connect(site.public, &ca, None, version);
        for _ in 0..3 {
            let (head, body) = ask(&mut stream, &query_bytes(HIT)).unwrap();
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            assert_eq!(body, expected.body);
        }
        // The page leaves the short way; queries after it go on.
        let (head, body) = ask(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 ") && body.starts_with(b"<!doctype html>"),
            "{head}"
        );
        assert_eq!(ask(&mut stream, &query_bytes(HIT)).unwrap().1, expected.body);
    }
    assert_eq!(failures(&site), 0);
}

#[test]
fn many_answers_that_nobody_takes_yet_arrive_whole() {
    const QUERIES: usize = 8_000;
    let (ca, files) = (Authority::new(), Files::new());
    let site = site(&files, &ca, |_| {});
    let mut stream = connect(site.public, &ca, None, TLS13);
    // More than the buffers of both sides hold: the answers wait inside of the TLS stream too.
    let requests = query_bytes(HIT).repeat(QUERIES);
    let mut sending = stream.sock.try_clone().unwrap();
    stream.write_all(&query_bytes(HIT)).unwrap();
    let (_, expected) = receive(&mut stream).unwrap();
    let StreamOwned { conn, .. } = &mut stream;
    let mut records = Vec::new();
    conn.set_buffer_limit(None);
    conn.writer().write_all(&requests).unwrap();
    while conn.wants_write() {
        conn.write_tls(&mut records).unwrap();
    }
    let sender = std::thread::spawn(move || sending.write_all(&records));
    std::thread::sleep(Duration::from_millis(300));
    for number in 0..QUERIES {
        let (head, body) = receive(&mut stream).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 ") && body == expected, "answer {number}: {head}");
    }
    sender.join().unwrap().unwrap();
}

#[test]
fn strangers_plain_text_and_silence_end_and_are_counted() {
    let (ca, stranger, files) = (Authority::new(), Authority::new(), Files::new());
    let site = site(&files, &ca, |config| config.limits.header_timeout_ms = 200);
    assert!(ask(&mut connect(site.public, &stranger, None, TLS13), &query_bytes(HIT)).is_err());
    wait_for("a stranger's handshake to count", || failures(&site) == 1);

    let mut plain = TcpStream::connect(site.public).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(&query_bytes(HIT)).unwrap();
    let mut answer = Vec::new();
    let _closed = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "no plain answer");
    wait_for("plain text to count", || failures(&site) == 2);

    assert!(
        Connection::new(site.public).is_closed_by_server(),
        "a silent handshake has a deadline"
    );
    wait_for("silence to count", || failures(&site) == 3);
    assert!(site.metrics().contains("reason=\"timeout\"} 1\n"), "{}", site.metrics());
    let mut stream = connect(site.public, &ca, None, TLS13);
    ask(&mut stream, &query_bytes(HIT)).unwrap();
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_bad_one_is_not() {
    let (before, after, files) = (Authority::new(), Authority::new(), Files::new());
    let site = site(&files, &before, |_| {});
    let asks = |address: SocketAddr, ca: &Authority| {
        ask(&mut connect(address, ca, None, TLS13), &query_bytes(HIT)).is_ok()
    };
    let reload = || {
        let text = "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(exchange(site.admin, text).unwrap().status, 200);
    };
    let mut kept = connect(site.public, &before, None, TLS13);
    ask(&mut kept, &query_bytes(HIT)).unwrap();
    files.write("key.pem", "nonsense");
    reload();
    assert!(asks(site.public, &before), "the old one goes on");
    files.put_identity(&after.server());
    reload();
    assert!(asks(site.public, &after) && !asks(site.public, &before));
    assert!(ask(&mut kept, &query_bytes(HIT)).is_ok(), "a connection that is kept is not cut");
}

#[test]
fn a_stop_ends_kept_connections_with_a_goodbye() {
    let (ca, files) = (Authority::new(), Files::new());
    let site = site(&files, &ca, |_| {});
    let mut stream = connect(site.public, &ca, None, TLS13);
    ask(&mut stream, &query_bytes(HIT)).unwrap();
    drop(site);
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "nothing was asked");
    // Closed, with or without the alert that says so; not left hanging until the time-out.
    let timed_out = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
    assert!(!ended.is_err_and(|error| timed_out.contains(&error.kind())));
}
