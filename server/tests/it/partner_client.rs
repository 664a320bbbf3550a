//! A client of streams: sends claims in chunks and reads verdicts until they end or break off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::partner::{Tokens, site};
use crate::support::{PATIENCE, Site, wait_for};

/// An answer that may be broken off.
pub(crate) struct Streamed {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
    /// Whether the last chunk came.
    pub(crate) is_complete: bool,
}

impl Streamed {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn verdicts(&self) -> Vec<String> {
        let verdicts =
            self.lines().into_iter().filter_map(|line| line["verdict"].as_str().map(str::to_owned));
        verdicts.collect()
    }

    /// The summary of NDJSON.
    pub(crate) fn summary(&self) -> Value {
        assert!(self.is_complete);
        self.lines().pop().unwrap()["summary"].clone()
    }

    pub(crate) fn code(&self) -> String {
        let document: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A stream on its way, sent in chunks.
pub(crate) struct Client {
    pub(crate) reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn begin(address: SocketAddr, token: &str, headers: &str) -> Self {
        let mut client = Self::connect(address);
        client.send_head(token, headers, "close");
        client
    }

    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    pub(crate) fn send_head(&mut self, token: &str, headers: &str, connection: &str) {
        let head = format!(
            "POST /v1/verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Transfer-Encoding: chunked\r\nConnection: {connection}\r\n{headers}\r\n\r\n"
        );
        self.socket().write_all(head.as_bytes()).unwrap();
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        // A server that has answered already may not read on.
        let _closed = self.socket().write_all(&chunk);
    }

    pub(crate) fn end(&mut self) {
        let _closed = self.socket().write_all(b"0\r\n\r\n");
    }

    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(bytes) if bytes > 0 => Some(line),
            _ => None,
        }
    }

    pub(crate) fn receive_head(&mut self) -> String {
        let mut head = String::new();
        loop {
            match self.line() {
                Some(line) if line == "\r\n" => return head,
                Some(line) => head.push_str(&line),
                None => panic!("no head but {head:?}"),
            }
        }
    }

    /// The next chunk; empty at the last, `None` when it is broken off.
    pub(crate) fn receive_chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(self.line()?.trim_end(), 16).ok()?;
        let mut chunk = vec![0; length];
        self.reader.read_exact(&mut chunk).ok()?;
        (length == 0 || self.line()? == "\r\n").then_some(chunk)
    }

    pub(crate) fn receive(mut self) -> Streamed {
        let head = self.receive_head();
        let status = head[9..12].parse().unwrap();
        let mut streamed = Streamed {
            status,
            head: head.to_ascii_lowercase(),
            body: Vec::new(),
            trailers: String::new(),
            is_complete: false,
        };
        if !streamed.head.contains("transfer-encoding: chunked") {
            let _end = self.reader.read_to_end(&mut streamed.body);
            return streamed;
        }
        while let Some(chunk) = self.receive_chunk() {
            if chunk.is_empty() {
                streamed.is_complete = true;
                let _end = self.reader.read_to_string(&mut streamed.trailers);
                break;
            }
            streamed.body.extend(chunk);
        }
        streamed
    }
}

/// Sends everything and reads everything.
pub(crate) fn verify(
    address: SocketAddr,
    token: &str,
    headers: &str,
    body: impl AsRef<[u8]>,
) -> Streamed {
    let mut client = Client::begin(address, token, headers);
    let mut writer = client.socket().try_clone().unwrap();
    let body = body.as_ref().to_vec();
    let sending = std::thread::spawn(move || {
        let mut bytes = format!("{:x}\r\n", body.len()).into_bytes();
        bytes.extend(body);
        bytes.extend(b"\r\n0\r\n\r\n");
        let _closed = writer.write_all(&bytes);
    });
    let streamed = client.receive();
    sending.join().unwrap();
    streamed
}

pub(crate) const NDJSON: &str = "Content-Type: application/x-ndjson";
pub(crate) const CSV: &str = "Content-Type: text/csv";
pub(crate) const MATCH: &str = r#"{"ref":"m","certificate_number":"0101120201100058","name":"白京","issue_date":"2001-10-22"}"#;

pub(crate) struct Setting {
    pub(crate) tokens: Tokens,
    pub(crate) token: String,
    pub(crate) site: Site,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::with(&[], |_| {})
    }

    pub(crate) fn with(more: &[&str], adjust: impl FnOnce(&mut zhengcha_server::Config)) -> Self {
        let tokens = Tokens::new();
        let token = tokens.add("tax-bj", more);
        let site = site(&tokens.path, adjust);
        Self { tokens, token, site }
    }

    pub(crate) fn verify(&self, headers: &str, body: impl AsRef<[u8]>) -> Streamed {
        verify(self.site.partner(), &self.token, headers, body)
    }

    pub(crate) fn begin(&self, headers: &str) -> Client {
        Client::begin(self.site.partner(), &self.token, headers)
    }

    /// A stream on a connection that is kept.
    pub(crate) fn begin_kept(&self, headers: &str) -> Client {
        let mut client = Client::connect(self.site.partner());
        client.send_head(&self.token, headers, "keep-alive");
        client
    }

    pub(crate) fn wait_for_metric(&self, line: &str) {
        wait_for(line, || self.site.metrics().contains(line));
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
