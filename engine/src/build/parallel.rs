//! Work on numbered items on several threads, results taken in the order of the items.
//!
//! Promises: what is taken, and in which order, does not depend on the number of threads; only so
//! many results wait at a time, so that memory stays bounded however unevenly the items go.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Results that may wait to be taken, for each thread.
const AHEAD_OF_THREAD: usize = 3;

struct State<T> {
    /// The next item to work on.
    next: usize,
    /// Items taken so far.
    taken: usize,
    /// Nobody shall begin anything more.
    stop: bool,
    done: BTreeMap<usize, T>,
}

struct Line<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Line<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The lock is held for a few moves of numbers only: nothing in it can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'l>(&'l self, state: MutexGuard<'l, State<T>>) -> MutexGuard<'l, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item, once there is room for its result.
    fn begin(&self, count: usize, ahead: usize) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stop || state.next >= count {
                return None;
            }
            if state.next < state.taken + ahead {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.wait(state);
        }
    }

    fn end(&self, item: usize, result: T) {
        self.lock().done.insert(item, result);
        self.changed.notify_all();
    }

    /// The result of an item; `None` when a thread panicked instead.
    fn take(&self, item: usize) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.done.remove(&item) {
                state.taken = item + 1;
                self.changed.notify_all();
                return Some(result);
            }
            if state.stop {
                return None;
            }
            state = self.wait(state);
        }
    }
}

/// Stops the others when its thread goes.
struct StopAtEnd<'l, T> {
    line: &'l Line<T>,
    only_in_panic: bool,
}

impl<T> Drop for StopAtEnd<'_, T> {
    fn drop(&mut self) {
        if !self.only_in_panic || std::thread::panicking() {
            self.line.lock().stop = true;
            self.line.changed.notify_all();
        }
    }
}

/// Calls `work` for the items 0 to `count` - 1 on so many threads, each with its own scratch space, and
/// `take` with the results in order on the calling thread.
///
/// # Errors
/// The first error in the order of the items.
pub(super) fn in_order<S, T: Send, E: Send>(
    threads: usize,
    count: usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    if threads <= 1 || count <= 1 {
        let mut scratch = scratch();
        return (0..count).try_for_each(|item| take(work(&mut scratch, item)?));
    }
    let state = State { next: 0, taken: 0, stop: false, done: BTreeMap::new() };
    let line = Line { state: Mutex::new(state), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                let _guard = StopAtEnd { line: &line, only_in_panic: true };
                let mut scratch = scratch();
                while let Some(item) = line.begin(count, threads * AHEAD_OF_THREAD) {
                    line.end(item, work(&mut scratch, item));
                }
            });
        }
        let _guard = StopAtEnd { line: &line, only_in_panic: false };
        for item in 0..count {
            // A panic goes on when the scope ends.
            let Some(result) = line.take(item) else { break };
            take(result?)?;
        }
        Ok(())
    })
}

/// Cuts `count` items into at most so many contiguous ranges of nearly equal length.
pub(super) fn shares(count: usize, threads: usize) -> Vec<std::ops::Range<usize>> {
    let threads = threads.clamp(1, count.max(1));
    (0..threads).map(|t| count * t / threads..count * (t + 1) / threads).collect()
}

/// Runs `work` on every share at once and returns the results in their order.
///
/// # Errors
/// The first error in the order of the shares.
pub(super) fn each<I: Send, T: Send, E: Send>(
    shares: Vec<I>,
    work: impl Fn(I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if shares.len() <= 1 {
        return shares.into_iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let handles: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || work(share))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_few_wait() {
        for threads in [1, 2, 7] {
            let taken = AtomicUsize::new(0);
            let mut seen = Vec::new();
            let work = |_: &mut (), item: usize| {
                if item.is_multiple_of(5) {
                    std::thread::yield_now();
                }
                assert!(item <= taken.load(Ordering::SeqCst) + threads * AHEAD_OF_THREAD);
                Ok::<_, ()>(item)
            };
            let take = |item| {
                taken.fetch_add(1, Ordering::SeqCst);
                seen.push(item);
                Ok(())
            };
            in_order(threads, 500, || (), work, take).unwrap();
            assert!(seen.iter().copied().eq(0..500), "{threads} threads");
        }
    }

    #[test]
    fn the_first_error_in_order_ends_the_work() {
        for threads in [1, 2, 7] {
            let work = |_: &mut (), item: usize| if item >= 50 { Err(item) } else { Ok(()) };
            assert_eq!(in_order(threads, 500, || (), work, |()| Ok(())), Err(50));
            let mut left = 10;
            let take = |()| {
                left -= 1;
                if left == 0 { Err(0) } else { Ok(()) }
            };
            assert_eq!(in_order(threads, 500, || (), |_, _| Ok(()), take), Err(0));
        }
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_of_a_thread_is_not_waited_for() {
        let work = |_: &mut (), item: usize| {
            assert_ne!(item, 9, "item 9");
            Ok::<_, ()>(())
        };
        let _ = in_order(3, 100, || (), work, |()| Ok(()));
    }

    #[test]
    fn shares_cover_everything_once() {
        for (count, threads) in [(0, 2), (1, 7), (10, 3), (7, 7)] {
            let all: Vec<usize> = shares(count, threads).into_iter().flatten().collect();
            assert!(all.into_iter().eq(0..count));
        }
    }
}
