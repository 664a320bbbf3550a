//! Single lookups: normalised text in, compared record out, hit and miss in every mode, then all of
//! these by turns; then batched ones, mixed likewise; over deltas, both also in turns with the base alone.
//!
//! `cargo run --release -p zhengcha-benches --bin lookup -- --records 1000000`

use anyhow::Context;
use clap::Parser;
use std::path::PathBuf;
use std::time::Instant;
use zhengcha_benches::passes::{Claims, Kind, Queries, Random, median};
use zhengcha_benches::stores::open_or_publish;
use zhengcha_engine::{Memory, Mode, Opening, Snapshot, Store};

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
    /// A store that is there already, instead.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Where the bytes lie: mapped, populated, locked or huge.
    #[arg(long, default_value = "mapped", value_parser = memory)]
    memory: Memory,
}

fn memory(text: &str) -> Result<Memory, String> {
    Memory::ALL
        .into_iter()
        .find(|memory| memory.name() == text)
        .ok_or_else(|| "mapped, populated, locked or huge".to_owned())
}

/// Claims of one batched pass, and of one call.
const CLAIMS: usize = 600_000;
const BATCH: usize = 1_000;
/// Dependent reads of the yardstick.
const YARDSTICK_READS: u64 = 1_000_000;

/// Nanoseconds of one of many random reads, each of which waits for the one before it.
fn dependent_read_ns(places: u64, read: impl Fn(u64) -> u64) -> f64 {
    let mut random = Random(7);
    let (mut last, mut sum) = (0u64, 0u64);
    let start = Instant::now();
    for _ in 0..YARDSTICK_READS {
        last = read(random.below(places - 1) + last % 2);
        sum = sum.wrapping_add(last);
    }
    std::hint::black_box(sum);
    start.elapsed().as_nanos() as f64 / YARDSTICK_READS as f64
}

/// Over 1 GiB of anonymous memory: what the machine gives at this moment.
fn yardstick_ns() -> f64 {
    let words = vec![1u32; 1 << 28];
    dependent_read_ns(words.len() as u64, |at| u64::from(words[at as usize]))
}

/// Over the records of the base: what no search of two such reads can fall below twice.
fn record_ns(snapshot: &Snapshot) -> f64 {
    let Some(segment) = snapshot.segments().next().filter(|base| base.records() > 1) else {
        return f64::NAN;
    };
    let read = |at| segment.view(at as u32).map_or(0, |view| u64::from(view.digest_word()));
    // The first brings pages in.
    let _ = dependent_read_ns(segment.records(), read);
    dependent_read_ns(segment.records(), read)
}

/// The median of some figures, with the least and the most.
fn spread(figures: &mut [f64], decimals: usize) -> String {
    let median = median(figures);
    let (low, high) = (figures[0], figures[figures.len() - 1]);
    format!("{median:.decimals$} ({low:.decimals$}–{high:.decimals$})")
}

/// The spread of some passes, with the digest of the last.
fn passes(count: usize, decimals: usize, pass: impl Fn() -> (f64, u64)) -> (String, u64) {
    let (mut figures, digests): (Vec<f64>, Vec<u64>) = (0..count).map(|_| pass()).unzip();
    (spread(&mut figures, decimals), digests.last().copied().unwrap_or_default())
}

fn one_by_one(snapshot: &Snapshot, claims: &Claims, arguments: &Arguments) {
    let (ns, digest) = passes(arguments.passes, 0, || claims.one_by_one(snapshot));
    println!("mixed, half hits {ns:>29}   {digest:016x}");
}

fn batched(snapshot: &Snapshot, claims: &Claims, arguments: &Arguments) {
    println!("batched, mixed modes, half hits      M checks/s (min–max)   digest");
    for threads in [1, 2] {
        let (rate, digest) = passes(arguments.passes, 2, || claims.pass(snapshot, BATCH, threads));
        println!("{threads} thread(s) {rate:>32}   {digest:016x}");
    }
}

/// The base of a snapshot as a snapshot of its own, sharing its memory.
fn base_alone(store: &Store, snapshot: &Snapshot) -> anyhow::Result<Snapshot> {
    let mut manifest = snapshot.manifest().clone();
    manifest.segments.truncate(1);
    manifest.records = manifest.segments.iter().map(|segment| segment.records).sum();
    Ok(Snapshot::open_manifest(store, manifest, Some(snapshot), &Opening::default())?)
}

/// What deltas cost: pass after pass over all segments and over the base alone in turns, so that what
/// changes on the machine meanwhile falls on both.
fn beside_base(
    snapshot: &Snapshot,
    base: &Snapshot,
    (sets, claims): (&[[Queries; 2]], &Claims),
    arguments: &Arguments,
) {
    let deltas = snapshot.segments().count() - 1;
    let in_turns = |pass: &dyn Fn(&Snapshot) -> f64| {
        // One pass of each to bring in what it reads.
        let _ = (pass(base), pass(snapshot));
        let ratios = (0..arguments.passes).map(|_| {
            let before = pass(base);
            let over = pass(snapshot);
            2.0 * over / (before + pass(base))
        });
        spread(&mut ratios.collect::<Vec<f64>>(), 2)
    };
    println!("base and {deltas} delta(s) beside the base alone, in turns: time x (min–max)");
    for (mode, set) in Mode::ALL.into_iter().zip(sets) {
        let [hit, miss] =
            set.each_ref().map(|queries| in_turns(&|snapshot| queries.pass(snapshot).0));
        println!("{:<6} hit {hit:>18}   miss {miss:>18}", mode.name());
    }
    for threads in [1, 2] {
        let ratio = in_turns(&|snapshot| 1.0 / claims.pass(snapshot, BATCH, threads).0);
        println!("batched, {threads} thread(s) {ratio:>18}");
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let opening = Opening { memory: arguments.memory, ..Opening::default() };
    let began = Instant::now();
    let snapshot = match &arguments.store {
        Some(path) => Snapshot::open_current_with(&Store::new(path), None, &opening)?
            .context("nothing was published in this store")?,
        None => open_or_publish(&arguments.folder, arguments.records, arguments.seed, &opening)?,
    };
    println!(
        "opened in {:.2} s, {}; a dependent random read over 1 GiB takes {:.0} ns now, of a record {:.0} ns",
        began.elapsed().as_secs_f64(),
        arguments.memory.name(),
        yardstick_ns(),
        record_ns(&snapshot)
    );
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
        let [hit, miss] = figures.each_mut().map(|figures| spread(figures, 0));
        println!("{:<6} {hit:>18} {miss:>20}   {digest:016x}", mode.name());
    }
    let claims = Claims::draw(&snapshot, CLAIMS, arguments.seed);
    one_by_one(&snapshot, &claims, &arguments);
    batched(&snapshot, &claims, &arguments);
    if let Some(path) = arguments.store.as_ref().filter(|_| snapshot.segments().count() > 1) {
        let base = base_alone(&Store::new(path), &snapshot)?;
        beside_base(&snapshot, &base, (&sets, &claims), &arguments);
    }
    Ok(())
}
