//! The upload of a half-month over a store: new certificates, corrections of served ones and rows that
//! must be refused, in many csv and dbf files, with what a load must say of them.
//!
//! `cargo run --release -p zhengcha-benches --bin half_month -- --store DIR --out DIR`

use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::json;
use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use zhengcha_benches::passes::Random;
use zhengcha_engine::testing::{Generator, LAST_YEAR};
use zhengcha_engine::{Certificate, Date, Segment, Snapshot, Store};
use zhengcha_loader::synth::csv::{CsvEncoding, CsvWriter};
use zhengcha_loader::synth::dbf::DbfWriter;
use zhengcha_loader::synth::xlsx::XlsxWriter;
use zhengcha_loader::synth::{TableLayout, TableWriter, columns, values};

/// Writes the upload files of a half-month.
#[derive(Parser)]
struct Arguments {
    /// The store whose records are corrected and contradicted.
    #[arg(long)]
    store: PathBuf,
    /// New folder for the files.
    #[arg(long)]
    out: PathBuf,
    /// Rows in all.
    #[arg(long, default_value_t = 650_000)]
    rows: u64,
    /// Files.
    #[arg(long, default_value_t = 130)]
    files: u64,
    /// Which half-month of the year; its numbers follow those of the one before.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    cycle: u32,
    /// Workbooks instead of csv and dbf by turns.
    #[arg(long)]
    xlsx: bool,
}

/// One row in so many corrects a record that is served.
const CORRECTION_EVERY: u64 = 200;
/// One row in so many gives a served number to another person.
const CONFLICT_EVERY: u64 = 2_000;
/// Sequences of the invented register end below these; each half-month takes its own ten thousand.
const FIRST_SEQUENCE: u32 = 50_000;
const CYCLE_SEQUENCES: u32 = 10_000;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let snapshot = Snapshot::open_current(&Store::new(&arguments.store), None)?
        .context("nothing was published in this store")?;
    let base = snapshot.segments().next().context("a generation without segments")?;
    std::fs::create_dir_all(&arguments.out)?;
    let mut fresh = Generator::new(u64::from(arguments.cycle) + 100)
        .years(LAST_YEAR - 1, LAST_YEAR)
        .sixteen_digits();
    let mut random = Random(u64::from(arguments.cycle));
    let mut used = HashSet::new();
    let (mut new, mut corrections, mut conflicts) = (0u64, 0u64, 0u64);
    let mut row = 0u64;
    for file in 0..arguments.files {
        let mut writer = table(&arguments, file)?;
        while row < (file + 1) * arguments.rows / arguments.files {
            row += 1;
            let certificate = if row.is_multiple_of(CONFLICT_EVERY) {
                conflicts += 1;
                let served = served(base, &mut random, &mut used)?;
                let other = fresh.next().context("no more people")?;
                Certificate { certificate_number: served.certificate_number, ..other }
            } else if row.is_multiple_of(CORRECTION_EVERY) {
                corrections += 1;
                let served = served(base, &mut random, &mut used)?;
                let score = if served.theory_score == Some(771) { 772 } else { 771 };
                Certificate { theory_score: Some(score), ..served }
            } else {
                new += 1;
                renumbered(fresh.next().context("no more people")?, arguments.cycle)?
            };
            writer.row(&values(&certificate, TableLayout::Of2013))?;
        }
        writer.finish()?;
    }
    println!(
        "{}",
        json!({ "rows": row, "new": new, "corrections": corrections, "conflicts": conflicts })
    );
    Ok(())
}

fn table(arguments: &Arguments, file: u64) -> anyhow::Result<Box<dyn TableWriter>> {
    let columns = columns(TableLayout::Of2013);
    let path = |extension: &str| -> PathBuf {
        arguments.out.join(format!("half-month-{:03}.{extension}", file + 1))
    };
    let create = |path: &Path| -> anyhow::Result<BufWriter<File>> {
        Ok(BufWriter::new(File::create_new(path)?))
    };
    Ok(if arguments.xlsx {
        Box::new(XlsxWriter::new(&path("xlsx"), columns)?)
    } else if file.is_multiple_of(2) {
        Box::new(CsvWriter::new(create(&path("csv"))?, CsvEncoding::Utf8Bom, columns)?)
    } else {
        Box::new(DbfWriter::new(create(&path("dbf"))?, columns)?)
    })
}

/// A served certificate of 16 digits that was not drawn before.
fn served(
    base: &Segment,
    random: &mut Random,
    used: &mut HashSet<u64>,
) -> anyhow::Result<Certificate> {
    loop {
        let number = random.below(base.records());
        let record = u32::try_from(number).context("more records than numbers")?;
        let certificate = base.view(record).context("a record past the end")?.to_certificate();
        if certificate.certificate_number.len() == 16 && used.insert(number) {
            return Ok(certificate);
        }
    }
}

/// Of this half-month: issued in it, with a sequence that no earlier certificate of its body has.
fn renumbered(mut certificate: Certificate, cycle: u32) -> anyhow::Result<Certificate> {
    let (head, sequence) = certificate.certificate_number.split_at(11);
    let sequence: u32 = sequence.parse()?;
    ensure!(sequence < CYCLE_SEQUENCES, "a body gives out more numbers than a half-month has");
    let sequence = FIRST_SEQUENCE + (cycle - 1) * CYCLE_SEQUENCES + sequence;
    certificate.certificate_number = format!("{head}{sequence:05}");
    certificate.issue_date = Date::new(LAST_YEAR, 11, 1 + cycle as u8);
    Ok(certificate)
}
