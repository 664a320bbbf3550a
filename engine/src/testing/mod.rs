//! For tests and benches: invented certificates, a reference model, whole generations in one call.

mod generator;
mod model;
mod names;
mod publish;
mod random;

pub use generator::{Generator, old_id_number};
pub use model::{Model, key_text, pair, sort};
pub use publish::{Written, publish, publish_segments, verify, write_segment};
pub use random::Random;
