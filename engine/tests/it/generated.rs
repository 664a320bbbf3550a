//! A generated register, published and held against the model in every mode.

use crate::support::answer;
use zhengcha_engine::testing::{self, Generator, Model};
use zhengcha_engine::{Certificate, Mode, Query, Snapshot, Store};

#[test]
fn every_lookup_agrees_with_the_model() {
    let certificates: Vec<Certificate> = Generator::new(11).take(5000).collect();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates.clone()).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    let model = Model::new(&certificates);
    for (certificate, other) in certificates.iter().zip(certificates.iter().skip(1)) {
        for mode in Mode::ALL {
            let (first, second) = testing::pair(certificate, mode);
            let expected = model.lookup(mode, &first, &second);
            assert_eq!(answer(&snapshot, mode, &first, &second), expected);
            let (_, crossed) = testing::pair(other, mode);
            let expected = model.lookup(mode, &first, &crossed);
            assert_eq!(answer(&snapshot, mode, &first, &crossed), expected);
        }
    }
}

#[test]
fn a_batch_of_mixed_modes_agrees_with_single_lookups() {
    let certificates: Vec<Certificate> = Generator::new(12).take(3000).collect();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    testing::publish(&store, certificates.clone()).unwrap();
    let snapshot = Snapshot::open_current(&store, None).unwrap().unwrap();
    let mut texts = Vec::new();
    for (at, (certificate, other)) in
        certificates.iter().zip(certificates.iter().skip(1)).enumerate()
    {
        let mode = Mode::ALL[at % 6];
        let (first, second) = testing::pair(certificate, mode);
        let (_, crossed) = testing::pair(other, mode);
        texts.push((mode, first, if at % 2 == 0 { second } else { crossed }));
    }
    let queries: Vec<Query<'_>> =
        texts.iter().map(|(mode, first, second)| Query::new(*mode, first, second)).collect();
    for count in [0, 1, 31, 32, 33, queries.len()] {
        let mut found = vec![Vec::new(); count];
        snapshot.lookup_batch(&queries[..count], |at, view| found[at].push(view.to_certificate()));
        for (found, query) in found.iter_mut().zip(&queries) {
            let mut expected: Vec<Certificate> =
                snapshot.lookup(*query).map(|view| view.to_certificate()).collect();
            testing::sort(&mut expected);
            testing::sort(found);
            assert_eq!(*found, expected);
        }
    }
}
