//! Swaps under load: a server answers wrk and checking clients while generations change under it.
//! No answer may fail, mix two generations, or be wrong. Prints the latencies of the checking clients
//! in steady times and from the rename of CURRENT until the generation before was let go of.
//!
//! `cargo run --release -p zhengcha-benches --bin swap_check -- --swaps 100`
//! `… --bin swap_check -- --load 10000 --swaps 10 --store DIR`: real loads, at idle priority

mod client;
mod latency;
mod publisher;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use zhengcha_benches::programs;
use zhengcha_engine::{Snapshot, Store};
use zhengcha_server::{Config, Options, Server, cli::Cli};

use client::{Client, Question, check};
use latency::{Report, Sample, Span, Spans};
use publisher::{Loader, Pointer, finished, live};

/// Longest wait for a published generation to be served, and for the one before to be let go of.
const SERVED_WITHIN: Duration = Duration::from_secs(30);
/// Certificates the clients ask for.
const ASKED: usize = 1000;
/// Clients that check every answer.
const CHECKERS: usize = 2;
/// Between two looks at CURRENT and at the metrics.
const LOOK: Duration = Duration::from_millis(1);

/// Swaps generations under load.
#[derive(Parser)]
struct Arguments {
    /// Generations to publish.
    #[arg(long, default_value_t = 100)]
    swaps: u64,
    /// Certificates in each generation, or in the first with --load.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Pause between swaps, milliseconds.
    #[arg(long, default_value_t = 200)]
    pause_ms: u64,
    /// Questions a second that the checking clients ask together.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Connections of wrk, which asks as fast as it is answered; 0 for none.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Load made-up uploads of N certificates with the loader instead of pointing CURRENT elsewhere.
    #[arg(long, value_name = "N")]
    load: Option<u64>,
    /// With --load: a store that has a generation, to load into; made when there is none.
    #[arg(long, value_name = "DIR", requires = "load")]
    store: Option<PathBuf>,
    /// The loader; the one beside this program by default.
    #[arg(long, value_name = "FILE")]
    loader: Option<PathBuf>,
    /// How the server keeps segments in memory.
    #[arg(long, default_value = "mapped")]
    memory: String,
    /// Fail when p99.9 during swaps is more than this many times that of steady times.
    #[arg(long, default_value_t = f64::INFINITY)]
    most_times: f64,
}

/// How generations come about.
enum Publisher {
    Pointer(Pointer),
    Loader(Loader),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let scratch = tempfile::tempdir()?;
    let folder = arguments.store.clone().unwrap_or_else(|| scratch.path().join("store"));
    let store = Store::new(&folder);
    let publisher = match arguments.load {
        Some(records) => {
            let program = programs::beside(arguments.loader.clone(), "zhengcha-loader")?;
            if live(&store)? == 0 {
                let base = arguments.records as u64;
                Loader::found(&program, &folder, scratch.path(), base)?;
            }
            let swaps = arguments.swaps;
            Publisher::Loader(Loader::new(program, &folder, scratch.path(), swaps, records)?)
        }
        None => {
            let pointer = Pointer::new(&store, arguments.records)?;
            pointer.publish(&store)?;
            Publisher::Pointer(pointer)
        }
    };
    let (questions, records) = questions(&store)?;

    let server = start(&folder, &arguments.memory)?;
    let site = Site { store, public: server.public_address(), admin: server.admin_address() };
    site.wait_until_alone()?;
    let script = scratch.path().join("query.lua");
    fs::write(&script, lua(&questions))?;
    let wrk = (arguments.connections > 0)
        .then(|| Wrk::start(arguments.connections, &script, site.public))
        .transpose()?;
    let (samples, spans) = run(&arguments, &site, &publisher, &questions)?;
    let rate = wrk.map_or_else(|| Ok("off".to_owned()), Wrk::stop)?;
    let costs = site.costs()?;
    server.stop();
    server.join();

    println!(
        "{} swaps over {records} certificates: {} answers checked, wrk {rate}; 0 failed, 0 mixed, \
         0 wrong",
        spans.swaps.len(),
        samples.len(),
    );
    let report = Report::new(&samples, &spans);
    println!("steady:   {}", report.steady);
    if !spans.loads.is_empty() {
        println!("loading:  {}", report.loading);
    }
    println!("swapping: {}", report.swapping);
    let mut took: Vec<Duration> = spans.swaps.iter().map(|span| span.to - span.from).collect();
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!("rename to release: median {} ms; of the last: {costs}", median.as_millis());
    let ratio = report.ratio();
    println!("p99.9 swapping / steady = {ratio:.2}");
    ensure!(ratio <= arguments.most_times, "more than {} times", arguments.most_times);
    Ok(())
}

/// Some of what the store holds, and how much that is.
fn questions(store: &Store) -> anyhow::Result<(Vec<Question>, u64)> {
    let snapshot = Snapshot::open_current(store, None)?.context("nothing is published")?;
    let base = snapshot.segments().next().context("no segment")?;
    let step = (base.records() / ASKED as u64).max(1);
    let numbers = (0..base.records()).step_by(step as usize).take(ASKED);
    let views = numbers.filter_map(|number| base.view(number as u32));
    let questions = views.map(|view| {
        let certificate_number = view.certificate_number().as_str().to_owned();
        let id_number = view.id_number();
        let body = format!(
            "{{\"certificate_number\":\"{certificate_number}\",\"id_number\":\"{}\"}}",
            id_number.as_str()
        );
        Question { body, certificate_number }
    });
    Ok((questions.collect(), snapshot.records()))
}

fn start(folder: &Path, memory: &str) -> anyhow::Result<Server> {
    let cli = Cli::try_parse_from([
        "server",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--rate-limit=off",
        &format!("--memory={memory}"),
    ])?;
    let config = Config { store: folder.to_owned(), ..Config::from_cli(&cli)? };
    Ok(Server::start(&config, Options::default())?)
}

/// Publishes, and lets clients check meanwhile.
fn run(
    arguments: &Arguments,
    site: &Site,
    publisher: &Publisher,
    questions: &[Question],
) -> anyhow::Result<(Vec<Sample>, Spans)> {
    let interval = Duration::from_secs(1) * CHECKERS as u32 / arguments.rate.max(1);
    let score_of = match publisher {
        Publisher::Pointer(_) => Some(Pointer::score_of as fn(u64) -> String),
        Publisher::Loader(_) => None,
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let checkers: Vec<_> = (0..CHECKERS)
            .map(|at| {
                let start = at * questions.len() / CHECKERS;
                let stop = &stop;
                scope.spawn(move || check(site.public, questions, start, interval, score_of, stop))
            })
            .collect();
        let mut spans = Spans::default();
        let pause = Duration::from_millis(arguments.pause_ms);
        std::thread::sleep(pause * 2);
        let swapped = (0..arguments.swaps).try_for_each(|swap| {
            site.swap(publisher, swap, &mut spans)?;
            std::thread::sleep(pause);
            anyhow::Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        let mut samples = Vec::new();
        for checker in checkers {
            match checker.join() {
                Ok(result) => samples.extend(result?),
                Err(_) => bail!("a checking client panicked"),
            }
        }
        swapped.map(|()| (samples, spans))
    })
}

/// The server under test and its store.
struct Site {
    store: Store,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Site {
    /// One swap, and when it and its load happened.
    fn swap(&self, publisher: &Publisher, swap: u64, spans: &mut Spans) -> anyhow::Result<()> {
        let before = live(&self.store)?;
        match publisher {
            Publisher::Pointer(pointer) => {
                let from = Instant::now();
                pointer.publish(&self.store)?;
                self.wait_until_alone()?;
                spans.swaps.push(Span { from, to: Instant::now() });
            }
            Publisher::Loader(loader) => {
                let from = Instant::now();
                let mut load = loader.start(swap)?;
                while live(&self.store)? == before {
                    if let Some(status) = load.try_wait()? {
                        ensure!(
                            live(&self.store)? != before,
                            "the loader changed nothing: {status}"
                        );
                    }
                    std::thread::sleep(LOOK);
                }
                let renamed = Instant::now();
                self.wait_until_alone()?;
                spans.swaps.push(Span { from: renamed, to: Instant::now() });
                finished(load)?;
                spans.loads.push(Span { from, to: Instant::now() });
            }
        }
        Ok(())
    }

    /// Waits until what CURRENT names is served and nothing else is mapped.
    fn wait_until_alone(&self) -> anyhow::Result<()> {
        let generation = format!("zhengcha_generation {}\n", live(&self.store)?);
        let start = Instant::now();
        let mut client = Client::connect(self.admin)?;
        while start.elapsed() < SERVED_WITHIN {
            let page = client.get("/metrics")?;
            if page.contains(&generation) && page.contains("zhengcha_snapshots_mapped 1\n") {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        bail!("not alone after {SERVED_WITHIN:?}: {}", generation.trim())
    }

    /// What the last swap cost, as the server says.
    fn costs(&self) -> anyhow::Result<String> {
        let page = Client::connect(self.admin)?.get("/metrics")?;
        let costs = page.lines().filter_map(|line| line.strip_prefix("zhengcha_swap_"));
        Ok(costs.collect::<Vec<_>>().join(", "))
    }
}

/// A running wrk, ended when dropped.
struct Wrk(Child);

impl Wrk {
    fn start(connections: u32, script: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let wrk = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), "-d1h", "-s"])
            .arg(script)
            .arg(format!("http://{address}/v1/query"))
            .stdout(Stdio::piped())
            .spawn()
            .context("wrk cannot be started: install the Debian package `wrk`")?;
        Ok(Self(wrk))
    }

    /// Ends wrk as Ctrl-C does, and gives what it saw.
    fn stop(mut self) -> anyhow::Result<String> {
        let status = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        ensure!(status.success(), "wrk ended by itself");
        let mut text = String::new();
        self.0.stdout.take().context("no stdout")?.read_to_string(&mut text)?;
        ensure!(
            !text.contains("Non-2xx") && !text.contains("Socket errors"),
            "wrk saw failures:\n{text}"
        );
        let rate = text.lines().find(|line| line.contains("requests in")).unwrap_or_default();
        Ok(rate.trim().to_owned())
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn lua(questions: &[Question]) -> String {
    let list: String = questions.iter().map(|question| format!("'{}',\n", question.body)).collect();
    format!(
        "local bodies = {{\n{list}}}\nlocal at = 0\nlocal headers = {{ [\"Content-Type\"] = \
         \"application/json\" }}\nlocal requests = {{}}\nfunction init(arguments)\n  for i, body in \
         ipairs(bodies) do\n    requests[i] = wrk.format(\"POST\", \"/v1/query\", headers, body)\n  \
         end\nend\nfunction request()\n  at = at % #requests + 1\n  return requests[at]\nend\n"
    )
}
