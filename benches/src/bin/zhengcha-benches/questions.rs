//! Questions as files, for other machines and other tools, and the comparison of two runs.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use zhengcha_benches::load::questions::{Drawer, Mix, QuestionSet, Wanted};
use zhengcha_benches::load::{exports, report};

use crate::number;

/// Draws questions about an invented register.
#[derive(Debug, Args)]
pub(crate) struct Draw {
    /// Certificates of the register, as in `zhengcha-loader synth --records N --format batch`
    #[arg(long, value_parser = number::count, value_name = "N")]
    records: u64,
    /// Its seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// People asked for
    #[arg(long, default_value_t = 20_000)]
    subjects: usize,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Draws them, and says which they are.
pub(crate) fn draw(arguments: &Draw) -> anyhow::Result<()> {
    let wanted = Wanted::new(arguments.records, arguments.seed, arguments.subjects);
    let set = QuestionSet::draw(&wanted)?;
    set.write(&arguments.out)?;
    println!("{} questions, SHA-256 {}", set.questions.len(), set.digest);
    Ok(())
}

/// Writes questions for other tools.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Questions, as the command `questions` writes them
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// The server that they are for
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Questions in the order of the draw; popular ones come more often
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    count: usize,
    /// Seed of the order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Questions a second, for the tools that keep a rate
    #[arg(long, default_value_t = 1000, value_name = "N")]
    rate: u64,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes them, and names the files.
pub(crate) fn export(arguments: &Export) -> anyhow::Result<()> {
    let set = QuestionSet::read(&arguments.questions)?;
    let drawer = Drawer::new(&set, &Mix::default())?;
    let mut random = ChaCha8Rng::seed_from_u64(arguments.seed);
    let order: Vec<u32> = (0..arguments.count).map(|_| drawer.next(&mut random)).collect();
    let settings =
        exports::Settings { rate: arguments.rate, ..exports::Settings::new(&arguments.url) };
    for path in exports::write(&set, &order, &settings, &arguments.out)? {
        println!("{}", path.display());
    }
    Ok(())
}

/// Compares two runs.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The `run.json` of run A
    a: PathBuf,
    /// The `run.json` of run B
    b: PathBuf,
    /// The page to write
    #[arg(long, default_value = "compare.html", value_name = "FILE")]
    out: PathBuf,
}

/// Writes the page.
pub(crate) fn compare(arguments: &Compare) -> anyhow::Result<()> {
    let (a, b) = (report::read(&arguments.a)?, report::read(&arguments.b)?);
    report::compare(&a, &b, &arguments.out).context("the comparison cannot be written")?;
    println!("{}", arguments.out.display());
    Ok(())
}
