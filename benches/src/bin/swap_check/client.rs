//! Clients that ask at a fixed rate and check every answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::latency::Sample;

/// Longest wait for one answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// A question, and what its answer must say.
pub(crate) struct Question {
    pub(crate) body: String,
    pub(crate) certificate_number: String,
}

/// One keep-alive connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn ask(&mut self, body: &str) -> anyhow::Result<serde_json::Value> {
        let request = format!(
            "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(serde_json::from_slice(&self.exchange(&request)?)?)
    }

    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<String> {
        let bytes = self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
        Ok(String::from_utf8(bytes)?)
    }

    fn exchange(&mut self, request: &str) -> anyhow::Result<Vec<u8>> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200 "), "answered {}", line.trim());
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Asks every `interval` until told to stop. `score_of` gives the theory score that a generation
/// must answer with, where its publisher knows one.
pub(crate) fn check(
    address: SocketAddr,
    questions: &[Question],
    start: usize,
    interval: Duration,
    score_of: Option<fn(u64) -> String>,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<Sample>> {
    let mut client = Client::connect(address)?;
    let mut samples = Vec::new();
    let mut last = 0;
    let mut due = Instant::now();
    for question in questions.iter().cycle().skip(start) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = client.ask(&question.body)?;
        samples.push(Sample { due, took: due.elapsed() });
        due += interval;

        let generation = answer["generation"].as_u64().context("no generation")?;
        ensure!(generation >= last, "generation {generation} after {last}");
        last = generation;
        let certificates = answer["certificates"].as_array().context("no certificates")?;
        ensure!(certificates.len() == 1, "{} certificates for one", certificates.len());
        ensure!(
            certificates[0]["certificate_number"] == question.certificate_number.as_str(),
            "another certificate's answer"
        );
        if let Some(score_of) = score_of {
            ensure!(
                certificates[0]["theory_score"] == score_of(generation).as_str(),
                "generation {generation} answers with the score of another"
            );
        }
    }
    Ok(samples)
}
