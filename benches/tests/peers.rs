//! The comparison with peers, small: every peer in this build gives the engine's answers.

use zhengcha_benches::passes::Kind;
use zhengcha_benches::peers::measure::{self, Contestant};
use zhengcha_benches::peers::report::{Report, Row};
use zhengcha_benches::peers::{
    Ask, Candidate, Input, Peer, QuestionSet, Session, candidates, chart,
};

const RECORDS: u64 = 10_000;

fn contestant(candidate: &Candidate, input: &Input, peer: Box<dyn Peer>) -> Contestant {
    let bytes = peer.bytes();
    assert!(
        bytes > 64 * input.len() as u64,
        "{}: {bytes} bytes hold no certificate",
        candidate.key
    );
    let (key, calls) = (candidate.key, if candidate.remote { 300 } else { 3000 });
    Contestant { key, calls, build_seconds: 1.0, bytes, passes: Default::default(), peer }
}

#[test]
fn every_peer_gives_the_same_answers_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let input = Input::generate(RECORDS, 3).unwrap();
    let hits = QuestionSet::draw(&input, Kind::Hit, 3000, 4).unwrap();
    let misses = QuestionSet::draw(&input, Kind::Miss, 3000, 4).unwrap();
    let (mut ran, mut contestants, mut not_run) = (Vec::new(), Vec::new(), Vec::new());
    for candidate in candidates() {
        let place = folder.path().join(candidate.key);
        std::fs::create_dir(&place).unwrap();
        match (candidate.build)(&input, &place) {
            Ok(peer) => {
                contestants.push(contestant(&candidate, &input, peer));
                ran.push(candidate);
            }
            // A server that is not installed.
            Err(error) if candidate.remote => not_run.push(format!("{error:#}")),
            Err(error) => panic!("{}: {error:#}", candidate.key),
        }
    }
    assert!(contestants.len() >= 5, "{not_run:?}");
    measure::run(&mut contestants, &hits, &misses, 1).unwrap();

    let rows = ran
        .iter()
        .zip(&contestants)
        .map(|(candidate, contestant)| Row::new(candidate, contestant, input.len()));
    let (passes, huge_page_bytes) = (1, 0);
    let report = Report {
        records: input.len(),
        passes,
        huge_page_bytes,
        rows: rows.collect(),
        not_run: Vec::new(),
    };
    let table = report.markdown();
    for candidate in &ran {
        assert!(table.contains(&format!("| {} |", candidate.name)), "{table}");
    }
    chart::write_all(&report, &folder.path().join("charts")).unwrap();
    let chart = std::fs::read_to_string(folder.path().join("charts/peers-hit.svg")).unwrap();
    assert!(chart.contains("SQLite, six") && !chart.contains("NaN"), "{chart}");

    let wrong = contestant(&ran[0], &input, Box::new(Wrong));
    contestants.truncate(1);
    contestants.push(Contestant { key: "wrong", ..wrong });
    let error = measure::run(&mut contestants, &hits, &misses, 1).unwrap_err();
    assert!(format!("{error:#}").contains("peer wrong"), "{error:#}");
}

/// A peer that finds what is not there.
struct Wrong;

impl Peer for Wrong {
    fn bytes(&self) -> u64 {
        u64::MAX
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session + '_>> {
        Ok(Box::new(Self))
    }
}

impl Session for Wrong {
    fn lookup(&mut self, _: Ask<'_>) -> anyhow::Result<u64> {
        Ok(1)
    }
}
