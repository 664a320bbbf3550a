//! Writes the register of a store as csv, for the peers of the bulk bench: what a judgement of claims
//! in normal form needs, every dictionary entry as text.
//!
//! What depends on a record alone is worked out here, so that no peer is slowed by our rules: `bar` is
//! the reason why a certificate gives no deduction even for its own year. `same_occupation.csv` lists
//! the names that differ and still say the same qualification, over the catalogue and the register.
//!
//! `cargo run --release -p zhengcha-benches --bin bulk_export -- --store DIR --out DIR`

use anyhow::Context;
use clap::Parser;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use zhengcha_engine::testing::PlainCatalogue;
use zhengcha_engine::{Date, Holds, Snapshot, Store, View};

/// Exports a register for the bulk bench.
#[derive(Parser)]
struct Arguments {
    /// The store.
    #[arg(long)]
    store: PathBuf,
    /// Folder for `register.csv` and `same_occupation.csv`.
    #[arg(long)]
    out: PathBuf,
}

/// No deduction is for an earlier year, so what would bar one does not matter before it.
const FIRST_TAX_YEAR: u16 = 2019;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let store = Store::new(&arguments.store);
    let snapshot = Snapshot::open_current(&store, None)?.context("the store holds nothing live")?;
    let holds = Holds::read(&store)?;
    let catalogue = PlainCatalogue::embedded();
    fs::create_dir_all(&arguments.out)?;
    let mut out = create(&arguments.out.join("register.csv"))?;
    writeln!(out, "id,cert,name,issued,occ,issuer,institution,bar,held")?;
    let mut occupations = BTreeSet::new();
    let mut bars = Bars { catalogue: &catalogue, known: HashMap::new() };
    for (position, segment) in (0..).zip(snapshot.segments()) {
        let shadowed = snapshot.shadowed(position);
        for (number, view) in (0u32..).zip(segment.views()) {
            if shadowed.binary_search(&number).is_ok() {
                continue;
            }
            if !occupations.contains(view.occupation_name()) {
                occupations.insert(view.occupation_name().to_owned());
            }
            let held = holds.contains(view.certificate_number().as_str());
            write_record(&mut out, &view, bars.bar(&view), held)?;
        }
    }
    out.flush()?;
    let mut pairs = create(&arguments.out.join("same_occupation.csv"))?;
    writeln!(pairs, "claimed,occ")?;
    let names: BTreeSet<&str> =
        catalogue.names().into_iter().chain(occupations.iter().map(String::as_str)).collect();
    for claimed in &names {
        for occupation in &occupations {
            if claimed != occupation && catalogue.same_qualification(claimed, occupation) {
                writeln!(pairs, "{},{}", cell(claimed), cell(occupation))?;
            }
        }
    }
    pairs.flush()?;
    println!("{} records", snapshot.records());
    Ok(())
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn write_record(
    out: &mut impl Write,
    view: &View<'_>,
    bar: &str,
    held: bool,
) -> anyhow::Result<()> {
    let issued = view.issue_date().map(|date| date.to_string()).unwrap_or_default();
    let (id, number, name) = (view.id_number(), view.certificate_number(), view.name_key());
    writeln!(
        out,
        "{},{},{},{issued},{},{},{},{bar},{}",
        cell(id.as_str()),
        cell(number.as_str()),
        cell(name.as_str()),
        cell(view.occupation_name()),
        cell(view.issuer()),
        cell(view.institution()),
        u8::from(held),
    )?;
    Ok(())
}

fn cell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// What bars certificates from a deduction, each occupation and day looked up once.
struct Bars<'c> {
    catalogue: &'c PlainCatalogue,
    known: HashMap<(String, Date), bool>,
}

impl Bars<'_> {
    fn bar(&mut self, view: &View<'_>) -> &'static str {
        let Some(date) = view.issue_date().filter(|date| date.year() >= FIRST_TAX_YEAR) else {
            return "";
        };
        if view.grade() == Some(1) {
            return "not-qualified";
        }
        let name = view.occupation_name();
        let listed = *self
            .known
            .entry((name.to_owned(), date))
            .or_insert_with(|| self.catalogue.lists(name, date));
        if listed { "" } else { "not-in-catalogue" }
    }
}
