//! One question and its answer on a connection.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// A head has at most so many fields.
const HEADERS_MAX: usize = 64;
/// No answer is longer: fifty certificates are far below.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// What a read is given room for: nearly every answer comes in one.
const READ_BYTES: usize = 16 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The connection broke.
    Broken,
    /// What came was no HTTP answer with a length.
    Malformed,
}

/// An answer in the buffer that it was read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where its body begins; it ends with the buffer.
    pub(super) body_at: usize,
    /// Whether the server ends the connection after it.
    pub(super) closes: bool,
}

/// What stands before the length of a body.
#[derive(Clone, Debug)]
pub(super) struct RequestHead {
    kept: String,
    closing: String,
}

impl RequestHead {
    pub(super) fn new(host: &str) -> Self {
        let head = |connection: &str| {
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 {connection}Content-Length: "
            )
        };
        Self { kept: head(""), closing: head("Connection: close\r\n") }
    }

    /// Writes a whole request into an empty buffer.
    pub(super) fn write(&self, body: &[u8], closes: bool, out: &mut Vec<u8>) {
        use std::io::Write;
        out.clear();
        out.extend_from_slice(if closes { self.closing.as_bytes() } else { self.kept.as_bytes() });
        // Writing to a vector does not fail.
        let _ = write!(out, "{}\r\n\r\n", body.len());
        out.extend_from_slice(body);
    }
}

/// Sends a request and reads its answer into `buffer`.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<Answer, NoAnswer> {
    let broken = |_: io::Error| NoAnswer::Broken;
    stream.write_all(request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    buffer.clear();
    loop {
        buffer.reserve(READ_BYTES);
        if stream.read_buf(buffer).await.map_err(broken)? == 0 {
            return Err(NoAnswer::Broken);
        }
        let Some((answer, length)) = parse(buffer)? else { continue };
        let end = answer.body_at.checked_add(length).ok_or(NoAnswer::Malformed)?;
        if length > ANSWER_BYTES_MAX || buffer.len() > end {
            return Err(NoAnswer::Malformed);
        }
        while buffer.len() < end {
            buffer.reserve(end - buffer.len());
            if stream.read_buf(buffer).await.map_err(broken)? == 0 {
                return Err(NoAnswer::Broken);
            }
        }
        if buffer.len() > end {
            return Err(NoAnswer::Malformed);
        }
        return Ok(answer);
    }
}

/// The head of an answer and the length of its body; `None` while the head is not whole.
fn parse(buffer: &[u8]) -> Result<Option<(Answer, usize)>, NoAnswer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let body_at = match response.parse(buffer) {
        Ok(httparse::Status::Complete(body_at)) => body_at,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NoAnswer::Malformed),
    };
    let mut length = None;
    let mut closes = response.version == Some(0);
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let (Some(status), Some(length)) = (response.code, length) else {
        return Err(NoAnswer::Malformed);
    };
    Ok(Some((Answer { status, body_at, closes }, length)))
}

/// Whether a connection on which nothing is outstanding can take a question: the server has neither closed it
/// nor said anything.
pub(super) fn is_fit<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    // Whatever is read next registers a waker of its own.
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_read(&mut context, &mut buffer) {
        Poll::Pending => true,
        Poll::Ready(Err(error)) => error.kind() == ErrorKind::WouldBlock,
        Poll::Ready(Ok(())) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(parts: &[&[u8]]) -> Result<(Answer, Vec<u8>), NoAnswer> {
        let (mut client, mut server) = tokio::io::duplex(1 << 16);
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        let task = tokio::spawn(async move {
            let mut request = vec![0; 4];
            server.read_exact(&mut request).await.unwrap();
            for part in parts {
                server.write_all(&part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut buffer = Vec::new();
        let answer = ask(&mut client, b"ask!", &mut buffer).await;
        task.await.unwrap();
        answer.map(|answer| (answer, buffer[answer.body_at..].to_vec()))
    }

    #[tokio::test]
    async fn an_answer_in_any_pieces_is_read_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
        for cut in 1..text.len() {
            let (answer, body) = answered(&[&text[..cut], &text[cut..]]).await.unwrap();
            assert_eq!(
                (answer.status, answer.closes, body.as_slice()),
                (200, false, &b"hello"[..])
            );
        }
        let (answer, body) =
            answered(&[b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"])
                .await
                .unwrap();
        assert_eq!((answer.status, answer.closes, body.len()), (503, true, 0));
    }

    #[tokio::test]
    async fn half_an_answer_and_two_answers_are_none() {
        let cut = answered(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"]).await;
        assert!(matches!(cut, Err(NoAnswer::Broken)), "{cut:?}");
        for text in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"hello to you all\r\n\r\n",
        ] {
            let answer = answered(&[text]).await;
            assert!(matches!(answer, Err(NoAnswer::Malformed)), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_closed_connection_is_noticed_before_it_is_used() {
        let (mut client, server) = tokio::io::duplex(64);
        assert!(is_fit(&mut client));
        drop(server);
        assert!(!is_fit(&mut client));
    }

    #[test]
    fn a_request_says_whether_it_is_the_last() {
        let head = RequestHead::new("here:1");
        let mut out = b"old".to_vec();
        head.write(b"{}", false, &mut out);
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            "POST /v1/query HTTP/1.1\r\nHost: here:1\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{}"
        );
        head.write(b"{}", true, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("\r\nConnection: close\r\n"));
    }
}
