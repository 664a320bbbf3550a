//! Judges chunks on several threads and takes them in order.
//!
//! Chunks go to the threads by turns and are taken from them by the same turns: the order stays without
//! a place to wait for it, and every queue is bounded. A stop on one side is seen on the other.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use zhengcha_engine::claims::{Chunk, Judged, Position};

/// Chunks that wait before or behind each thread.
const WAITING_CHUNKS: usize = 4;

/// Where a source puts its chunks.
pub(super) struct Chunks {
    threads: Vec<SyncSender<Chunk>>,
    turn: usize,
}

/// Nobody takes chunks any more: the other end has failed and says why.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("verdicts are not taken any more")]
pub(super) struct Stopped;

impl Chunks {
    /// Gives a chunk to the thread whose turn it is.
    pub(super) fn put(&mut self, chunk: Chunk) -> Result<(), Stopped> {
        let thread = self.turn % self.threads.len();
        self.turn += 1;
        self.threads[thread].send(chunk).map_err(|_| Stopped)
    }
}

/// Runs `source` on a thread of its own, `judge` on so many, and `take` here, in the order of the source.
pub(super) fn run(
    threads: usize,
    source: impl FnOnce(&mut Chunks) -> anyhow::Result<()> + Send,
    judge: impl Fn(&Chunk) -> Judged + Sync,
    mut take: impl FnMut(Position, Judged) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let mut inputs = Vec::with_capacity(threads);
        let mut outputs = Vec::with_capacity(threads);
        for _ in 0..threads.max(1) {
            let (input, chunks) = sync_channel(WAITING_CHUNKS);
            let (judged, output) = sync_channel(WAITING_CHUNKS);
            let judge = &judge;
            scope.spawn(move || judge_all(&chunks, &judged, judge));
            inputs.push(input);
            outputs.push(output);
        }
        let mut chunks = Chunks { threads: inputs, turn: 0 };
        let source = scope.spawn(move || source(&mut chunks));
        let taken = outputs
            .iter()
            .cycle()
            .map_while(|output| output.recv().ok())
            .try_for_each(|(position, judged)| take(position, judged));
        // A source that waits for room is let go before it is waited for.
        drop(outputs);
        let read = source.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken?;
        read
    })
}

fn judge_all(
    chunks: &Receiver<Chunk>,
    judged: &SyncSender<(Position, Judged)>,
    judge: &impl Fn(&Chunk) -> Judged,
) {
    for chunk in chunks {
        if judged.send((chunk.end(), judge(&chunk))).is_err() {
            return;
        }
    }
}
