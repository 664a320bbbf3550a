//! The short way of the usual query: whole in one read, answered in one write, no buffer kept.
//!
//! Every connection begins here. A request is taken only when it is a whole `POST /v1/query` of
//! HTTP/1.1 with one `Host`, one good `Content-Type`, one `Content-Length`, and no header that
//! changes how the message or the connection is read. At the first byte of anything else, good or
//! bad, the connection goes to hyper with all bytes in hand, for good.
//!
//! Promises the same checks in the same order, and the same bytes of answer, as by way of hyper:
//! checks are those of `service`, the head is parsed by the parser that hyper uses. Must not know
//! what a body means.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::CONNECTION;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::cidr::Cidr;
use crate::client::client_address;
use crate::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, READ_BUFFER_BYTES_MAX};
use crate::problem::accepted_request_id;
use crate::query::Encoding;
use crate::route::Route;
use crate::service::{self, Connection};

/// What every found or not found answer begins with.
const ANSWER_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    cache-control: no-store\r\nx-content-type-options: nosniff\r\n";

/// How a connection left the short way.
pub enum End {
    /// It is over.
    Closed,
    /// hyper is to go on, beginning with these bytes.
    Handed(Vec<u8>),
}

/// What a connection on the short way keeps between two polls.
#[derive(Default)]
pub struct Lane {
    /// What the stream did not take yet.
    unsent: Vec<u8>,
    /// Whether there is something unsent, here or inside the stream.
    blocked: bool,
    closing: bool,
}

/// What the connections of a worker share; nothing in it outlives a poll.
struct Scratch {
    input: Box<[u8]>,
    json: Vec<u8>,
    answer: Vec<u8>,
    date: DateLine,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        input: vec![0; READ_BUFFER_BYTES_MAX].into(),
        json: Vec::new(),
        answer: Vec::new(),
        date: DateLine::default(),
    });
}

impl Lane {
    /// Ends the connection at the next poll after its last answer is out.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Answers what comes until the connection ends or leaves this way.
    pub fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        connection: &Connection,
    ) -> Poll<End> {
        let trusted = &connection.app.trusted_proxies;
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                if self.blocked {
                    let unsent = std::mem::take(&mut self.unsent);
                    if !self.send(&unsent, stream, context, connection) {
                        return Poll::Ready(End::Closed);
                    }
                    if self.blocked {
                        return Poll::Pending;
                    }
                }
                if self.closing {
                    let _sent = ready!(Pin::new(&mut *stream).poll_shutdown(context));
                    return Poll::Ready(End::Closed);
                }
                let mut buffer = ReadBuf::new(&mut scratch.input);
                let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
                let arrived = buffer.filled();
                if read.is_err() || arrived.is_empty() {
                    return Poll::Ready(End::Closed);
                }
                let Some(query) = Usual::parse(arrived, connection.peer, trusted) else {
                    return Poll::Ready(End::Handed(arrived.to_vec()));
                };
                let (json, date) = (&mut scratch.json, &mut scratch.date);
                self.closing = query.answer(connection, json, &mut scratch.answer, date);
                if !self.send(&scratch.answer, stream, context, connection) {
                    return Poll::Ready(End::Closed);
                }
            }
        })
    }

    /// Writes what the stream takes and keeps the rest; `false` when the client has gone.
    ///
    /// A TLS stream may take bytes that the socket does not: they are out when it is flushed. A socket
    /// has nothing to flush, and the compiler knows.
    fn send<S: AsyncWrite + Unpin>(
        &mut self,
        answer: &[u8],
        stream: &mut S,
        context: &mut Context<'_>,
        connection: &Connection,
    ) -> bool {
        let mut rest = answer;
        while !rest.is_empty() {
            match Pin::new(&mut *stream).poll_write(context, rest) {
                Poll::Ready(Ok(written)) if written > 0 => rest = &rest[written..],
                Poll::Ready(_) => return false,
                Poll::Pending => {
                    self.unsent = rest.to_vec();
                    return self.wait(connection);
                }
            }
        }
        match Pin::new(&mut *stream).poll_flush(context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return false,
            Poll::Pending => return self.wait(connection),
        }
        self.blocked = false;
        connection.wire.answer_sent();
        true
    }

    /// The client has to take something first.
    fn wait(&mut self, connection: &Connection) -> bool {
        self.blocked = true;
        connection.wire.answer_blocked(Instant::now());
        true
    }
}

/// A query that can be answered at once.
struct Usual<'b> {
    encoding: Encoding,
    body: &'b [u8],
    request_id: Option<&'b str>,
    client: IpAddr,
}

impl<'b> Usual<'b> {
    /// The one request in these bytes, or nothing when it is not of the usual form.
    fn parse(bytes: &'b [u8], peer: IpAddr, trusted: &[Cidr]) -> Option<Self> {
        let mut places = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut []);
        let parsed = head.parse_with_uninit_headers(bytes, &mut places).ok()?;
        let httparse::Status::Complete(head_bytes) = parsed else { return None };
        let fits = head_bytes <= HEAD_BYTES_MAX
            && head.method == Some("POST")
            && head.path == Some("/v1/query")
            && head.version == Some(1);
        if !fits {
            return None;
        }
        let (mut host, mut content_type, mut length, mut request_id) = (None, None, None, None);
        for header in &*head.headers {
            let place = match Meaning::of(header) {
                Meaning::Other => continue,
                Meaning::Framing => return None,
                Meaning::Host => &mut host,
                Meaning::ContentType => &mut content_type,
                Meaning::ContentLength => &mut length,
                Meaning::RequestId => &mut request_id,
            };
            if place.replace(header.value).is_some() {
                return None;
            }
        }
        let body = &bytes[head_bytes..];
        if host.is_none() || body.len() > BODY_BYTES_MAX || decimal(length?) != Some(body.len()) {
            return None;
        }
        let encoding = Encoding::named(content_type?).ok()?;
        let request_id = request_id.and_then(accepted_request_id);
        let forwarded = head
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("x-forwarded-for"))
            .map(|header| header.value);
        let client = client_address(peer, forwarded, trusted);
        Some(Self { encoding, body, request_id, client })
    }

    /// Puts the whole answer into `answer`; `true` when the connection ends with it.
    fn answer(
        &self,
        connection: &Connection,
        json: &mut Vec<u8>,
        answer: &mut Vec<u8>,
        date: &mut DateLine,
    ) -> bool {
        let began = Instant::now();
        json.clear();
        let outcome = service::charge_address(connection, self.client, began).and_then(|()| {
            service::answer_query(connection, self.encoding, self.body, began, |template, found| {
                template.put_answer(json, found);
            })
        });
        answer.clear();
        let mut closes = connection.app.draining.load(Relaxed);
        let status = match outcome {
            Ok(()) => {
                answer.extend_from_slice(ANSWER_HEAD);
                if let Some(id) = self.request_id {
                    put_header(answer, "x-request-id", id.as_bytes());
                }
                StatusCode::OK
            }
            Err(problem) => {
                closes |= problem.closes;
                let reply = service::problem_answer(&problem, self.request_id);
                put_problem_head(answer, &reply);
                json.clear();
                json.extend_from_slice(reply.body());
                reply.status()
            }
        };
        if closes {
            put_header(answer, "connection", b"close");
        }
        put_header(answer, "content-length", itoa::Buffer::new().format(json.len()).as_bytes());
        answer.extend_from_slice(date.at(began));
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(json);
        connection.answered(Route::Query, status, began);
        closes
    }
}

/// What a header means for a query.
enum Meaning {
    Host,
    ContentType,
    ContentLength,
    RequestId,
    /// How message or connection are to be read: not for the short way.
    Framing,
    Other,
}

impl Meaning {
    fn of(header: &httparse::Header<'_>) -> Self {
        let name = header.name;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // By length first: at most three names are compared.
        match name.len() {
            4 if is("host") => Self::Host,
            6 if is("expect") => Self::Framing,
            7 if is("upgrade") => Self::Framing,
            10 if is("connection") => {
                let kept = header.value.eq_ignore_ascii_case(b"keep-alive");
                if kept { Self::Other } else { Self::Framing }
            }
            12 if is("content-type") => Self::ContentType,
            12 if is("x-request-id") => Self::RequestId,
            14 if is("content-length") => Self::ContentLength,
            16 if is("content-encoding") => Self::Framing,
            17 if is("transfer-encoding") => Self::Framing,
            _ => Self::Other,
        }
    }
}

/// A length of digits alone, and no more of them than the longest body needs.
fn decimal(value: &[u8]) -> Option<usize> {
    let good = matches!(value.len(), 1..=4) && value.iter().all(u8::is_ascii_digit);
    good.then(|| value.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

fn put_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Status line and headers but `Connection`, which the caller puts.
fn put_problem_head(out: &mut Vec<u8>, reply: &Response<Bytes>) {
    let status = reply.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in reply.headers() {
        if name != CONNECTION {
            put_header(out, name.as_str(), value.as_bytes());
        }
    }
}

/// The `Date` header, written once a second.
#[derive(Default)]
struct DateLine {
    line: String,
    until: Option<Instant>,
}

impl DateLine {
    fn at(&mut self, now: Instant) -> &[u8] {
        if self.until.is_none_or(|until| now >= until) {
            let clock = SystemTime::now();
            let past = clock.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
            self.line = format!("date: {}\r\n", httpdate::fmt_http_date(clock));
            self.until = Some(now + Duration::from_secs(1) - Duration::from_nanos(past.into()));
        }
        self.line.as_bytes()
    }
}

/// A stream of which some bytes were read before.
pub struct Prefixed<S> {
    prefix: Bytes,
    stream: S,
}

impl<S> Prefixed<S> {
    /// Reads `prefix` first.
    pub fn new(prefix: Vec<u8>, stream: S) -> Self {
        Self { prefix: prefix.into(), stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = this.prefix.len().min(buffer.remaining());
        buffer.put_slice(&this.prefix.split_to(count));
        if this.prefix.is_empty() {
            this.prefix = Bytes::new(); // lets go of what was read
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address, request id and body length of a request that is of the usual form.
    fn parsed(lines: &[&str], body: &str) -> Option<(String, Option<String>, usize)> {
        let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let peer = IpAddr::from([10, 0, 0, 1]);
        Usual::parse(request.as_bytes(), peer, &trusted).map(|usual| {
            let id = usual.request_id.map(str::to_owned);
            (usual.client.to_string(), id, usual.body.len())
        })
    }

    #[test]
    fn usual_requests_are_taken() {
        let usual = ["POST /v1/query HTTP/1.1", "Host: a", "Content-Type: application/json"];
        let with = |more: &[&'static str]| [&usual[..], more].concat();
        let peer = "10.0.0.1".to_owned();
        assert_eq!(parsed(&with(&["Content-Length: 2"]), "{}"), Some((peer.clone(), None, 2)));
        let many = with(&[
            "content-length: 2",
            "Connection: Keep-Alive",
            "User-Agent: b",
            "Accept: */*",
            "X-Request-Id: r-1",
            "X-Forwarded-For: 192.0.2.1, 198.51.100.1",
            "x-forwarded-for: 10.0.0.2",
        ]);
        let client = "198.51.100.1".to_owned();
        assert_eq!(parsed(&many, "{}"), Some((client, Some("r-1".to_owned()), 2)));
        let bad_id = with(&["Content-Length: 2", "X-Request-Id: a b"]);
        assert_eq!(parsed(&bad_id, "{}"), Some((peer, None, 2)));
    }

    #[test]
    fn all_else_is_left_to_hyper() {
        let line = "POST /v1/query HTTP/1.1";
        let (host, kind) = ("Host: a", "Content-Type: application/json");
        let length = "Content-Length: 2";
        assert!(parsed(&[line, host, kind, length], "{}").is_some());
        for lines in [
            &["POST /v1/query HTTP/1.0", host, kind, length][..],
            &["post /v1/query HTTP/1.1", host, kind, length],
            &["PUT /v1/query HTTP/1.1", host, kind, length],
            &["POST /v1/query/ HTTP/1.1", host, kind, length],
            &["POST /v1/query?a HTTP/1.1", host, kind, length],
            &["POST http://a/v1/query HTTP/1.1", host, kind, length],
            &[line, kind, length],
            &[line, host, host, kind, length],
            &[line, host, length],
            &[line, host, kind, kind, length],
            &[line, host, "Content-Type: text/plain", length],
            &[line, host, kind],
            &[line, host, kind, length, length],
            &[line, host, kind, "Content-Length: 1"],
            &[line, host, kind, "Content-Length: 3"],
            &[line, host, kind, "Content-Length: +2"],
            &[line, host, kind, length, "Transfer-Encoding: chunked"],
            &[line, host, kind, length, "Content-Encoding: gzip"],
            &[line, host, kind, length, "Expect: 100-continue"],
            &[line, host, kind, length, "Upgrade: h2c"],
            &[line, host, kind, length, "Connection: close"],
            &[line, host, kind, length, "Connection: keep-alive, close"],
            &[line, host, kind, length, "X-Request-Id: a", "X-Request-Id: b"],
            &[line, host, kind, length, "broken"],
            &[line, host, kind, length, "Transfer-Encoding : chunked"],
        ] {
            assert_eq!(parsed(lines, "{}"), None, "{lines:?}");
        }
        let many = vec!["A: b"; HEADERS_MAX];
        assert_eq!(parsed(&[&[line, host, kind, length], &many[..]].concat(), "{}"), None);
        let long = format!("A: {}", "b".repeat(HEAD_BYTES_MAX));
        assert_eq!(parsed(&[line, host, kind, length, &long], "{}"), None);
        let large = " ".repeat(BODY_BYTES_MAX + 1);
        let length = format!("Content-Length: {}", large.len());
        assert_eq!(parsed(&[line, host, kind, &length], &large), None);
    }

    #[test]
    fn lengths_are_digits_alone() {
        for (value, length) in [("0", Some(0)), ("8192", Some(8192)), ("0012", Some(12))] {
            assert_eq!(decimal(value.as_bytes()), length, "{value}");
        }
        for value in ["", "+1", "-1", " 1", "1 ", "1,1", "0x1", "00012", "12345", "１"] {
            assert_eq!(decimal(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn the_date_is_written_once_a_second() {
        let mut date = DateLine::default();
        let now = Instant::now();
        let first = date.at(now).to_vec();
        assert_eq!(first.len(), "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len());
        let until = date.until;
        assert!(until.is_some_and(|until| until > now && until <= now + Duration::from_secs(1)));
        date.at(now);
        assert_eq!(date.until, until);
        date.at(now + Duration::from_secs(1));
        assert_ne!(date.until, until);
    }
}
