//! A generated register, published and held against the model in every mode.

use crate::support::answer;
use zhengcha_engine::testing::{self, Generator, Model};
use zhengcha_engine::{Certificate, Mode, Snapshot, Store};

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
