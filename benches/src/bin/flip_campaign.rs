//! Flips random bits and cuts files of a published store: everything must be refused, by what the
//! server opens and by fsck.
//!
//! `cargo run --release -p zhengcha-benches --bin flip_campaign -- --flips 10000`

use anyhow::{Context, ensure};
use clap::Parser;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use zhengcha_benches::passes::Random;
use zhengcha_benches::programs;
use zhengcha_engine::{Snapshot, Store};
use zhengcha_loader::progress::Silent;
use zhengcha_loader::synth::{SynthFormat, TableLayout, Wanted, synth};
use zhengcha_loader::{fsck, testing::temporary_folder};

/// Cuts are made at multiples of this.
const CUT_STEP_BYTES: usize = 4096;
/// Progress is told every so many flips.
const TOLD_FLIPS: u64 = 1000;

/// Damages segment, manifest and CURRENT.
#[derive(Parser)]
struct Arguments {
    /// Random bits to flip, one at a time, spread over the three files.
    #[arg(long, default_value_t = 10_000)]
    flips: u64,
    /// Certificates in the store.
    #[arg(long, default_value_t = 2_000)]
    records: u64,
    /// Seed of certificates and bits.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The loader; by default the one beside this program.
    #[arg(long)]
    loader: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let loader = programs::beside(arguments.loader, "zhengcha-loader")?;
    let folder = temporary_folder()?;
    let store = loaded_store(&loader, folder.path(), arguments.records, arguments.seed)?;
    let snapshot = Snapshot::open_current(&store, None)?.context("nothing was published")?;
    let segment = snapshot.segments().next().context("no segment")?.path().to_owned();
    let files = [segment, store.manifest_path(snapshot.generation()), store.current_path()];
    drop(snapshot);

    let mut random = Random(arguments.seed);
    for flip in 0..arguments.flips {
        let path = &files[(flip % 3) as usize];
        let mut bytes = fs::read(path)?;
        let bit = random.below(bytes.len() as u64 * 8) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&store, path, &bytes, &format!("bit {bit} flipped"))?;
        if (flip + 1).is_multiple_of(TOLD_FLIPS) {
            eprintln!("{} flips refused", flip + 1);
        }
    }
    let mut cuts = 0u64;
    for path in &files {
        let bytes = fs::read(path)?;
        for end in (0..bytes.len()).step_by(CUT_STEP_BYTES) {
            refused(&store, path, &bytes[..end], &format!("cut at {end}"))?;
            cuts += 1;
        }
    }
    ensure!(Snapshot::open_current(&store, None)?.is_some(), "the mended store does not open");
    ensure!(fsck::check(&store)?.damaged.is_empty(), "the mended store does not pass fsck");
    println!(
        "{} flips and {cuts} cuts, each refused by opening and named by fsck",
        arguments.flips
    );
    Ok(())
}

/// A store as a load leaves it.
fn loaded_store(loader: &Path, folder: &Path, records: u64, seed: u64) -> anyhow::Result<Store> {
    let uploads = folder.join("uploads");
    let wanted = Wanted::new(records, seed);
    let made = synth(&wanted, &uploads, SynthFormat::Csv, TableLayout::Of2013, &Silent)?;
    let store = Store::new(folder.join("store"));
    let status = Command::new(loader)
        .args(["load", "--org", "all", "--store"])
        .arg(store.root())
        .args(&made.files)
        .output()?
        .status;
    ensure!(status.success(), "the load failed: {status}");
    Ok(store)
}

/// Puts other bytes in the place of a file, asks both, and puts the file back. A new file each time:
/// what may still be mapped is never written.
fn refused(store: &Store, path: &Path, damaged: &[u8], what: &str) -> anyhow::Result<()> {
    let kept = path.with_extension("kept");
    fs::rename(path, &kept)?;
    fs::write(path, damaged)?;
    let opened = Snapshot::open_current(store, None);
    let found = fsck::check(store);
    fs::rename(&kept, path)?;
    let place = path.display();
    ensure!(opened.is_err(), "{place}: {what}, and it opens");
    ensure!(
        found?.damaged.iter().any(|(named, _)| named == path),
        "{place}: {what}, and fsck does not name it"
    );
    Ok(())
}
