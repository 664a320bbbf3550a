//! A busy neighbour on the cores of the server.
//!
//! Where a generator has no more cores than the server it cannot ask for twice what the server carries. With a
//! neighbour that takes a share of the server's cores it can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::load::cores::Cores;

/// Work and rest take turns within this time: short beside any latency that is looked at.
const TURN: Duration = Duration::from_millis(1);

/// One thread for each core, until it is dropped.
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Neighbour {
    /// Takes this share of each of these cores.
    #[must_use]
    pub fn start(cores: &Cores, share: f64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let work = TURN.mul_f64(share.clamp(0.0, 1.0));
        let start = |_| {
            let (stop, cores) = (Arc::clone(&stop), cores.clone());
            thread::spawn(move || {
                // Anywhere else it would be the kit's neighbour.
                if cores.keep_to().is_err() {
                    return;
                }
                while !stop.load(Relaxed) {
                    let began = Instant::now();
                    while began.elapsed() < work {
                        std::hint::spin_loop();
                    }
                    thread::sleep(TURN - work);
                }
            })
        };
        let threads = (0..cores.count()).map(start).collect();
        Self { stop, threads }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
