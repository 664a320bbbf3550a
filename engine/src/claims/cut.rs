//! Cuts the bytes of a stream into chunks of whole claims.
//!
//! Promises constant memory however long the stream and its claims are, the same claims however the
//! bytes arrive, and that what is broken costs the claim or the line it stands in. Knows nothing of
//! what claims say.

use std::borrow::Cow;
use std::sync::Arc;

use encoding_rs::GB18030;
use memchr::{memchr, memchr_iter, memrchr};

use super::csv::{self, HEADER_BYTES_MAX, Header};
use super::error::StreamError;
use super::json::{ElementEnd, ElementScanner};

/// Bytes of a chunk, nearly, when nothing else is asked for.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// The longest claim, in bytes.
pub const CLAIM_BYTES_MAX: usize = 16 * 1024;

/// How claims and verdicts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// A JSON array of objects.
    Array,
}

/// How text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB 18030, of which GBK and GB 2312 are parts; CSV only.
    Gb18030,
}

/// A place between two chunks of a stream, from which it can be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes of the stream before it.
    pub offset: u64,
    /// The line, or in arrays the place from 1, of what follows.
    pub line: u64,
    /// Within a claim that is too long, of which the beginning was given out.
    pub is_within_claim: bool,
    /// Behind a comma of an array.
    pub is_after_comma: bool,
    /// Behind the end of an array.
    pub is_closed: bool,
}

/// Some whole claims of a stream, in their order.
pub struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) format: Format,
    pub(super) charset: Charset,
    /// Of CSV.
    pub(super) header: Arc<Header>,
    /// Of arrays: where each element ends.
    pub(super) ends: Vec<usize>,
    /// The line, or in arrays the place from 1, of the first claim.
    pub(super) first_line: u64,
    /// Claims beyond these are refused for the asker's quota.
    pub(super) allowed: u64,
    lines: u64,
    end: Position,
}

impl Chunk {
    /// No fewer than there are claims.
    #[must_use]
    pub fn claims_max(&self) -> u64 {
        self.lines
    }

    /// Where in the stream it ends.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }

    /// Lets only the first so many claims be judged; the others become `invalid` with `quota`.
    pub fn allow(&mut self, claims: u64) {
        self.allowed = claims;
    }

    /// The chunk as text, and whether there were bytes that are none: they are U+FFFD there.
    pub(super) fn text(&self) -> (Cow<'_, str>, bool) {
        match (self.charset, simdutf8::basic::from_utf8(&self.bytes)) {
            (Charset::Utf8, Ok(text)) => (Cow::Borrowed(text), false),
            (Charset::Utf8, Err(_)) => (String::from_utf8_lossy(&self.bytes), true),
            (Charset::Gb18030, _) => GB18030.decode_without_bom_handling(&self.bytes),
        }
    }
}

/// Takes the bytes of a stream and gives chunks.
pub struct Cutter {
    format: Format,
    charset: Charset,
    chunk_bytes: usize,
    header: Option<Arc<Header>>,
    buffer: Vec<u8>,
    /// Where what has not been given out begins.
    start: usize,
    /// Bytes of the stream before the buffer.
    before: u64,
    /// The line, or in arrays the place from 1, of what begins there.
    line: u64,
    /// In the middle of a claim that is too long and was given out already.
    skipping: bool,
    began: bool,
    array: ArrayState,
}

/// Where in an array the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ArrayState {
    scanner: ElementScanner,
    /// How far the scanner has come.
    scanned: usize,
    is_closed: bool,
    /// Whether an element must follow.
    after_comma: bool,
    /// Bytes of the element the scanner is in that were forgotten.
    forgotten: u64,
}

impl Cutter {
    /// For a stream of this kind. JSON is UTF-8 whatever the charset says (RFC 8259).
    #[must_use]
    pub fn new(format: Format, charset: Charset) -> Self {
        let charset = if format == Format::Csv { charset } else { Charset::Utf8 };
        Self {
            format,
            charset,
            chunk_bytes: CHUNK_BYTES,
            header: None,
            buffer: Vec::new(),
            start: 0,
            before: 0,
            line: 1,
            skipping: false,
            began: false,
            array: ArrayState::default(),
        }
    }

    /// Larger chunks cost fewer turns and more memory; at least [`CHUNK_BYTES`].
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(CHUNK_BYTES);
        self
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.before += self.start as u64;
            self.array.scanned -= self.start.min(self.array.scanned);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next full chunk, if it is here.
    ///
    /// # Errors
    /// The stream as a whole is wrong.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, StreamError> {
        if !self.begin(false)? || self.pending().len() < self.chunk_bytes {
            return Ok(None);
        }
        Ok(self.cut(false))
    }

    /// Whatever whole claims are here, so that who sends slowly is answered too.
    ///
    /// # Errors
    /// The stream as a whole is wrong.
    pub fn flush(&mut self) -> Result<Option<Chunk>, StreamError> {
        Ok(if self.begin(false)? { self.cut(false) } else { None })
    }

    /// What is left when the stream has ended; to be called until there is nothing more.
    ///
    /// # Errors
    /// The stream as a whole is wrong.
    pub fn finish(&mut self) -> Result<Option<Chunk>, StreamError> {
        self.begin(true)?;
        Ok(self.cut(true))
    }

    /// Goes on at a place where a stream of the same beginning was left: what is pushed next follows there.
    /// To be called once the beginning is known, that is when [`has_begun`](Self::has_begun).
    pub fn resume(&mut self, position: Position) {
        self.buffer.clear();
        (self.start, self.before) = (0, position.offset);
        self.line = position.line;
        self.skipping = position.is_within_claim;
        self.array = ArrayState {
            after_comma: position.is_after_comma,
            is_closed: position.is_closed,
            ..ArrayState::default()
        };
    }

    /// Whether what comes before the first claim has been read: for CSV the header.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.began
    }

    fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Takes what comes before the first claim; `false` when it is not all here.
    fn begin(&mut self, at_end: bool) -> Result<bool, StreamError> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        if self.began {
            return Ok(true);
        }
        if self.start == 0 && self.line == 1 {
            let pending = self.pending();
            if pending.len() < MARK.len() && MARK.starts_with(pending) && !at_end {
                return Ok(false);
            }
            if pending.starts_with(MARK) {
                self.start = MARK.len();
            }
        }
        self.began = match self.format {
            Format::Ndjson => true,
            Format::Array => self.begin_array(at_end)?,
            Format::Csv => self.begin_csv(at_end)?,
        };
        Ok(self.began)
    }

    fn begin_array(&mut self, at_end: bool) -> Result<bool, StreamError> {
        let blank = self.pending().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.start += blank;
        match self.pending().first() {
            Some(b'[') => {
                self.start += 1;
                self.array.scanned = self.start;
                Ok(true)
            }
            None if !at_end => Ok(false),
            _ => Err(StreamError::NotAnArray),
        }
    }

    fn begin_csv(&mut self, at_end: bool) -> Result<bool, StreamError> {
        loop {
            let pending = self.pending();
            let end = match csv::record_end(pending, 0) {
                Some(end) => end,
                None if pending.len() > HEADER_BYTES_MAX => {
                    return Err(StreamError::HeaderUnreadable);
                }
                None if !at_end => return Ok(false),
                None if pending.is_empty() => return Err(StreamError::NoHeader),
                None => pending.len(),
            };
            let line = &pending[..end];
            if end > HEADER_BYTES_MAX {
                return Err(StreamError::HeaderUnreadable);
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                self.skip(end);
                continue;
            }
            let text = match self.charset {
                Charset::Utf8 => std::str::from_utf8(line).ok().map(Cow::Borrowed),
                Charset::Gb18030 => {
                    GB18030.decode_without_bom_handling_and_without_replacement(line)
                }
            };
            let header = Header::parse(&text.ok_or(StreamError::HeaderUnreadable)?)?;
            self.header = Some(Arc::new(header));
            self.skip(end);
            return Ok(true);
        }
    }

    /// Leaves out so many bytes.
    fn skip(&mut self, bytes: usize) {
        self.line += count_lines(&self.buffer[self.start..self.start + bytes]);
        self.start += bytes;
    }

    fn cut(&mut self, at_end: bool) -> Option<Chunk> {
        if self.format == Format::Array {
            return self.cut_array(at_end);
        }
        if self.skipping {
            let line_end = memchr(b'\n', self.pending());
            let Some(line_end) = line_end else {
                self.start = self.buffer.len();
                return None;
            };
            // Its line was counted with what was given out of it.
            self.start += line_end + 1;
            self.skipping = false;
        }
        if at_end && self.pending().last().is_some_and(|&byte| byte != b'\n') {
            self.buffer.push(b'\n');
        }
        let window = &self.pending()[..self.pending().len().min(self.chunk_bytes)];
        let whole = match self.format {
            Format::Csv if memchr(b'"', window).is_some() => {
                whole_records(self.pending(), self.chunk_bytes)
            }
            _ => memrchr(b'\n', window).map_or(0, |end| end + 1),
        };
        if whole > 0 {
            return Some(self.give(whole));
        }
        if self.pending().len() < self.chunk_bytes && !at_end {
            return None;
        }
        // A claim that does not end, or one that is longer than any: the line on which it begins.
        match memchr(b'\n', window) {
            Some(line_end) => Some(self.give(line_end + 1)),
            None if self.pending().is_empty() => None,
            None => Some(self.give_beginning()),
        }
    }

    /// A chunk of the next so many bytes.
    fn give(&mut self, bytes: usize) -> Chunk {
        let bytes = self.buffer[self.start..self.start + bytes].to_vec();
        self.start += bytes.len();
        let lines = count_lines(&bytes);
        self.chunk(bytes, Vec::new(), lines)
    }

    /// The beginning of a line that is too long, as a line; the rest is left out.
    fn give_beginning(&mut self) -> Chunk {
        let mut bytes = self.pending()[..CLAIM_BYTES_MAX + 1].to_vec();
        bytes.push(b'\n');
        self.start += self.chunk_bytes;
        self.skipping = true;
        self.chunk(bytes, Vec::new(), 1)
    }

    fn cut_array(&mut self, at_end: bool) -> Option<Chunk> {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        while !self.array.is_closed && bytes.len() < self.chunk_bytes {
            let found = self.array.scanner.scan(&self.buffer, self.array.scanned);
            let (end, next) = match found {
                Some(ElementEnd::Comma(at)) => (at, at + 1),
                Some(ElementEnd::Bracket(at)) => {
                    self.array.is_closed = true;
                    (at, at + 1)
                }
                None => {
                    self.array.scanned = self.buffer.len();
                    self.forget_overlong();
                    break;
                }
            };
            let element = self.buffer[self.start..end].trim_ascii();
            let is_comma = matches!(found, Some(ElementEnd::Comma(_)));
            // Nothing between the brackets is an empty array; nothing at another place is an error.
            if !element.is_empty() || is_comma || self.array.after_comma {
                bytes.extend_from_slice(&element[..element.len().min(CLAIM_BYTES_MAX + 1)]);
                ends.push(bytes.len());
            }
            self.array.after_comma = is_comma;
            (self.start, self.array.scanned) = (next, next);
            self.before += std::mem::take(&mut self.array.forgotten);
        }
        if at_end && ends.is_empty() {
            // An array that is not closed, or is followed by something, was cut or glued: one wrong claim.
            let left = self.buffer[self.start..].trim_ascii();
            if !self.array.is_closed || !left.is_empty() {
                bytes.extend_from_slice(b"]");
                ends.push(bytes.len());
            }
            self.start = self.buffer.len();
            self.array.is_closed = true;
        }
        self.forget_tail();
        let claims = ends.len() as u64;
        (claims > 0).then(|| self.chunk(bytes, ends, claims))
    }

    /// Keeps only the beginning of an element that is too long.
    fn forget_overlong(&mut self) {
        let kept = self.start + CLAIM_BYTES_MAX + 1;
        if self.buffer.len() > kept + self.chunk_bytes {
            self.array.forgotten += (self.buffer.len() - kept) as u64;
            self.buffer.truncate(kept);
            self.array.scanned = kept;
        }
    }

    /// Of what follows a closed array only whether it is anything matters.
    fn forget_tail(&mut self) {
        if self.array.is_closed {
            let tail = &self.buffer[self.start..];
            match tail.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(seen) => self.buffer.truncate(self.start + seen + 1),
                None => self.start = self.buffer.len(),
            }
            self.array.scanned = self.buffer.len();
        }
    }

    fn chunk(&mut self, bytes: Vec<u8>, ends: Vec<usize>, lines: u64) -> Chunk {
        let first_line = self.line;
        self.line += lines;
        Chunk {
            bytes,
            format: self.format,
            charset: self.charset,
            header: self.header.clone().unwrap_or_default(),
            ends,
            first_line,
            allowed: u64::MAX,
            lines,
            end: Position {
                offset: self.before + self.start as u64,
                line: self.line,
                is_within_claim: self.skipping,
                is_after_comma: self.array.after_comma,
                is_closed: self.array.is_closed,
            },
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// Bytes of whole CSV records at the beginning, at most so many.
fn whole_records(bytes: &[u8], bytes_max: usize) -> usize {
    let mut whole = 0;
    while let Some(end) = csv::record_end(&bytes[..bytes.len().min(bytes_max)], whole) {
        whole = end;
        if whole == bytes.len() {
            break;
        }
    }
    whole
}
