//! The body of an answer to a partner: whole, or a stream that ends cleanly only when it is complete.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::wire::Wire;

/// A piece of a stream on its way out.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some bytes.
    Data(Bytes),
    /// Everything has been said; the trailers.
    End(HeaderMap),
}

/// The stream broke off. hyper then closes the connection without the last chunk.
#[derive(Debug, thiserror::Error)]
#[error("the stream was broken off")]
pub(crate) struct BrokenOff;

/// A body.
pub(crate) enum Body {
    /// In one piece.
    Whole(Full<Bytes>),
    /// As it comes.
    Stream(StreamBody),
}

/// The pieces of a stream. Only [`Piece::End`] ends it; a sender that goes away before breaks it off.
pub(crate) struct StreamBody {
    pieces: mpsc::Receiver<Piece>,
    ended: bool,
    wire: Arc<Wire>,
}

impl StreamBody {
    /// A body of these pieces on this connection.
    pub(crate) fn new(pieces: mpsc::Receiver<Piece>, wire: Arc<Wire>) -> Self {
        Self { pieces, ended: false, wire }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.wire.request_ends(Instant::now());
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let stream = match self.get_mut() {
            Self::Whole(whole) => {
                let frame = ready!(Pin::new(whole).poll_frame(context));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            Self::Stream(stream) => stream,
        };
        if stream.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(stream.pieces.poll_recv(context)) {
            Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End(trailers)) => {
                stream.ended = true;
                (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
            }
            None => Some(Err(BrokenOff)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Stream(stream) => stream.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
