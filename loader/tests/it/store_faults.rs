//! Two loaders at once, and disks that fill up at every step.

use crate::command_support::{Place, TODAY, invented, ran};
use std::process::Command;
use zhengcha_loader::lock::StoreLock;
use zhengcha_loader::testing::uploads::ensure_serves;

#[test]
fn a_second_loader_is_told_of_the_first() {
    let place = Place::with(&invented(60, 5));
    place.write("more.csv", &invented(61, 5));
    let before = place.files();
    let lock = StoreLock::take(&place.store()).unwrap();
    for words in ["compile", "publish 1", "rollback", "prune --keep 1", "fsck"] {
        place.run(words).code(1).says("another zhengcha-loader");
    }
    place.load("more.csv --org all").code(1).says("another zhengcha-loader");
    assert_eq!(place.changed_since(&before), [""; 0]);
    // Reading needs no lock.
    place.run("snapshots").code(0);
    place.run("inspect").code(0);
    place.run(&format!("check more.csv --today {TODAY}")).code(0);
    drop(lock);
    place.load("more.csv --org all").code(0);
}

#[test]
fn a_write_that_the_system_refuses_leaves_the_store_as_it_was() {
    let certificates = invented(62, 40);
    let place = Place::with(&certificates[..20]);
    place.write("more.csv", &certificates[20..]);
    let before = place.files();
    let mut refused = 0;
    // Blocks of 512 bytes that one file may have: the copies, the ledger, the segments.
    for blocks in [0, 1, 4, 8, 16, 24, 32, 48, 64] {
        // Ignored, the signal of the limit becomes an error of the write.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_zhengcha-loader"), "load"]);
        command.args(["more.csv", "--org", "all", "--today", TODAY]).current_dir(place.path(""));
        let ran = ran(&mut command);
        if ran.code == Some(0) {
            break;
        }
        refused += 1;
        let ran = ran.code(1);
        assert!(ran.err.starts_with("error: ") && !ran.err.contains("panicked"), "{}", ran.err);
        place.run("prune --keep 9").code(0);
        let changed = place.changed_since(&before);
        assert!(changed.iter().all(|name| name == "ledger.sqlite"), "{blocks}: {changed:?}");
        place.run("fsck").code(0);
    }
    assert!(refused >= 3, "only {refused} limits were too low");
    place.load("more.csv --org all").code(0);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
}

/// Loads on a disk that is full after so many KiB more than the store takes, then frees space,
/// brings the store in order and copies it out.
const FULL_DISK: &str = r#"
mount -t tmpfs -o size="$1k" none disk || exit 77
cp -a store/. disk/ || exit 78
"$2" --store disk load more.csv --org all --today "$3"
echo "exit $?"
mount -o remount,size=64m none disk || exit 77
"$2" --store disk fsck || exit 79
"$2" --store disk prune --keep 9 || exit 80
"$2" --store disk fsck || exit 81
rm -rf after && cp -a disk after
"$2" --store disk load more.csv --org all --today "$3" || exit 82
"$2" --store disk query --full --certificate-number "$4" --name "$5" || exit 83
umount disk
"#;

#[test]
fn a_full_disk_at_any_step_leaves_the_old_generation() {
    let certificates = invented(63, 60);
    let place = Place::with(&certificates[..30]);
    place.write("more.csv", &certificates[30..]);
    std::fs::create_dir(place.path("disk")).unwrap();
    let bytes: usize = place.files().values().map(|bytes| bytes.len().next_multiple_of(4096)).sum();
    let before = place.files();
    let (mut full, mut room_kib) = (0, bytes / 1024);
    let last = certificates.last().unwrap();
    loop {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", FULL_DISK, "sh", &room_kib.to_string()]);
        command.args([env!("CARGO_BIN_EXE_zhengcha-loader"), TODAY]);
        command.args([&last.certificate_number, &last.name]).current_dir(place.path(""));
        let Ok(output) = command.output() else { return };
        let text =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        let [out, err] = &text;
        let code = output.status.code();
        if code == Some(1) && full == 0 && err.contains("unshare") || code == Some(77) {
            eprintln!("left out: no file systems can be mounted here: {err}");
            return;
        }
        if code == Some(78) {
            room_kib += 16;
            continue;
        }
        assert_eq!(code, Some(0), "{room_kib} KiB: {out}{err}");
        assert!(out.contains(&last.certificate_number), "{room_kib} KiB: {out}");
        if out.contains("exit 0\n") {
            break;
        }
        assert!(out.contains("exit 1\n") && err.contains("error: "), "{room_kib} KiB: {out}{err}");
        assert!(!err.contains("panicked"), "{room_kib} KiB: {err}");
        for (path, bytes) in &before {
            let after = place.path("after").join(path.strip_prefix(place.path("store")).unwrap());
            let is_ledger = path.ends_with("ledger.sqlite");
            assert!(is_ledger || std::fs::read(&after).unwrap() == *bytes, "{}", after.display());
        }
        full += 1;
        room_kib += 16;
    }
    assert!(full >= 4, "the disk was full at {full} steps only");
}
