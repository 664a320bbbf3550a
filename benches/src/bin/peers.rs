//! The engine beside what users would pick instead: the same certificates, the same questions, the same
//! answers, in one run.
//!
//! `make bench-peers RECORDS=1000000` brings what the peers need from Debian and runs this with the feature
//! `peers`; without the feature the engine is compared with the few peers that are in the tree anyway.

use anyhow::Context;
use clap::Parser;
use std::path::{Path, PathBuf};
use std::time::Instant;
use zhengcha_benches::passes::Kind;
use zhengcha_benches::peers::measure::{self, Contestant};
use zhengcha_benches::peers::report::{NotRun, Report, Row};
use zhengcha_benches::peers::{Candidate, Input, QuestionSet, candidates, chart};

/// Measures the engine and its peers by turns.
#[derive(Parser)]
struct Arguments {
    /// Certificates.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Questions of a pass.
    #[arg(long, default_value_t = 200_000)]
    calls: usize,
    /// Questions of a pass for peers behind a socket.
    #[arg(long, default_value_t = 20_000)]
    remote_calls: usize,
    /// Passes counted.
    #[arg(long, default_value_t = 5)]
    passes: usize,
    /// Seed of certificates and questions.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these peers, by short name; ours is always there.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Where the stores are built; removed afterwards.
    #[arg(long, default_value = "scratch/peers")]
    folder: PathBuf,
    /// Where the charts go; none without it.
    #[arg(long)]
    charts: Option<PathBuf>,
    /// Where the JSON with every pass goes.
    #[arg(long, default_value = "scratch/peers.json")]
    json: PathBuf,
    /// Leaves memory in small pages.
    #[arg(long)]
    small_pages: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if !arguments.small_pages {
        with_huge_pages()?;
    }
    let chosen = choose(&arguments.peers)?;
    let input = Input::generate(arguments.records, arguments.seed)?;
    let [hits, misses] = [Kind::Hit, Kind::Miss]
        .map(|kind| QuestionSet::draw(&input, kind, arguments.calls, arguments.seed + 1));
    let (hits, misses) = (hits?, misses?);
    std::fs::create_dir_all(&arguments.folder)?;
    let scratch = tempfile::tempdir_in(&arguments.folder)?;

    let mut contestants = Vec::new();
    let mut not_run = Vec::new();
    for candidate in &chosen {
        match build(candidate, &input, scratch.path(), &arguments) {
            Ok(contestant) => contestants.push((candidate, contestant)),
            Err(error) if contestants.is_empty() => return Err(error),
            Err(error) => {
                let reason = format!("{error:#}").replace('\n', " ");
                eprintln!("{}: not run: {reason}", candidate.name);
                not_run.push(NotRun { name: candidate.name, reason });
            }
        }
    }
    let records = input.len();
    drop(input);
    let huge_page_bytes = huge_page_bytes().unwrap_or(0);
    let (ran, mut contestants): (Vec<_>, Vec<_>) = contestants.into_iter().unzip();
    measure::run(&mut contestants, &hits, &misses, arguments.passes)?;
    let rows = ran
        .iter()
        .zip(&contestants)
        .map(|(candidate, contestant)| Row::new(candidate, contestant, records))
        .collect();
    let report = Report { records, passes: arguments.passes, huge_page_bytes, rows, not_run };
    print!("{}", report.markdown());
    std::fs::write(&arguments.json, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("writing {}", arguments.json.display()))?;
    if let Some(folder) = &arguments.charts {
        chart::write_all(&report, folder)?;
    }
    Ok(())
}

/// Starts this program again with a C library that asks for huge pages, which is how a table in memory
/// is run by its expert. The setting is read before `main`, hence the second start.
fn with_huge_pages() -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    const NAME: &str = "GLIBC_TUNABLES";
    const HUGE: &str = "glibc.malloc.hugetlb=1";
    let set = std::env::var(NAME).unwrap_or_default();
    if set.split(':').any(|tunable| tunable == HUGE) {
        return Ok(());
    }
    let all = if set.is_empty() { HUGE.to_owned() } else { format!("{set}:{HUGE}") };
    let mut again = std::process::Command::new(std::env::current_exe()?);
    Err(again.args(std::env::args_os().skip(1)).env(NAME, all).exec().into())
}

/// Bytes of this process in transparent huge pages.
fn huge_page_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok().map(|kib: u64| kib << 10)
}

fn choose(keys: &[String]) -> anyhow::Result<Vec<Candidate>> {
    let all = candidates();
    for key in keys {
        anyhow::ensure!(
            all.iter().any(|candidate| candidate.key == key),
            "no peer {key:?}; there are {}",
            all.iter().map(|candidate| candidate.key).collect::<Vec<_>>().join(", ")
        );
    }
    let wanted = |candidate: &Candidate| {
        keys.is_empty()
            || candidate.key.starts_with("ours")
            || keys.iter().any(|key| key == candidate.key)
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn build(
    candidate: &Candidate,
    input: &Input,
    scratch: &Path,
    arguments: &Arguments,
) -> anyhow::Result<Contestant> {
    let folder = scratch.join(candidate.key);
    std::fs::create_dir(&folder)?;
    let start = Instant::now();
    let peer = (candidate.build)(input, &folder)?;
    let build_seconds = start.elapsed().as_secs_f64();
    let bytes = peer.bytes();
    let each = bytes as f64 / input.len() as f64;
    eprintln!("{}: {each:.1} bytes a certificate, built in {build_seconds:.1} s", candidate.name);
    let calls = if candidate.remote {
        arguments.remote_calls.min(arguments.calls)
    } else {
        arguments.calls
    };
    Ok(Contestant {
        key: candidate.key,
        calls,
        build_seconds,
        bytes,
        passes: Default::default(),
        peer,
    })
}
