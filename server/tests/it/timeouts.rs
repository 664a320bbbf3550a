//! Slow, silent and greedy connections end, and nobody else notices.

use std::time::{Duration, Instant};

use crate::support::{Connection, HIT, Site, query, query_bytes, wait_for};

const SHORT_MS: u64 = 200;
/// What a deadline may take in the end: itself, a quarter for the ticker, and a busy machine.
const SLACK: Duration = Duration::from_secs(5);

fn site() -> Site {
    Site::with(|config| {
        config.limits.header_timeout_ms = SHORT_MS;
        config.limits.body_timeout_ms = SHORT_MS;
        config.limits.idle_timeout_ms = SHORT_MS;
        config.limits.write_timeout_ms = SHORT_MS;
        config.limits.request_timeout_ms = 2 * SHORT_MS;
    })
}

fn closes_in_time(connection: &mut Connection, what: &str) {
    let began = Instant::now();
    assert!(connection.is_closed_by_server(), "{what}");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(SHORT_MS / 2), "{what} was closed at once: {took:?}");
    assert!(took < Duration::from_millis(SHORT_MS) + SLACK, "{what} took {took:?}");
}

#[test]
fn silent_half_headed_and_idle_connections_are_closed() {
    let site = site();
    closes_in_time(&mut Connection::new(site.public), "silent");

    let mut half = Connection::new(site.public);
    half.send(b"POST /v1/query HTTP/1.1\r\nHost: a\r\n").unwrap();
    closes_in_time(&mut half, "half a head");

    let mut idle = Connection::new(site.public);
    assert_eq!(idle.query(HIT).unwrap().status, 200);
    closes_in_time(&mut idle, "idle after an answer");
    assert!(site.metrics().contains("zhengcha_rejected_total{reason=\"timeout\"} 3\n"));
}

#[test]
fn a_late_body_is_told_so_and_closed() {
    let site = site();
    let mut late = Connection::new(site.public);
    let bytes = query_bytes(HIT);
    late.send(&bytes[..bytes.len() - 1]).unwrap();
    let answer = late.receive().unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "body-timeout"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(late.is_closed_by_server());
}

#[test]
fn dripping_does_not_extend_a_deadline() {
    let site = site();
    let drip = Duration::from_millis(SHORT_MS / 10);
    for (what, bytes) in [
        ("head", "GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned() + &"x".repeat(2000)),
        ("body", String::from_utf8(query_bytes(&" ".repeat(2000))).unwrap()),
    ] {
        let mut connection = Connection::new(site.public);
        let began = Instant::now();
        let (start, rest) = bytes.split_at(if what == "head" { 1 } else { bytes.len() - 2000 });
        connection.send(start.as_bytes()).unwrap();
        for byte in rest.as_bytes() {
            if connection.send(&[*byte]).is_err() {
                break;
            }
            assert!(began.elapsed() < SLACK, "a dripping {what} goes on for ever");
            std::thread::sleep(drip);
        }
    }
}

#[test]
fn a_client_that_takes_no_answer_is_closed() {
    let site = site();
    let mut greedy = Connection::new(site.public);
    // Pages by the hundred, none of them read, until the buffers are full and the deadline passes.
    let page = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(64);
    let began = Instant::now();
    while greedy.send(&page).is_ok() {
        assert!(began.elapsed() < SLACK * 4, "the server goes on writing for ever");
        if site.metrics().contains("zhengcha_connections 0\n") {
            break;
        }
    }
    wait_for("the end of it", || site.metrics().contains("zhengcha_connections 0\n"));
}

#[test]
fn honest_clients_do_not_notice_slow_ones() {
    let site = Site::with(|config| config.limits.connections_per_address_max = 2000);
    let mut slow: Vec<_> = (0..200).map(|_| Connection::new(site.public)).collect();
    let half_body = query_bytes(HIT);
    for (index, connection) in slow.iter_mut().enumerate() {
        let sent = if index % 2 == 0 { half_body.len() - 1 } else { 20 };
        connection.send(&half_body[..sent]).unwrap();
    }
    for _ in 0..100 {
        assert_eq!(query(site.public, HIT).status, 200);
    }
}
