//! What users would pick instead of the engine, each set up as its expert would, on the same certificates
//! and the same questions.
//!
//! Every peer is asked in text in normal form and must read the whole certificate it finds: [`Input`]
//! defines a digest over every field, and digests that differ end the run. All get the engine's own
//! 64-byte packing of a certificate and of a key, so that none pays for a wasteful record, and the texts of
//! occupations and bodies from dictionaries in memory.
//!
//! "Three" is an index on each of ID, certificate and ticket number and a compare of the other field; "six"
//! is an index on each pair of fields. A peer knows nothing of time: [`measure`] asks and counts.

#[cfg(feature = "peers")]
mod cdb;
pub mod chart;
mod hash;
pub mod input;
#[cfg(feature = "peers")]
mod lmdb;
pub mod measure;
mod ours;
#[cfg(feature = "peers")]
mod perfect;
#[cfg(feature = "peers")]
mod postgres;
pub mod questions;
#[cfg(feature = "peers")]
mod redb;
#[cfg(feature = "peers")]
mod redis;
pub mod report;
#[cfg(feature = "peers")]
mod rocks;
#[cfg(feature = "peers")]
mod service;
mod sqlite;
mod three;

pub use input::Input;
pub use questions::{Ask, QuestionSet, Questions};
use std::path::Path;

/// A store that holds the certificates of an [`Input`].
pub trait Peer: Sync {
    /// Bytes of everything it holds: files as allocated, or memory.
    fn bytes(&self) -> u64;

    /// Opens what one thread needs to ask: a transaction, a connection, prepared statements.
    ///
    /// # Errors
    /// Any error of the peer.
    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>>;
}

/// One thread's way to ask.
pub trait Session {
    /// The sum of the digests of every certificate that has both fields, 0 for none.
    ///
    /// # Errors
    /// Any error of the peer.
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64>;

    /// Asks one question after another: the sum of the digests, each weighed by its question.
    ///
    /// # Errors
    /// Any error of the peer.
    fn pass(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let mut digest = 0u64;
        for (ordinal, ask) in questions.iter() {
            digest = digest.wrapping_add(self.lookup(ask)?.wrapping_mul(weight(ordinal)));
        }
        Ok(digest)
    }

    /// The same answers in whatever way the peer is fastest with many questions at once.
    ///
    /// # Errors
    /// Any error of the peer.
    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        self.pass(questions)
    }
}

/// The weight of a question's answer, odd, so that an answer given to another question shows.
#[must_use]
#[inline]
pub fn weight(ordinal: u32) -> u64 {
    2 * u64::from(ordinal) + 1
}

/// How a peer comes to be.
pub type Build = fn(&Input, &Path) -> anyhow::Result<Box<dyn Peer>>;

/// A peer that can be chosen.
pub struct Candidate {
    /// Short name on the command line.
    pub key: &'static str,
    /// Name in tables and charts.
    pub name: &'static str,
    /// How it was set up and why.
    pub setup: &'static str,
    /// How it answers a batch.
    pub batch: &'static str,
    /// Whether each lookup crosses a socket, so that a smaller part of the questions must do.
    pub remote: bool,
    /// Builds it in an empty folder.
    pub build: Build,
}

/// Every peer in this build, the engine first.
#[must_use]
pub fn candidates() -> Vec<Candidate> {
    let mut all = Vec::from(ours::CANDIDATES);
    all.extend(hash::CANDIDATES);
    #[cfg(feature = "peers")]
    {
        all.push(perfect::CANDIDATE);
        all.push(cdb::CANDIDATE);
        all.extend(lmdb::CANDIDATES);
    }
    all.extend(sqlite::CANDIDATES);
    #[cfg(feature = "peers")]
    {
        all.push(redb::CANDIDATE);
        all.push(rocks::CANDIDATE);
        all.push(postgres::CANDIDATE);
        all.push(redis::CANDIDATE);
    }
    all
}
