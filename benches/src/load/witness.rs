//! An independent witness: wrk asks the same questions, by turns with the kit.
//!
//! wrk is a closed loop: each connection asks again as soon as it has its answer. The kit is compared
//! with it in a closed loop of its own, over as many connections.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::exports;
use super::questions::QuestionSet;
use super::run::Witness;
use super::target::Target;

/// The rates agree when their median ratio is at most this far from 1: two runs of wrk one after the
/// other on a machine that client and server share differ by several percent.
pub const AGREEMENT: f64 = 0.10;

/// What wrk measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrkRun {
    /// Answers a second, of whatever status.
    pub rate: f64,
    /// Half of them took no longer.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// Answers, of whatever status.
    pub requests: u64,
    /// Answers of a status of 400 or more, broken connections, and answers later than two seconds.
    pub errors: u64,
    /// Connections.
    pub connections: u64,
    /// The command as run.
    pub command: String,
    /// Of wrk.
    pub version: String,
}

/// What the kit measured in a closed loop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KitRun {
    /// Right answers a second.
    pub rate: f64,
    /// Half of them took no longer.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// Questions asked.
    pub requests: u64,
}

/// How wrk is to run.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// At one time; at least one for each thread.
    pub connections: u64,
    /// Of wrk.
    pub threads: u64,
    /// Length of the run.
    pub seconds: u64,
}

/// Lets wrk ask these questions in this order; its script is written to `folder`, which must be there.
///
/// Over TLS wrk holds the certificate of the server against nothing.
///
/// # Errors
/// When wrk is not installed, cannot connect or fails.
pub fn wrk(
    target: &Target,
    set: &QuestionSet,
    order: &[u32],
    load: Load,
    folder: &Path,
) -> anyhow::Result<WrkRun> {
    let script = exports::wrk::write(set, order, folder)?;
    let scheme = if target.tls_ca.is_some() { "https" } else { "http" };
    run_script(&format!("{scheme}://{}", target.public), &script, load)
}

/// Runs a script of [`exports::wrk`] against the server at this address.
///
/// # Errors
/// When wrk is not installed, cannot connect or fails.
pub fn run_script(url: &str, script: &Path, load: Load) -> anyhow::Result<WrkRun> {
    let arguments = [
        format!("--threads={}", load.threads),
        format!("--connections={}", load.connections),
        format!("--duration={}s", load.seconds),
        format!("--script={}", script.display()),
        url.to_owned(),
    ];
    let output = start(&arguments)?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "wrk failed ({}): {}{said}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let done = Done::read(&said)?;
    Ok(WrkRun {
        rate: done.rate(),
        p50_us: done.p50_us,
        p99_us: done.p99_us,
        requests: done.requests,
        errors: done.connect + done.read + done.write + done.timeout + done.status,
        connections: load.connections,
        command: told(&arguments, script),
        version: version()?,
    })
}

/// The command, the script by its name alone: where it lay is nobody's business.
fn told(arguments: &[String], script: &Path) -> String {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    format!("wrk {}", arguments.join(" ")).replace(&script.display().to_string(), &name)
}

fn start(arguments: &[String]) -> anyhow::Result<std::process::Output> {
    Command::new("wrk").args(arguments).output().context(
        "wrk cannot be started; install it (`apt-get install wrk`) or leave the witness out",
    )
}

/// As wrk says it: `wrk 4.1.0 [epoll] Copyright …`; it ends with 1 then.
fn version() -> anyhow::Result<String> {
    let output = start(&["--version".to_owned()])?;
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = said.split_whitespace().take(2).collect();
    Ok(if words.first() == Some(&"wrk") { words.join(" ") } else { "wrk".to_owned() })
}

/// The line that the script writes when it is done.
#[derive(Deserialize)]
struct Done {
    requests: u64,
    duration_us: u64,
    p50_us: u64,
    p99_us: u64,
    connect: u64,
    read: u64,
    write: u64,
    timeout: u64,
    status: u64,
}

impl Done {
    fn read(said: &str) -> anyhow::Result<Self> {
        let line = said.lines().rev().find(|line| line.starts_with('{'));
        let line = line.with_context(|| format!("wrk did not come to its end: {said}"))?;
        serde_json::from_str(line).with_context(|| format!("wrk wrote what is no result: {line}"))
    }

    fn rate(&self) -> f64 {
        if self.duration_us == 0 {
            0.0
        } else {
            self.requests as f64 * 1e6 / self.duration_us as f64
        }
    }
}

/// Holds the kit against wrk, over turns in which both asked the same.
///
/// `counted` is by how many requests the server's own counter grew during the turns of wrk, when it can
/// be had. It may count one more for each connection and turn: wrk leaves without waiting for them.
#[must_use]
pub fn agree(turns: &[(WrkRun, KitRun)], counted: Option<u64>) -> Witness {
    let Some((first, _)) = turns.first() else {
        return Witness { verdict: "wrk was not run".to_owned(), ..Witness::default() };
    };
    let ratios =
        turns.iter().map(|(tool, kit)| if tool.rate > 0.0 { kit.rate / tool.rate } else { 0.0 });
    let rate_ratio = median(ratios);
    let of = |value: fn(&(WrkRun, KitRun)) -> u64| {
        median(turns.iter().map(|turn| value(turn) as f64)) as u64
    };
    let requests: u64 = turns.iter().map(|(tool, _)| tool.requests).sum();
    let errors: u64 = turns.iter().map(|(tool, _)| tool.errors).sum();
    let in_flight: u64 = turns.iter().map(|(tool, _)| tool.connections).sum();
    let mut verdict = rates_in_words(rate_ratio);
    if errors > 0 {
        verdict
            .push_str(&format!("; {errors} requests of wrk failed, so its figures are in doubt"));
    }
    if let Some(text) = counted.and_then(|counted| count_in_words(requests, counted, in_flight)) {
        verdict.push_str(&text);
    }
    Witness {
        tool: first.version.clone(),
        command: first.command.clone(),
        connections: first.connections,
        rates: turns.iter().map(|(tool, kit)| (tool.rate, kit.rate)).collect(),
        rate_ratio,
        tool_us: (of(|turn| turn.0.p50_us), of(|turn| turn.0.p99_us)),
        kit_us: (of(|turn| turn.1.p50_us), of(|turn| turn.1.p99_us)),
        counted: (requests, counted.unwrap_or(requests).saturating_sub(requests)),
        verdict,
    }
}

fn rates_in_words(ratio: f64) -> String {
    let percent = 100.0 * (ratio - 1.0).abs();
    let bound = 100.0 * AGREEMENT;
    if (ratio - 1.0).abs() <= AGREEMENT {
        format!("agree: the rates are {percent:.1} % apart, within {bound:.0} %")
    } else {
        let side = if ratio > 1.0 { "above" } else { "below" };
        format!(
            "do not agree: the kit's rate is {percent:.1} % {side} that of wrk (bound {bound:.0} %)"
        )
    }
}

/// What is wrong with the counts, if anything is.
fn count_in_words(requests: u64, counted: u64, in_flight: u64) -> Option<String> {
    if counted < requests {
        Some(format!("; the server counted {} requests less than wrk", requests - counted))
    } else if counted - requests > in_flight {
        let more = counted - requests;
        Some(format!(
            "; the server counted {more} requests more than wrk, which asked at most {in_flight} unseen"
        ))
    } else {
        None
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => 0.0,
        Some(&upper) if values.len() % 2 == 1 => upper,
        Some(&upper) => f64::midpoint(values[middle - 1], upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(tool: f64, kit: f64) -> (WrkRun, KitRun) {
        let wrk = WrkRun {
            rate: tool,
            p50_us: tool as u64,
            p99_us: 10 * tool as u64,
            requests: 1000,
            connections: 8,
            command: "wrk x".to_owned(),
            version: "wrk 4.1.0".to_owned(),
            ..WrkRun::default()
        };
        (wrk, KitRun { rate: kit, p50_us: kit as u64, p99_us: 10 * kit as u64, requests: 1000 })
    }

    #[test]
    fn the_result_is_the_last_line_in_braces() {
        let said = "Running 1s test @ http://127.0.0.1:1\n  1000 requests in 2.00s\n\
                    {\"requests\":1000,\"duration_us\":2000000,\"p50_us\":12,\"p99_us\":345,\"connect\":0,\
                    \"read\":1,\"write\":0,\"timeout\":0,\"status\":2}\n";
        let done = Done::read(said).unwrap();
        assert_eq!((done.rate(), done.p50_us, done.p99_us), (500.0, 12, 345));
        assert_eq!((done.read, done.status), (1, 2));
        assert!(Done::read("unable to connect").is_err());
        assert!(Done::read("{\"requests\":1}").is_err());
    }

    #[test]
    fn near_rates_agree() {
        let witness = agree(&[turn(100.0, 91.0), turn(200.0, 210.0), turn(50.0, 49.0)], Some(3024));
        assert!((witness.rate_ratio - 0.98).abs() < 1e-9, "{}", witness.rate_ratio);
        assert_eq!(witness.tool_us, (100, 1000));
        assert_eq!(witness.kit_us, (91, 910));
        assert_eq!(witness.counted, (3000, 24));
        assert_eq!(witness.verdict, "agree: the rates are 2.0 % apart, within 10 %");
        assert_eq!((witness.tool.as_str(), witness.connections), ("wrk 4.1.0", 8));
    }

    #[test]
    fn far_rates_do_not_and_the_higher_one_is_named() {
        let above = agree(&[turn(100.0, 125.0), turn(100.0, 115.0)], None);
        assert_eq!(
            above.verdict,
            "do not agree: the kit's rate is 20.0 % above that of wrk (bound 10 %)"
        );
        assert_eq!(above.counted, (2000, 0));
        let below = agree(&[turn(100.0, 70.0)], None);
        assert!(below.verdict.contains("30.0 % below"), "{}", below.verdict);
    }

    #[test]
    fn wrong_counts_and_errors_are_said() {
        let mut turns = [turn(100.0, 100.0)];
        assert!(
            agree(&turns, Some(999))
                .verdict
                .ends_with("the server counted 1 requests less than wrk")
        );
        assert!(agree(&turns, Some(1008)).verdict.ends_with("within 10 %"));
        let more = agree(&turns, Some(1009)).verdict;
        assert!(
            more.ends_with("counted 9 requests more than wrk, which asked at most 8 unseen"),
            "{more}"
        );
        turns[0].0.errors = 3;
        assert!(agree(&turns, None).verdict.contains("3 requests of wrk failed"));
    }

    #[test]
    fn no_turn_is_no_verdict() {
        assert_eq!(agree(&[], None).verdict, "wrk was not run");
        assert_eq!(agree(&[turn(0.0, 1.0)], None).rate_ratio, 0.0);
    }
}
