//! Which cores the server has and which the kit, so that neither takes time from the other.

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Some cores of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

/// The cores of both sides; the same ones when there is but one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Of the server, and of the loader that feeds it.
    pub server: Cores,
    /// Of the kit.
    pub kit: Cores,
}

impl Cores {
    /// Those that the calling thread may run on.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn allowed() -> anyhow::Result<Self> {
        let set = sched_getaffinity(None).context("the cores of this process")?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
        ensure!(!cores.is_empty(), "the system names no core of this process");
        Ok(Self(cores))
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Keeps the calling thread, and all threads and processes that it starts from now on, to these.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep_to(&self) -> anyhow::Result<()> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|core| set.set(*core));
        sched_setaffinity(None, &set).context("a thread cannot be kept to some cores")
    }

    /// Half of them, the larger one, for the server.
    #[must_use]
    pub fn split(&self) -> Split {
        if self.count() < 2 {
            return Split { server: self.clone(), kit: self.clone() };
        }
        // The first core of a machine serves most of its interrupts: it is the kit's.
        let (kit, server) = self.0.split_at(self.count() / 2);
        Split { server: Self(server.to_vec()), kit: Self(kit.to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_cores_of_its_own() {
        let split = |count: usize| {
            let Split { server, kit } = Cores((0..count).collect()).split();
            assert!(count < 2 || !server.0.iter().any(|core| kit.0.contains(core)));
            (server.count(), kit.count())
        };
        assert_eq!([1, 2, 3, 8].map(split), [(1, 1), (1, 1), (2, 1), (4, 4)]);
    }

    #[test]
    fn a_thread_stays_where_it_is_kept() {
        std::thread::spawn(|| {
            let all = Cores::allowed().unwrap();
            let split = all.split();
            split.server.keep_to().unwrap();
            assert_eq!(Cores::allowed().unwrap(), split.server);
            let inherited = std::thread::spawn(|| Cores::allowed().unwrap()).join().unwrap();
            assert_eq!(inherited, split.server);
        })
        .join()
        .unwrap();
    }
}
