//! One loader at a time: advisory locks on `store/.lock` and `store/.holds.lock`, released by the system
//! when the process ends, however it ends. Who needs both takes them in this order.

use anyhow::{Context, bail};
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use zhengcha_engine::Store;

/// How long to wait for whoever is writing the list of holds, which takes a moment.
const HOLDS_PATIENCE: Duration = Duration::from_secs(10);
const HOLDS_RETRY: Duration = Duration::from_millis(5);

/// Holds the store for writing until dropped.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock, making the store's folder if need be.
    ///
    /// # Errors
    /// When another loader holds it, or the folder cannot be written.
    pub fn take(store: &Store) -> anyhow::Result<Self> {
        let root = store.root();
        fs::create_dir_all(root)
            .with_context(|| format!("{}: cannot make the store's folder", root.display()))?;
        match try_lock(&root.join(".lock"))? {
            Some(file) => Ok(Self { _file: file }),
            None => bail!(
                "{}: another zhengcha-loader is writing to this store; wait for it to end",
                root.display()
            ),
        }
    }
}

/// Holds what is under review, ledger and file, until dropped: a lock of its own, so that a number can be
/// put under review while a long load or merge holds the store.
#[derive(Debug)]
pub struct HoldsLock {
    _file: File,
}

impl HoldsLock {
    /// Takes the lock, after whoever has it.
    ///
    /// # Errors
    /// When it stays taken, or the folder cannot be written.
    pub fn take(store: &Store) -> anyhow::Result<Self> {
        let path = store.root().join(".holds.lock");
        let deadline = Instant::now() + HOLDS_PATIENCE;
        loop {
            if let Some(file) = try_lock(&path)? {
                return Ok(Self { _file: file });
            }
            if Instant::now() >= deadline {
                bail!(
                    "{}: another zhengcha-loader has been changing the holds for {} seconds; look \
                     what it does and try again",
                    path.display(),
                    HOLDS_PATIENCE.as_secs()
                );
            }
            thread::sleep(HOLDS_RETRY);
        }
    }
}

/// The locked file; `None` when another process has it.
fn try_lock(path: &Path) -> anyhow::Result<Option<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("{}: the store cannot be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{}: cannot lock", path.display()))
        }
    }
}
