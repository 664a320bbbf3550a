//! Zhengcha's engine: one base segment, published, verified and mapped.

use super::{Ask, Candidate, Input, Peer, Session, input};
use crate::stores;
use anyhow::Context;
use std::path::Path;
use zhengcha_engine::{Query, Snapshot, Store};

pub(super) const CANDIDATE: Candidate = Candidate {
    key: "ours",
    name: "Zhengcha, mapped file",
    setup: "one base segment, compiled, published, verified and mapped; build includes opening with \
            every check",
    batch: "loop of single lookups",
    remote: false,
    build,
};

struct Ours {
    snapshot: Snapshot,
}

fn build(input: &Input, folder: &Path) -> anyhow::Result<Box<dyn Peer>> {
    let store = Store::new(folder.to_owned());
    stores::publish_rows(&store, &input.rows, &input.order, 1)?;
    let snapshot = Snapshot::open_current(&store, None)?.context("nothing was published")?;
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
}
