//! What the system knows of a process, and what time this one takes.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};

/// A process that may be replaced by another of the same service.
#[derive(Clone, Debug, Default)]
pub struct Process(Arc<AtomicU32>);

impl Process {
    /// The process of this number.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self(Arc::new(AtomicU32::new(pid)))
    }

    /// Its number; `None` while there is none.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.0.load(Relaxed)).filter(|&pid| pid != 0)
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // One that has ended already is not missed.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    pub(super) fn set(&self, pid: Option<u32>) {
        self.0.store(pid.unwrap_or(0), Relaxed);
    }
}

/// What the system counted for a process, all its threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, its own and the system's for it.
    pub cpu: Duration,
    /// Memory that is no file.
    pub anonymous_bytes: u64,
    /// All memory in use, mapped files included.
    pub resident_bytes: u64,
    /// Page faults served from the disk.
    pub major_faults: u64,
    /// Threads there are.
    pub threads: u64,
}

impl Usage {
    /// Of this process; `None` when there is none, or the system does not say.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Self::parse(&stat, &status)
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The name stands in brackets and may hold anything; what follows is fields 3 on.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(14)? + field(15)?;
        let bytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
        };
        Some(Self {
            cpu: Duration::from_secs_f64(
                ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64,
            ),
            anonymous_bytes: bytes("RssAnon:")?,
            resident_bytes: bytes("VmRSS:")?,
            major_faults: field(12)?,
            threads: field(20)?,
        })
    }
}

/// Processor time that the calling thread has taken.
#[must_use]
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_way_does_not_matter() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 3 0 250 50 0 0 20 0 12 0 900 0 0";
        let status = "Name:\ta) b (c\nVmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\n";
        let usage = Usage::parse(stat, status).unwrap();
        assert_eq!((usage.major_faults, usage.threads), (3, 12));
        assert_eq!((usage.anonymous_bytes, usage.resident_bytes), (1 << 20, 2 << 20));
        let second = rustix::param::clock_ticks_per_second() as f64;
        assert!((usage.cpu.as_secs_f64() - 300.0 / second).abs() < 1e-9);
        assert_eq!(Usage::parse("7 (a) S 1", status), None);
    }

    #[test]
    fn time_taken_is_seen() {
        let before = thread_cpu();
        while thread_cpu() == before {
            std::hint::black_box(0);
        }
        assert!(Usage::of(std::process::id()).unwrap().threads > 0);
        assert_eq!(Process::default().pid(), None);
        assert_eq!(Process::of(7).pid(), Some(7));
    }
}
