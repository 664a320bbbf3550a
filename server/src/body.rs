//! A request body, in one piece, within a size and a time.
//!
//! A body that came along with its head is taken as it lies, without a copy, a timer or a place in
//! the waiting room. Only one that must be waited for pays for that.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};

use crate::limits::BODY_BYTES_MAX;
use crate::problem::Kind;
use crate::shed::WaitingRoom;
use crate::wire::Wire;

/// Reads the whole body.
pub async fn read(body: Incoming, wire: &Wire, room: &WaitingRoom) -> Result<Bytes, Kind> {
    let bytes_max = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
    if body.size_hint().lower() > bytes_max {
        return Err(Kind::BodyTooLarge);
    }
    let mut body = body;
    let mut place = None;
    let mut whole = Bytes::new();
    let mut pieces: Option<BytesMut> = None;
    loop {
        if body.is_end_stream() {
            break;
        }
        let frame = poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            // The ticker of the connection sets this and then polls.
            Poll::Pending if wire.body_overdue() => Poll::Ready(Err(Kind::BodyTimeout)),
            Poll::Pending => {
                if place.is_none() {
                    place = room.enter();
                    if place.is_none() {
                        return Poll::Ready(Err(Kind::Overloaded));
                    }
                }
                Poll::Pending
            }
        })
        .await?;
        let Some(frame) = frame else { break };
        // A broken chunk, or the client has gone: whoever still listens is told.
        let Ok(frame) = frame else { return Err(Kind::InvalidBody) };
        let Ok(data) = frame.into_data() else { continue }; // trailers mean nothing here
        let length = pieces.as_ref().map_or(whole.len(), BytesMut::len);
        if length + data.len() > BODY_BYTES_MAX {
            return Err(Kind::BodyTooLarge);
        }
        match &mut pieces {
            None if whole.is_empty() => whole = data,
            None => {
                let mut joined = BytesMut::with_capacity(length + data.len());
                joined.extend_from_slice(&whole);
                joined.extend_from_slice(&data);
                pieces = Some(joined);
            }
            Some(pieces) => pieces.extend_from_slice(&data),
        }
    }
    Ok(pieces.map_or(whole, BytesMut::freeze))
}
