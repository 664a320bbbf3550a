//! Rate limits in a fixed amount of memory: queries per address, wrong guesses per number.
//!
//! A bucket is kept as the moment at which it will be full again (the generic cell rate algorithm),
//! so a slot is a keyed hash and a time, and a slot whose time has passed holds nothing worth
//! keeping. When a set of slots is full, the bucket nearest to full gives way: a flood of new
//! addresses displaces other newcomers, not those who have used up their budget.
//!
//! Promises: no growth, no lock held for longer than a few slots, no plain address or number kept:
//! keys are hashed under a key drawn at start. Must not know HTTP.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use zhengcha_engine::Field;

use crate::cidr::limit_unit;
use crate::limits::Limits;

/// Slots of the address table: 4 MiB, and as many addresses busy at one time.
const ADDRESS_SLOTS: usize = 1 << 18;
/// Slots of the target table: 8 MiB, and as many numbers under attack at one time.
const TARGET_SLOTS: usize = 1 << 19;
/// Slots that one key may lie in.
const WAYS: usize = 8;
/// Parts of a table that are locked apart.
const SHARDS: usize = 64;

/// How many there may be at once, and how fast they come back.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Time until one token has come back.
    pub interval: Duration,
    /// Tokens of a full bucket.
    pub burst: u64,
}

impl Rate {
    /// `count` in each `period`, `burst` at once.
    #[must_use]
    pub fn new(count: u64, period: Duration, burst: u64) -> Self {
        let nanoseconds = period.as_nanos() / u128::from(count.max(1));
        let interval = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX).max(1));
        Self { interval, burst: burst.max(1) }
    }
}

/// A full slot: whose bucket, and when it is full again (nanoseconds since the table was made).
#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    full_at_ns: u64,
}

/// Token buckets for any number of keys in a fixed number of slots.
pub struct Buckets {
    shards: Vec<Mutex<Vec<Slot>>>,
    sets_per_shard: usize,
    hasher: RandomState,
    interval_ns: u64,
    burst_ns: u64,
    origin: Instant,
}

impl Buckets {
    /// Buckets for about `slots` keys at one time.
    #[must_use]
    pub fn new(slots: usize, rate: Rate, origin: Instant) -> Self {
        let sets_per_shard = (slots / SHARDS / WAYS).max(1);
        let shard = || Mutex::new(vec![Slot::default(); sets_per_shard * WAYS]);
        let interval_ns = u64::try_from(rate.interval.as_nanos()).unwrap_or(u64::MAX);
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            sets_per_shard,
            hasher: RandomState::new(),
            interval_ns,
            burst_ns: interval_ns.saturating_mul(rate.burst),
            origin,
        }
    }

    /// Takes a token, or says how long until there is one.
    pub fn take(&self, key: &impl Hash, now: Instant) -> Result<(), Duration> {
        self.with_slot(key, now, |slot, now_ns, key| {
            let full_at_ns = if slot.key == key { slot.full_at_ns.max(now_ns) } else { now_ns };
            let after_ns = full_at_ns.saturating_add(self.interval_ns);
            let allowed_ns = now_ns.saturating_add(self.burst_ns);
            if after_ns > allowed_ns {
                return Err(Duration::from_nanos(after_ns - allowed_ns));
            }
            *slot = Slot { key, full_at_ns: after_ns };
            Ok(())
        })
    }

    /// Says whether there is a token, taking none.
    pub fn check(&self, key: &impl Hash, now: Instant) -> Result<(), Duration> {
        self.with_slot(key, now, |slot, now_ns, key| {
            if slot.key != key {
                return Ok(());
            }
            let after_ns = slot.full_at_ns.max(now_ns).saturating_add(self.interval_ns);
            let allowed_ns = now_ns.saturating_add(self.burst_ns);
            match after_ns.checked_sub(allowed_ns) {
                None | Some(0) => Ok(()),
                Some(wait_ns) => Err(Duration::from_nanos(wait_ns)),
            }
        })
    }

    /// Calls `use_slot` with the slot of this key, or with the one that may give way to it.
    fn with_slot<T>(
        &self,
        key: &impl Hash,
        now: Instant,
        use_slot: impl FnOnce(&mut Slot, u64, u64) -> T,
    ) -> T {
        let now_ns = now.saturating_duration_since(self.origin).as_nanos();
        let now_ns = u64::try_from(now_ns).unwrap_or(u64::MAX);
        let key = self.hasher.hash_one(key).max(1); // 0 marks a slot never used
        let hash = usize::try_from(key & 0xffff_ffff).unwrap_or(0);
        let set = (hash / SHARDS) % self.sets_per_shard;
        let shard = &self.shards[hash % SHARDS];
        // A poisoned table is only a table in which a bucket may be off by one token.
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let ways = &mut slots[set * WAYS..(set + 1) * WAYS];
        let mut chosen = 0;
        for way in 0..ways.len() {
            if ways[way].key == key {
                chosen = way;
                break;
            }
            if ways[way].full_at_ns < ways[chosen].full_at_ns {
                chosen = way;
            }
        }
        use_slot(&mut ways[chosen], now_ns, key)
    }
}

/// Why a query must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// The address has asked too often.
    Address(Duration),
    /// The number was guessed at too often, from wherever.
    Target(Duration),
}

impl Limited {
    /// When to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after_seconds(self) -> u64 {
        let (Self::Address(wait) | Self::Target(wait)) = self;
        wait.as_secs().saturating_add(1)
    }
}

/// The limits on queries.
pub struct Limiter {
    addresses: Buckets,
    targets: Buckets,
}

/// The numbers of a query, each of which may be the one that is guessed at.
///
/// A name is no target: many people share one, and a limit on it would lock all of them out.
pub type Targets<'q> = [(Field, &'q str); 2];

impl Limiter {
    /// Limits as set.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let origin = Instant::now();
        let addresses = Rate::new(
            limits.address_queries_per_minute,
            Duration::from_secs(60),
            limits.address_queries_burst,
        );
        let targets = Rate::new(
            limits.target_misses_per_hour,
            Duration::from_secs(3600),
            limits.target_misses_burst,
        );
        Self {
            addresses: Buckets::new(ADDRESS_SLOTS, addresses, origin),
            targets: Buckets::new(TARGET_SLOTS, targets, origin),
        }
    }

    /// Charges one query to an address.
    pub fn take_address(&self, address: IpAddr, now: Instant) -> Result<(), Limited> {
        self.addresses.take(&limit_unit(address), now).map_err(Limited::Address)
    }

    /// Whether these numbers may still be asked for.
    ///
    /// Right and wrong guesses are refused alike, or the refusal would tell which is which.
    pub fn check_targets(&self, targets: &Targets<'_>, now: Instant) -> Result<(), Limited> {
        for target in numbers(targets) {
            self.targets.check(target, now).map_err(Limited::Target)?;
        }
        Ok(())
    }

    /// Charges a wrong guess to each number.
    pub fn charge_miss(&self, targets: &Targets<'_>, now: Instant) {
        for target in numbers(targets) {
            // An empty bucket stays empty; the next check refuses.
            let _empty = self.targets.take(target, now);
        }
    }
}

fn numbers<'a, 'q>(targets: &'a Targets<'q>) -> impl Iterator<Item = &'a (Field, &'q str)> {
    targets.iter().filter(|(field, _)| *field != Field::Name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// A plain token bucket in whole nanoseconds of credit.
    struct Model {
        credit_ns: HashMap<u8, (u64, u64)>,
        interval_ns: u64,
        burst: u64,
    }

    impl Model {
        fn take(&mut self, key: u8, now_ns: u64) -> bool {
            let full = self.interval_ns * self.burst;
            let (credit, at) = self.credit_ns.get(&key).copied().unwrap_or((full, now_ns));
            let credit = (credit + (now_ns - at)).min(full);
            let granted = credit >= self.interval_ns;
            let left = if granted { credit - self.interval_ns } else { credit };
            self.credit_ns.insert(key, (left, now_ns));
            granted
        }
    }

    proptest! {
        #[test]
        fn buckets_agree_with_plain_token_buckets(
            burst in 1u64..6,
            interval_ns in 1u64..1000,
            steps in proptest::collection::vec((any::<u8>(), 0u64..700), 1..400),
        ) {
            let origin = Instant::now();
            let rate = Rate { interval: Duration::from_nanos(interval_ns), burst };
            // Far more slots than keys, so that none gives way.
            let buckets = Buckets::new(1 << 16, rate, origin);
            let mut model = Model { credit_ns: HashMap::new(), interval_ns, burst };
            let mut now_ns = 0;
            for (key, pause_ns) in steps {
                let key = key % 8;
                now_ns += pause_ns;
                let now = origin + Duration::from_nanos(now_ns);
                let checked = buckets.check(&key, now).is_ok();
                let taken = buckets.take(&key, now);
                prop_assert_eq!(checked, taken.is_ok(), "a check foretells a take");
                prop_assert_eq!(taken.is_ok(), model.take(key, now_ns));
                if let Err(wait) = taken {
                    prop_assert!(buckets.check(&key, now + wait).is_ok(), "the wait is enough");
                    let early = now + wait - Duration::from_nanos(1);
                    prop_assert!(buckets.check(&key, early).is_err(), "and no longer than needed");
                }
            }
        }
    }

    #[test]
    fn a_flood_of_addresses_neither_grows_the_table_nor_frees_those_who_are_limited() {
        let origin = Instant::now();
        let rate = Rate { interval: Duration::from_secs(1), burst: 5 };
        let buckets = Buckets::new(4096, rate, origin);
        while buckets.take(&"greedy", origin).is_ok() {}
        for address in 0u32..200_000 {
            let _ = buckets.take(&address, origin);
        }
        assert!(buckets.take(&"greedy", origin).is_err(), "still limited after the flood");
        let slots: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert_eq!(slots, 4096);
    }

    #[test]
    fn both_tables_stay_within_sixty_four_mebibytes() {
        assert!((ADDRESS_SLOTS + TARGET_SLOTS) * size_of::<Slot>() <= 64 << 20);
    }

    #[test]
    fn guesses_at_a_number_are_counted_from_every_address_and_names_never() {
        let limits = Limits { target_misses_burst: 3, ..Limits::default() };
        let limiter = Limiter::new(&limits);
        let now = Instant::now();
        let guess = |name| [(Field::CertificateNumber, "0101120201100058"), (Field::Name, name)];
        for name in ["A", "B", "C"] {
            assert_eq!(limiter.check_targets(&guess(name), now), Ok(()));
            limiter.charge_miss(&guess(name), now);
        }
        let refused = limiter.check_targets(&guess("D"), now);
        assert!(matches!(refused, Err(Limited::Target(_))), "one above the limit");
        let other = [(Field::CertificateNumber, "0101120201100059"), (Field::Name, "A")];
        assert_eq!(limiter.check_targets(&other, now), Ok(()), "the name is free");
        let as_ticket = [(Field::TicketNumber, "0101120201100058"), (Field::Name, "A")];
        assert_eq!(limiter.check_targets(&as_ticket, now), Ok(()), "another field, another number");
    }
}
