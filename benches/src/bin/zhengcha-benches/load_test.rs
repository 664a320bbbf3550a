//! `load-test`: what is asked for on the command line, put into a run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use zhengcha_benches::load::bring_up::{self, BringUp};
use zhengcha_benches::load::cores::Cores;
use zhengcha_benches::load::foreign::Foreign;
use zhengcha_benches::load::plan::{self, Beside, Objective, Part, Settings, Subject};
use zhengcha_benches::load::questions::Mix;
use zhengcha_benches::load::run::{About, Run};
use zhengcha_benches::load::schedule::{Schedule, Shape};
use zhengcha_benches::load::service::events::{Planned, What};
use zhengcha_benches::load::{capacity, descriptors, machine, report, run::Asked, target};

use crate::{interrupt, kinds, number};

/// Subjects of a register that is not tiny.
const SUBJECTS: u64 = 20_000;
/// Of a tiny one, one certificate in so many.
const SUBJECT_SHARE: u64 = 20;
/// Descriptors that are not connections.
const DESCRIPTORS_BESIDE: u64 = 300;

/// Drives a server and writes a report.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Certificates of the register that is served, such as 1e6 or 2e8
    #[arg(long, default_value = "1e6", value_parser = number::count, value_name = "N")]
    records: u64,
    /// Seed of the register, the questions and their order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for registers and questions, kept from run to run
    #[arg(long, default_value = "scratch/load-test", value_name = "DIR")]
    work: PathBuf,
    /// Folder for the report [default: a new one under --work]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Every part of the standard plan, too short for figures that are worth keeping
    #[arg(long)]
    quick: bool,
    /// Every length of the standard plan, times this factor
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", conflicts_with = "schedule")]
    pace: f64,
    /// Only these parts of the standard plan
    #[arg(long, value_delimiter = ',', value_name = "PART", conflicts_with = "schedule")]
    only: Vec<Part>,
    /// In place of the standard plan: constant:RATE, steps:FROM..TO/COUNT, spike:RATE..PEAK, day:PEAK or
    /// tax-season:PEAK
    #[arg(long, value_name = "SHAPE")]
    schedule: Option<Shape>,
    #[command(flatten)]
    scheduled: Scheduled,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    there: There,
}

/// With --schedule
#[derive(Debug, Args)]
#[command(next_help_heading = "With --schedule")]
struct Scheduled {
    /// How long it lasts
    #[arg(long, default_value_t = 60, value_name = "N", requires = "schedule")]
    seconds: u64,
    /// What is done to the server: swap@SECONDS, hold@SECONDS, release@SECONDS, restart@SECONDS
    #[arg(long, value_delimiter = ',', value_name = "EVENT@SECONDS", requires = "schedule")]
    events: Vec<Planned>,
    /// Streams of claims beside the questions
    #[arg(long, default_value_t = 0, value_name = "N", requires = "schedule")]
    bulk_streams: u64,
    /// Slow clients of each sort (heads, bodies, readers) beside the questions
    #[arg(long, default_value_t = 0, value_name = "N", requires = "schedule")]
    slow_clients: u64,
    /// Share of questions that get a connection of their own
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", requires = "schedule")]
    fresh_share: f64,
    /// Over TLS, where the kit brings the server up
    #[arg(long, requires = "schedule")]
    tls: bool,
}

/// The load
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct Load {
    /// 99 of 100 answers are to be there within so many milliseconds
    #[arg(long, default_value_t = 5.0, value_name = "MS")]
    objective_ms: f64,
    /// After so many milliseconds an answer is no use to its asker any more
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    patience_ms: u64,
    /// Kept connections
    #[arg(long, default_value_t = 64, value_name = "N")]
    connections: u64,
    /// Connections at one time, but for overload
    #[arg(long, default_value_t = 64, value_name = "N")]
    connections_max: u64,
    /// People asked for [default: 20000, fewer for a small register]
    #[arg(long, value_name = "N")]
    subjects: Option<usize>,
    /// Exponent of the Zipf law by which people are asked for; 0 is all alike
    #[arg(long, default_value_t = Mix::default().zipf)]
    zipf: f64,
    /// Weights of modes, such as IN=3,CN=1 [default: all alike]
    #[arg(long, value_name = "MODE=WEIGHT,…")]
    modes: Option<String>,
    /// Weights of kinds: hit, variant, one-digit, swapped, absent [default: 0.7, 0.1, 0.08, 0.04, 0.08]
    #[arg(long, value_name = "KIND=WEIGHT,…")]
    kinds: Option<String>,
    /// Threads that send [default: half the cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One more argument of the server that is brought up, such as --server-arg=--memory=huge
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    server_arg: Vec<OsString>,
}

/// A server that is there already
#[derive(Debug, Args)]
#[command(next_help_heading = "A server that is there already")]
struct There {
    /// Host and port of its public listener, in place of bringing one up
    #[arg(long, value_name = "HOST:PORT", requires = "questions")]
    target: Option<String>,
    /// The same again, unless it is on this machine: a load test can put a service out of work
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    i_own_this_target: Option<String>,
    /// Questions about the register it serves, as the command `questions` writes them
    #[arg(long, value_name = "FILE", requires = "target")]
    questions: Option<PathBuf>,
    /// It speaks TLS, with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE", requires = "target")]
    ca: Option<PathBuf>,
    /// Host and port of its admin listener, for its own figures
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    admin: Option<String>,
}

/// Runs it, and says where the report is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let origin = Instant::now();
    let load = &arguments.load;
    ensure!(load.objective_ms > 0.0, "--objective-ms must be above 0");
    ensure!((0.01..=100.0).contains(&arguments.pace), "--pace is 0.01 to 100");
    ensure!((0.0..=1.0).contains(&arguments.scheduled.fresh_share), "--fresh-share is 0 to 1");
    if let Some(target) = &arguments.there.target {
        target::may_drive(target, arguments.there.i_own_this_target.as_deref())?;
    }
    let mut run = Run { about: machine::about(), ..Run::default() };
    run.about.seed = arguments.seed;
    let settings = settings(arguments, &mut run)?;
    let parts = parts(arguments);
    let mut subject = subject(arguments, &parts, &mut run.about)?;
    if let Some(service) = &subject.service {
        interrupt::ends_with(service.process())?;
    }
    describe(&mut run, &subject, &settings);
    let origin_of_phases = Instant::now();
    match &arguments.schedule {
        None => plan::drive(&mut run, &mut subject, &settings, &parts, origin_of_phases)?,
        Some(shape) => {
            let time = Duration::from_secs(arguments.scheduled.seconds);
            let schedule = Schedule::new(shape.clone(), time);
            let scheduled = &arguments.scheduled;
            let beside = Beside {
                planned: &scheduled.events,
                bulk_streams: scheduled.bulk_streams,
                slow_clients: scheduled.slow_clients,
            };
            let share = scheduled.fresh_share;
            plan::drive_schedule(
                &mut run,
                &mut subject,
                &settings,
                schedule,
                share,
                beside,
                origin_of_phases,
            )?;
        }
    }
    run.about.seconds = origin_of_phases.elapsed().as_secs_f64();
    let folder = match &arguments.out {
        Some(out) => out.clone(),
        None => arguments.work.join(format!("report-{}", name_of(&run.about.began_at))),
    };
    let plan = run.constants.as_ref().map(capacity::nation).unwrap_or_default();
    // First the report: it cannot be made again.
    let written = report::write_with_plan(&run, &plan, &folder)?;
    bring_up::take_down(subject)?;
    eprintln!("done after {:.0} s", origin.elapsed().as_secs_f64());
    println!("{}", written.html.display());
    let wrong: u64 = run.phases.iter().map(|phase| phase.total.wrong).sum();
    ensure!(wrong == 0, "{wrong} answers were wrong: see the report");
    Ok(())
}

/// A moment as part of a file name.
fn name_of(moment: &str) -> String {
    moment.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn settings(arguments: &Arguments, run: &mut Run) -> anyhow::Result<Settings> {
    let load = &arguments.load;
    let objective = Objective { p99_us: (load.objective_ms * 1e3) as u64 };
    let base = if arguments.quick {
        run.warnings.push("A quick run: too short for figures that are worth keeping.".to_owned());
        Settings::quick(objective)
    } else {
        Settings::standard(objective)
    };
    let mut settings = Settings {
        patience: Duration::from_millis(load.patience_ms),
        connections: load.connections.max(1),
        connections_max: load.connections_max.max(load.connections).max(1),
        ..base.paced(arguments.pace)
    };
    let most = settings.connections_max.max(settings.overload_connections_max);
    let may = descriptors::raise(most + DESCRIPTORS_BESIDE)?.saturating_sub(DESCRIPTORS_BESIDE);
    ensure!(
        may >= settings.connections_max,
        "this process may have {may} connections open, {} were asked for: raise `ulimit -n`",
        settings.connections_max
    );
    if may < settings.overload_connections_max {
        run.warnings.push(format!(
            "The system lets the generator have {may} connections open: less overload than planned. \
             Raise `ulimit -n`."
        ));
        settings.overload_connections_max = may;
    }
    Ok(settings)
}

fn parts(arguments: &Arguments) -> BTreeSet<Part> {
    let asked: BTreeSet<Part> = arguments.only.iter().copied().collect();
    let all = if asked.is_empty() { Part::all() } else { asked };
    // What needs the store, the process or another certificate is left out on a server that is there.
    let needs_own = [Part::Events, Part::Bulk, Part::Tls];
    let is_there = arguments.there.target.is_some();
    all.into_iter().filter(|part| !(is_there && needs_own.contains(part))).collect()
}

fn subject(
    arguments: &Arguments,
    parts: &BTreeSet<Part>,
    about: &mut About,
) -> anyhow::Result<Subject> {
    let load = &arguments.load;
    let mix = kinds::mix(load.modes.as_deref(), load.kinds.as_deref(), load.zipf)?;
    let split = Cores::allowed()?.split();
    let threads = load.threads.unwrap_or(split.kit.count()).max(1);
    let there = &arguments.there;
    if let (Some(target), Some(questions)) = (&there.target, &there.questions) {
        let foreign = Foreign {
            target,
            ca: there.ca.as_deref(),
            admin: there.admin.as_deref(),
            questions,
            mix,
            threads,
            seed: arguments.seed,
        };
        let subject = foreign.subject()?;
        about.target = format!("{target}, which was there");
        about.records = subject.set.wanted.records;
        about.is_shared_machine = subject.target.public.ip().is_loopback();
        "not known to the kit".clone_into(&mut about.server);
        return Ok(subject);
    }
    let swaps = match arguments.schedule {
        None if parts.contains(&Part::Events) => plan::swaps(),
        None => 0,
        Some(_) => {
            arguments.scheduled.events.iter().filter(|event| event.what == What::Swap).count()
        }
    };
    let few = (arguments.records / SUBJECT_SHARE).clamp(1, SUBJECTS) as usize;
    let brought_up = BringUp {
        work: arguments.work.clone(),
        records: arguments.records,
        seed: arguments.seed,
        subjects: load.subjects.unwrap_or(few),
        mix,
        swaps,
        is_tls: arguments.scheduled.tls,
        server_arguments: load.server_arg.clone(),
        threads,
    }
    .start()
    .context("the server could not be brought up")?;
    about.target = format!("{}, brought up by the kit", brought_up.subject.target.public);
    about.is_shared_machine = true;
    about.records = arguments.records;
    about.server_cores = split.server.count();
    about.store_bytes = brought_up.store_bytes;
    let more: Vec<_> = load.server_arg.iter().map(|word| word.to_string_lossy()).collect();
    about.server = format!(
        "kept to {} of the cores (the kit to the others), without limits on queries and connections of \
         one address {}",
        split.server.count(),
        more.join(" ")
    )
    .trim_end()
    .to_owned();
    Ok(brought_up.subject)
}

fn describe(run: &mut Run, subject: &Subject, settings: &Settings) {
    run.about.objective_p99_us = settings.objective.p99_us;
    run.about.patience_us = settings.patience.as_micros() as u64;
    if run.about.is_shared_machine {
        run.warnings.push(
            "The generator runs on the machine of the server and has half of its cores: with the generator \
             elsewhere the server carries about twice as much."
                .to_owned(),
        );
    }
    let (set, mix) = (&subject.set, &subject.mix);
    let shares = |names: &[&str], weights: &[f64]| {
        let sum: f64 = weights.iter().sum();
        names.iter().zip(weights).map(|(name, weight)| ((*name).to_owned(), weight / sum)).collect()
    };
    run.asked = Asked {
        questions: set.questions.len() as u64,
        subjects: set.wanted.subjects as u64,
        zipf: mix.zipf,
        modes: shares(&zhengcha_engine::key::Mode::ALL.map(|mode| mode.name()), &mix.modes),
        kinds: shares(
            &zhengcha_benches::load::questions::Kind::ALL.map(|kind| kind.name()),
            &mix.kinds,
        ),
        digest: set.digest.clone(),
    };
}
