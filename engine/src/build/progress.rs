//! How far a long piece of work has come, for whoever watches it.

/// Told of steps and their progress.
pub trait Progress: Sync {
    /// A step begins; `total` is 0 when its length is not known.
    fn begin(&self, step: &'static str, total: u64);
    /// So much of the step is done.
    fn advance(&self, done: u64);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: u64) {}
    fn advance(&self, _: u64) {}
}
