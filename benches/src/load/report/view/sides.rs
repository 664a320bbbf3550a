//! The server's own durations beside the latencies of the client.
//!
//! The server counts durations in buckets: a percentile of them is known only as a bound above it. The
//! client's latency is longer by the network, by the queue for a connection, and by its own lateness.

use super::super::super::run::{Phase, ServerSample};
use super::super::number;
use super::table::{Cell, Table};

/// Bounds of the server's percentiles.
pub(super) struct Bounds(Vec<(u64, u64)>);

impl Bounds {
    /// Of all these samples together.
    pub(super) fn of<'a>(samples: impl IntoIterator<Item = &'a ServerSample>) -> Self {
        let mut buckets: Vec<(u64, u64)> = Vec::new();
        for (bound, count) in samples.into_iter().flat_map(|sample| &sample.durations) {
            match buckets.binary_search_by_key(bound, |bucket| bucket.0) {
                Ok(place) => buckets[place].1 += count,
                Err(place) => buckets.insert(place, (*bound, *count)),
            }
        }
        Self(buckets)
    }

    pub(super) fn requests(&self) -> u64 {
        self.0.iter().map(|bucket| bucket.1).sum()
    }

    /// The bound below which this share of the requests lies; `u64::MAX` when it lies above them all.
    pub(super) fn at(&self, share: f64) -> Option<u64> {
        let rank = ((self.requests() as f64 * share).ceil() as u64).max(1);
        let mut so_far = 0;
        self.0.iter().find_map(|(bound, count)| {
            so_far += count;
            (so_far >= rank).then_some(*bound)
        })
    }

    fn words(&self, share: f64) -> String {
        let last = self.0.iter().rev().map(|bucket| bucket.0).find(|bound| *bound != u64::MAX);
        match (self.at(share), last) {
            (None, _) => number::NONE.to_owned(),
            (Some(u64::MAX), Some(last)) => format!("> {}", number::micros(last as f64)),
            (Some(u64::MAX), None) => number::NONE.to_owned(),
            (Some(bound), _) => format!("≤ {}", number::micros(bound as f64)),
        }
    }
}

/// The bound of p99, sample by sample, at the middle of what each covers.
pub(super) fn over_time(phase: &Phase) -> Vec<(f64, Option<f64>)> {
    let mut before = phase.began_s;
    phase
        .server
        .iter()
        .map(|sample| {
            let middle = f64::midpoint(before, sample.at_s);
            before = sample.at_s;
            let bound = Bounds::of([sample]).at(0.99).filter(|bound| *bound != u64::MAX);
            (middle, bound.map(|bound| bound as f64))
        })
        .collect()
}

/// Percentiles of both sides.
pub(super) fn table(phase: &Phase) -> Option<Table> {
    let bounds = Bounds::of(&phase.server);
    if bounds.requests() == 0 {
        return None;
    }
    let total = &phase.total;
    let mut table = Table::new(
        format!(
            "Both sides: {} in the client's latencies, {} in the server's durations",
            number::count(total.right, "right answer"),
            number::count(bounds.requests(), "request")
        ),
        &["Percentile", "Client", "Server", "Network and queue"],
    );
    let shares = [
        ("p50", 0.5, total.p50_us),
        ("p90", 0.9, total.p90_us),
        ("p99", 0.99, total.p99_us),
        ("p99.9", 0.999, total.p999_us),
    ];
    for (name, share, client) in shares {
        let between = match bounds.at(share) {
            Some(bound) if bound != u64::MAX && client > bound => {
                format!("≥ {}", number::micros((client - bound) as f64))
            }
            Some(bound) if bound != u64::MAX => "within the bucket".to_owned(),
            _ => number::NONE.to_owned(),
        };
        table.row(vec![
            Cell::text(name),
            Cell::number(number::latency(client)),
            Cell::number(bounds.words(share)),
            Cell::number(between),
        ]);
    }
    Some(table)
}

/// How the table is to be read.
pub(super) const NOTE: &str = "The server counts durations in buckets, from a complete head to the end of the answer: its \
     percentiles are upper bounds. The last column is the difference of two percentiles, not a \
     percentile of differences; it holds network, queue and the generator's own lateness.";

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(durations: &[(u64, u64)]) -> ServerSample {
        ServerSample { durations: durations.to_vec(), ..ServerSample::default() }
    }

    #[test]
    fn a_percentile_is_the_bound_of_its_bucket() {
        let samples = [
            sample(&[(100, 40), (1000, 9), (u64::MAX, 0)]),
            sample(&[(100, 50), (500, 0), (1000, 0), (u64::MAX, 1)]),
        ];
        let bounds = Bounds::of(&samples);
        assert_eq!(bounds.requests(), 100);
        assert_eq!(bounds.at(0.5), Some(100));
        assert_eq!(bounds.at(0.9), Some(100));
        assert_eq!(bounds.at(0.91), Some(1000));
        assert_eq!(bounds.at(0.999), Some(u64::MAX));
        assert_eq!(bounds.words(0.9), "≤ 100 µs");
        assert_eq!(bounds.words(0.999), "> 1.00 ms");
        assert_eq!(Bounds::of(&[]).at(0.5), None);
    }
}
