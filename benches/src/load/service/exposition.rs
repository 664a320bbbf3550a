//! The server's page of metrics, as far as the kit needs it.

/// What the page said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposition {
    /// Requests answered.
    pub(super) requests: u64,
    /// Questions looked up.
    pub(super) queries: u64,
    /// Turned away.
    pub(super) rejected: u64,
    /// Upper bound in microseconds, and requests that took no longer: cumulative, rising; the last bound is
    /// `u64::MAX`.
    pub(super) durations: Vec<(u64, u64)>,
    /// Open connections.
    pub(super) connections: u64,
    /// Generation served.
    pub(super) generation: u64,
}

impl Exposition {
    /// Reads the page; lines it does not know are left out.
    pub(super) fn parse(page: &str) -> Self {
        let mut this = Self::default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<u64>() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            match name {
                "zhengcha_requests_total" => this.requests += value,
                "zhengcha_queries_total" => this.queries += value,
                "zhengcha_rejected_total" => this.rejected += value,
                "zhengcha_connections" => this.connections = value,
                "zhengcha_generation" => this.generation = value,
                "zhengcha_request_duration_seconds_bucket" => {
                    if let Some(bound) = bound_us(labels) {
                        this.durations.push((bound, value));
                    }
                }
                _ => {}
            }
        }
        this
    }
}

/// `le="0.00001"}` in microseconds.
fn bound_us(labels: &str) -> Option<u64> {
    match labels.split_once("le=\"")?.1.split_once('"')?.0 {
        "+Inf" => Some(u64::MAX),
        seconds => Some((seconds.parse::<f64>().ok()? * 1e6).round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_server_is_read() {
        use std::sync::Arc;
        use std::time::Duration;
        use zhengcha_server::metrics::{self, Metrics};

        let metrics = Arc::new(Metrics::new(2));
        for worker in 0..2 {
            let shard = metrics.shard(worker);
            let route = zhengcha_server::route::Route::ALL[worker];
            shard.count_request(route, hyper::StatusCode::OK, Duration::from_micros(7));
            shard.count_query(zhengcha_engine::Mode::CN, worker == 0);
        }
        metrics.common().count_rejection(metrics::Rejection::Timeout);
        metrics.add_connections(5);
        let page = metrics::Exposition::new(metrics).text().unwrap();
        let read = Exposition::parse(&page);
        assert_eq!((read.requests, read.queries, read.rejected), (2, 2, 1));
        assert_eq!((read.connections, read.generation), (5, 0));
        assert_eq!(read.durations[..2], [(5, 0), (10, 2)]);
        assert_eq!(read.durations.last(), Some(&(u64::MAX, 2)));
    }
}
