//! Where the data lie changes no answer; what the system refuses is said; marks spare reading.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use zhengcha_engine::format::section::SegmentKind;
use zhengcha_engine::testing::{publish_segments, write_segment};
use zhengcha_engine::{Certificate, Shadows, Snapshot, build};
use zhengcha_server::cli::Memory;
use zhengcha_server::{Options, StartError};

use crate::support::{Connection, Depot, HIT, MISS, Site, example, get, query, second, wait_for};

/// A server on this depot, `None` where the system does not let memory be locked.
fn site(depot: Depot, memory: Memory) -> Option<Site> {
    let site = Site::try_on(depot, Options::default(), |config| config.memory = memory);
    match site {
        Ok(site) => {
            site.wait_until_ready();
            Some(site)
        }
        Err(StartError::Memory(reason)) => {
            assert_eq!(memory, Memory::Locked, "{reason}");
            assert!(reason.contains("ulimit -l"), "{reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_policy_answers_alike_before_and_after_a_swap() {
    for memory in [Memory::Mapped, Memory::Paged, Memory::Populated, Memory::Locked, Memory::Huge] {
        let depot = Depot::new();
        depot.publish([example(), second()]);
        let Some(site) = site(depot, memory) else { continue };
        for generation in 1..4 {
            site.wait_for_generation(generation);
            let hit = query(site.public, HIT).json();
            assert_eq!(hit["generation"], generation, "{memory:?}");
            assert_eq!(hit["count"], 1, "{memory:?}");
            assert_eq!(hit["certificates"][0]["institution"], example().institution);
            assert_eq!(query(site.public, MISS).json()["count"], 0, "{memory:?}");
            site.depot.publish([example(), second()]);
        }
    }
}

/// The program without the right to lock memory and with nothing that it may lock.
fn without_locked_memory(depot: &Depot, memory: &str) -> Command {
    let program = env!("CARGO_BIN_EXE_zhengcha-server");
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-ipc_lock", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", "ulimit -l 0 && exec \"$0\" \"$@\"", program, "--memory", memory]);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--store"]);
    command.arg(depot.path()).env("ZHENGCHA_LOG", "off");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

#[test]
fn refused_locked_memory_ends_the_start_with_the_cure() {
    let depot = Depot::new();
    depot.publish([example()]);
    let output = without_locked_memory(&depot, "locked").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in ["--memory locked", "ulimit -l", "LimitMEMLOCK", ".seg"] {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
    let mut mapped = without_locked_memory(&depot, "mapped").spawn().unwrap();
    let mut first = [0; 7];
    mapped.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"http://", "without locks it starts");
    mapped.kill().unwrap();
    mapped.wait().unwrap();
}

/// A certificate that says which generation it belongs to.
fn marked(certificate: Certificate, generation: u64) -> Certificate {
    Certificate { institution: format!("第{generation}所"), ..certificate }
}

#[test]
fn swaps_to_deltas_under_load_lose_nothing_and_mix_nothing() {
    let depot = Depot::new();
    build::create_folders(&depot.store).unwrap();
    // The base holds both; each delta replaces both, so that all of an answer is of one generation.
    let base = [example(), second()].map(|certificate| marked(certificate, 1));
    let base = write_segment(&depot.store, SegmentKind::Base, base, Vec::new()).unwrap();
    publish_segments(&depot.store, std::slice::from_ref(&base), 2).unwrap();
    let site = Site::on(depot, Options::default(), |_| {});
    site.wait_until_ready();

    let over = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let address = site.public;
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut connection = Connection::new(address);
                let body = r#"{"id_number":"11010519491231002X","name":"白京"}"#;
                while !over.load(Relaxed) {
                    let answer = connection.query(body).expect("an answer");
                    assert_eq!(answer.status, 200);
                    let document = answer.json();
                    assert_eq!(document["count"], 2);
                    let expected = format!("第{}所", document["generation"]);
                    for certificate in document["certificates"].as_array().unwrap() {
                        assert_eq!(certificate["institution"], expected);
                    }
                    asked.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    let mut segments = vec![base];
    for generation in 2..8 {
        let delta = [example(), second()].map(|certificate| marked(certificate, generation));
        let shadows = segments
            .iter()
            .map(|(entry, _)| Shadows { segment: entry.id.clone(), records: vec![0, 1] })
            .collect();
        let store = &site.depot.store;
        segments.push(write_segment(store, SegmentKind::Delta, delta, shadows).unwrap());
        assert_eq!(publish_segments(store, &segments, 2).unwrap(), generation);
        site.wait_for_generation(generation);
        let seen = asked.load(Relaxed);
        wait_for("more answers", || asked.load(Relaxed) > seen + 20);
    }
    over.store(true, Relaxed);
    for client in clients {
        client.join().expect("no client saw a failed, wrong or mixed answer");
    }
    wait_for("old generations freed", || site.metrics().contains("zhengcha_snapshots_mapped 1\n"));
    assert!(!site.metrics().contains("zhengcha_swap_release_seconds 0.0\n"));
}

/// Damages a byte of the only segment, under another inode, and says whether its mark is renewed.
fn damage(depot: &Depot, renew: bool) {
    let snapshot = Snapshot::open_current(&depot.store, None).unwrap().unwrap();
    let segment = snapshot.segments().next().unwrap();
    let mut bytes = std::fs::read(segment.path()).unwrap();
    let birth = bytes.len() / 2;
    bytes[birth] ^= 1;
    std::fs::remove_file(segment.path()).unwrap();
    std::fs::write(segment.path(), bytes).unwrap();
    if renew {
        build::mark_verified(&depot.store, segment.id()).unwrap();
    }
}

#[test]
fn marks_are_honoured_until_the_file_changes() {
    // A mark of the very file spares reading it, so that what is wrong in it is not seen.
    let depot = Depot::new();
    depot.publish([example(), second()]);
    damage(&depot, true);
    let site = Site::on(depot, Options::default(), |_| {});
    site.wait_until_ready();
    drop(site);

    // Of a file that was put in its place the same mark says nothing.
    let depot = Depot::new();
    depot.publish([example(), second()]);
    let snapshot = Snapshot::open_current(&depot.store, None).unwrap().unwrap();
    build::mark_verified(&depot.store, snapshot.segments().next().unwrap().id()).unwrap();
    damage(&depot, false);
    let site = Site::on(depot, Options::default(), |_| {});
    wait_for("a refusal", || !site.metrics().contains("zhengcha_refused_snapshots_total 0\n"));
    assert_eq!(get(site.admin, "/readyz").status, 503);
}
