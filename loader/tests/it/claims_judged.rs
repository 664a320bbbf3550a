//! Invented claims of every kind, judged as they are in earnest: to the byte what the reference expects.

use crate::command_support::Place;
use std::fs;
use std::sync::Arc;
use zhengcha_engine::claims::{Charset, Closing, Cutter, Format, Judge, Output};
use zhengcha_engine::tables::Catalogue;
use zhengcha_engine::{Certificate, Holds};

use crate::command_support::invented;

/// Bytes that arrive at once: no divisor of anything.
const PIECE_BYTES: usize = 50_021;

/// The verdicts on a file, as csv.
fn verdicts(place: &Place, name: &str, format: Format, charset: Charset) -> Vec<u8> {
    let output = Output { format: Format::Csv, charset: Charset::Utf8 };
    let catalogue = Arc::new(Catalogue::load(None).unwrap());
    let judge = Judge::new(Arc::new(place.snapshot()), catalogue, output);
    let holds = Holds::read(&place.store()).unwrap();
    let mut closing = Closing::new(output, &place.path(""));
    let mut cutter = Cutter::new(format, charset);
    let mut out = closing.head();
    for piece in fs::read(place.path(name)).unwrap().chunks(PIECE_BYTES) {
        cutter.push(piece);
        while let Some(chunk) = cutter.next_chunk().unwrap() {
            out.extend(closing.take(judge.judge(&chunk, &holds)).unwrap());
        }
    }
    while let Some(chunk) = cutter.finish().unwrap() {
        out.extend(closing.take(judge.judge(&chunk, &holds)).unwrap());
    }
    out
}

#[track_caller]
fn judged_as_expected(place: &Place, claims: u64) {
    let csv = |charset| (Format::Csv, charset);
    for (mix, ending, (format, charset)) in [
        ("tax", "csv", csv(Charset::Utf8)),
        ("plain", "csv", csv(Charset::Utf8)),
        ("all", "csv", csv(Charset::Utf8)),
        ("all", "csv --charset gb18030", csv(Charset::Gb18030)),
        ("all", "ndjson", (Format::Ndjson, Charset::Utf8)),
    ] {
        let name = format!("{mix}-{}", ending.replace(' ', ""));
        let words = format!(
            "claims --claims {claims} --seed 3 --mix {mix} --expected {name}.exp --out {mix}.{ending}"
        );
        place.run(&words).code(0);
        let claims = format!("{mix}.{}", ending.split(' ').next().unwrap());
        let found = verdicts(place, &claims, format, charset);
        let expected = fs::read(place.path(&format!("{name}.exp"))).unwrap();
        let rows = |bytes: &[u8]| -> Vec<String> {
            bytes
                .split(|&byte| byte == b'\n')
                .map(|row| String::from_utf8_lossy(row).into())
                .collect()
        };
        if found != expected {
            let (found, expected) = (rows(&found), rows(&expected));
            let at = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            let at = at.expect("one is the beginning of the other");
            panic!("{name}, row {at}: expected {}, found {}", expected[at], found[at]);
        }
        fs::remove_file(place.path(&claims)).unwrap();
    }
}

#[test]
fn every_verdict_is_the_one_expected() {
    let place = Place::new();
    place.run("synth --records 20000 --seed 4 --format batch").code(0);
    place.run("compile --publish").code(0);
    judged_as_expected(&place, 40_000);
}

#[test]
fn over_deltas_and_with_certificates_on_hold() {
    let certificates = invented(71, 3_000);
    let place = Place::with(&certificates);
    let corrected: Vec<Certificate> = certificates[..500]
        .iter()
        .map(|it| Certificate { institution: "更正鉴定所".into(), ..it.clone() })
        .collect();
    place.write("later.csv", &corrected);
    place.load("later.csv --org all --into delta").code(0);
    let held = certificates[400..600].iter().map(|it| it.certificate_number.clone());
    fs::write(place.store().holds_path(), Holds::new(held).emit()).unwrap();
    judged_as_expected(&place, 20_000);
}

#[test]
fn the_command_gives_the_same_from_every_kind_of_file() {
    let place = Place::new();
    place.run("synth --records 20000 --seed 4 --format batch").code(0);
    place.run("compile --publish").code(0);
    for (name, made, verified) in [
        // Broken places and all: the mark says what it is.
        ("a.csv", "", ""),
        ("b.csv", "--charset gb18030", "--out-charset utf-8"),
        ("c.ndjson", "", ""),
        ("d.xlsx", "", ""),
    ] {
        place
            .run(&format!(
                "claims --claims 6000 --mix all --out {name} --expected {name}.exp {made}"
            ))
            .code(0);
        // Some rows are bad on purpose.
        place.run(&format!("verify {name} --out {name}.out.csv {verified}")).code(3);
        let read = |name: String| fs::read_to_string(place.path(&name)).unwrap();
        let (expected, found) = (read(format!("{name}.exp")), read(format!("{name}.out.csv")));
        if let Some((expected, found)) =
            expected.lines().zip(found.lines()).find(|(expected, found)| expected != found)
        {
            panic!("{name}: expected {expected}, found {found}");
        }
        assert!(expected == found, "{name}");
        let summaries = [".exp", ".out.csv"].map(|it| read(format!("{name}{it}.summary.json")));
        assert_eq!(summaries[0], summaries[1]);
    }
}
