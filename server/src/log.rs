//! Structured logs: one JSON object a line, on stderr.
//!
//! What is logged is about the service, never about a person: no names, no numbers, no bodies, no
//! addresses of clients, no URLs beyond the fixed routes.

use tracing_subscriber::EnvFilter;

/// Starts logging with this filter. A second call in one process changes nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    drop(started); // an embedding program or test may have its own subscriber
}
