//! The closed loop: each connection asks again as soon as it has its answer. It finds the highest
//! throughput and is comparable to other tools; its latencies leave out those who would have waited.

use std::rc::Rc;
use std::time::Instant;

use tokio::task::spawn_local;

use super::sender::{Buffers, Job, Sender};

/// Asks over so many connections until the end.
pub(super) async fn run(sender: &Rc<Sender>, connections: u64, end: impl AsyncFnOnce() -> Instant) {
    let mut opened = Vec::new();
    for _ in 0..connections {
        sender.begin_connection();
        opened.push(sender.connect().await.ok());
    }
    let end = end().await;
    let tasks: Vec<_> = opened
        .into_iter()
        .map(|mut connection| {
            let sender = Rc::clone(sender);
            spawn_local(async move {
                let mut buffers = Buffers::default();
                loop {
                    let due = Instant::now();
                    if due >= end {
                        break;
                    }
                    let job = Job { question: sender.draw(), due, is_fresh: false };
                    sender.record.borrow_mut().handed(due, due);
                    sender.ask(job, &mut connection, &mut buffers).await;
                    if connection.is_none() {
                        // A server that is away is not asked in a tight loop.
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        // A task that panicked has already said so.
        let _ = task.await;
    }
}
