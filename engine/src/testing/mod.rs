//! For tests and benches: invented certificates, a reference model, whole generations in one call.

mod model;
mod publish;

pub use model::{Model, key_text, pair, sort};
pub use publish::{Written, publish, publish_segments, verify, write_segment};
