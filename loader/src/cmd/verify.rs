//! `verify`: bulk verification of a file of claims, without a server.

use super::Outcome;
use crate::cli::{CharsetArg, VerifyArgs};
use crate::output::Output;
use crate::progress::Bar;
use crate::verify::{self, Job};
use anyhow::Context;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;
use zhengcha_engine::Store;
use zhengcha_engine::claims::{Charset, Summary, Verdict};

/// Judges every claim against the live generation.
pub(super) fn run(store: &Store, args: &VerifyArgs, output: &Output) -> anyhow::Result<Outcome> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let job = Job {
        claims: args.claims.clone(),
        out: args.out.clone(),
        resume: args.resume,
        charset: args.charset.map(charset),
        out_charset: args.out_charset.map(charset),
        save_interval: Duration::from_millis(args.save_interval_ms),
        threads: args.threads.map_or_else(cores, usize::from),
    };
    let summary = verify::run(store, &job, &Bar::default())?;
    let parsed: Value = serde_json::from_str(&summary.to_json()).context("the summary")?;
    let json = json!({ "out": job.out, "summary": parsed });
    output.print(&json, || lines(&job, &summary))?;
    let has_invalid = summary.counts.of(Verdict::Invalid) > 0;
    Ok(if has_invalid { Outcome::SomeRejected } else { Outcome::Done })
}

fn charset(argument: CharsetArg) -> Charset {
    match argument {
        CharsetArg::Utf8 => Charset::Utf8,
        CharsetArg::Gb18030 => Charset::Gb18030,
    }
}

fn lines(job: &Job, summary: &Summary) -> String {
    let mut text = format!(
        "{}: {} claims against generation {}\n",
        job.out.display(),
        summary.counts.claims(),
        summary.generation
    );
    for verdict in Verdict::ALL {
        let _ = writeln!(text, "{:<13} {}", verdict.name(), summary.counts.of(verdict));
    }
    text
}
