//! Waking at a moment, exact to some tens of microseconds where timers of the runtime round up to
//! milliseconds.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// No nearer: many a question comes sooner after the one before, and waking for each would take the time that
/// asking it needs. It bounds how late a question is sent on an idle machine.
const NEAREST: Duration = Duration::from_micros(40);

/// One timer.
pub(super) struct Ticker {
    timer: AsyncFd<OwnedFd>,
}

impl Ticker {
    /// A timer of the running runtime.
    pub(super) fn new() -> std::io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "what it asks for in place needs unsafe code; a descriptor \
            that is owned keeps the promise that is missed here: to stay the same one"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self { timer })
    }

    /// Waits until this moment, or a little longer.
    pub(super) async fn until(&self, moment: Instant) -> std::io::Result<()> {
        let left = moment.saturating_duration_since(Instant::now()).max(NEAREST);
        let spec = |time: Duration| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        let once = Itimerspec { it_interval: spec(Duration::ZERO), it_value: spec(left) };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        // Setting it again takes back what was not read, so nothing needs to be read.
        self.timer.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn it_wakes_in_time_again_and_again() {
        let ticker = Ticker::new().unwrap();
        for _ in 0..20 {
            let moment = Instant::now() + Duration::from_micros(300);
            ticker.until(moment).await.unwrap();
            assert!(Instant::now() >= moment, "never early");
        }
        let past = Instant::now();
        ticker.until(past).await.unwrap();
        assert!(past.elapsed() >= NEAREST);
    }
}
