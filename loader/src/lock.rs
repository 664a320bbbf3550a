//! One loader at a time: an advisory lock on `store/.lock`, released by the system when the process
//! ends, however it ends.

use anyhow::{Context, bail};
use std::fs::{self, File, TryLockError};
use zhengcha_engine::Store;

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
        let path = root.join(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("{}: the store cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another zhengcha-loader is writing to this store; wait for it to end",
                root.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{}: cannot lock", path.display()))
            }
        }
    }
}
