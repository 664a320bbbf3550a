//! One connection's bytes and deadlines.
//!
//! hyper has no limit on the time of a body, of a slow reader or of a whole request, and its head
//! timeout costs a timer per request. Here the connection notes when each phase began as its bytes go
//! by, and one coarse ticker per connection (in `listen`) asks [`Wire::overdue`]. Nothing is armed or
//! cancelled per request.
//!
//! It also counts `Content-Length` lines as they pass: hyper drops that header when a
//! `Transfer-Encoding` stands beside it, and such a request must be refused, not reinterpreted.
//!
//! All of it runs in the one task of the connection; the atomics only make that task movable.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::Timeouts;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// The first byte of a request.
    Idle = 0,
    /// The rest of a head.
    Head = 1,
    /// A body, or the answer to it.
    Body = 2,
    /// A body of any length and an answer of any length, side by side.
    Stream = 3,
}

/// What a deadline that has passed asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing is overdue.
    No,
    /// A body is late: answer 408 while there is still somebody to read it.
    Body,
    /// Close without a word.
    Close,
}

/// The notes on one connection.
#[derive(Debug)]
pub struct Wire {
    opened: Instant,
    phase: AtomicU8,
    /// When the phase began, and when the request did.
    phase_since_ns: AtomicU64,
    request_since_ns: AtomicU64,
    /// When an answer first did not fit the socket buffer; 0 while everything went out.
    blocked_since_ns: AtomicU64,
    /// Whether every byte that an answer moves on counts as a new beginning: for long answers.
    by_progress: bool,
    body_overdue: AtomicBool,
    lengths_seen: AtomicU64,
    lengths_known: AtomicU64,
}

impl Wire {
    /// Notes on a connection opened now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            opened: Instant::now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            phase_since_ns: AtomicU64::new(0),
            request_since_ns: AtomicU64::new(0),
            blocked_since_ns: AtomicU64::new(0),
            by_progress: false,
            body_overdue: AtomicBool::new(false),
            lengths_seen: AtomicU64::new(0),
            lengths_known: AtomicU64::new(0),
        }
    }

    /// Notes on a connection whose answers may be of any length: their deadline is for each step.
    #[must_use]
    pub fn by_progress() -> Self {
        Self { by_progress: true, ..Self::new() }
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.opened).as_nanos();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    fn enter(&self, phase: Phase, now_ns: u64) {
        self.phase_since_ns.store(now_ns, Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    fn is_idle(&self) -> bool {
        self.phase.load(Relaxed) == Phase::Idle as u8
    }

    /// A head is complete and its request is being served.
    pub fn request_begins(&self, now: Instant) {
        let now_ns = self.nanoseconds(now);
        if self.is_idle() {
            // Its bytes came along with those of the request before.
            self.request_since_ns.store(now_ns, Relaxed);
        }
        self.enter(Phase::Body, now_ns);
    }

    /// The answer is made; what is left of it goes out while the next request may come.
    pub fn request_ends(&self, now: Instant) {
        self.body_overdue.store(false, Relaxed);
        self.enter(Phase::Idle, self.nanoseconds(now));
    }

    /// The request is a stream: from here on only standing still is late.
    pub fn stream_begins(&self, now: Instant) {
        self.enter(Phase::Stream, self.nanoseconds(now));
    }

    /// The stream has come a step further.
    pub fn stream_moves(&self, now: Instant) {
        if self.phase.load(Relaxed) == Phase::Stream as u8 {
            self.phase_since_ns.store(self.nanoseconds(now), Relaxed);
        }
    }

    /// Whether the body being read is past its deadline.
    #[must_use]
    pub fn body_overdue(&self) -> bool {
        self.body_overdue.load(Relaxed)
    }

    /// Whether a request with `Transfer-Encoding` came with a `Content-Length` that hyper hid.
    ///
    /// Counts lines seen against lines that reached a request, so a request that was pipelined behind
    /// this one may cause a refusal too; that errs on the safe side.
    #[must_use]
    pub fn hides_length(&self) -> bool {
        self.lengths_seen.load(Relaxed) > self.lengths_known.load(Relaxed)
    }

    /// A request showed its `Content-Length`.
    pub fn length_known(&self) {
        self.lengths_known.fetch_add(1, Relaxed);
    }

    /// An answer does not fit the socket buffer.
    pub fn answer_blocked(&self, now: Instant) {
        if self.blocked_since_ns.load(Relaxed) == 0 {
            self.blocked_since_ns.store(self.nanoseconds(now).max(1), Relaxed);
        }
    }

    /// A part of the answer went out.
    fn answer_moves(&self) {
        if !self.by_progress {
            return;
        }
        let now = Instant::now();
        if self.blocked_since_ns.load(Relaxed) != 0 {
            self.blocked_since_ns.store(self.nanoseconds(now).max(1), Relaxed);
        }
        self.stream_moves(now);
    }

    /// Everything went out.
    pub fn answer_sent(&self) {
        self.blocked_since_ns.store(0, Relaxed);
    }

    /// What the deadlines ask for now.
    pub fn overdue(&self, now: Instant, timeouts: &Timeouts) -> Overdue {
        let now_ns = self.nanoseconds(now);
        let past = |since_ns: u64, limit: std::time::Duration| {
            u128::from(now_ns.saturating_sub(since_ns)) >= limit.as_nanos()
        };
        let phase = self.phase.load(Relaxed);
        if phase == Phase::Stream as u8 {
            let late = past(self.phase_since_ns.load(Relaxed), timeouts.write);
            return if late { Overdue::Close } else { Overdue::No };
        }
        let blocked_since_ns = self.blocked_since_ns.load(Relaxed);
        if blocked_since_ns != 0 && past(blocked_since_ns, timeouts.write) {
            return Overdue::Close;
        }
        let phase_since_ns = self.phase_since_ns.load(Relaxed);
        let request_late = past(self.request_since_ns.load(Relaxed), timeouts.request);
        if phase == Phase::Idle as u8 {
            // A blocked answer has its own deadline.
            let late = blocked_since_ns == 0 && past(phase_since_ns, timeouts.idle);
            return if late { Overdue::Close } else { Overdue::No };
        }
        if phase == Phase::Head as u8 {
            let late = past(phase_since_ns, timeouts.header) || request_late;
            return if late { Overdue::Close } else { Overdue::No };
        }
        if !past(phase_since_ns, timeouts.body) && !request_late {
            return Overdue::No;
        }
        if self.body_overdue.swap(true, Relaxed) { Overdue::Close } else { Overdue::Body }
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}

/// A stream that keeps the notes of its connection.
pub struct Watched<S> {
    stream: S,
    wire: Arc<Wire>,
    lengths: LengthLines,
}

impl<S> Watched<S> {
    /// Watches this stream.
    pub fn new(stream: S, wire: Arc<Wire>) -> Self {
        Self { stream, wire, lengths: LengthLines::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let arrived = &buffer.filled()[before..];
        if arrived.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let phase = this.wire.phase.load(Relaxed);
        if phase == Phase::Stream as u8 {
            this.wire.stream_moves(Instant::now());
        } else if phase != Phase::Body as u8 {
            let lines = this.lengths.count(arrived);
            this.wire.lengths_seen.fetch_add(lines, Relaxed);
            if this.wire.is_idle() {
                let now_ns = this.wire.nanoseconds(Instant::now());
                this.wire.request_since_ns.store(now_ns, Relaxed);
                this.wire.enter(Phase::Head, now_ns);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Watched<S> {
    /// Notes whether a write found the socket buffer full, or moved something on.
    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.wire.answer_blocked(Instant::now()),
            Poll::Ready(_) => self.wire.answer_moves(),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note_write(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes only after it has written all it had; a TLS stream may still hold some of it.
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        match &flushed {
            Poll::Pending => this.wire.answer_blocked(Instant::now()),
            Poll::Ready(_) => this.wire.answer_sent(),
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The header whose lines are counted, in lower case.
const LENGTH_HEADER: &[u8] = b"content-length";

/// Counts the lines that begin with `Content-Length`, across the borders of reads.
#[derive(Debug, Default)]
struct LengthLines {
    /// Whether this line cannot match any more.
    skipping: bool,
    /// Bytes of the name that this line has matched so far.
    matched: usize,
}

impl LengthLines {
    fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut lines = 0;
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.skipping {
                let Some(end) = memchr::memchr(b'\n', rest) else { return lines };
                rest = &rest[end + 1..];
                (self.skipping, self.matched) = (false, 0);
                continue;
            }
            rest = after;
            if byte.to_ascii_lowercase() == LENGTH_HEADER[self.matched] {
                self.matched += 1;
                if self.matched == LENGTH_HEADER.len() {
                    lines += 1;
                    self.skipping = true;
                }
            } else if byte == b'\n' {
                self.matched = 0;
            } else {
                self.skipping = true;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn length_lines_are_counted_across_every_border() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 3\r\nX-Content-Length: 1\r\n\
                     Content-Length : 4\r\n\r\n";
        for cut in 0..=head.len() {
            let mut lines = LengthLines::default();
            let seen = lines.count(&head[..cut]) + lines.count(&head[cut..]);
            assert_eq!(seen, 2, "cut at {cut}");
        }
        let mut lines = LengthLines::default();
        let one_by_one: u64 = head.iter().map(|byte| lines.count(&[*byte])).sum();
        assert_eq!(one_by_one, 2);
    }

    fn timeouts() -> Timeouts {
        let seconds = Duration::from_secs;
        Timeouts {
            header: seconds(2),
            body: seconds(3),
            request: seconds(4),
            idle: seconds(10),
            write: seconds(5),
        }
    }

    #[test]
    fn each_phase_has_its_own_deadline() {
        let wire = Wire::new();
        let at = |milliseconds: u64| wire.opened + Duration::from_millis(milliseconds);
        let overdue = |milliseconds| wire.overdue(at(milliseconds), &timeouts());
        assert_eq!(overdue(9_999), Overdue::No);
        assert_eq!(overdue(10_000), Overdue::Close, "silent since it was opened");

        let head_at = 1_000;
        wire.request_since_ns.store(head_at * 1_000_000, Relaxed);
        wire.enter(Phase::Head, head_at * 1_000_000);
        assert_eq!(overdue(2_999), Overdue::No);
        assert_eq!(overdue(3_000), Overdue::Close, "head late");

        wire.request_begins(at(2_500));
        assert_eq!(overdue(4_999), Overdue::No);
        assert_eq!(overdue(5_000), Overdue::Body, "the whole request is late before its body is");
        assert!(wire.body_overdue());
        assert_eq!(overdue(5_001), Overdue::Close, "and nobody took the 408");

        wire.request_ends(at(6_000));
        assert!(!wire.body_overdue());
        assert_eq!(overdue(15_999), Overdue::No);
        assert_eq!(overdue(16_000), Overdue::Close);

        wire.blocked_since_ns.store(6_000 * 1_000_000, Relaxed);
        assert_eq!(overdue(10_999), Overdue::No);
        assert_eq!(overdue(11_000), Overdue::Close, "answer not taken");
    }

    #[test]
    fn a_stream_is_late_only_when_it_stands_still() {
        let wire = Wire::by_progress();
        let at = |milliseconds: u64| wire.opened + Duration::from_millis(milliseconds);
        let overdue = |milliseconds| wire.overdue(at(milliseconds), &timeouts());
        wire.request_begins(at(0));
        wire.stream_begins(at(0));
        assert_eq!(overdue(4_999), Overdue::No);
        assert_eq!(overdue(5_000), Overdue::Close);
        for step in 1..100 {
            wire.stream_moves(at(4_000 * step));
            wire.answer_blocked(at(4_000 * step));
            assert_eq!(overdue(4_000 * step + 4_999), Overdue::No, "it moves");
        }
        wire.request_ends(at(400_000));
        wire.stream_moves(at(500_000));
        wire.answer_sent();
        assert_eq!(overdue(410_000), Overdue::Close, "idle like any other");
    }
}
