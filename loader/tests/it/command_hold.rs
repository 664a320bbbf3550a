//! hold, release, holds.

use crate::command_support::{Place, Ran, invented, ran};
use std::fs;
use zhengcha_engine::{Certificate, Holds};
use zhengcha_loader::ledger::Ledger;
use zhengcha_loader::lock::StoreLock;

const WHY: &str = "--reason 核查考场记录 --by 王核查";

fn held(place: &Place) -> Vec<String> {
    Holds::read(&place.store()).unwrap().numbers().to_vec()
}

/// What a query with number and name says of a certificate.
fn status(place: &Place, certificate: &Certificate, flags: &str) -> String {
    let Certificate { certificate_number, name, .. } = certificate;
    let mut command = place.command("query --json");
    command.args(flags.split_whitespace());
    command.args(["--certificate-number", certificate_number, "--name", name]);
    let found = ran(&mut command).code(0).json();
    assert_eq!(found["count"], 1);
    found["certificates"][0]["status"].as_str().unwrap().to_owned()
}

fn listed(place: &Place) -> Vec<String> {
    let listed = place.run("holds --json").code(0).json();
    let rows = listed.as_array().unwrap().iter();
    rows.map(|row| row["certificate_number"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_number_goes_under_review_and_comes_back() {
    let certificates = invented(70, 3);
    let place = Place::with(&certificates);
    let [one, other, _] = [0, 1, 2].map(|at| &certificates[at].certificate_number);
    let ran = place.run(&format!("hold {one} {WHY}")).code(0);
    assert_eq!(ran.out, format!("put under review: {one}; 1 under review in all\n"));
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert_eq!(held(&place), std::slice::from_ref(one));
    assert_eq!(status(&place, &certificates[0], ""), "under_review");
    assert_eq!(status(&place, &certificates[1], ""), "valid");
    // The operator may see what an asker may not, with its state.
    assert_eq!(status(&place, &certificates[0], "--full"), "under_review");
    let json = place.run(&format!("hold {other} {WHY} --json")).code(0).json();
    let expected = serde_json::json!({
        "decision": "hold", "certificate_numbers": [other], "not_live": [], "under_review": 2,
    });
    assert_eq!(json, expected);

    let rows = place.run("holds --json").code(0).json();
    let row =
        rows.as_array().unwrap().iter().find(|row| row["certificate_number"] == **one).unwrap();
    assert_eq!((&row["reason"], &row["by"]), (&"核查考场记录".into(), &"王核查".into()));
    let since = row["since"].as_str().unwrap();
    assert!(since.len() == 25 && since.ends_with("+08:00"), "{since}");
    let text = place.run("holds").code(0).out;
    assert!(text.contains(&format!("{one}  since {since}  by 王核查: 核查考场记录\n")), "{text}");
    assert!(text.ends_with("2 under review\n"), "{text}");

    let ran = place.run(&format!("release {one} {WHY}")).code(0);
    assert_eq!(ran.out, format!("released: {one}; 1 under review in all\n"));
    assert_eq!(status(&place, &certificates[0], ""), "valid");
    assert_eq!(listed(&place), std::slice::from_ref(other));
    place.run("fsck").code(0);
    // The ledger keeps all three decisions.
    let bytes = fs::read(place.store().ledger_path()).unwrap();
    let kept = bytes.windows("王核查".len()).filter(|bytes| *bytes == "王核查".as_bytes()).count();
    assert!(kept >= 3, "{kept}");
}

#[test]
fn numbers_are_taken_in_any_spelling_and_once() {
    let place = Place::with(&invented(71, 1));
    let mut command = place.command(&format!("hold {WHY}"));
    command.args([" 0101 1202 0110 0058", "ｓ0001２３000001195000001", "0912345678901"]);
    command.args(["0101120201100058", "0000912345678901"]);
    ran(&mut command).code(0).says("not in the live generation");
    let normal = ["0000912345678901", "0101120201100058", "S000123000001195000001"];
    assert_eq!(held(&place), normal);
    let mut command = place.command(&format!("release {WHY}"));
    ran(command.args(["s000123000001195000001", "0912345678901"])).code(0);
    assert_eq!(held(&place), ["0101120201100058"]);
}

#[test]
fn a_list_may_come_from_a_file() {
    let place = Place::with(&invented(72, 1));
    place.write_text("list.txt", "\u{FEFF}0101120201100058\r\n\r\n  0101120201100059  \n");
    place.run(&format!("hold --from list.txt {WHY}")).code(0);
    assert_eq!(held(&place), ["0101120201100058", "0101120201100059"]);
    place.run(&format!("release 0101120201100058 --from list.txt {WHY}")).code(0);
    assert!(held(&place).is_empty());
    place.run(&format!("hold --from none.txt {WHY}")).code(1).says("none.txt");
    place.write_text("gb.txt", b"\xD6\xD0\n");
    place.run(&format!("hold --from gb.txt {WHY}")).code(1).says("UTF-8");
    place.write_text("empty.txt", "\n");
    place.run(&format!("hold --from empty.txt {WHY}")).code(1).says("no certificate number");
    place.write_text("bad.txt", "0101120201100058\n0101-1202\n");
    place.run(&format!("hold --from bad.txt {WHY}")).code(1).says("\"0101-1202\"");
    let many: String = (0..20_000).map(|n| format!("{:016}\n", n * 3)).collect();
    place.write_text("many.txt", many);
    let ran = place.run(&format!("hold --from many.txt {WHY}")).code(0);
    assert!(ran.out.contains("and 19995 more; 20000 under review in all"), "{}", ran.out);
    assert_eq!(listed(&place).len(), 20_000);
    place.run("fsck").code(0);
}

#[test]
fn what_cannot_be_done_for_all_is_done_for_none() {
    let place = Place::with(&invented(73, 1));
    place.run(&format!("hold 0101120201100058 0101120201100059 {WHY}")).code(0);
    let before = place.files();
    let refused = |words: &str, says: &str| {
        place.run(&format!("{words} {WHY}")).code(1).says(says).says("nothing was changed");
        assert_eq!(place.changed_since(&before), [""; 0], "{words}");
    };
    refused("hold 0101120201100057 0101120201100058", "0101120201100058: under review already");
    refused("release 0101120201100058 0101120201100057", "0101120201100057: not under review");
    refused("hold 0101120201100057 0101-1202", "\"0101-1202\": no certificate number");
    refused(&format!("hold {}", "1".repeat(33)), "no certificate number");
    refused("hold 证书", "no certificate number");
    let long = "长".repeat(501);
    for (reason, by) in [
        ("", "王"),
        (" ", "王"),
        ("r", ""),
        ("a\nb", "王"),
        ("r", "a\u{1b}[2J"),
        (&long, "王"),
        ("r", &long),
    ] {
        let mut command = place.command("hold 0101120201100057");
        let ran: Ran = ran(command.args(["--reason", reason, "--by", by])).code(2);
        assert!(ran.err.contains("must"), "{}", ran.err);
        assert_eq!(place.changed_since(&before), [""; 0], "{reason:?} {by:?}");
    }
}

#[test]
fn a_number_that_is_not_there_yet_is_under_review_when_it_comes() {
    let certificates = invented(74, 4);
    let place = Place::with(&certificates[..2]);
    let late = &certificates[2];
    let ran = place.run(&format!("hold {} {WHY}", late.certificate_number)).code(0);
    assert!(ran.err.contains(&late.certificate_number), "{}", ran.err);
    place.write("late.csv", &certificates[2..]);
    place.load("late.csv --org all").code(0);
    assert_eq!(status(&place, late, ""), "under_review");
    assert_eq!(status(&place, &certificates[3], ""), "valid");
}

#[test]
fn a_review_outlasts_whatever_happens_to_the_register() {
    let mut certificates = invented(75, 30);
    let place = Place::with(&certificates[..20]);
    let number = certificates[0].certificate_number.clone();
    place.run(&format!("hold {number} {WHY}")).code(0);
    certificates[0].institution = "更正鉴定所".to_owned();
    place.write("more.csv", &[&certificates[..1], &certificates[20..]].concat());
    for words in [
        "load more.csv --org all --into delta --today 2026-11-24",
        "rollback",
        "publish 2",
        "merge --into base",
        "compile --publish",
        "prune --keep 1",
        "fsck",
    ] {
        place.run(words).code(0);
        assert_eq!(held(&place), [number.as_str()], "{words}");
        assert_eq!(status(&place, &certificates[0], ""), "under_review", "{words}");
        assert_eq!(listed(&place), [number.as_str()], "{words}");
    }
    place.run(&format!("release {number} {WHY}")).code(0);
    assert_eq!(status(&place, &certificates[0], ""), "valid");
}

#[test]
fn a_review_waits_for_no_other_command() {
    let certificates = invented(76, 5);
    let place = Place::with(&certificates);
    let lock = StoreLock::take(&place.store()).unwrap();
    let number = &certificates[0].certificate_number;
    place.run(&format!("hold {number} {WHY}")).code(0);
    assert_eq!(status(&place, &certificates[0], ""), "under_review");
    place.run("holds").code(0);
    place.run(&format!("release {number} {WHY}")).code(0);
    place.run("holds --rewrite").code(0);
    drop(lock);
    place.run("fsck").code(0);
}

#[test]
fn reviews_at_the_same_time_all_count() {
    let place = Place::with(&invented(77, 1));
    std::thread::scope(|scope| {
        for process in 0..4 {
            let place = &place;
            scope.spawn(move || {
                for n in 0..5 {
                    place.run(&format!("hold {process}{n} {WHY}")).code(0);
                }
                place.run(&format!("release {process}0 {WHY}")).code(0);
            });
        }
        place.write("more.csv", &invented(78, 20));
        place.load("more.csv --org all").code(0);
    });
    let expected: Vec<String> =
        (0..4).flat_map(|process| (1..5).map(move |n| format!("{process}{n}"))).collect();
    assert_eq!(held(&place), expected);
    assert_eq!(listed(&place), expected);
    place.run("fsck").code(0);
}

#[test]
fn without_a_store_nothing_is_put_under_review() {
    let place = Place::new();
    for words in ["hold 1 --reason r --by b", "release 1 --reason r --by b", "holds --rewrite"] {
        place.run(words).code(1).says("store");
        assert!(!place.path("store").exists(), "{words}");
    }
    place.run("holds").code(1).says("no such store");
    fs::create_dir(place.path("store")).unwrap();
    place.run("hold 1 --reason r --by b").code(1).says("ledger");
    assert_eq!(place.run("holds").code(0).out, "0 under review\n");
    assert_eq!(fs::read_dir(place.path("store")).unwrap().count(), 0);
    // A store where nothing is live yet has a ledger, and its reviews count from the first upload on.
    drop(zhengcha_loader::generation::OpenStore::open(&place.store()).unwrap());
    let certificates = invented(79, 2);
    let number = &certificates[0].certificate_number;
    place.run(&format!("hold {number} {WHY}")).code(0).says("not in the live generation");
    place.write("first.csv", &certificates);
    place.load("first.csv --org all").code(0);
    assert_eq!(status(&place, &certificates[0], ""), "under_review");
    assert_eq!(
        Ledger::open(&place.store().ledger_path()).unwrap().held().unwrap(),
        [number.as_str()]
    );
}
