//! Invented certificates with the structure of real ones, for tests, benches and samples.
//!
//! [`Generator`] gives the same certificates for the same seed on every machine and with every
//! version of every dependency: it draws from ChaCha8, whose stream is fixed, through the
//! arithmetic in `random`. Every person in it is invented. Identity numbers carry address codes that
//! exist and check digits that hold, since the rules under test ask for them; a number that equals
//! a living person's is a coincidence of counting.
//!
//! Nothing here knows files: the loader writes upload files from these certificates.

mod bodies;
mod claims_catalogue;
mod claims_model;
mod claims_text;
mod generator;
mod misses;
mod model;
mod names;
mod numbers;
mod occupations;
mod packed;
mod people;
mod publish;
mod random;
mod register;
mod sitting;

pub use claims_catalogue::PlainCatalogue;
pub use claims_model::{ClaimsModel, DEDUCTION_YUAN, Granted, Judgement, PlainClaim, PlainVerdict};
pub use generator::{Generator, Stream};
pub use misses::{NearMiss, misses};
pub use model::{Model, key_text, pair, sort};
pub use numbers::{delivered_id, resident_id};
pub use packed::{PACKED_WORDS, Packed, PackedKey, pack_field};
pub use publish::{Written, publish, publish_segments, verify, write_segment};
pub use random::Random;
pub use register::{Part, Register};
pub use sitting::{FIRST_YEAR, LAST_MONTH, LAST_YEAR};
