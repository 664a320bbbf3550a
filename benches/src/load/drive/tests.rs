//! The driver against a server of one answer that can be told to misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use zhengcha_engine::key::Mode;

use super::*;
use crate::load::questions::{Kind, Mix, Question, Shown, Timeline, Wanted};
use crate::load::run::Failure;

const JSON: &str = r#"{"certificate_number":"X1"}"#;
const RIGHT: &str =
    r#"{"generation":1,"as_of":null,"count":1,"certificates":[{"certificate_number":"X1"}]}"#;

fn set() -> QuestionSet {
    let shown = Shown { since: 0, number: "X1".into(), json: JSON.into() };
    QuestionSet {
        wanted: Wanted::new(1, 1, 1),
        as_of: vec![None],
        digest: String::new(),
        questions: vec![Question {
            mode: Mode::CN,
            kind: Kind::Hit,
            subject: 0,
            body: b"{}"[..].into(),
            shown: [shown].into(),
        }],
    }
}

fn driver(address: SocketAddr, threads: usize) -> Driver {
    let set = Arc::new(set());
    let target = Target {
        public: address,
        host: address.to_string(),
        tls_ca: None,
        admin: None,
        partner: None,
    };
    let drawer = Arc::new(Drawer::new(&set, &Mix::default()).unwrap());
    let judge = Judge::new(Arc::clone(&set), Arc::new(Timeline::new(1, 0)));
    Driver::new(&target, set, drawer, judge, threads, 1).unwrap()
}

/// What the server does with the request of this number.
type Behaviour = dyn Fn(u64, &mut TcpStream) -> std::io::Result<()> + Send + Sync;

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes())
}

fn right(stream: &mut TcpStream) -> std::io::Result<()> {
    answer(stream, "200 OK", RIGHT)
}

/// A thread for each connection; they end with the test.
fn server(
    behaviour: impl Fn(u64, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behaviour: Arc<Behaviour> = Arc::new(behaviour);
    let count = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), behaviour, count) =
                (stream, Arc::clone(&behaviour), Arc::clone(&count))
            else {
                return;
            };
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                // A request of these tests comes in one piece.
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                    let number = count.fetch_add(1, Ordering::Relaxed);
                    if behaviour(number, &mut stream).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn load(rate: f64, ms: u64, connections: u64, connections_max: u64) -> Load {
    let schedule = Schedule::constant(rate, Duration::from_millis(ms));
    let mut load = Load::new(schedule, connections, connections_max);
    load.window = Duration::from_millis(100);
    load
}

#[test]
fn all_that_is_due_is_asked_and_answered() {
    let address = server(|_, stream| right(stream));
    for threads in [1, 2] {
        let mut told = None;
        let outcome =
            driver(address, threads).open(&load(1000.0, 500, 4, 8), |at| told = Some(at)).unwrap();
        let phase = outcome.phase(outcome.began());
        assert_eq!(told, Some(outcome.began()));
        assert!((400..620).contains(&phase.total.due), "{}", phase.total.due);
        assert_eq!(phase.total.right, phase.total.due);
        assert_eq!((phase.windows.len(), phase.slices.len()), (5, 5));
        assert_eq!(
            phase.windows.iter().map(|window| window.summary.due).sum::<u64>(),
            phase.total.due
        );
        assert_eq!(phase.histogram.iter().map(|bar| bar.count).sum::<u64>(), phase.total.right);
        assert_eq!(
            (phase.by_mode["CN"], phase.by_kind["hit"]),
            (phase.total.right, phase.total.right)
        );
        assert_eq!(phase.generator.threads, threads);
        assert!(phase.generator.opened >= 4 && phase.generator.connections_max <= 8);
        assert!(!phase.hdr.is_empty() && phase.percentiles.last().unwrap().share > 0.99);
        assert_eq!(outcome.sightings().generations.keys().collect::<Vec<_>>(), [&1]);
    }
}

#[test]
fn what_was_due_while_the_server_stood_still_has_waited() {
    let began = Instant::now();
    let stall = Duration::from_millis(300);
    let address = server(move |_, stream| {
        let into = began.elapsed();
        if (Duration::from_millis(300)..Duration::from_millis(400)).contains(&into) {
            thread::sleep(stall);
        }
        right(stream)
    });
    let outcome = driver(address, 1).open(&load(200.0, 1000, 1, 1), |_| {}).unwrap();
    let total = outcome.total();
    assert_eq!(total.right, total.due);
    // A closed loop would count one slow answer; here everyone who came meanwhile has waited.
    let waited = outcome.phase(outcome.began()).percentiles;
    let quick = waited.iter().filter(|point| point.us < 100_000).map(|point| point.share);
    let quick = quick.fold(0.0, f64::max);
    assert!(quick < 0.9, "only {quick} of all were answered within 100 ms");
    assert!(outcome.generator().waited > 10);
}

#[test]
fn nobody_waits_longer_than_the_patience_for_a_connection() {
    let address = server(|_, stream| {
        thread::sleep(Duration::from_millis(200));
        right(stream)
    });
    let mut load = load(100.0, 600, 1, 1);
    load.patience = Duration::from_millis(50);
    let outcome = driver(address, 1).open(&load, |_| {}).unwrap();
    let phase = outcome.phase(outcome.began());
    assert!(phase.failures[&Failure::GaveUp] > 10, "{:?}", phase.failures);
    assert_eq!(phase.total.right + phase.total.failed, phase.total.due);
    assert_eq!(phase.total.in_time, 0, "an answer after 200 ms comes too late");
}

#[test]
fn who_waits_is_served_in_line_or_from_the_end() {
    for (waiting, is_orderly) in [(Waiting::InLine, true), (Waiting::LatestFirst, false)] {
        let address = server(|_, stream| {
            thread::sleep(Duration::from_millis(10));
            right(stream)
        });
        // Three times what one connection carries: in line everybody waits long, otherwise a few not at all.
        let load = Load { waiting, patience: Duration::from_millis(300), ..load(300.0, 900, 1, 1) };
        let outcome = driver(address, 1).open(&load, |_| {}).unwrap();
        let late = outcome.inside(&[(Duration::from_millis(600), Duration::from_millis(900))]);
        assert_eq!(late.p50_us > 200_000, is_orderly, "{waiting:?}: {}", late.p50_us);
    }
}

#[test]
fn each_failure_has_its_name() {
    let address = server(|number, stream| match number % 6 {
        0 => right(stream),
        1 => answer(stream, "200 OK", &RIGHT.replace("X1", "X2")),
        2 => answer(stream, "503 Service Unavailable", ""),
        3 => answer(stream, "429 Too Many Requests", ""),
        4 => answer(stream, "404 Not Found", ""),
        _ => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")?;
            Err(std::io::ErrorKind::Other.into())
        }
    });
    let outcome = driver(address, 1).open(&load(300.0, 400, 1, 1), |_| {}).unwrap();
    let phase = outcome.phase(outcome.began());
    let expected =
        [Failure::Wrong, Failure::Overloaded, Failure::Limited, Failure::Status, Failure::Broken];
    for failure in expected {
        assert!(phase.failures[&failure] > 5, "{failure:?}: {:?}", phase.failures);
    }
    assert_eq!(phase.failures.len(), expected.len());
    let total = phase.total;
    assert_eq!(total.right + total.failed + total.wrong, total.due);
    assert!(phase.wrong.iter().all(|told| !told.contains("X2")), "{:?}", phase.wrong);

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = driver(nobody, 1).open(&load(100.0, 200, 2, 4), |_| {}).unwrap();
    let total = outcome.total();
    assert_eq!(outcome.phase(outcome.began()).failures[&Failure::Connect], total.due);
}

#[test]
fn a_share_of_questions_has_connections_of_its_own() {
    let address = server(|_, stream| right(stream));
    let mut load = load(400.0, 500, 2, 64);
    load.fresh_share = 0.5;
    let outcome = driver(address, 1).open(&load, |_| {}).unwrap();
    let (total, opened) = (outcome.total(), outcome.generator().opened);
    assert_eq!(total.right, total.due);
    let share = opened as f64 / total.due as f64;
    assert!((0.35..0.75).contains(&share), "{opened} connections for {} questions", total.due);
}

#[test]
fn a_closed_loop_keeps_every_connection_busy() {
    let address = server(|_, stream| {
        thread::sleep(Duration::from_millis(10));
        right(stream)
    });
    let outcome = driver(address, 2).closed(6, Duration::from_millis(500)).unwrap();
    let total = outcome.total();
    assert!(total.right == total.due && (100..=306).contains(&total.right), "{}", total.right);
    assert_eq!(outcome.generator().opened, 6);
}
