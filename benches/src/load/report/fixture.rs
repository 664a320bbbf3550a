//! Invented runs for tests: the same every time, with the shapes that real ones have.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::super::run::*;

/// A run as it should be: three phases, every event, the knee, overload, a witness.
pub(super) fn run() -> Run {
    let mut run = Run {
        about: about(),
        asked: asked(),
        phases: vec![
            phase("steady", 0.0, 60, 2000, &[]),
            phase("events", 62.0, 120, 2000, &["swap", "hold", "release", "restart", "swap"]),
            phase("overload-2x", 185.0, 40, 12_400, &[]),
        ],
        ..Run::default()
    };
    run.phases[1].bulk =
        Some(Bulk { streams: 2, claims: 240_000, wrong: 0, rate: 2000.0, failure: None });
    run.phases[1].slow = Some(Slow {
        heads: 20,
        bodies: 20,
        readers: 10,
        ended: [("408".to_owned(), 61), ("closed".to_owned(), 40)].into(),
        longest_s: 12.4,
    });
    run.phases[2].failures = [(Failure::Overloaded, 210_400), (Failure::GaveUp, 16_210)].into();
    run.knee = Some(knee());
    run.overload = [(2.0, 0.94, Some(0.4)), (3.0, 0.88, Some(1.2))].map(overload).into();
    run.costs = vec![
        cost("swap", 2, 9300, 0, Some(0.62)),
        cost("hold", 1, 7100, 0, Some(0.31)),
        cost("restart", 1, 84_000, 41, Some(1.9)),
    ];
    run.witness = Some(Witness {
        tool: "wrk 4.1.0".into(),
        command: "wrk -t1 -c64 -d10s -s questions.lua 127.0.0.1:8080".into(),
        connections: 64,
        rates: vec![(7010.0, 6890.0), (6950.0, 6920.0), (7060.0, 6900.0)],
        rate_ratio: 0.983,
        tool_us: (8900, 21_000),
        kit_us: (9020, 21_600),
        counted: (210_201, 12),
        verdict: "agree within 5 %".into(),
    });
    run.constants = Some(Constants {
        query_cpu_us: 128.0,
        query_tls_cpu_us: Some(151.0),
        connect_cpu_us: Some(62.0),
        connect_tls_cpu_us: Some(910.0),
        claim_cpu_us: None,
        bytes_each: 171.0,
        utilisation_at_knee: 0.82,
        wire_bytes: 1180.0,
        anonymous_bytes: 61 << 20,
    });
    run.warnings = vec![
        "Client and server share this machine: rates are lower than they would be \
                         with the generator elsewhere."
            .into(),
    ];
    run
}

/// One in which things went wrong: wrong answers, a generator at its limit, a failed event, and hostile
/// text wherever text is taken from outside.
pub(super) fn troubled() -> Run {
    let mut run = run();
    run.about.command = "load-test --name '<script>alert(1)</script>' \"&\"".into();
    run.phases[0].name = "<img src=x>".into();
    run.phases[0].wrong = vec!["question 17: a certificate too many".into()];
    run.phases[0].total.wrong = 3;
    run.phases[0].total.right -= 3;
    run.phases[0].failures = [(Failure::Wrong, 3)].into();
    run.phases[1].generator.bottleneck = Some("its threads were busy 97 % of the time".into());
    run.phases[1].events[1].is_ok = false;
    run.phases[1].events[1].seen_s = None;
    run.phases[1].events[1].note = "the command said: <b>no</b>".into();
    run.knee = None;
    run.witness = None;
    run
}

fn about() -> About {
    About {
        version: "0.1.0".into(),
        commit: "970f44d".into(),
        began_at: "2026-11-26T07:00:00Z".into(),
        seconds: 225.0,
        command: "zhengcha-benches load-test --records 1e6".into(),
        seed: 7,
        processor: "Imaginary Processor 9000".into(),
        cores: 2,
        server_cores: 1,
        memory_bytes: 8 << 30,
        kernel: "Linux 6.12.0".into(),
        system: "Debian GNU/Linux 12".into(),
        target: "127.0.0.1:38080, brought up by the kit".into(),
        is_shared_machine: true,
        records: 1_000_000,
        store_bytes: 171_000_000,
        server: "2 worker threads, memory policy mapped".into(),
        objective_p99_us: 50_000,
        patience_us: 1_000_000,
    }
}

fn asked() -> Asked {
    let shares = |parts: &[(&str, f64)]| -> BTreeMap<String, f64> {
        parts.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect()
    };
    Asked {
        questions: 200_000,
        subjects: 81_000,
        zipf: 0.9,
        modes: shares(&[("nn", 0.4), ("ni", 0.3), ("nc", 0.1), ("ic", 0.1), ("in", 0.1)]),
        kinds: shares(&[("hit", 0.6), ("variant", 0.1), ("one-digit", 0.1), ("absent", 0.2)]),
        digest: "4f".repeat(32),
    }
}

/// A phase whose latencies are drawn; each event makes a few seconds of it slower.
pub(super) fn phase(name: &str, began_s: f64, seconds: u64, rate: u64, events: &[&str]) -> Phase {
    let mut random = ChaCha8Rng::seed_from_u64(rate + seconds);
    let law = LogNormal::new(7.0, 0.7).unwrap();
    let at =
        |place: usize| began_s + (place as f64 + 1.0) * seconds as f64 / (events.len() + 1) as f64;
    let mut all = histogram();
    let mut phase = Phase {
        name: name.into(),
        purpose: format!("Shows what {name} looks like."),
        schedule: format!("constant {rate}/s for {seconds} s"),
        connections: 64,
        fresh_share: 0.02,
        began_s,
        seconds: seconds as f64,
        ..Phase::default()
    };
    for window in 0..seconds {
        let at_s = began_s + window as f64;
        let is_busy = (0..events.len()).any(|event| (0.0..2.0).contains(&(at_s - at(event))));
        let mut some = histogram();
        let asked = rate.min(6000);
        for _ in 0..asked {
            let us = law.sample(&mut random) * if is_busy { 6.0 } else { 1.0 };
            some.record(us as u64 + 60).unwrap();
        }
        all.add(&some).unwrap();
        phase.windows.push(Window { at_s, summary: summary(&some, 1.0, rate) });
        phase.server.push(sample(at_s, window, asked, &mut random));
    }
    phase.total = summary(&all, seconds as f64, rate * seconds);
    phase.slices = phase.windows.chunks(seconds as usize / 5).map(slice).collect();
    phase.percentiles = all
        .iter_quantiles(2)
        .map(|step| Percentile { share: step.quantile_iterated_to(), us: step.value_iterated_to() })
        .collect();
    phase.histogram = all
        .iter_log(50, 1.2)
        .scan(0, |from, step| {
            let bar = Bar {
                from_us: *from,
                to_us: step.value_iterated_to() + 1,
                count: step.count_since_last_iteration(),
            };
            *from = bar.to_us;
            Some(bar)
        })
        .collect();
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&all, &mut bytes).unwrap();
    phase.hdr = STANDARD.encode(bytes);
    phase.by_mode = [("nn".into(), all.len() * 4 / 10), ("ni".into(), all.len() * 6 / 10)].into();
    phase.by_kind =
        [("hit".into(), all.len() * 6 / 10), ("absent".into(), all.len() * 4 / 10)].into();
    phase.events = events
        .iter()
        .enumerate()
        .map(|(place, what)| Event {
            what: (*what).into(),
            began_s: at(place),
            done_s: at(place) + 0.4,
            seen_s: Some(at(place) + 0.6),
            note: format!("generation {}", place + 2),
            is_ok: true,
        })
        .collect();
    phase.generator = Generator {
        threads: 1,
        cpu: 0.71,
        busiest_thread: 0.66,
        late_p50_us: 12,
        late_p99_us: 210,
        late_max_us: 4100,
        waited: 17,
        opened: 64 + rate * seconds / 50,
        connections_max: 41,
        bottleneck: None,
    };
    phase
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}

fn summary(all: &Histogram<u64>, seconds: f64, due: u64) -> Summary {
    Summary {
        seconds,
        due,
        right: all.len(),
        in_time: all.len(),
        failed: due - all.len(),
        wrong: 0,
        p50_us: all.value_at_quantile(0.5),
        p90_us: all.value_at_quantile(0.9),
        p99_us: all.value_at_quantile(0.99),
        p999_us: all.value_at_quantile(0.999),
        max_us: all.max(),
        mean_us: all.mean(),
    }
}

/// Not quite how the kit cuts, but as uneven.
fn slice(windows: &[Window]) -> Summary {
    let mut slice = windows[windows.len() / 2].summary.clone();
    slice.seconds = windows.len() as f64;
    slice.due = windows.iter().map(|window| window.summary.due).sum();
    slice.right = windows.iter().map(|window| window.summary.right).sum();
    slice
}

fn sample(at_s: f64, window: u64, asked: u64, random: &mut ChaCha8Rng) -> ServerSample {
    let cpu = LogNormal::new(-0.2, 0.05).unwrap().sample(random);
    let counts = [(500, 30), (1000, 30), (2000, 22), (5000, 15), (10_000, 2), (u64::MAX, 1)];
    ServerSample {
        at_s: at_s + 1.0,
        requests: asked * (window + 1),
        queries: asked * (window + 1),
        rejected: 0,
        durations: counts.map(|(bound, share)| (bound, asked * share / 100)).into(),
        connections: 64,
        generation: 1 + window / 40,
        cpu,
        anonymous_bytes: (60 << 20) + window * 10_000,
        resident_bytes: (232 << 20) + window * 100_000,
        major_faults: if window % 20 == 3 { 14 } else { 0 },
        threads: 12,
    }
}

fn knee() -> Knee {
    let step = |(rate, p99_us, held): (f64, u64, bool)| KneeStep {
        rate,
        held,
        summary: Summary {
            seconds: 10.0,
            due: (rate * 10.0) as u64,
            right: (rate * 10.0) as u64,
            p50_us: p99_us / 5,
            p99_us,
            p999_us: p99_us * 2,
            ..Summary::default()
        },
        reason: if held { String::new() } else { "p99 above the objective".into() },
    };
    let steps = [
        (1000.0, 3100, true),
        (2000.0, 4200, true),
        (4000.0, 9800, true),
        (8000.0, 912_000, false),
        (6000.0, 24_000, true),
        (7000.0, 131_000, false),
        (6200.0, 31_000, true),
    ];
    Knee {
        steps: steps.map(step).into(),
        rate: 6200.0,
        searches: vec![6120.0, 6200.0, 6240.0],
        spread: (6120.0, 6240.0),
        p99_us: 33_000,
        breaks_at: 7000.0,
        breaks_by: "p99".into(),
        server_cpu_us: 131.0,
        generator_cpu_us: 61.0,
    }
}

fn overload((factor, share_of_limit, recovery_s): (f64, f64, Option<f64>)) -> Overload {
    Overload {
        factor,
        limit: 6200.0,
        rate: 6200.0 * factor,
        goodput: 6200.0 * share_of_limit,
        share_of_limit,
        shed: 6200.0 * (factor - share_of_limit) * 0.9,
        gave_up: 6200.0 * (factor - share_of_limit) * 0.1,
        p99_us: 212_000,
        recovery_s,
    }
}

fn cost(what: &str, count: u64, p99_during_us: u64, failed: u64, after: Option<f64>) -> EventCost {
    EventCost {
        what: what.into(),
        count,
        p99_during_us,
        p99_quiet_us: 5600,
        max_during_us: p99_during_us * 3,
        failed,
        wrong: 0,
        seen_after_s: after,
    }
}
