//! What the capacity calculator needs, from the phases of a run.

use crate::load::run::{Constants, Phase, Run, ServerSample};

use super::names;

/// Ethernet, IP and TCP around each of the two packets of a question, and around an acknowledgement.
const FRAME_BYTES: f64 = 3.0 * 90.0;

/// The constants that the phases of this run show; `None` without a sampled server or a knee.
pub(super) fn of(run: &Run, bytes_of_knee: u64) -> Option<Constants> {
    let by_name = |name: &str| run.phases.iter().find(|phase| phase.name == name);
    let knee = by_name(names::KNEE)?;
    let query_cpu_us = query_cpu_us(knee)?;
    let at_rest = by_name(names::STEADY).and_then(self::query_cpu_us);
    // Against the same rate with kept connections and no TLS.
    let more = |name: &str| Some((self::query_cpu_us(by_name(name)?)? - at_rest?).max(0.0));
    let per_connection = |name: &str, base: f64| {
        let phase = by_name(name)?;
        (phase.fresh_share > 0.0).then_some(())?;
        Some(((self::query_cpu_us(phase)? - base) / phase.fresh_share).max(0.0))
    };
    let tls = by_name(names::TLS).and_then(self::query_cpu_us);
    let claim_cpu_us = by_name(names::BULK).and_then(|phase| {
        let beside = at_rest? * phase.total.right as f64;
        let claims = phase.bulk.as_ref()?.claims;
        (claims > 0).then(|| (busy_us(phase) - beside).max(0.0) / claims as f64)
    });
    let cores = run.about.server_cores.max(1) as f64;
    Some(Constants {
        query_cpu_us,
        query_tls_cpu_us: more(names::TLS).map(|more| query_cpu_us + more),
        connect_cpu_us: at_rest.and_then(|base| per_connection(names::FRESH, base)),
        connect_tls_cpu_us: tls.and_then(|base| per_connection(names::TLS_FRESH, base)),
        claim_cpu_us,
        bytes_each: run.about.store_bytes as f64 / run.about.records.max(1) as f64,
        utilisation_at_knee: busy_us(knee) / 1e6 / knee.seconds.max(1e-9) / cores,
        wire_bytes: bytes_of_knee as f64 / knee.total.right.max(1) as f64 + FRAME_BYTES,
        anonymous_bytes: knee.server.last().map_or(0, |sample| sample.anonymous_bytes),
    })
}

/// Core-microseconds of the server for each right answer of a phase.
pub(super) fn query_cpu_us(phase: &Phase) -> Option<f64> {
    let busy = busy_us(phase);
    (phase.total.right > 0 && busy > 0.0).then(|| busy / phase.total.right as f64)
}

/// Core-microseconds that the server used in a phase: its samples tell cores in use, each since the one
/// before.
fn busy_us(phase: &Phase) -> f64 {
    let used = |pair: &[ServerSample]| pair[1].cpu * (pair[1].at_s - pair[0].at_s);
    let sampled: f64 = phase.server.windows(2).map(|pair| pair[1].at_s - pair[0].at_s).sum();
    let busy: f64 = phase.server.windows(2).map(used).sum();
    if sampled > 0.0 { 1e6 * busy / sampled * phase.seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::{About, Bulk, Summary};

    fn phase(name: &str, right: u64, cpu: f64, fresh_share: f64) -> Phase {
        let sample =
            |at_s| ServerSample { at_s, cpu, anonymous_bytes: 7, ..ServerSample::default() };
        Phase {
            name: name.to_owned(),
            seconds: 10.0,
            fresh_share,
            total: Summary { right, ..Summary::default() },
            server: [0.0, 4.0, 8.0].map(sample).into(),
            ..Phase::default()
        }
    }

    #[test]
    fn what_differs_between_phases_is_what_it_costs() {
        let mut bulk = phase(names::BULK, 100_000, 0.7, 0.0);
        bulk.bulk = Some(Bulk { claims: 500_000, ..Bulk::default() });
        let run = Run {
            about: About {
                cores: 4,
                server_cores: 2,
                records: 100,
                store_bytes: 9000,
                ..About::default()
            },
            phases: vec![
                phase(names::KNEE, 1_000_000, 1.0, 0.0),
                phase(names::STEADY, 100_000, 0.2, 0.0),
                phase(names::FRESH, 100_000, 0.3, 0.5),
                phase(names::TLS, 100_000, 0.25, 0.0),
                phase(names::TLS_FRESH, 100_000, 1.25, 0.1),
                bulk,
            ],
            ..Run::default()
        };
        let constants = of(&run, 700_000_000).unwrap();
        let is = |value: f64, expected: f64| (value - expected).abs() < 1e-6;
        assert!(is(constants.query_cpu_us, 10.0), "{constants:?}");
        assert!(is(constants.query_tls_cpu_us.unwrap(), 15.0), "{constants:?}");
        assert!(is(constants.connect_cpu_us.unwrap(), 20.0), "{constants:?}");
        assert!(is(constants.connect_tls_cpu_us.unwrap(), 1000.0), "{constants:?}");
        assert!(is(constants.claim_cpu_us.unwrap(), 10.0), "{constants:?}");
        assert!(is(constants.utilisation_at_knee, 0.5) && is(constants.bytes_each, 90.0));
        assert!(is(constants.wire_bytes, 970.0) && constants.anonymous_bytes == 7);
        let bare = Run { phases: vec![phase(names::KNEE, 1_000_000, 1.0, 0.0)], ..run };
        let constants = of(&bare, 1).unwrap();
        assert_eq!((constants.connect_cpu_us, constants.query_tls_cpu_us), (None, None));
        assert!(of(&Run::default(), 1).is_none());
    }
}
