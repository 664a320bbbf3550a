//! Memory policies give the same answers; marks spare reading, and only while the file is the same.

use crate::support::{answer, plain};
use std::fs;
use zhengcha_engine::build;
use zhengcha_engine::{Certificate, Memory, Mode, Opening, Snapshot, Store, testing};

fn certificates() -> Vec<Certificate> {
    (0..900u32)
        .map(|n| Certificate {
            name: format!("王{n}"),
            ticket_number: n.to_string(),
            ..plain(&format!("01011202{:08}", n * 13))
        })
        .collect()
}

#[test]
fn every_memory_policy_answers_alike() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates()).unwrap();
    for memory in Memory::ALL {
        for threads in [1, 3] {
            let opening = Opening { memory, threads, trust_marks: false };
            let snapshot = match Snapshot::open_current_with(&store, None, &opening) {
                Ok(snapshot) => snapshot.unwrap(),
                Err(error) => {
                    // Only the system's limit may refuse, and says what to do.
                    assert_eq!(memory, Memory::Locked, "{error}");
                    assert!(error.to_string().contains("ulimit -l"), "{error}");
                    continue;
                }
            };
            snapshot.warm(None);
            for number in ["0101120200000013", "0101120200000014"] {
                let found = answer(&snapshot, Mode::CN, number, "王1");
                assert_eq!(found.len(), usize::from(number.ends_with('3')), "{memory:?} {number}");
            }
        }
    }
}

/// Whether the store opens with and without believing marks.
fn opens(store: &Store) -> [bool; 2] {
    [true, false].map(|trust_marks| {
        let opening = Opening { trust_marks, ..Opening::default() };
        Snapshot::open_current_with(store, None, &opening).is_ok()
    })
}

#[test]
fn a_mark_spares_reading_until_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates()).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    let segment = snapshot.segments().next().unwrap();
    let (path, id) = (segment.path().to_owned(), segment.id().to_owned());
    let mut bytes = fs::read(&path).unwrap();
    bytes[5000] ^= 1; // within the records
    let replace = |bytes: &[u8]| {
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    replace(&bytes);
    assert_eq!(opens(&store), [false, false]);
    // A mark of the damaged file is believed: this is what it means not to read.
    build::mark_verified(&store, &id).unwrap();
    assert_eq!(opens(&store), [true, false]);
    // The same bytes under another inode, or written again in place, are another file.
    replace(&bytes);
    assert_eq!(opens(&store), [false, false]);
    build::mark_verified(&store, &id).unwrap();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(opens(&store), [false, false]);
    // So is one whose mark is not as written, byte for byte.
    build::mark_verified(&store, &id).unwrap();
    let mark = fs::read(store.verified_path(&id)).unwrap();
    for at in 0..mark.len() {
        let mut damaged = mark.clone();
        damaged[at] ^= 1;
        fs::write(store.verified_path(&id), damaged).unwrap();
        assert_eq!(opens(&store), [false, false], "byte {at}");
    }
    fs::write(store.verified_path(&id), mark).unwrap();
    assert_eq!(opens(&store), [true, false]);
}

#[test]
fn a_marked_segment_answers_like_a_verified_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates()).unwrap();
    let read = Snapshot::open_current(&store, None).unwrap().unwrap();
    build::mark_verified(&store, read.segments().next().unwrap().id()).unwrap();
    let trusted = Snapshot::open_current(&store, None).unwrap().unwrap();
    for certificate in certificates() {
        for mode in Mode::ALL {
            let (first, second) = testing::pair(&certificate, mode);
            let expected = answer(&read, mode, &first, &second);
            assert!(!expected.is_empty());
            assert_eq!(answer(&trusted, mode, &first, &second), expected);
        }
    }
}
