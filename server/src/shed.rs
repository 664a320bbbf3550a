//! Requests that wait: a bound on how many there may be, so that slow bodies cannot fill the memory.
//!
//! A request whose body has arrived is answered at once and never counted: however many slow
//! clients hold places here, complete requests of others go through.

use std::sync::atomic::{AtomicU64, Ordering};

/// Places for waiting requests.
#[derive(Debug)]
pub struct WaitingRoom {
    places: u64,
    taken: AtomicU64,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub struct Place<'r> {
    room: &'r WaitingRoom,
}

impl WaitingRoom {
    /// A room with this many places.
    #[must_use]
    pub fn new(places: u64) -> Self {
        Self { places, taken: AtomicU64::new(0) }
    }

    /// A place, or none when all are taken.
    pub fn enter(&self) -> Option<Place<'_>> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        if before >= self.places {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Place { room: self })
    }

    /// How many wait now.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_given_and_one_more_is_not() {
        let room = WaitingRoom::new(2);
        let first = room.enter();
        let second = room.enter();
        assert!(first.is_some() && second.is_some());
        assert!(room.enter().is_none());
        assert_eq!(room.taken(), 2);
        drop(first);
        assert!(room.enter().is_some());
    }
}
