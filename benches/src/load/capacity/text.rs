//! A plan in words.

use std::fmt::Write as _;

use super::machine::Machine;
use super::plan::{Limit, Need, Plan, plan};
use crate::load::run::Constants;
use crate::thousands::grouped;
use zhengcha_engine::format::SEGMENT_RECORDS_MAX;

const GIB: f64 = (1u64 << 30) as f64;
/// Certificates of the nation, as an order of magnitude, and its highest assumed rate.
const NATION_RECORDS: f64 = 2e8;
const NATION_RATE: f64 = 10_000.0;

/// Plans for several kinds of machine, as a table for a terminal, and what it rests on.
#[must_use]
pub fn table(constants: &Constants, need: &Need, machines: &[Machine]) -> String {
    let mut text = String::new();
    let data = need.records * constants.bytes_each;
    let _ = writeln!(
        text,
        "{} certificates: {} of data. Peak {} queries/s, {:.0} % over TLS, {:.0} % with a fresh \
         connection, {} claims/s.\nOne query takes {:.1} µs of a core ({:.1} over TLS), {:.0} bytes on \
         the wire.\n",
        whole(need.records),
        bytes(data),
        whole(need.rate),
        100.0 * need.tls_share,
        100.0 * need.fresh_share,
        whole(need.claims),
        constants.query_cpu_us,
        constants.query_tls_cpu_us.unwrap_or(constants.query_cpu_us),
        constants.wire_bytes
    );
    let head = [
        "machine",
        "cores",
        "memory",
        "network",
        "disk",
        "in memory",
        "each/s",
        "limit",
        "machines",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for machine in machines {
        let plan = plan(constants, need, machine);
        rows.push([
            machine.name.clone(),
            whole(machine.cores),
            format!("{} GiB", whole(machine.memory_gib)),
            format!("{} Gbit", whole(machine.network_gbit)),
            bytes(machine.disk_gb * 1e9),
            format!("{:.0} %", 100.0 * plan.in_memory),
            if plan.rate_each > 0.0 { whole(plan.rate_each) } else { "-".to_owned() },
            plan.limit.name().to_owned(),
            plan.machines.map_or("none fits".to_owned(), |machines| machines.to_string()),
        ]);
    }
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in &rows {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}", width = *width))
            .collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    let _ = write!(
        text,
        "\n{}",
        notes(&plan(constants, need, machines.first().unwrap_or(&Machine::sizes()[0])), need)
    );
    text
}

fn notes(plan: &Plan, need: &Need) -> String {
    let mut text = format!(
        "Machines include {} spare. Each serves the whole register and needs {} of disk; a new one has \
         the register after {} at the speed of a {} Gbit network.\n",
        need.spare,
        bytes(plan.disk_bytes),
        duration(plan.first_copy_s),
        whole(plan.machine.network_gbit)
    );
    if plan.segments > 1.0 {
        let _ = writeln!(
            text,
            "The register takes {} segments of at most {} certificates; every query looks into each of \
             them.",
            whole(plan.segments),
            grouped(SEGMENT_RECORDS_MAX)
        );
    }
    text.push_str(
        "Where less than all is in memory, queries wait for the disk: see benches/docs/CAPACITY.md for \
         what that does to p99, and give the server more threads (--workers).\n",
    );
    text
}

/// What the nation needs, as rows for a report: the smallest size of machine that holds it.
#[must_use]
pub fn nation(constants: &Constants) -> Vec<(String, String)> {
    let need = Need {
        records: NATION_RECORDS,
        rate: NATION_RATE,
        tls_share: 1.0,
        fresh_share: 0.1,
        claims: 0.0,
        spare: 1,
    };
    let fits = |machine: &Machine| {
        let plan = plan(constants, &need, machine);
        plan.limit != Limit::Disk && plan.in_memory >= 1.0
    };
    let machines = Machine::sizes();
    let machine = machines.iter().find(|machine| fits(machine)).unwrap_or(&machines[3]);
    let plan = plan(constants, &need, machine);
    let row = |name: &str, value: String| (name.to_owned(), value);
    vec![
        row(
            "The nation",
            format!(
                "{} certificates, {} queries/s at the peak, all over TLS, one in ten with a fresh \
                 connection",
                whole(need.records),
                whole(need.rate)
            ),
        ),
        row(
            "Machine",
            format!(
                "{} cores, {} GiB of memory, {} Gbit/s, {} of disk in use",
                whole(machine.cores),
                whole(machine.memory_gib),
                whole(machine.network_gbit),
                bytes(plan.disk_bytes)
            ),
        ),
        row(
            "Memory for the register",
            format!("{:.1} GiB, all of it in the page cache", plan.data_bytes / GIB),
        ),
        row(
            "Each carries",
            format!("{} queries/s; {} are the limit", whole(plan.rate_each), plan.limit.name()),
        ),
        row(
            "How many",
            plan.machines.map_or("no number of them will do".to_owned(), |machines| {
                format!("{machines}, one of them spare, behind any balancer")
            }),
        ),
    ]
}

/// With separators of thousands.
fn whole(value: f64) -> String {
    grouped(value.round_ties_even() as u64)
}

fn bytes(bytes: f64) -> String {
    match bytes {
        _ if bytes >= 1e12 => format!("{:.1} TB", bytes / 1e12),
        _ if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        _ => format!("{:.1} MB", bytes / 1e6),
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 3600.0 => format!("{:.1} h", seconds / 3600.0),
        _ if seconds >= 60.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{seconds:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::capacity::measured;

    #[test]
    fn a_plan_names_the_limit_and_the_machines() {
        let need = Need {
            records: 1e10,
            rate: 1e6,
            tls_share: 0.0,
            fresh_share: 0.0,
            claims: 0.0,
            spare: 1,
        };
        let text = table(&measured().unwrap(), &need, &Machine::sizes());
        for expected in ["10,000,000,000", "1,000,000 queries/s", "none fits", "segments", "huge"] {
            assert!(text.contains(expected), "{expected} is missing: {text}");
        }
        let nation = nation(&measured().unwrap());
        assert!(nation.iter().any(|(_, value)| value.contains("200,000,000")), "{nation:?}");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0.0, 999.0, 1000.0, 1e7].map(whole), ["0", "999", "1,000", "10,000,000"]);
        assert_eq!(bytes(9.5e11), "950.0 GB");
        assert_eq!([5.0, 600.0, 7200.0].map(duration), ["5 s", "10 min", "2.0 h"]);
    }
}
