//! What each partner has asked: claims of the day against its quota, verdicts, and whether its misses
//! look like guessing.
//!
//! Counts live in this process: a restart begins the day anew, and each of several servers counts
//! apart. Days are those of Asia/Shanghai. Must not know HTTP.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use zhengcha_engine::claims::{Counts, Verdict};

use super::tokens::Name;

/// Asia/Shanghai is this far ahead of UTC; it has kept no summer time since 1991.
const SHANGHAI_OFFSET_S: i64 = 8 * HOUR_S;
const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;
/// The hours over which misses are counted: the last day.
const HOURS: usize = 24;
/// Fewer claims than this in the last day say nothing about guessing.
pub const MISSES_CLAIMS_MIN: u64 = 1_000;
/// More misses in a hundred claims than this look like guessing.
pub const MISSES_PERCENT_MAX: u64 = 20;

/// One claim with this verdict.
#[must_use]
pub fn one(verdict: Verdict) -> Counts {
    let mut counts = [0; Verdict::ALL.len()];
    counts[verdict as usize] = 1;
    Counts::new(counts)
}

/// A moment, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment that it is.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn shanghai_s(self) -> i64 {
        self.0.saturating_add(SHANGHAI_OFFSET_S)
    }

    fn day(self) -> i64 {
        self.shanghai_s().div_euclid(DAY_S)
    }

    fn hour(self) -> i64 {
        self.shanghai_s().div_euclid(HOUR_S)
    }

    /// Seconds until midnight in Asia/Shanghai, at least 1.
    #[must_use]
    pub fn until_midnight_s(self) -> u64 {
        let left = DAY_S - self.shanghai_s().rem_euclid(DAY_S);
        u64::try_from(left).unwrap_or(1)
    }

    /// The day in Asia/Shanghai.
    #[must_use]
    pub fn date(self) -> Date {
        let timestamp = jiff::Timestamp::from_second(self.shanghai_s()).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(timestamp).date()
    }
}

/// The day that it is in Asia/Shanghai.
#[must_use]
pub fn today() -> Date {
    Moment::now().date()
}

/// The claims of a day.
#[derive(Debug, Default)]
struct Day {
    day: i64,
    claims: u64,
}

/// Claims and misses of one hour.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    hour: i64,
    claims: u64,
    misses: u64,
}

/// One partner's account.
#[derive(Debug, Default)]
pub struct Account {
    verdicts: [AtomicU64; Verdict::ALL.len()],
    streams: AtomicI64,
    day: Mutex<Day>,
    hours: Mutex<[Hour; HOURS]>,
}

impl Account {
    /// Takes up to `wanted` claims out of the day's quota, and says how many there were.
    pub fn take(&self, wanted: u64, quota: Option<u64>, now: Moment) -> u64 {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.day != now.day() {
            *day = Day { day: now.day(), claims: 0 };
        }
        let left = quota.map_or(u64::MAX, |quota| quota.saturating_sub(day.claims));
        let taken = wanted.min(left);
        day.claims += taken;
        taken
    }

    /// Puts back what was taken and not used.
    pub fn give_back(&self, claims: u64, now: Moment) {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        // What was taken yesterday is forgotten already.
        if day.day == now.day() {
            day.claims = day.claims.saturating_sub(claims);
        }
    }

    /// Whether anything is left of the day's quota.
    #[must_use]
    pub fn has_left(&self, quota: Option<u64>, now: Moment) -> bool {
        quota.is_none_or(|quota| self.claims_today(now) < quota)
    }

    /// The claims of this day.
    #[must_use]
    pub fn claims_today(&self, now: Moment) -> u64 {
        let day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.day == now.day() { day.claims } else { 0 }
    }

    /// Notes verdicts that were given.
    pub fn count(&self, counts: &Counts, now: Moment) {
        for verdict in Verdict::ALL {
            self.verdicts[verdict as usize].fetch_add(counts.of(verdict), Relaxed);
        }
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = &mut hours[slot(now.hour())];
        if hour.hour != now.hour() {
            *hour = Hour { hour: now.hour(), ..Hour::default() };
        }
        // What could not be judged tells nothing, and must not hide misses either.
        hour.claims += counts.claims() - counts.of(Verdict::Invalid);
        hour.misses += counts.of(Verdict::NotFound);
    }

    /// Verdicts since the start.
    #[must_use]
    pub fn verdicts(&self) -> Counts {
        Counts::new(std::array::from_fn(|index| self.verdicts[index].load(Relaxed)))
    }

    /// Whether the misses of the last day look like guessing.
    #[must_use]
    pub fn misses_are_high(&self, now: Moment) -> bool {
        let hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.hour() - i64::try_from(HOURS).unwrap_or(0);
        let recent = hours.iter().filter(|hour| hour.hour > oldest);
        let (claims, misses) = recent
            .fold((0, 0), |(claims, misses), hour| (claims + hour.claims, misses + hour.misses));
        claims >= MISSES_CLAIMS_MIN && misses * 100 > claims * MISSES_PERCENT_MAX
    }

    /// How many streams run.
    #[must_use]
    pub fn streams(&self) -> i64 {
        self.streams.load(Relaxed)
    }
}

fn slot(hour: i64) -> usize {
    let hours = i64::try_from(HOURS).unwrap_or(1);
    usize::try_from(hour.rem_euclid(hours)).unwrap_or(0)
}

/// The accounts of all partners that have asked since the start.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: RwLock<BTreeMap<Name, Arc<Account>>>,
    streams: AtomicI64,
}

/// A running stream in the counts; gives its places back when dropped.
#[derive(Debug)]
pub struct StreamPlace {
    accounts: Arc<Accounts>,
    account: Arc<Account>,
}

/// Why there is no place for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// All places of the server are taken.
    Server,
    /// The partner has as many as it may have.
    Partner,
}

impl Accounts {
    /// The account of this partner.
    #[must_use]
    pub fn of(&self, name: &Name) -> Arc<Account> {
        let known = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = known.get(name) {
            return Arc::clone(account);
        }
        drop(known);
        let mut known = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(name.clone()).or_default())
    }

    /// Every account with its name.
    #[must_use]
    pub fn all(&self) -> Vec<(Name, Arc<Account>)> {
        let known = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(name, account)| (name.clone(), Arc::clone(account))).collect()
    }

    /// How many streams run.
    #[must_use]
    pub fn streams(&self) -> i64 {
        self.streams.load(Relaxed)
    }

    /// A place for one more stream.
    pub fn stream(
        self: &Arc<Self>,
        account: &Arc<Account>,
        total_max: u64,
        per_partner_max: u64,
    ) -> Result<StreamPlace, NoPlace> {
        let limit = |max: u64| i64::try_from(max).unwrap_or(i64::MAX);
        let place = StreamPlace { accounts: Arc::clone(self), account: Arc::clone(account) };
        let total = self.streams.fetch_add(1, Relaxed);
        let own = account.streams.fetch_add(1, Relaxed);
        // What was taken in vain goes back as `place` is dropped.
        if own >= limit(per_partner_max) {
            return Err(NoPlace::Partner);
        }
        if total >= limit(total_max) {
            return Err(NoPlace::Server);
        }
        Ok(place)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.account.streams.fetch_sub(1, Relaxed);
        self.accounts.streams.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Midnight in Asia/Shanghai before 26 November 2026.
    const MIDNIGHT: Moment = Moment(1_795_622_400);

    #[test]
    fn days_begin_at_midnight_in_shanghai() {
        assert_eq!(MIDNIGHT.date().to_string(), "2026-11-26");
        assert_eq!(Moment(MIDNIGHT.0 - 1).date().to_string(), "2026-11-25");
        assert_eq!(Moment(MIDNIGHT.0 - 1).until_midnight_s(), 1);
        assert_eq!(MIDNIGHT.until_midnight_s(), 86_400);
    }

    #[test]
    fn a_quota_is_used_to_the_last_claim_and_comes_back_at_midnight() {
        let account = Account::default();
        let before = Moment(MIDNIGHT.0 - 1);
        assert_eq!(account.take(6, Some(10), before), 6);
        assert!(account.has_left(Some(10), before));
        assert_eq!(account.take(6, Some(10), before), 4);
        assert_eq!(account.take(1, Some(10), before), 0);
        assert!(!account.has_left(Some(10), before));
        assert_eq!(account.take(1, Some(11), before), 1, "a larger quota counts at once");
        assert_eq!(account.take(5, None, before), 5);
        assert!(account.has_left(Some(10), MIDNIGHT));
        assert_eq!(account.claims_today(MIDNIGHT), 0);
        account.give_back(5, MIDNIGHT);
        assert_eq!(account.take(9, Some(10), MIDNIGHT), 9);
        account.give_back(9, MIDNIGHT);
        assert_eq!(account.take(11, Some(10), MIDNIGHT), 10);
    }

    #[test]
    fn misses_are_high_above_a_fifth_of_a_thousand_claims_in_a_day() {
        let counts = |found, misses| {
            let mut counts = [0; Verdict::ALL.len()];
            counts[Verdict::Match as usize] = found;
            counts[Verdict::NotFound as usize] = misses;
            counts[Verdict::Invalid as usize] = 1_000_000;
            Counts::new(counts)
        };
        let account = Account::default();
        account.count(&counts(0, 999), MIDNIGHT);
        assert!(!account.misses_are_high(MIDNIGHT), "too few to tell");
        account.count(&counts(1, 0), MIDNIGHT);
        assert!(account.misses_are_high(MIDNIGHT));
        let last = Moment(MIDNIGHT.0 + DAY_S - 1);
        assert!(account.misses_are_high(last));
        assert!(!account.misses_are_high(Moment(last.0 + 1)), "a day has passed");

        let account = Account::default();
        account.count(&counts(800, 200), MIDNIGHT);
        assert!(!account.misses_are_high(MIDNIGHT), "20 % is not above it");
        account.count(&counts(0, 1), MIDNIGHT);
        assert!(account.misses_are_high(MIDNIGHT));
        assert_eq!(account.verdicts().of(Verdict::NotFound), 201);
    }

    #[test]
    fn streams_have_places_and_give_them_back() {
        let accounts = Arc::new(Accounts::default());
        let (one, two) = (accounts.of(&"a".parse().unwrap()), accounts.of(&"b".parse().unwrap()));
        let first = accounts.stream(&one, 3, 2).unwrap();
        let second = accounts.stream(&one, 3, 2).unwrap();
        assert_eq!(accounts.stream(&one, 3, 2).err(), Some(NoPlace::Partner));
        let third = accounts.stream(&two, 3, 2).unwrap();
        assert_eq!(accounts.stream(&two, 3, 2).err(), Some(NoPlace::Server));
        assert_eq!((accounts.streams(), one.streams(), two.streams()), (3, 2, 1));
        drop((first, second, third));
        assert_eq!((accounts.streams(), one.streams(), two.streams()), (0, 0, 0));
    }
}
