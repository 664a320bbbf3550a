//! Uploads that cannot be read as a whole: a clear error, exit code 1, and the store as it was.

use crate::command_support::{Place, TODAY, invented};
use std::fs;

#[test]
fn a_file_that_cannot_be_read_refuses_the_whole_upload() {
    let place = Place::with(&invented(30, 5));
    place.write("good.csv", &invented(31, 5));
    place.write_text("empty.csv", "");
    place.write_text("blank.csv", "\r\n\r\n");
    place.write_text("prose.csv", "一封信\r\n没有表格\r\n");
    place.write_text("headers.csv", "姓名,性别,出生日期\r\n白京,1,1980-01-01\r\n");
    place.write_text("picture.xlsx", [0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13]);
    place.write("cut.xlsx", &invented(31, 5));
    place.write("cut.dbf", &invented(31, 5));
    for name in ["cut.xlsx", "cut.dbf"] {
        let bytes = fs::read(place.path(name)).unwrap();
        fs::write(place.path(name), &bytes[..bytes.len() / 2]).unwrap();
    }
    fs::create_dir(place.path("folder.csv")).unwrap();
    let before = place.files();
    for name in [
        "missing.csv",
        "empty.csv",
        "blank.csv",
        "prose.csv",
        "headers.csv",
        "picture.xlsx",
        "cut.xlsx",
        "cut.dbf",
        "folder.csv",
    ] {
        for words in [format!("{name} --org all"), format!("good.csv {name} --org all")] {
            let ran = place.load(&words).code(1).says(name);
            assert!(ran.err.starts_with("error: ") && ran.out.is_empty(), "{words}: {ran:?}");
            assert!(!ran.err.contains("panicked"), "{words}: {}", ran.err);
            assert_eq!(place.changed_since(&before), [""; 0], "{words}");
        }
        place.run(&format!("check {name} --today {TODAY}")).code(1).says(name);
    }
    // Headers alone are a table without rows: nothing to say against it, nothing to publish.
    place.write("none.csv", &[]);
    place.load("none.csv --org all").code(0);
    assert_eq!(place.changed_since(&before), [""; 0]);
    place.load("good.csv --org all").code(0);
    assert_eq!(place.snapshot().records(), 10);
}

#[test]
fn a_store_where_none_can_be_is_refused() {
    let place = Place::new();
    place.write("good.csv", &invented(31, 5));
    // The first is no folder, the second has a file where a folder should be.
    place.write_text("store", "in the way");
    place.load("good.csv --org all").code(1).says("store");
    fs::remove_file(place.path("store")).unwrap();
    fs::create_dir(place.path("store")).unwrap();
    place.write_text("store/segments", "in the way");
    place.load("good.csv --org all").code(1).says("segments");
    fs::remove_file(place.path("store/segments")).unwrap();
    place.load("good.csv --org all").code(0);
}

#[test]
fn commands_on_a_store_without_a_generation_say_so() {
    let place = Place::new();
    const QUERY: &str = "query --name 白京 --id-number 110105194912310025";
    for words in ["compile", "publish 1", "rollback", "prune --keep 1", "inspect", "fsck", QUERY] {
        let ran = place.run(words).code(1);
        assert!(ran.err.starts_with("error: "), "{words}: {ran:?}");
        assert!(!place.path("store").exists(), "{words} made a store");
    }
    place.run("snapshots").code(0);
    // A first upload of nothing but rejected rows leaves a store without a generation.
    place.write("foreign.csv", &invented(21, 2));
    place.load("foreign.csv --org 98").code(3);
    for words in ["compile", "publish 1", "rollback", "inspect", QUERY] {
        let ran = place.run(words).code(1);
        assert!(ran.err.starts_with("error: "), "{words}: {ran:?}");
    }
    for words in ["snapshots", "prune --keep 1", "fsck"] {
        place.run(words).code(0);
    }
}
