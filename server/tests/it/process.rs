//! The program itself: its first line, its signals, its exit, its settings.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::support::{Connection, Depot, HIT, example, query, query_bytes, wait_for};

struct Program {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    public: SocketAddr,
}

fn command(depot: &Depot) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zhengcha-server"));
    command.arg("--store").arg(depot.path());
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.env("ZHENGCHA_LOG", "error"); // a flag of a test wins
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

impl Program {
    fn start(depot: &Depot, arguments: &[&str]) -> Self {
        let mut child = command(depot).args(arguments).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("http://").and_then(|line| line.strip_suffix("/\n"));
        let public = address.expect("the first line is the address").parse().unwrap();
        let program = Self { child, _stdout: stdout, public };
        wait_for("data", || query(public, HIT).status == 200);
        program
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn depot() -> Depot {
    let depot = Depot::new();
    depot.publish([example()]);
    depot
}

#[test]
fn sigterm_lets_running_requests_finish_and_exits_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let depot = depot();
        let mut program = Program::start(&depot, &[]);
        let bytes = query_bytes(HIT);
        let mut running = Connection::new(program.public);
        running.send(&bytes[..bytes.len() - 1]).unwrap();
        let mut idle = Connection::new(program.public);
        assert_eq!(idle.query(HIT).unwrap().status, 200);
        program.signal(signal);
        assert!(idle.is_closed_by_server(), "idle connections end");
        wait_for("no new connections", || std::net::TcpStream::connect(program.public).is_err());
        running.send(&bytes[bytes.len() - 1..]).unwrap();
        let answer = running.receive().expect("the running request is answered");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(program.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn the_drain_has_a_deadline() {
    let depot = depot();
    let mut program = Program::start(&depot, &["--drain-timeout-ms", "100"]);
    let mut running = Connection::new(program.public);
    running.send(&query_bytes(HIT)[..100]).unwrap();
    wait_for("the request to begin", || query(program.public, HIT).status == 200);
    program.signal(Signal::TERM);
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    assert!(running.is_closed_by_server());
}

#[test]
fn sighup_looks_at_the_store_at_once() {
    let depot = depot();
    let program = Program::start(&depot, &["--refresh-interval-ms", "3600000"]);
    let generation = depot.publish([example()]);
    assert_eq!(query(program.public, HIT).json()["generation"], generation - 1);
    program.signal(Signal::HUP);
    wait_for("the swap", || query(program.public, HIT).json()["generation"] == generation);
}

#[test]
fn running_out_of_open_files_ends_nothing() {
    let depot = depot();
    let program = Program::start(&depot, &[]);
    let limit = Rlimit { current: Some(64), maximum: Some(64) };
    prlimit(Some(program.pid()), Resource::Nofile, limit).unwrap();
    let crowd: Vec<_> = (0..200).map(|_| Connection::new(program.public)).collect();
    drop(crowd);
    wait_for("service again", || {
        let mut connection = Connection::new(program.public);
        connection.query(HIT).is_some_and(|answer| answer.status == 200)
    });
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zhengcha-server")).args(arguments).output().unwrap()
}

#[test]
fn settings_are_checked_and_shown() {
    let output = run(&["--print-config", "--idle-timeout-ms", "77"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("listen = \"127.0.0.1:8080\"") && text.contains("idle_timeout_ms = 77"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zhengcha.toml");
    std::fs::write(&file, text.replace("idle_timeout_ms", "idle_timeout")).unwrap();
    let output = run(&["--check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("zhengcha.toml") && message.contains("idle_timeout"), "{message}");

    assert_eq!(run(&["--nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn the_environment_stands_between_flags_and_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_zhengcha-server"))
        .args(["--print-config", "--workers", "3"])
        .env("ZHENGCHA_WORKERS", "2")
        .env("ZHENGCHA_LISTEN", "127.0.0.1:9")
        .env("ZHENGCHA_BODY_TIMEOUT_MS", "11")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in ["workers = 3", "listen = \"127.0.0.1:9\"", "body_timeout_ms = 11"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn a_taken_address_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address, "--admin-listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
}

#[test]
fn logs_hold_nothing_personal() {
    let depot = depot();
    let mut program = Program::start(&depot, &["--log", "debug"]);
    query(program.public, HIT);
    query(program.public, r#"{"certificate_number":"canary1234","name":"金丝雀"}"#);
    query(program.public, r#"{"canary_field":"金丝雀"}"#);
    let _ = crate::support::get(program.public, "/canary-path?name=canary");
    program.signal(Signal::TERM);
    program.child.wait().unwrap();
    let log = std::io::read_to_string(program.child.stderr.take().unwrap()).unwrap();
    assert!(log.contains("\"route\":\"query\""), "the access log is on");
    for canary in ["canary", "金丝雀", "白京", "0101120201100058", "127.0.0.1:0"] {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
}
