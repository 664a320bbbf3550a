//! Following the store: nothing yet, something new, something bad.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use zhengcha_engine::{Certificate, Current, Date};
use zhengcha_server::Options;

use crate::support::{
    Connection, Depot, HIT, Site, example, exchange, get, query, second, wait_for,
};

#[test]
fn no_store_means_503_until_the_first_generation() {
    let site = Site::on(Depot::new(), Options::default(), |_| {});
    let answer = query(site.public, HIT);
    assert_eq!((answer.status, answer.code().as_str()), (503, "not-ready"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(get(site.public, "/v1/status").status, 503);
    assert_eq!(get(site.admin, "/readyz").status, 503);
    assert_eq!(get(site.admin, "/healthz").status, 200);
    assert_eq!(get(site.public, "/").status, 200, "the form is there already");
    site.depot.publish([example()]);
    site.wait_until_ready();
    assert_eq!(query(site.public, HIT).json()["count"], 1);
}

#[test]
fn reload_takes_up_at_once_and_says_what_came_of_it() {
    let site = Site::with(|config| config.limits.refresh_interval_ms = 3_600_000);
    let reload = || {
        exchange(site.admin, "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .unwrap()
    };
    assert_eq!(reload().text(), "{\"generation\":1,\"swapped\":false}");
    site.depot.publish([example()]);
    assert_eq!(query(site.public, HIT).json()["generation"], 1, "nobody has looked yet");
    assert_eq!(reload().text(), "{\"generation\":2,\"swapped\":true}");
    assert_eq!(query(site.public, HIT).json()["generation"], 2);
    std::fs::write(site.depot.store.current_path(), "3 broken\n").unwrap();
    let refused = reload();
    assert_eq!((refused.status, refused.code().as_str()), (503, "reload-refused"));
    assert_eq!(query(site.public, HIT).json()["generation"], 2);
}

/// Flips one bit in the middle of a file.
fn damage(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    std::fs::set_permissions(path, permissions).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_bad_snapshot_never_displaces_a_good_one() {
    // A manifest that lies about what it names, a pointer to nothing, a pointer that is no pointer.
    for case in ["manifest", "missing", "pointer"] {
        let site = Site::new();
        let store = &site.depot.store;
        let good = Current::read(store).unwrap().unwrap();
        let bad = match case {
            "manifest" => {
                std::fs::copy(store.manifest_path(1), store.manifest_path(2)).unwrap();
                damage(&store.manifest_path(2));
                Current { generation: 2, ..good }.emit()
            }
            "missing" => Current { generation: 9, ..good }.emit(),
            _ => "9".to_owned(),
        };
        std::fs::write(store.current_path(), bad).unwrap();
        wait_for("a refusal", || !site.metrics().contains("zhengcha_refused_snapshots_total 0\n"));
        assert_eq!(query(site.public, HIT).json()["generation"], 1, "{case}");
        assert_eq!(get(site.admin, "/readyz").status, 200, "{case}");
        // A good one is taken up at once, whatever the pause after the refusal.
        std::fs::write(store.current_path(), good.emit()).unwrap();
        let _ = std::fs::remove_file(store.manifest_path(2));
        let generation = site.depot.publish([example()]);
        site.wait_for_generation(generation);
    }
}

#[test]
fn a_damaged_segment_is_refused_at_the_start_too() {
    let depot = Depot::new();
    depot.publish([example()]);
    let segment = std::fs::read_dir(depot.store.segments_dir()).unwrap().next().unwrap().unwrap();
    damage(&segment.path());
    let site = Site::on(depot, Options::default(), |_| {});
    wait_for("a refusal", || !site.metrics().contains("zhengcha_refused_snapshots_total 0\n"));
    assert_eq!(query(site.public, HIT).status, 503);
    assert_eq!(get(site.admin, "/readyz").status, 503);
}

#[test]
fn without_a_list_of_holds_nothing_is_answered() {
    let site = Site::new();
    let holds = site.depot.store.holds_path();
    for damage in ["missing", "broken"] {
        let good = std::fs::read(&holds).unwrap();
        if damage == "missing" {
            std::fs::remove_file(&holds).unwrap();
        } else {
            std::fs::write(&holds, "0101120201100058\n").unwrap();
        }
        wait_for("503", || query(site.public, HIT).status == 503);
        assert_eq!(get(site.admin, "/readyz").status, 503, "{damage}");
        assert!(site.metrics().contains("zhengcha_serving 0\n"));
        std::fs::write(&holds, good).unwrap();
        wait_for("200", || query(site.public, HIT).status == 200);
    }
}

/// Writes into a pipe that the server waits for, also when the test has failed.
struct Unblock(std::path::PathBuf);

impl Drop for Unblock {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, "no manifest");
    }
}

#[test]
fn holds_are_followed_while_a_generation_is_being_opened() {
    let site = Site::new();
    let store = &site.depot.store;
    // A manifest that is there but gives nothing until somebody writes it: opening takes as long.
    let manifest = store.manifest_path(2);
    let made = std::process::Command::new("mkfifo").arg(&manifest).status().unwrap();
    assert!(made.success());
    let opening = Unblock(manifest);
    let good = Current::read(store).unwrap().unwrap();
    // By rename, as the loader does it: half of it must not be read.
    let named = store.root().join("CURRENT.tmp");
    std::fs::write(&named, Current { generation: 2, ..good }.emit()).unwrap();
    std::fs::rename(named, store.current_path()).unwrap();
    std::thread::sleep(Duration::from_millis(100)); // ten looks at the store
    for held in [true, false, true] {
        site.depot.hold(if held { &["0101120201100058"] } else { &[] });
        let status = if held { "under_review" } else { "valid" };
        wait_for(status, || query(site.public, HIT).json()["certificates"][0]["status"] == status);
    }
    assert!(site.metrics().contains("zhengcha_refused_snapshots_total 0\n"), "still opening");
    std::fs::write(store.holds_path(), "broken").unwrap();
    wait_for("503", || query(site.public, HIT).status == 503);
    drop(opening);
    wait_for("a refusal", || !site.metrics().contains("zhengcha_refused_snapshots_total 0\n"));
    site.depot.hold(&["0101120201100058"]);
    wait_for("200", || query(site.public, HIT).status == 200);
    assert_eq!(query(site.public, HIT).json()["certificates"][0]["status"], "under_review");
}

/// The same people in each generation, but with the generation in what can be read of them.
fn marked(generation: u64) -> [Certificate; 2] {
    let mark = |certificate: Certificate| Certificate {
        institution: format!("第{generation}所"),
        issue_date: Date::new(2000, 1, u8::try_from(generation % 28).unwrap() + 1),
        ..certificate
    };
    [mark(example()), mark(second())]
}

#[test]
fn swaps_under_load_lose_nothing_and_mix_nothing() {
    let depot = Depot::new();
    depot.publish(marked(1));
    let site = Site::on(depot, Options::default(), |_| {});
    site.wait_until_ready();
    let over = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let address = site.public;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut connection = Connection::new(address);
                let body = r#"{"id_number":"11010519491231002X","name":"白京"}"#;
                let mut last = 0;
                while !over.load(Relaxed) {
                    let answer = connection.query(body).expect("an answer");
                    assert_eq!(answer.status, 200);
                    let document = answer.json();
                    let generation = document["generation"].as_u64().unwrap();
                    assert!(generation >= last, "a connection never goes back");
                    last = generation;
                    assert_eq!(document["count"], 2);
                    let [expected, _] = marked(generation);
                    let as_of = expected.issue_date.unwrap().to_string();
                    assert_eq!(document["as_of"], as_of.as_str());
                    for certificate in document["certificates"].as_array().unwrap() {
                        assert_eq!(certificate["institution"], expected.institution);
                        assert_eq!(certificate["issue_date"], as_of.as_str());
                    }
                    asked.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    let began = Instant::now();
    let mut generation = 1;
    // On a busy machine a publication may take a second: five swaps then, however long they take.
    while generation < 6 || (generation < 40 && began.elapsed() < Duration::from_secs(5)) {
        generation = site.depot.publish(marked(generation + 1));
        site.wait_for_generation(generation);
    }
    over.store(true, Relaxed);
    for client in clients {
        client.join().expect("no client saw a failed, wrong or mixed answer");
    }
    assert!(asked.load(Relaxed) > generation, "there was load");
    wait_for("old generations freed", || site.metrics().contains("zhengcha_snapshots_mapped 1\n"));
    assert!(site.metrics().contains(&format!("zhengcha_swaps_total {generation}\n")));
}
