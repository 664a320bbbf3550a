//! Swaps under load: a server answers wrk and checking clients while generations change under it.
//! No answer may fail, mix two generations, or be wrong.
//!
//! `cargo run --release -p zhengcha-benches --bin swap_check -- --swaps 100`

use anyhow::{Context, bail, ensure};
use clap::Parser;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::testing::{Generator, Written, write_segment};
use zhengcha_engine::{Certificate, Manifest, Store, build};
use zhengcha_server::{Config, Options, Server, cli::Cli};

/// Longest wait for a published generation to be served.
const SERVED_WITHIN: Duration = Duration::from_secs(5);
/// Certificates the clients ask for.
const ASKED: usize = 1000;
/// Clients that check every answer.
const CHECKERS: usize = 2;

/// Swaps generations under load.
#[derive(Parser)]
struct Arguments {
    /// Generations to publish.
    #[arg(long, default_value_t = 100)]
    swaps: u64,
    /// Certificates in each generation.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Pause between swaps, milliseconds.
    #[arg(long, default_value_t = 200)]
    pause_ms: u64,
}

/// What the checking clients saw.
#[derive(Default)]
struct Seen {
    answers: AtomicU64,
    stop: AtomicBool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let store = Store::new(folder.path());
    // Two sets that differ in one field of every certificate: odd generations serve the first.
    let certificates: Vec<Certificate> = Generator::new(1).take(arguments.records).collect();
    let version = |score: u16| {
        let set = certificates
            .iter()
            .cloned()
            .map(move |certificate| Certificate { theory_score: Some(score), ..certificate });
        write_segment(&store, SegmentKind::Base, set, Vec::new())
    };
    let segments = [version(SCORES[0])?, version(SCORES[1])?];
    publish(&store, &segments, 1)?;

    let arguments_of_server = [
        "server",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--rate-limit",
        "off",
    ];
    let cli = Cli::try_parse_from(
        arguments_of_server
            .iter()
            .map(std::ffi::OsString::from)
            .chain(["--store".into(), folder.path().into()]),
    )?;
    let server = Server::start(&Config::from_cli(&cli)?, Options::default())?;
    let address = server.public_address();
    let bodies: Vec<String> = certificates.iter().take(ASKED).map(body).collect();
    wait_for(address, &bodies[0], 1)?;

    let script = folder.path().join("query.lua");
    fs::write(&script, lua(&bodies))?;
    let seconds = arguments.swaps * (arguments.pause_ms + 300) / 1000 + 5;
    let wrk = Command::new("wrk")
        .args(["-t1", "-c32", &format!("-d{seconds}s"), "-s"])
        .arg(&script)
        .arg(format!("http://{address}/v1/query"))
        .stdout(Stdio::piped())
        .spawn()
        .context("wrk cannot be started: install the Debian package `wrk`")?;
    let seen = Seen::default();
    std::thread::scope(|scope| {
        let checkers: Vec<_> = (0..CHECKERS)
            .map(|at| {
                scope.spawn({
                    let (bodies, seen) = (&bodies, &seen);
                    move || check(address, bodies, at, seen)
                })
            })
            .collect();
        let swapped = (2..=arguments.swaps + 1).try_for_each(|generation| {
            publish(&store, &segments, generation)?;
            wait_for(address, &bodies[0], generation)?;
            std::thread::sleep(Duration::from_millis(arguments.pause_ms));
            anyhow::Ok(())
        });
        seen.stop.store(true, Ordering::Relaxed);
        for checker in checkers {
            match checker.join() {
                Ok(result) => result?,
                Err(_) => bail!("a checking client panicked"),
            }
        }
        swapped
    })?;
    let output = wrk.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    server.stop();
    server.join();
    ensure!(
        !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "wrk saw failures:\n{text}"
    );
    let rate = text.lines().find(|line| line.contains("requests in")).unwrap_or_default().trim();
    println!(
        "{} swaps: {} answers checked, wrk {rate}; 0 failed, 0 mixed, 0 wrong",
        arguments.swaps,
        seen.answers.load(Ordering::Relaxed)
    );
    Ok(())
}

/// Theory scores, in tenths, of the even and of the odd generations.
const SCORES: [u16; 2] = [611, 722];

fn publish(store: &Store, segments: &[Written; 2], generation: u64) -> anyhow::Result<()> {
    let (entry, as_of) = &segments[(generation % 2) as usize];
    let manifest = Manifest {
        generation,
        built_at: "2026-11-24T13:00:00+08:00".to_owned(),
        records: entry.records,
        as_of: *as_of,
        segments: vec![entry.clone()],
        batches: Vec::new(),
    };
    let current = build::write_manifest(store, &manifest)?;
    Ok(build::publish(store, current)?)
}

fn body(certificate: &Certificate) -> String {
    format!(
        "{{\"certificate_number\":\"{}\",\"id_number\":\"{}\"}}",
        certificate.certificate_number, certificate.id_number
    )
}

fn lua(bodies: &[String]) -> String {
    let list: String = bodies.iter().map(|body| format!("'{body}',\n")).collect();
    format!(
        "local bodies = {{\n{list}}}\nlocal at = 0\nlocal headers = {{ [\"Content-Type\"] = \
         \"application/json\" }}\nfunction request()\n  at = at % #bodies + 1\n  return \
         wrk.format(\"POST\", \"/v1/query\", headers, bodies[at])\nend\n"
    )
}

/// One keep-alive connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SERVED_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, body: &str) -> anyhow::Result<serde_json::Value> {
        let request = format!(
            "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200 "), "answered {}", line.trim());
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Asks until the generation is served.
fn wait_for(address: SocketAddr, body: &str, generation: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    while start.elapsed() < SERVED_WITHIN {
        if let Ok(answer) = Client::connect(address)?.ask(body)
            && answer["generation"].as_u64() == Some(generation)
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("generation {generation} was not served within {SERVED_WITHIN:?}")
}

/// Asks and checks until told to stop: the number asked for, and the score of the generation named.
fn check(address: SocketAddr, bodies: &[String], start: usize, seen: &Seen) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    let mut last = 0;
    for body in bodies.iter().cycle().skip(start * bodies.len() / CHECKERS) {
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let answer = client.ask(body)?;
        let generation = answer["generation"].as_u64().context("no generation")?;
        ensure!(generation >= last, "generation {generation} after {last}");
        last = generation;
        let score = SCORES[(generation % 2) as usize];
        let expected = format!("{}.{}", score / 10, score % 10);
        let certificates = answer["certificates"].as_array().context("no certificates")?;
        ensure!(certificates.len() == 1, "{} certificates for one", certificates.len());
        let number = certificates[0]["certificate_number"].as_str().unwrap_or_default();
        ensure!(body.contains(number) && !number.is_empty(), "another certificate's answer");
        ensure!(
            certificates[0]["theory_score"] == expected.as_str(),
            "generation {generation} answers with the score of another"
        );
        seen.answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
