//! One stream over HTTP, its answer taken whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Parts a slow stream is sent in.
const PARTS: usize = 64;

/// A stream that ended well.
pub(crate) struct Stream {
    /// The answer without its framing.
    pub(crate) body: Vec<u8>,
    pub(crate) summary: Value,
}

impl Stream {
    /// Sends claims of this kind, spread over this time.
    pub(crate) fn run(
        address: SocketAddr,
        token: &str,
        ending: &str,
        claims: &[u8],
        lasts: Duration,
    ) -> anyhow::Result<Self> {
        let kind = if ending == "csv" { "text/csv" } else { "application/x-ndjson" };
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "POST /v1/verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
             TE: trailers\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )?;
        let mut sending = stream.try_clone()?;
        let mut answer = Vec::new();
        std::thread::scope(|scope| {
            let sender = scope.spawn(move || -> std::io::Result<()> {
                for part in claims.chunks(claims.len().div_ceil(PARTS).max(1)) {
                    write!(sending, "{:x}\r\n", part.len())?;
                    sending.write_all(part)?;
                    sending.write_all(b"\r\n")?;
                    std::thread::sleep(lasts / PARTS as u32);
                }
                sending.write_all(b"0\r\n\r\n")
            });
            let read = stream.read_to_end(&mut answer);
            let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            read.map(drop).and(sent)
        })?;
        Self::parse(&answer).with_context(|| {
            format!("answer: {}", String::from_utf8_lossy(&answer[..answer.len().min(300)]))
        })
    }

    fn parse(answer: &[u8]) -> anyhow::Result<Self> {
        ensure!(answer.starts_with(b"HTTP/1.1 200 "), "refused");
        let head = find(answer, b"\r\n\r\n").context("no head")?;
        let mut rest = &answer[head + 4..];
        let mut body = Vec::new();
        loop {
            let line = find(rest, b"\r\n").context("cut in its framing")?;
            let length = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
            rest = &rest[line + 2..];
            if length == 0 {
                break;
            }
            body.extend_from_slice(rest.get(..length).context("cut in a chunk")?);
            rest = rest.get(length + 2..).context("cut behind a chunk")?;
        }
        let trailer = std::str::from_utf8(rest)?;
        let in_trailer = trailer.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("zhengcha-summary").then(|| value.trim().to_owned())
        });
        let summary: Value = match in_trailer {
            Some(text) => serde_json::from_str(&text)?,
            None => {
                let last = std::str::from_utf8(&body)?.lines().last().context("no summary")?;
                serde_json::from_str::<Value>(last)?["summary"].take()
            }
        };
        Ok(Self { body, summary })
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
