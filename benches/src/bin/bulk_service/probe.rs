//! Queries at a fixed rate, each timed from the moment it was due.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use zhengcha_benches::latencies::Latencies;
use zhengcha_benches::stores::draw_bodies;

/// Connections, each with a thread: many more than are busy at a time.
const CONNECTIONS: u64 = 16;
/// Different questions.
const BODIES: u64 = 10_000;

/// A fixed rate of questions to one server.
pub(crate) struct Probe {
    address: SocketAddr,
    rate: u64,
    bodies: Vec<String>,
}

impl Probe {
    pub(crate) fn new(address: SocketAddr, store: &Path, rate: u64) -> anyhow::Result<Self> {
        let bodies = draw_bodies(store, BODIES)?;
        Ok(Self { address, rate, bodies })
    }

    pub(crate) fn run(&self, time: Duration) -> anyhow::Result<Latencies> {
        let begin = Instant::now() + Duration::from_millis(100);
        let all: Vec<Duration> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|thread| scope.spawn(move || self.ask(thread, begin, time)))
                .collect();
            let mut all = Vec::new();
            for thread in threads {
                all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok::<_, anyhow::Error>(all)
        })?;
        Ok(Latencies::of(all.into_iter()))
    }

    fn ask(&self, thread: u64, begin: Instant, time: Duration) -> anyhow::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let mut answer = vec![0; 64 * 1024];
        let mut took = Vec::new();
        for number in (thread..).step_by(CONNECTIONS as usize) {
            let due = Duration::from_nanos(number * 1_000_000_000 / self.rate);
            if due >= time {
                return Ok(took);
            }
            let due = begin + due;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let body = &self.bodies[(number % BODIES) as usize];
            let request = format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes())?;
            let mut length = 0;
            while !is_whole(&answer[..length]) {
                let read = stream.read(&mut answer[length..])?;
                ensure!(read > 0, "the connection was closed");
                length += read;
            }
            ensure!(answer.starts_with(b"HTTP/1.1 200"), "a query failed");
            took.push(due.elapsed());
        }
        Ok(took)
    }
}

/// Whether an answer is all here, by its length.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

/// The status of `GET /v1/status`.
pub(crate) fn status(address: SocketAddr) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no answer")
}
