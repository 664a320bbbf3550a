//! What events cost: the time around each of them against the quiet time of the same phase.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::load::drive::Outcome;
use crate::load::run::{Event, EventCost};
use crate::passes::median;

/// Time after an event was seen that still counts as its own.
const AFTER: Duration = Duration::from_secs(1);

/// The costs of the events of a phase that began at `began_s`.
pub(super) fn of(outcome: &Outcome, events: &[Event], began_s: f64) -> Vec<EventCost> {
    let span = |event: &Event| {
        let seconds = |at: f64| Duration::from_secs_f64((at - began_s).max(0.0));
        let end = event.seen_s.unwrap_or(event.done_s).max(event.done_s);
        (seconds(event.began_s), seconds(end) + AFTER)
    };
    let mut by_name: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    events.iter().for_each(|event| by_name.entry(&event.what).or_default().push(event));
    let spans: Vec<_> = events.iter().map(span).collect();
    let quiet = outcome.outside(&spans);
    by_name
        .into_iter()
        .map(|(what, events)| {
            let spans: Vec<_> = events.iter().map(|event| span(event)).collect();
            let during = outcome.inside(&spans);
            let mut seen: Vec<f64> =
                events.iter().filter_map(|event| Some(event.seen_s? - event.began_s)).collect();
            EventCost {
                what: what.to_owned(),
                count: events.len() as u64,
                p99_during_us: during.p99_us,
                p99_quiet_us: quiet.p99_us,
                max_during_us: during.max_us,
                failed: during.failed,
                wrong: during.wrong,
                seen_after_s: (!seen.is_empty()).then(|| median(&mut seen)),
            }
        })
        .collect()
}
