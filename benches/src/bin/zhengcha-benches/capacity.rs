//! `capacity`: machines for so many certificates and queries.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use zhengcha_benches::load::capacity::{self, Machine, Need};
use zhengcha_benches::load::report;

use crate::number;

/// Reckons machines.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Certificates, up to 1e10
    #[arg(long, default_value = "2e8", value_parser = number::count, value_name = "N")]
    records: u64,
    /// Queries a second at the peak, up to 1e6
    #[arg(long, default_value = "1e4", value_parser = number::count, value_name = "N")]
    rate: u64,
    /// Share of the queries over TLS
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    tls_share: f64,
    /// Share of the queries with a connection of their own
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    fresh_share: f64,
    /// Claims a second of bulk verification
    #[arg(long, default_value = "0", value_parser = number::count, value_name = "N")]
    claims: u64,
    /// Machines that may fail at the peak
    #[arg(long, default_value_t = 1, value_name = "N")]
    spare: u64,
    /// Take the constants of this run (its run.json), such as one of your own machine
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// In place of the four sizes: cores of a machine
    #[arg(long, value_name = "N", requires = "memory_gib")]
    cores: Option<f64>,
    /// Its memory
    #[arg(long, value_name = "N", requires = "cores")]
    memory_gib: Option<f64>,
    /// Its network, each way
    #[arg(long, default_value_t = 10.0, value_name = "N", requires = "cores")]
    network_gbit: f64,
    /// Its disk
    #[arg(long, default_value_t = 1000.0, value_name = "N", requires = "cores")]
    disk_gb: f64,
    /// Random reads of 4 KiB a second that its disk carries
    #[arg(long, default_value_t = 100_000.0, value_name = "N", requires = "cores")]
    reads: f64,
}

/// Prints the plan.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for (name, share) in
        [("--tls-share", arguments.tls_share), ("--fresh-share", arguments.fresh_share)]
    {
        ensure!((0.0..=1.0).contains(&share), "{name} is 0 to 1, not {share}");
    }
    let constants = match &arguments.run {
        None => capacity::measured()?,
        Some(path) => report::read(path)?.constants.with_context(|| {
            format!(
                "{}: this run has no constants; they come from a run of the standard plan against a \
                 server that the kit brought up",
                path.display()
            )
        })?,
    };
    let machines = match (arguments.cores, arguments.memory_gib) {
        (Some(cores), Some(memory_gib)) => {
            let machine = Machine {
                name: "yours".to_owned(),
                cores,
                memory_gib,
                network_gbit: arguments.network_gbit,
                disk_gb: arguments.disk_gb,
                reads: arguments.reads,
            };
            let sizes = [cores, memory_gib, machine.network_gbit, machine.disk_gb, machine.reads];
            ensure!(
                sizes.iter().all(|size| *size > 0.0),
                "a machine has more than nothing of each"
            );
            vec![machine]
        }
        _ => Machine::sizes().to_vec(),
    };
    let need = Need {
        records: arguments.records as f64,
        rate: arguments.rate as f64,
        tls_share: arguments.tls_share,
        fresh_share: arguments.fresh_share,
        claims: arguments.claims as f64,
        spare: arguments.spare,
    };
    print!("{}", capacity::table(&constants, &need, &machines));
    Ok(())
}
