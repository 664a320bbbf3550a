//! The reckoning.

use super::machine::Machine;
use crate::load::run::Constants;
use zhengcha_engine::format::SEGMENT_RECORDS_MAX;

/// Share of its cores that a server is to have in use at the peak, at most: the rest is for swaps, for a
/// machine that fails, and for what is not foreseen.
const UTILISATION: f64 = 0.6;
/// Share of the network's speed that is to be in use.
const NETWORK_SHARE: f64 = 0.7;
/// Share of the disk's random reads that is to be in use.
const READS_SHARE: f64 = 0.5;
/// Memory for the system itself, GiB.
const SYSTEM_GIB: f64 = 1.5;
/// By which share memory grows while a swap is under way.
const SWAP_SHARE: f64 = 0.02;
/// Disk of a replica, as a multiple of the served register: a new base beside the old one.
const DISK_FACTOR: f64 = 2.05;
/// Random reads of a question that finds nothing in memory: directory, index block, record, dictionary.
const READS_EACH: f64 = 4.0;
/// How much more a question costs for each segment beyond the first.
const SEGMENT_COST: f64 = 0.075;
const GIB: f64 = (1u64 << 30) as f64;

/// What is to be carried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Certificates.
    pub records: f64,
    /// Questions a second at the peak.
    pub rate: f64,
    /// Share of them over TLS.
    pub tls_share: f64,
    /// Share of them that come with a connection of their own.
    pub fresh_share: f64,
    /// Claims a second of bulk verification at the peak.
    pub claims: f64,
    /// Machines that may fail at the peak.
    pub spare: u64,
}

/// What one machine cannot do more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Processor time.
    Cores,
    /// The network.
    Network,
    /// Random reads of its disk: the register does not fit into memory.
    Reads,
    /// The register does not fit on its disk: it carries nothing.
    Disk,
}

impl Limit {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cores => "cores",
            Self::Network => "network",
            Self::Reads => "disk reads",
            Self::Disk => "disk space",
        }
    }
}

/// Machines of one kind for a need.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The kind.
    pub machine: Machine,
    /// Questions a second that one of them carries.
    pub rate_each: f64,
    /// What bites first.
    pub limit: Limit,
    /// How many it takes, spare ones included; `None` when no number of them will do.
    pub machines: Option<u64>,
    /// The register, bytes.
    pub data_bytes: f64,
    /// Share of it that is in memory.
    pub in_memory: f64,
    /// Disk of each, bytes.
    pub disk_bytes: f64,
    /// Segments that a question looks into, deltas apart.
    pub segments: f64,
    /// Seconds until a new machine has the register, at the speed of the network.
    pub first_copy_s: f64,
}

/// Reckons for one kind of machine.
#[must_use]
pub fn plan(constants: &Constants, need: &Need, machine: &Machine) -> Plan {
    let data_bytes = need.records * constants.bytes_each;
    let disk_bytes = data_bytes * DISK_FACTOR;
    let segments = (need.records / SEGMENT_RECORDS_MAX as f64).ceil().max(1.0);
    let room = (machine.memory_gib - SYSTEM_GIB) * GIB - constants.anonymous_bytes as f64;
    let wanted = data_bytes * (1.0 + SWAP_SHARE);
    let in_memory = if wanted > 0.0 { (room / wanted).clamp(0.0, 1.0) } else { 1.0 };

    let cpu_us = cpu_us(constants, need) * (1.0 + SEGMENT_COST * (segments - 1.0));
    let utilisation = UTILISATION.min(positive(constants.utilisation_at_knee, UTILISATION));
    // Claims come with the questions, in the same proportion to each machine.
    let claims_each = if need.rate > 0.0 { need.claims / need.rate } else { 0.0 };
    let with_claims = cpu_us + claims_each * constants.claim_cpu_us.unwrap_or(0.0);
    let by_cores = machine.cores * utilisation * 1e6 / positive(with_claims, 1.0);
    let by_network =
        machine.network_gbit * 1e9 / 8.0 * NETWORK_SHARE / positive(constants.wire_bytes, 1.0);
    let reads = READS_EACH * segments * (1.0 - in_memory);
    let by_reads = if reads > 0.0 { machine.reads * READS_SHARE / reads } else { f64::INFINITY };

    let all = [(by_cores, Limit::Cores), (by_network, Limit::Network), (by_reads, Limit::Reads)];
    let (rate_each, limit) = if disk_bytes > machine.disk_gb * 1e9 {
        (0.0, Limit::Disk)
    } else {
        all.into_iter().fold(all[0], |least, one| if one.0 < least.0 { one } else { least })
    };
    Plan {
        machine: machine.clone(),
        rate_each,
        limit,
        machines: (rate_each > 0.0)
            .then(|| ((need.rate / rate_each).ceil() as u64).max(1).saturating_add(need.spare)),
        data_bytes,
        in_memory,
        disk_bytes,
        segments,
        first_copy_s: data_bytes / (machine.network_gbit * 1e9 / 8.0 * NETWORK_SHARE),
    }
}

/// Core-microseconds of the server for one question of the mix.
fn cpu_us(constants: &Constants, need: &Need) -> f64 {
    let plain = constants.query_cpu_us;
    let tls = constants.query_tls_cpu_us.unwrap_or(plain);
    let connect = constants.connect_cpu_us.unwrap_or(0.0);
    let connect_tls = constants.connect_tls_cpu_us.unwrap_or(connect);
    let of = |query: f64, connect: f64| query + need.fresh_share * connect;
    (1.0 - need.tls_share) * of(plain, connect) + need.tls_share * of(tls, connect_tls)
}

fn positive(value: f64, otherwise: f64) -> f64 {
    if value > 0.0 { value } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn constants() -> Constants {
        Constants {
            query_cpu_us: 10.0,
            query_tls_cpu_us: Some(12.0),
            connect_cpu_us: Some(40.0),
            connect_tls_cpu_us: Some(400.0),
            claim_cpu_us: Some(1.0),
            bytes_each: 95.0,
            utilisation_at_knee: 0.8,
            wire_bytes: 1000.0,
            anonymous_bytes: 8 << 20,
        }
    }

    fn need(records: f64, rate: f64) -> Need {
        Need { records, rate, tls_share: 0.0, fresh_share: 0.0, claims: 0.0, spare: 1 }
    }

    fn on(size: usize, records: f64, rate: f64) -> Plan {
        plan(&constants(), &need(records, rate), &Machine::sizes()[size])
    }

    #[test]
    fn each_limit_bites_where_it_should() {
        // 2 cores at 60 % and 10 µs each.
        let nation = on(0, 2e8, 1e4);
        assert!((nation.rate_each - 120_000.0).abs() > 1.0, "the network of 1 Gbit/s is less");
        assert_eq!((nation.limit, nation.machines), (Limit::Network, Some(2)));
        assert!((nation.in_memory - 1.0).abs() < 1e-9);
        assert_eq!(on(1, 2e8, 1e6).limit, Limit::Network);
        let mut slow = constants();
        slow.query_cpu_us = 100.0;
        let by_cores = plan(&slow, &need(2e8, 1e6), &Machine::sizes()[1]);
        assert_eq!((by_cores.limit, by_cores.machines), (Limit::Cores, Some(12)));
        assert_eq!((on(0, 1e9, 1.0).limit, on(0, 1e9, 1.0).machines), (Limit::Disk, None));
        let beyond = on(2, 1e10, 1e6);
        assert_eq!(beyond.limit, Limit::Reads);
        assert!(beyond.in_memory > 0.5 && beyond.in_memory < 0.6, "{beyond:?}");
        assert!((on(3, 1e10, 1.0).in_memory - 1.0).abs() < 1e-9);
        assert!((on(3, 1e10, 1.0).segments - 5.0).abs() < 1e-9);
    }

    #[test]
    fn tls_fresh_connections_and_claims_cost_what_they_cost() {
        let mut asked = need(1e6, 1000.0);
        asked.tls_share = 0.5;
        asked.fresh_share = 0.1;
        assert!((cpu_us(&constants(), &asked) - (0.5 * 14.0 + 0.5 * 52.0)).abs() < 1e-9);
        let machine = Machine { network_gbit: 100.0, ..Machine::sizes()[0].clone() };
        let without = plan(&constants(), &need(1e6, 1000.0), &machine).rate_each;
        let claims = Need { claims: 10_000.0, ..need(1e6, 1000.0) };
        let with = plan(&constants(), &claims, &machine).rate_each;
        assert!((without / with - 2.0).abs() < 1e-9, "ten claims of 1 µs to a question of 10");
    }

    proptest! {
        #[test]
        fn more_is_never_less(records in 0.0..1e10, rate in 0.0..1e6, more in 1.0..10.0) {
            for machine in Machine::sizes() {
                let of = |records, rate| plan(&constants(), &need(records, rate), &machine);
                let (plan, faster) = (of(records, rate), of(records, rate * more));
                prop_assert!(faster.machines >= plan.machines);
                let larger = of(records * more, rate);
                prop_assert!(larger.rate_each <= plan.rate_each * (1.0 + 1e-9));
                prop_assert!(larger.data_bytes >= plan.data_bytes);
                prop_assert!(larger.in_memory <= plan.in_memory + 1e-9);
                if let Some(machines) = plan.machines {
                    prop_assert!(machines >= 2 && (machines - 1) as f64 * plan.rate_each >= rate * (1.0 - 1e-9));
                }
            }
        }
    }
}
