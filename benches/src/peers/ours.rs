//! Zhengcha's engine: one base segment, published and verified; mapped, or copied into huge pages.

use super::{Ask, Candidate, Input, Peer, Questions, Session, input, weight};
use crate::stores;
use anyhow::Context;
use std::path::Path;
use zhengcha_engine::{Memory, Opening, Query, Snapshot, Store};

const BATCH: &str = "lookup_batch, 1000 claims a call";

pub(super) const CANDIDATES: [Candidate; 2] = [
    Candidate {
        key: "ours",
        name: "Zhengcha, mapped",
        setup: "one base segment, compiled, published, verified and mapped; build includes opening \
                with every check",
        batch: BATCH,
        remote: false,
        build: |input, folder| build(input, folder, Memory::Mapped),
    },
    Candidate {
        key: "ours-huge",
        name: "Zhengcha, huge pages",
        setup: "the same, copied into anonymous memory of huge pages",
        batch: BATCH,
        remote: false,
        build: |input, folder| build(input, folder, Memory::Huge),
    },
];

/// Claims handed over in one call: one request to a server may well bring as many.
const CLAIMS: usize = 1000;

struct Ours {
    snapshot: Snapshot,
}

fn build(input: &Input, folder: &Path, memory: Memory) -> anyhow::Result<Box<dyn Peer>> {
    let store = Store::new(folder.to_owned());
    stores::publish_rows(&store, &input.rows, &input.order, 1)?;
    let opening = Opening { memory, ..Opening::default() };
    let snapshot =
        Snapshot::open_current_with(&store, None, &opening)?.context("nothing was published")?;
    Ok(Box::new(Ours { snapshot }))
}

impl Peer for Ours {
    fn bytes(&self) -> u64 {
        self.snapshot.manifest().segments.iter().map(|segment| segment.bytes).sum()
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(Lookups { snapshot: &self.snapshot }))
    }
}

struct Lookups<'s> {
    snapshot: &'s Snapshot,
}

impl Session for Lookups<'_> {
    #[inline]
    fn lookup(&mut self, ask: Ask<'_>) -> anyhow::Result<u64> {
        let matches = self.snapshot.lookup(Query::new(ask.mode, ask.first, ask.second));
        Ok(matches.fold(0, |sum, view| sum.wrapping_add(input::digest_view(&view))))
    }

    fn batch(&mut self, questions: Questions<'_>) -> anyhow::Result<u64> {
        let mut queries = Vec::with_capacity(CLAIMS);
        let mut digest = 0u64;
        for part in questions.chunks(CLAIMS) {
            let first = part.first_ordinal();
            queries.clear();
            queries.extend(part.iter().map(|(_, ask)| Query::new(ask.mode, ask.first, ask.second)));
            self.snapshot.lookup_batch(&queries, |at, view| {
                let weight = weight(first + at as u32);
                digest = digest.wrapping_add(input::digest_view(&view).wrapping_mul(weight));
            });
        }
        Ok(digest)
    }
}
