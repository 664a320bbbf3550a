//! The national campaign in small: a million certificates as waiting batches, compiled, asked in all six
//! modes, corrected and contradicted by a delta.

use crate::command_support::Place;
use zhengcha_engine::{Certificate, Mode, Query, Snapshot, testing};

const RECORDS: u64 = 1_000_000;
/// Every so manyth record is asked for.
const ASKED_STEP: usize = 997;

/// Asks for each certificate in every mode, all in one batch; every one must find itself.
fn all_are_found(snapshot: &Snapshot, certificates: &[Certificate]) {
    let texts: Vec<(Mode, String, String)> = certificates
        .iter()
        .flat_map(|certificate| {
            Mode::ALL.map(|mode| {
                let (first, second) = testing::pair(certificate, mode);
                (mode, first, second)
            })
        })
        .collect();
    let queries: Vec<Query<'_>> =
        texts.iter().map(|(mode, first, second)| Query::new(*mode, first, second)).collect();
    let mut found = vec![false; queries.len()];
    snapshot.lookup_batch(&queries, |at, view| {
        found[at] |= view.to_certificate() == certificates[at / Mode::ALL.len()];
    });
    for (at, found) in found.into_iter().enumerate() {
        let (mode, first, second) = &texts[at];
        assert!(found || first.is_empty() || second.is_empty(), "{mode:?}, query {at}");
    }
}

#[test]
fn a_million_from_batches_to_a_delta() {
    let place = Place::new();
    place.run(&format!("synth --records {RECORDS} --format batch")).code(0);
    place.run("compile --publish --memory 16MiB").code(0);
    let base = place.snapshot();
    assert_eq!(base.records(), RECORDS);
    let segment = base.segments().next().unwrap();
    let asked: Vec<Certificate> =
        segment.views().step_by(ASKED_STEP).map(|view| view.to_certificate()).collect();
    all_are_found(&base, &asked);

    let sixteen = |certificate: &&Certificate| certificate.certificate_number.len() == 16;
    let of_2013: Vec<&Certificate> = asked.iter().filter(sixteen).take(40).collect();
    let corrected: Vec<Certificate> = of_2013[..20]
        .iter()
        .map(|&served| Certificate { theory_score: Some(777), ..served.clone() })
        .collect();
    // Numbers of some, the rest of others.
    let contradicting: Vec<Certificate> = of_2013[20..30]
        .iter()
        .zip(&of_2013[30..])
        .map(|(number, &other)| Certificate {
            certificate_number: number.certificate_number.clone(),
            ..other.clone()
        })
        .collect();
    place.write("corrections.csv", &corrected);
    place.write("conflicts.dbf", &contradicting);
    let loaded = place.load("corrections.csv conflicts.dbf --org all --into delta --json").code(3);
    assert_eq!(loaded.json()["corrections"], 20);
    assert_eq!(loaded.json()["rejected"], 10);
    let over = place.snapshot();
    assert_eq!((over.records(), over.segments().count()), (RECORDS, 2));
    for certificate in &corrected {
        let served: Vec<_> = over.by_certificate(&certificate.certificate_number).collect();
        assert_eq!(served.len(), 1);
        assert_eq!(served[0].theory_score(), Some(777));
    }
    all_are_found(&over, &asked[40..]);
    place.run("fsck").code(0);
}
