//! The program with a partner listener: its lines, its threads, its log, its end.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::partner::{bearer, query_bytes};
use crate::partner_client::{Client, MATCH, NDJSON};
use crate::support::{Depot, HIT, example, exchange, query, wait_for};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zhengcha-server")).args(arguments).output().unwrap()
}

fn add_token(path: &Path) -> String {
    let output = run(&["token", "add", "tax-bj", "--tokens", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap().strip_suffix('\n').unwrap().to_owned()
}

struct Program {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    partner: SocketAddr,
}

impl Program {
    fn start(depot: &Depot, tokens: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zhengcha-server"))
            .arg("--store")
            .arg(depot.path())
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--partner-listen", "127.0.0.1:0", "--log", "debug"])
            .args(arguments)
            .env("ZHENGCHA_PARTNER_TOKENS", tokens)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut address = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let address = line.strip_prefix("http://").and_then(|line| line.strip_suffix("/\n"));
            address.unwrap().parse().unwrap()
        };
        let (public, partner) = (address(), address());
        let program = Self { child, _stdout: stdout, partner };
        wait_for("data", || query(public, HIT).status == 200);
        program
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Name and scheduling policy (sched(7)) of each thread.
    fn threads(&self) -> Vec<(String, i64)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats = tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let named = stats.map(|stat| {
            let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
            // Field 41 of proc_pid_stat(5); the first after the name is field 3.
            let policy = rest.split_whitespace().nth(38).unwrap().parse().unwrap();
            (name.to_owned(), policy)
        });
        named.collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_token_comes_from_the_command_alone_and_leaves_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("partners.toml");
    let tokens = path.to_str().unwrap();
    let token = add_token(&path);
    let listed = run(&["token", "list", "--tokens", tokens]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("tax-bj") && !text.contains(&token), "{text}");
    let again = run(&["token", "add", "tax-bj", "--tokens", tokens]);
    assert_eq!((again.status.code(), again.stdout.is_empty()), (Some(1), true));
    for wrong in [
        &["token", "add", "Tax", "--tokens", tokens][..],
        &["token", "add", "a", "--expires", "tomorrow", "--tokens", tokens],
        &["token", "add", "a", "--address", "10.0.0.1/8", "--tokens", tokens],
        &["token", "add", "a"],
        &["token"],
    ] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(run(&["token", "revoke", "tax-bj", "--tokens", tokens]).status.code(), Some(0));
    assert_eq!(run(&["token", "revoke", "tax-bj", "--tokens", tokens]).status.code(), Some(1));
}

#[test]
fn without_tls_partners_are_refused_off_loopback_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("partners.toml");
    add_token(&path);
    let output = run(&[
        "--partner-tokens",
        path.to_str().unwrap(),
        "--partner-listen",
        "0.0.0.0:0",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("--tls-cert") && message.contains("0.0.0.0:0"), "{message}");
}

#[test]
fn the_program_serves_partners_behind_the_public_and_logs_nothing_personal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("partners.toml");
    let token = add_token(&path);
    let depot = Depot::new();
    depot.publish([example()]);
    let mut program = Program::start(&depot, &path, &["--drain-timeout-ms", "200"]);
    let threads = program.threads();
    let policies = |prefix: &str| {
        let of = threads.iter().filter(|(name, _)| name.starts_with(prefix));
        of.map(|(_, policy)| *policy).collect::<Vec<_>>()
    };
    const SCHED_IDLE: i64 = 5;
    let workers = policies("worker-");
    assert!(!workers.is_empty() && workers.iter().all(|&policy| policy != SCHED_IDLE));
    let partner: Vec<_> = threads.iter().filter(|(name, _)| name == "partner").collect();
    assert!(!partner.is_empty() && partner.iter().all(|(_, policy)| *policy == SCHED_IDLE));

    let claims = |client: &mut Client| {
        client.send(format!("{MATCH}\n"));
        client.send("{\"ref\":\"canary\",\"id_number\":\"canary2345\",\"name\":\"金丝雀\"}\n");
        client.send("{\"canary\":\"金丝雀\"}\n");
    };
    let mut client = Client::begin(program.partner, &token, NDJSON);
    claims(&mut client);
    client.end();
    assert_eq!(client.receive().summary()["claims"], 3);
    let wrong = crate::partner_client::verify(
        program.partner,
        &token,
        "Content-Type: text/csv\r\nX-Request-Id: canary-request",
        "ref,canary,name\r\n",
    );
    assert_eq!(wrong.status, 400);
    assert_eq!(exchange(program.partner, query_bytes(&bearer(&token), HIT)).unwrap().status, 200);
    exchange(program.partner, query_bytes("Bearer canary-token", HIT)).unwrap();

    // A stream that outlives the drain is broken off, and the log says so.
    let mut running = Client::begin(program.partner, &token, NDJSON);
    claims(&mut running);
    running.receive_head();
    program.signal(Signal::TERM);
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    let _reset = running.reader.read_to_string(&mut rest);
    assert!(!rest.contains("summary") && !rest.ends_with("0\r\n\r\n"), "{rest}");

    let log = std::io::read_to_string(program.child.stderr.take().unwrap()).unwrap();
    for expected in [
        "\"partner\":\"tax-bj\"",
        "\"state\":\"complete\"",
        "\"state\":\"refused\"",
        "\"cut\":\"stop\"",
        "\"verdict\":\"match\"",
    ] {
        assert!(log.contains(expected), "{expected} in {log}");
    }
    for secret in ["canary", "金丝雀", "白京", "0101120201100058", &token] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
