//! Independent tasks on a few threads of the moment.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does tasks `0..count`, each on whichever of `threads` threads is free, and returns what they gave in
/// order.
///
/// # Errors
/// That of the first task, in order, that failed.
pub(crate) fn tasks<T: Send, E: Send>(
    threads: usize,
    count: usize,
    task: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(task).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Result<T, E>>>> = Mutex::new((0..count).map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let result = task(number);
                    let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    done[number] = Some(result);
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Every number below `count` was drawn by a thread that the scope has waited for.
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::tasks;

    #[test]
    fn results_come_in_order_and_the_first_error_wins() {
        for threads in [1, 2, 5] {
            let squares: Result<Vec<usize>, ()> = tasks(threads, 100, |n| Ok(n * n));
            assert!(squares.unwrap().iter().enumerate().all(|(n, square)| n * n == *square));
            let failed: Result<Vec<()>, usize> =
                tasks(threads, 100, |n| if n % 30 == 29 { Err(n) } else { Ok(()) });
            assert_eq!(failed, Err(29));
            assert_eq!(tasks(threads, 0, |_| Err::<(), ()>(())), Ok(Vec::new()));
        }
    }
}
