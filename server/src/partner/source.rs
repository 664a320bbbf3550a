//! The bytes of a stream of claims as they come, unfolded where they are gzip.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{EXPECT, HeaderMap};

use super::gzip::Inflater;

/// For reading on behind an answer that came before the end of the body.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// The client has gone, or its body broke off.
    Gone,
    /// The body is not gzip, or not whole.
    Gzip,
}

/// A body.
pub(crate) struct Source {
    body: Incoming,
    inflater: Option<Inflater>,
    /// What has come and is not unfolded yet.
    folded: Bytes,
    has_all: bool,
    is_ended: bool,
}

impl Source {
    pub(crate) fn new(body: Incoming, is_gzip: bool) -> Self {
        let inflater = is_gzip.then(Inflater::new);
        Self { body, inflater, folded: Bytes::new(), has_all: false, is_ended: false }
    }

    /// What is left of the body.
    pub(crate) fn into_body(self) -> Incoming {
        self.body
    }

    /// Whether everything has been given out.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The next bytes, a bounded number; none at the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Bytes, SourceError> {
        loop {
            if let Some(inflater) = &mut self.inflater {
                let bytes = inflater.step(&mut self.folded).map_err(|_| SourceError::Gzip)?;
                if !bytes.is_empty() {
                    return Ok(bytes.into());
                }
                if self.has_all {
                    self.is_ended = true;
                    let last = inflater.finish().map_err(|_| SourceError::Gzip)?;
                    return Ok(last.into());
                }
            }
            match self.body.frame().await {
                // Trailers mean nothing here.
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    if self.inflater.is_none() {
                        return Ok(bytes);
                    }
                    self.folded = bytes;
                }
                Some(Err(_)) => return Err(SourceError::Gone),
                None => {
                    self.has_all = true;
                    if self.inflater.is_none() {
                        self.is_ended = true;
                        return Ok(Bytes::new());
                    }
                }
            }
        }
    }
}

/// Reads on for a while, and forgets what it reads: a connection that is closed while its client still
/// sends is reset, and the client might never see why. Who waits to be told to send need not be read from.
pub(crate) fn linger(headers: &HeaderMap, mut body: Incoming) {
    if headers.contains_key(EXPECT) {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER_TIMEOUT, async move {
        while let Some(Ok(_)) = body.frame().await {}
    }));
}
