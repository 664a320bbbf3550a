//! A query answered on the short way and by way of hyper gets the same bytes.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use zhengcha_server::Options;

use crate::support::{Answer, Connection, Depot, HIT, MISS, Site, query_bytes};

/// Long enough for the server to have read a first byte on its own.
const APART: Duration = Duration::from_millis(30);

/// In one piece, and with the first byte ahead of the rest, which is nothing for the short way.
fn both_ways(address: SocketAddr, bytes: &[u8]) -> [Answer; 2] {
    let short = Connection::new(address).exchange(bytes).expect("an answer on the short way");
    let mut connection = Connection::new(address);
    connection.send(&bytes[..1]).unwrap();
    std::thread::sleep(APART);
    let long = connection.exchange(&bytes[1..]).expect("an answer by way of hyper");
    [short, long]
}

/// The answer with what differs from one to the next taken out.
fn comparable(answer: &Answer) -> (String, String) {
    let made = answer.header("x-request-id").filter(|id| id.len() > 16).unwrap_or("-").to_owned();
    let head: String = answer
        .head
        .lines()
        .filter(|line| !line.starts_with("date: "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(answer.head.contains("\r\ndate: "), "{}", answer.head);
    let length = format!("content-length: {}\n", answer.body.len());
    assert!(head.contains(&length), "{head}");
    (head.replace(&made, "ID").replace(&length, ""), answer.text().replace(&made, "ID"))
}

fn with_headers(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/query HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn answers_are_the_same_both_ways() {
    let site = Site::new();
    let json = "Content-Type: application/json\r\n";
    let long = format!(r#"{{"name":"白京","ticket_number":"{}"}}"#, "1".repeat(65));
    for (status, bytes) in [
        (200, query_bytes(HIT)),
        (200, query_bytes(MISS)),
        (200, query_bytes(r#"{"id_number":"11010519491231002X","name":"白京"}"#)),
        (200, with_headers(&format!("x-request-id: r-1\r\n{json}"), HIT)),
        (200, with_headers(&format!("{json}X-Request-Id: not one\r\n"), HIT)),
        (200, with_headers(&format!("{json}connection: Keep-Alive\r\nAccept: */*\r\n"), HIT)),
        (200, with_headers("Content-Type: Application/JSON; charset=UTF-8\r\n", HIT)),
        (
            200,
            with_headers(
                "Content-Type: application/x-www-form-urlencoded\r\n",
                "certificate_number=0101120201100058&name=%E7%99%BD%E4%BA%AC",
            ),
        ),
        (400, query_bytes("{}")),
        (400, query_bytes("")),
        (400, query_bytes("{")),
        (400, query_bytes(r#"{"nmae":"a"}"#)),
        (400, query_bytes(r#"{"name":1,"id_number":"1"}"#)),
        (400, query_bytes(&long)),
        (400, with_headers(&format!("{json}X-Request-Id: r-2\r\n"), "{}")),
    ] {
        let [short, long] = both_ways(site.public, &bytes);
        assert_eq!(short.status, status, "{short:?}");
        assert_eq!(comparable(&short), comparable(&long));
    }
}

#[test]
fn refusals_are_the_same_both_ways() {
    let limited = Site::with(|config| {
        config.limits.address_queries_per_minute = 1;
        config.limits.address_queries_burst = 1;
    });
    assert_eq!(Connection::new(limited.public).query(HIT).unwrap().status, 200);
    let empty = Site::on(Depot::new(), Options::default(), |_| {});
    for (status, site) in [(429, &limited), (503, &empty)] {
        let [mut short, mut long] = both_ways(site.public, &query_bytes(HIT));
        assert_eq!(short.status, status);
        for answer in [&mut short, &mut long] {
            let wait = answer.header("retry-after").expect("a time to wait").to_owned();
            let line = format!("retry-after: {wait}");
            answer.head = answer.head.replace(&line, "retry-after: N");
        }
        assert_eq!(comparable(&short), comparable(&long));
    }
}

#[test]
fn a_connection_may_change_its_way_in_the_middle() {
    let site = Site::new();
    let mut connection = Connection::new(site.public);
    for _ in 0..3 {
        assert_eq!(connection.query(HIT).unwrap().status, 200);
    }
    let page = connection.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(page.status, 200);
    for _ in 0..3 {
        assert_eq!(connection.query(HIT).unwrap().status, 200);
    }
    assert!(site.metrics().contains("zhengcha_requests_total{route=\"query\",status=\"200\"} 6\n"));
    let twice = [query_bytes(HIT), query_bytes(MISS)].concat();
    let mut connection = Connection::new(site.public);
    assert_eq!(connection.exchange(&twice).unwrap().json()["count"], 1);
    assert_eq!(connection.receive().unwrap().json()["count"], 0);
}

#[test]
fn a_changed_byte_changes_both_ways_alike() {
    let site = Site::new();
    let good = with_headers("Content-Type: application/json\r\nX-Request-Id: r\r\n", HIT);
    let everything = |pieces: &[&[u8]]| {
        let mut connection = Connection::new(site.public);
        for piece in pieces {
            if connection.send(piece).is_err() {
                return None;
            }
            std::thread::sleep(APART / 6);
        }
        connection.end_sending();
        connection.receive()
    };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) };
    proptest!(config, |(at in any::<proptest::sample::Index>(), byte in any::<u8>())| {
        let mut bytes = good.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let short = everything(&[&bytes]);
        let long = everything(&[&bytes[..1], &bytes[1..]]);
        // A connection that is closed with something unread may lose its answer.
        if let (Some(short), Some(long)) = (short, long) {
            prop_assert_eq!(short.status, long.status);
            if short.head.contains("\r\ncontent-type: ") {
                prop_assert_eq!(comparable(&short), comparable(&long));
            }
        }
    });
}
