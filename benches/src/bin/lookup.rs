//! Single lookups: normalised text in, compared record out, hit and miss in every mode.
//!
//! `cargo run --release -p zhengcha-benches --bin lookup -- --records 1000000`

use clap::Parser;
use std::path::PathBuf;
use zhengcha_benches::passes::{Kind, Queries, median};
use zhengcha_benches::stores::open_or_publish;
use zhengcha_engine::Mode;

/// Measures lookups on a store of invented certificates.
#[derive(Parser)]
struct Arguments {
    /// Certificates in the store.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Random independent calls of a pass.
    #[arg(long, default_value_t = 200_000)]
    calls: usize,
    /// Passes; the median is shown.
    #[arg(long, default_value_t = 9)]
    passes: usize,
    /// Seed of certificates and queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where stores are kept.
    #[arg(long, default_value = "scratch")]
    folder: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let snapshot = open_or_publish(&arguments.folder, arguments.records, arguments.seed)?;
    let bytes: u64 = snapshot.manifest().segments.iter().map(|segment| segment.bytes).sum();
    println!(
        "{} records, {:.1} bytes a certificate, {} calls, median of {} passes (spread)",
        snapshot.records(),
        bytes as f64 / snapshot.records() as f64,
        arguments.calls,
        arguments.passes
    );
    println!("mode      hit ns (min–max)      miss ns (min–max)   digest");
    let sets: Vec<[Queries; 2]> = Mode::ALL
        .into_iter()
        .map(|mode| {
            [Kind::Hit, Kind::Miss]
                .map(|kind| Queries::draw(&snapshot, mode, kind, arguments.calls, arguments.seed))
        })
        .collect();
    // Modes and kinds interleaved, so that noise falls on all alike.
    let mut figures = vec![[Vec::new(), Vec::new()]; sets.len()];
    let mut digests = vec![0u64; sets.len()];
    for _ in 0..arguments.passes {
        for ((set, figures), digest) in sets.iter().zip(&mut figures).zip(&mut digests) {
            for (queries, figures) in set.iter().zip(figures) {
                let (ns, answers) = queries.pass(&snapshot);
                figures.push(ns);
                *digest ^= answers;
            }
        }
    }
    for ((mode, figures), digest) in Mode::ALL.into_iter().zip(&mut figures).zip(digests) {
        let [hit, miss] = figures.each_mut().map(|figures| {
            let median = median(figures);
            let (low, high) = (figures[0], figures[figures.len() - 1]);
            format!("{median:>6.0} ({low:.0}–{high:.0})")
        });
        println!("{:<6} {hit:>18} {miss:>20}   {digest:016x}", mode.name());
    }
    Ok(())
}
