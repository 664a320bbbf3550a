//! The body of an answer to a partner.

use bytes::Bytes;
use http_body_util::Full;

/// A body in one piece.
pub(crate) type Body = Full<Bytes>;
