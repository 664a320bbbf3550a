//! Damage of every kind is refused before a lookup could see it.

use crate::support::plain;
use std::fs;
use std::path::{Path, PathBuf};
use zhengcha_engine::{Certificate, Mode, OpenError, Segment, Snapshot, Store, testing};

/// Enough for several blocks and tree nodes in every index.
const RECORDS: u32 = 800;

struct Damaged {
    _folder: tempfile::TempDir,
    store: Store,
    files: Vec<PathBuf>,
}

fn store() -> Damaged {
    // In memory where there is such a place: the files are written again thousands of times.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let store = Store::new(folder.path());
    let certificates = (0..RECORDS).map(|n| Certificate {
        name: format!("阿不都克里木·阿不都热合曼{n}"),
        ticket_number: n.to_string(),
        ..plain(&format!("01011202{:08}", n * 13))
    });
    testing::publish(&store, certificates).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    let segment = snapshot.segments().next().unwrap().path().to_owned();
    let files = vec![segment, store.manifest_path(1), store.current_path()];
    Damaged { _folder: folder, store, files }
}

impl Damaged {
    /// Opens the store with one file replaced, then puts the file back.
    fn open_with(&self, path: &Path, bytes: &[u8]) -> Result<Option<Snapshot>, OpenError> {
        let good = fs::read(path).unwrap();
        // A new file under the old name: what is mapped elsewhere is never written.
        let replace = |bytes: &[u8]| {
            fs::remove_file(path).unwrap();
            fs::write(path, bytes).unwrap();
        };
        replace(bytes);
        let opened = Snapshot::open_current(&self.store, None);
        replace(&good);
        opened
    }
}

#[test]
fn random_bit_flips_are_refused() {
    let damaged = store();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for round in 0..600 {
        for path in &damaged.files {
            let mut bytes = fs::read(path).unwrap();
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let bit = state as usize % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = damaged.open_with(path, &bytes);
            assert!(opened.is_err(), "round {round}: {} bit {bit}", path.display());
        }
    }
    assert!(Snapshot::open_current(&damaged.store, None).unwrap().is_some());
}

#[test]
fn every_truncation_is_refused() {
    let damaged = store();
    for path in &damaged.files {
        let bytes = fs::read(path).unwrap();
        let step = if bytes.len() > 8192 { 4096 } else { 1 };
        for end in (0..bytes.len()).step_by(step) {
            let opened = damaged.open_with(path, &bytes[..end]);
            assert!(opened.is_err(), "{} cut at {end}", path.display());
        }
        let longer = [bytes.as_slice(), &[0; 4096]].concat();
        assert!(damaged.open_with(path, &longer).is_err(), "{} grown", path.display());
    }
}

#[test]
fn foreign_and_missing_files_are_told_apart() {
    let damaged = store();
    let segment = &damaged.files[0];
    let error = damaged.open_with(segment, &[b'x'; 9000]).unwrap_err();
    assert!(matches!(error, OpenError::Incompatible { .. }), "{error}");
    fs::remove_file(segment).unwrap();
    let error = Snapshot::open_current(&damaged.store, None).unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
}

#[test]
fn a_store_without_pointer_is_empty_not_broken() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Snapshot::open_current(&Store::new(folder.path()), None).unwrap().is_none());
}

/// The sum of a section of one piece: that of the sum of the piece.
fn sum_of_small_section(bytes: &[u8]) -> u64 {
    use xxhash_rust::xxh3::xxh3_64;
    xxh3_64(&xxh3_64(bytes).to_le_bytes())
}

/// What a builder's fault would look like: wrong entries under right sums.
#[test]
fn a_wrong_index_under_right_sums_is_caught_by_the_lookup_check() {
    use zhengcha_engine::build::check_indexes;
    use zhengcha_engine::format::PAGE_BYTES;
    use zhengcha_engine::format::header::Header;
    use zhengcha_engine::format::section::SectionKind;
    let damaged = store();
    let path = &damaged.files[0];
    let good = fs::read(path).unwrap();
    let sound = Segment::open(path).unwrap();
    for mode in Mode::ALL {
        check_indexes(&sound, mode).unwrap();
        let mut bytes = good.clone();
        let mut header = Header::parse(path, &bytes, bytes.len() as u64).unwrap();
        let filter = header
            .sections
            .iter_mut()
            .find(|section| section.kind == SectionKind::KeyFilter(mode))
            .unwrap();
        let range = filter.offset as usize..(filter.offset + filter.length) as usize;
        // One bit of one of the keys.
        let set = bytes[range.clone()].iter_mut().find(|byte| **byte != 0).unwrap();
        *set &= *set - 1;
        filter.sum = sum_of_small_section(&bytes[range]);
        bytes[..PAGE_BYTES].copy_from_slice(&header.emit());
        let wrong = damaged.store.root().join("wrong.seg");
        fs::write(&wrong, &bytes).unwrap();
        let segment = Segment::open(&wrong).unwrap();
        let error = check_indexes(&segment, mode).unwrap_err();
        assert!(error.to_string().contains(mode.index_name()), "{error}");
        drop(segment);
        fs::remove_file(&wrong).unwrap();
    }
}
