//! Random independent queries, timed in passes.

use std::hint::black_box;
use std::time::Instant;
use zhengcha_engine::key::Mode;
use zhengcha_engine::{Query, Snapshot};

/// Queries of one mode as normal text, in one buffer so that reading them costs little.
pub struct Queries {
    /// The mode.
    pub mode: Mode,
    text: String,
    ends: Vec<(u32, u32)>,
}

/// Whether the certificates asked for are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both fields of one certificate.
    Hit,
    /// The first field of one, the second of another: each half exists.
    Miss,
}

/// A small generator of random numbers with a fixed sequence.
pub struct Random(pub u64);

impl Random {
    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        ((u128::from(word) * u128::from(limit)) >> 64) as u64
    }
}

impl Queries {
    /// Draws queries from the base segment of a snapshot.
    #[must_use]
    pub fn draw(snapshot: &Snapshot, mode: Mode, kind: Kind, count: usize, seed: u64) -> Self {
        let mut random = Random(seed ^ (mode as u64) << 32);
        let mut queries = Self { mode, text: String::new(), ends: Vec::new() };
        let Some(segment) = snapshot.segments().next() else { return queries };
        let (first, second) = mode.fields();
        while queries.ends.len() < count {
            let mut any = || segment.view(random.below(segment.records()) as u32);
            let (Some(one), Some(other)) = (any(), any()) else { break };
            let source = if kind == Kind::Hit { one } else { other };
            let (first, second) = (one.key_text(first), source.key_text(second));
            if first.is_empty() || second.is_empty() {
                continue;
            }
            let found = snapshot.lookup(Query::new(mode, &first, &second)).next().is_some();
            if found != (kind == Kind::Hit) {
                continue;
            }
            queries.text.push_str(&first);
            let middle = queries.text.len() as u32;
            queries.text.push_str(&second);
            queries.ends.push((middle, queries.text.len() as u32));
        }
        queries
    }

    /// Number of queries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts of every query.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0usize;
        self.ends.iter().map(move |&(middle, end)| {
            let pair =
                (&self.text[start..middle as usize], &self.text[middle as usize..end as usize]);
            start = end as usize;
            pair
        })
    }

    /// Asks every query once: mean nanoseconds a call, and a digest of the answers so that no work
    /// can vanish.
    #[must_use]
    pub fn pass(&self, snapshot: &Snapshot) -> (f64, u64) {
        let mut digest = 0u64;
        let start = Instant::now();
        for (first, second) in self.texts() {
            let query = Query::new(self.mode, black_box(first), black_box(second));
            for view in snapshot.lookup(query) {
                digest = digest.wrapping_mul(31).wrapping_add(u64::from(view.digest_word()));
            }
        }
        let elapsed = start.elapsed();
        (elapsed.as_nanos() as f64 / self.len() as f64, digest)
    }
}

/// Claims of every mode, half of them hits, in random order; their texts lie in one buffer, as those of
/// a request do.
pub struct Claims {
    text: String,
    claims: Vec<(Mode, u32, u32, u32)>,
}

impl Claims {
    /// Draws about `count` claims and mixes them.
    #[must_use]
    pub fn draw(snapshot: &Snapshot, count: usize, seed: u64) -> Self {
        let each = count.div_ceil(2 * Mode::ALL.len());
        let sets: Vec<Queries> = Mode::ALL
            .into_iter()
            .flat_map(|mode| [Kind::Hit, Kind::Miss].map(|kind| (mode, kind)))
            .map(|(mode, kind)| Queries::draw(snapshot, mode, kind, each, seed))
            .collect();
        let mut all: Vec<(Mode, &str, &str)> = sets
            .iter()
            .flat_map(|set| set.texts().map(|(first, second)| (set.mode, first, second)))
            .collect();
        let mut random = Random(seed);
        for at in (1..all.len()).rev() {
            all.swap(at, random.below(at as u64 + 1) as usize);
        }
        let mut this = Self { text: String::new(), claims: Vec::with_capacity(all.len()) };
        for (mode, first, second) in all {
            let start = this.text.len() as u32;
            this.text.push_str(first);
            let middle = this.text.len() as u32;
            this.text.push_str(second);
            this.claims.push((mode, start, middle, this.text.len() as u32));
        }
        this
    }

    fn query(&self, &(mode, start, middle, end): &(Mode, u32, u32, u32)) -> Query<'_> {
        let text = |from: u32, to: u32| black_box(&self.text[from as usize..to as usize]);
        Query::new(mode, text(start, middle), text(middle, end))
    }

    /// Asks every claim once, one after the other: mean nanoseconds a call, and a digest of the answers.
    #[must_use]
    pub fn one_by_one(&self, snapshot: &Snapshot) -> (f64, u64) {
        let mut digest = 0u64;
        let start = Instant::now();
        for claim in &self.claims {
            for view in snapshot.lookup(self.query(claim)) {
                digest = digest.wrapping_add(u64::from(view.digest_word()));
            }
        }
        (start.elapsed().as_nanos() as f64 / self.claims.len() as f64, digest)
    }

    /// Checks every claim once on each of `threads` threads, `batch` claims a call, packing included:
    /// millions of checks a second over all threads, and a digest of the answers.
    #[must_use]
    pub fn pass(&self, snapshot: &Snapshot, batch: usize, threads: usize) -> (f64, u64) {
        let start = Instant::now();
        let digest = std::thread::scope(|scope| {
            let work = |thread: usize| {
                let mut digest = 0u64;
                let mut queries = Vec::with_capacity(batch);
                // Each thread begins elsewhere, so that they do not warm the caches for each other.
                let (head, tail) =
                    self.claims.split_at(thread * self.claims.len() / threads.max(1));
                for claims in tail.chunks(batch).chain(head.chunks(batch)) {
                    queries.clear();
                    queries.extend(claims.iter().map(|claim| self.query(claim)));
                    snapshot.lookup_batch(&queries, |_, view| {
                        digest = digest.wrapping_add(u64::from(view.digest_word()));
                    });
                }
                digest
            };
            let handles: Vec<_> =
                (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or(0)).fold(0, u64::wrapping_add)
        });
        let checks = self.claims.len() * threads;
        (checks as f64 / start.elapsed().as_secs_f64() / 1e6, digest)
    }
}

/// The median of some figures.
#[must_use]
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
