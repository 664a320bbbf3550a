//! One stream of claims: a thread that sends, a thread that takes the verdicts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::service::Service;
use zhengcha_server::partner::stand_back;

/// Bytes of one HTTP chunk, and of one read.
const PIECE_BYTES: usize = 256 * 1024;
/// The summary is somewhere in so many bytes at the end.
const TAIL_BYTES: usize = 4096;

/// A stream that ended well.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) claims: u64,
    pub(crate) took: Duration,
}

/// Sends the body so often, and takes what comes of it.
pub(crate) fn run(service: &Service, body: &[u8], repeat: u64) -> anyhow::Result<Sent> {
    let mut stream = TcpStream::connect(service.partner)?;
    let began = Instant::now();
    write!(
        stream,
        "POST /v1/verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        service.token
    )?;
    let mut sending = stream.try_clone()?;
    let tail = std::thread::scope(|scope| {
        let sender = scope.spawn(move || -> std::io::Result<()> {
            stand_back();
            for _ in 0..repeat {
                for piece in body.chunks(PIECE_BYTES) {
                    write!(sending, "{:x}\r\n", piece.len())?;
                    sending.write_all(piece)?;
                    sending.write_all(b"\r\n")?;
                }
            }
            sending.write_all(b"0\r\n\r\n")
        });
        let taker = scope.spawn(move || take(stream));
        let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let tail = taker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        sent?;
        Ok::<_, anyhow::Error>(tail)
    })?;
    let took = began.elapsed();
    let summary = tail.split("{\"summary\":").nth(1).context("the stream was cut")?;
    ensure!(tail.ends_with("\r\n0\r\n\r\n"), "the stream was cut after its summary");
    let claims = summary.split("\"claims\":").nth(1).and_then(|rest| rest.split(',').next());
    let claims = claims.and_then(|claims| claims.parse().ok()).context("no count of claims")?;
    Ok(Sent { claims, took })
}

/// Sends streams until told to stop; gives the claims of those that ended.
pub(crate) fn until(service: &Service, body: &[u8], stop: &AtomicBool) -> anyhow::Result<u64> {
    let mut claims = 0;
    while !stop.load(Relaxed) {
        claims += run(service, body, 1)?.claims;
    }
    Ok(claims)
}

/// Reads to the end and gives the last bytes.
fn take(mut stream: TcpStream) -> anyhow::Result<String> {
    stand_back();
    let mut buffer = vec![0; PIECE_BYTES];
    let mut tail: Vec<u8> = Vec::new();
    let mut is_first = true;
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&tail).into_owned());
        }
        let piece = &buffer[..read];
        if is_first {
            let line = String::from_utf8_lossy(&piece[..piece.len().min(64)]);
            ensure!(line.starts_with("HTTP/1.1 200"), "refused: {line}");
            is_first = false;
        }
        tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
    }
}
