//! Syncs a file that is still written to, so that the disk works from the first gigabyte on and the
//! last sync is short.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// A sync is begun every so many bytes; smaller files need none in between.
const SYNC_BYTES: u64 = 256 << 20;

#[derive(Default)]
pub(super) struct BackgroundSync {
    unsynced: u64,
    thread: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl BackgroundSync {
    /// Told of bytes written to `file`.
    ///
    /// # Errors
    /// When an earlier sync failed: that is final, the file is to be given up.
    pub(super) fn written(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        self.unsynced += bytes;
        if self.unsynced < SYNC_BYTES {
            return Ok(());
        }
        self.unsynced = 0;
        let wake = match &self.thread {
            Some((wake, _)) => wake,
            None => {
                let file = file.try_clone()?;
                let (wake, woken) = sync_channel(1);
                let run = move || woken.iter().try_for_each(|()| file.sync_data());
                let thread = std::thread::Builder::new().name("sync".to_owned()).spawn(run)?;
                &self.thread.insert((wake, thread)).0
            }
        };
        match wake.try_send(()) {
            // A disk that lags behind is waiting for one sync already: that will take these bytes too.
            Ok(()) | Err(TrySendError::Full(())) => Ok(()),
            Err(TrySendError::Disconnected(())) => self.finish(),
        }
    }

    /// Waits for the syncs that were begun.
    ///
    /// # Errors
    /// When one failed.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let Some((wake, thread)) = self.thread.take() else { return Ok(()) };
        drop(wake);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the syncing thread panicked")))
    }
}
