//! Certificates put under review and released while everything else happens to the store and the server:
//! swaps, rollbacks, restarts, loads at the same time, kills at random moments, a list that is lost or
//! damaged. Meanwhile a client asks for them every ten milliseconds.
//!
//! Promises that a run passes only when every answer followed within a second of a command's return, no
//! answer showed a record again that was under review, a killed decision counted whole or not at all,
//! and no answer came without a sound list.

mod asker;

pub use asker::Asked;

use crate::passes::Random;
use anyhow::{Context, bail, ensure};
use asker::{Asker, List, Shown};
use clap::Parser;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use zhengcha_engine::testing::Generator;
use zhengcha_engine::{Certificate, Store};
use zhengcha_loader::ledger::Ledger;
use zhengcha_loader::synth::TableLayout;
use zhengcha_loader::testing::uploads::{UploadKind, write_upload};
use zhengcha_server::{Config, Options, Server, cli::Cli};

/// Certificates that are asked for.
const WATCHED: usize = 6;
/// A day after every invented certificate.
const TODAY: &str = "2026-11-24";
/// Kills fall up to this part of a typical duration, so that some commands get through.
const LATEST_KILL_PERCENT: u64 = 120;
/// How long a damaged list is left to the server.
const DAMAGE_LASTS: Duration = Duration::from_millis(1_300);

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The loader, and what comes before its own arguments.
    pub loader: Vec<OsString>,
    /// An empty folder to work in.
    pub folder: PathBuf,
    /// Things that happen.
    pub rounds: u32,
    /// The same seed gives the same order of things.
    pub seed: u64,
    /// Certificates of an upload.
    pub records: usize,
    /// Other numbers that are under review all the time.
    pub others: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Decisions that were acknowledged.
    pub acknowledged: u32,
    /// Decisions that were killed.
    pub killed: u32,
    /// Of these, decided all the same.
    pub killed_and_decided: u32,
    /// Generations that went live.
    pub swaps: u32,
    /// Servers started.
    pub servers: u32,
    /// Lists damaged.
    pub damaged: u32,
    /// What was asked meanwhile.
    pub asked: Asked,
}

/// What may happen in a round.
#[derive(Clone, Copy, Debug)]
enum Event {
    Decide,
    DecideKilled,
    DecideDuringLoad,
    Swap,
    Restart,
    Damage,
}

/// How often each of them happens in as many rounds, in any order.
const EVENTS: [Event; 10] = [
    Event::Decide,
    Event::DecideKilled,
    Event::DecideKilled,
    Event::DecideKilled,
    Event::DecideKilled,
    Event::DecideDuringLoad,
    Event::Swap,
    Event::Swap,
    Event::Restart,
    Event::Damage,
];

struct Driver<'a> {
    plan: &'a Plan,
    store: Store,
    random: Random,
    certificates: Vec<Certificate>,
    asker: Asker,
    server: Option<Server>,
    typical: Duration,
    tally: Tally,
}

/// Runs the plan.
///
/// # Errors
/// Naming the round and the broken promise.
pub fn run(plan: &Plan, mut told: impl FnMut(u32, &Tally)) -> anyhow::Result<Tally> {
    let certificates: Vec<Certificate> = Generator::new(plan.seed).take(plan.records).collect();
    ensure!(certificates.len() > WATCHED, "too few certificates");
    let watched = certificates[..WATCHED].iter();
    let watched = watched.map(|it| (it.certificate_number.clone(), it.name.clone()));
    let mut driver = Driver {
        plan,
        store: Store::new(plan.folder.join("store")),
        random: Random(plan.seed),
        asker: Asker::start(watched)?,
        certificates,
        server: None,
        typical: Duration::ZERO,
        tally: Tally::default(),
    };
    driver.begin()?;
    let mut events = Vec::new();
    for round in 1..=plan.rounds {
        if events.is_empty() {
            events.extend(EVENTS);
        }
        let event = events.swap_remove(driver.below(events.len()));
        driver.round(event).with_context(|| {
            format!("round {round}, {event:?} (seed {}, {})", plan.seed, plan.folder.display())
        })?;
        driver.tally.asked = driver.asker.asked();
        told(round, &driver.tally);
    }
    driver.stop();
    Ok(driver.tally)
}

impl Driver<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit as u64) as usize
    }

    /// The first load, the other numbers under review, the first server, and how long a decision takes.
    fn begin(&mut self) -> anyhow::Result<()> {
        self.load()?.finish()?;
        if self.plan.others > 0 {
            let list = self.plan.folder.join("others.txt");
            let lines: String = (0..self.plan.others).map(|n| format!("X{n:010}\n")).collect();
            fs::write(&list, lines)?;
            let list = list.display().to_string();
            self.loader(&["hold", "--from", &list, "--reason", "r", "--by", "b"])?.finish()?;
        }
        let number = "Y1".to_owned();
        let began = Instant::now();
        self.decision(std::slice::from_ref(&number), Shown::UnderReview)?.finish()?;
        self.typical = began.elapsed();
        self.start()
    }

    fn round(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Decide => {
                let (numbers, next) = self.draw();
                self.decide(&numbers, next)?;
            }
            Event::DecideKilled => self.decide_killed()?,
            Event::DecideDuringLoad => {
                let load = self.load()?;
                let (numbers, next) = self.draw();
                self.decide(&numbers, next)?;
                load.finish()?;
                self.tally.swaps += 1;
            }
            Event::Swap => self.swap()?,
            Event::Restart => {
                self.stop();
                self.start()?;
            }
            Event::Damage => self.damage()?,
        }
        self.asker.settled()?;
        let findings = zhengcha_loader::fsck::check(&self.store)?;
        ensure!(findings.damaged.is_empty(), "fsck: {:?}", findings.damaged);
        Ok(())
    }

    /// Some of the certificates that are asked for, all in one state, and the other state.
    fn draw(&mut self) -> (Vec<String>, Shown) {
        let watched = self.asker.watched();
        let state = watched[self.below(watched.len())].shown;
        let mut numbers: Vec<String> =
            watched.into_iter().filter(|it| it.shown == state).map(|it| it.number).collect();
        let keep = 1 + self.below(numbers.len());
        numbers.truncate(keep);
        let next = match state {
            Shown::Valid => Shown::UnderReview,
            Shown::UnderReview => Shown::Valid,
        };
        (numbers, next)
    }

    fn decide(&mut self, numbers: &[String], next: Shown) -> anyhow::Result<()> {
        self.asker.deciding(numbers, next);
        self.decision(numbers, next)?.finish()?;
        self.asker.decided(numbers);
        self.tally.acknowledged += 1;
        Ok(())
    }

    fn decide_killed(&mut self) -> anyhow::Result<()> {
        let (numbers, next) = self.draw();
        self.asker.deciding(&numbers, next);
        let mut running = self.decision(&numbers, next)?;
        if self.below(2) == 0 {
            self.wait_for_the_ledger();
        } else {
            let latest = self.typical.as_micros() as u64 * LATEST_KILL_PERCENT / 100;
            // A moment in the life of another process can only be waited for.
            thread::sleep(Duration::from_micros(self.random.below(latest.max(1))));
        }
        running.child.kill()?;
        let status = running.child.wait()?;
        match status.code() {
            Some(0) => {
                self.asker.decided(&numbers);
                self.tally.acknowledged += 1;
                return Ok(());
            }
            Some(code) => bail!("the command ended by itself with exit code {code}"),
            None => self.tally.killed += 1,
        }
        // Whatever writes next makes it whole.
        match self.below(4) {
            0 => self.loader(&["holds", "--rewrite"])?.finish()?,
            1 => self.loader(&["prune", "--keep", "3"])?.finish()?,
            2 => self
                .loader(&[
                    "hold",
                    &format!("Z{}", self.tally.killed),
                    "--reason",
                    "r",
                    "--by",
                    "b",
                ])?
                .finish()?,
            _ => self.swap()?,
        }
        let held = Ledger::open(&self.store.ledger_path())?.held()?;
        let under_review = numbers.iter().filter(|&number| held.contains(number)).count();
        ensure!(
            [0, numbers.len()].contains(&under_review),
            "{under_review} of {numbers:?} decided"
        );
        if (under_review > 0) == (next == Shown::UnderReview) {
            self.tally.killed_and_decided += 1;
            self.asker.decided(&numbers);
            return Ok(());
        }
        self.asker.undecided(&numbers, next)
    }

    /// Until the ledger has the decision, and the file perhaps not yet: a moment that is soon over.
    fn wait_for_the_ledger(&self) {
        let journal = self.store.root().join("ledger.sqlite-journal");
        let began = Instant::now();
        let mut writing = false;
        while began.elapsed() < self.typical * 4 {
            match (writing, journal.exists()) {
                (false, true) => writing = true,
                (true, false) => return,
                _ => std::hint::spin_loop(),
            }
        }
    }

    /// A corrected load, or another generation made live.
    fn swap(&mut self) -> anyhow::Result<()> {
        match self.below(4) {
            0 => self.loader(&["rollback"])?.end_with(&[0, 1])?,
            1 => self.loader(&["compile", "--publish"])?.finish()?,
            2 => self.loader(&["merge", "--into", "base"])?.finish()?,
            _ => self.load()?.finish()?,
        }
        self.tally.swaps += 1;
        Ok(())
    }

    fn damage(&mut self) -> anyhow::Result<()> {
        let path = self.store.holds_path();
        let good = fs::read(&path)?;
        self.asker.set_list(List::Broken);
        match self.below(3) {
            0 => fs::remove_file(&path)?,
            1 => fs::write(&path, &good[..self.below(good.len())])?,
            _ => {
                let mut bytes = good.clone();
                bytes[self.below(good.len())] ^= 1 << self.below(8);
                fs::write(&path, bytes)?;
            }
        }
        self.tally.damaged += 1;
        thread::sleep(DAMAGE_LASTS);
        if self.below(3) == 0 {
            self.stop();
            self.start()?;
            thread::sleep(DAMAGE_LASTS);
        }
        self.asker.check()?;
        self.asker.set_list(List::Coming);
        self.loader(&["holds", "--rewrite"])?.finish()?;
        ensure!(fs::read(&path)? == good, "the list is not as it was");
        self.asker.set_list(List::Whole);
        Ok(())
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let words =
            ["server", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--rate-limit=off"];
        let config = Config::from_cli(&Cli::try_parse_from(words)?)?;
        let config = Config { store: self.store.root().to_owned(), ..config };
        let server = Server::start(&config, Options::default())?;
        self.asker.set_address(Some(server.public_address()));
        self.server = Some(server);
        self.tally.servers += 1;
        Ok(())
    }

    fn stop(&mut self) {
        self.asker.set_address(None);
        if let Some(server) = self.server.take() {
            server.stop();
            server.join();
        }
    }

    /// An upload that corrects every certificate.
    fn load(&mut self) -> anyhow::Result<Running> {
        let round = self.random.below(1_000_000);
        for certificate in &mut self.certificates {
            certificate.institution = format!("第{round}号鉴定所");
        }
        let path = self.plan.folder.join("upload.csv");
        write_upload(&path, UploadKind::Csv, TableLayout::Of2019, &self.certificates)?;
        let path = path.display().to_string();
        self.loader(&["load", &path, "--org", "all", "--today", TODAY])
    }

    fn decision(&self, numbers: &[String], next: Shown) -> anyhow::Result<Running> {
        let command = match next {
            Shown::UnderReview => "hold",
            Shown::Valid => "release",
        };
        let numbers = numbers.iter().map(String::as_str);
        let words: Vec<&str> =
            [command].into_iter().chain(numbers).chain(["--reason", "r", "--by", "b"]).collect();
        self.loader(&words)
    }

    fn loader(&self, words: &[&str]) -> anyhow::Result<Running> {
        let (program, before) = self.plan.loader.split_first().context("no loader is named")?;
        let mut command = Command::new(program);
        command.args(before).arg("--store").arg(self.store.root()).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().with_context(|| program.display().to_string())?;
        Ok(Running { child, words: words.join(" ") })
    }
}

/// A command on its way.
struct Running {
    child: Child,
    words: String,
}

impl Running {
    fn finish(self) -> anyhow::Result<()> {
        self.end_with(&[0])
    }

    fn end_with(self, codes: &[i32]) -> anyhow::Result<()> {
        let output = self.child.wait_with_output()?;
        let good = output.status.code().is_some_and(|code| codes.contains(&code));
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(good, "`{}` ended with {}: {said}", self.words, output.status);
        Ok(())
    }
}
