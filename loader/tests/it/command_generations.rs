//! compile, publish, rollback, prune, snapshots, inspect.

use crate::command_support::{Place, Ran, TODAY, invented, ran};
use std::fs;
use zhengcha_engine::testing::resident_id;
use zhengcha_engine::{Certificate, Date};
use zhengcha_loader::testing::uploads::ensure_serves;

const LOADS: usize = 4;

/// Four loads; each adds some certificates and corrects one of the first.
fn four_loads() -> (Place, Vec<Certificate>) {
    let mut certificates = invented(40, 40);
    let place = Place::new();
    for load in 0..LOADS {
        if load > 0 {
            certificates[load].institution = format!("第{load}更正鉴定所");
        }
        let part: Vec<_> = certificates[load..=load]
            .iter()
            .chain(&certificates[LOADS + load * 9..LOADS + (load + 1) * 9])
            .chain(if load == 0 { &certificates[1..LOADS] } else { &[] })
            .cloned()
            .collect();
        place.write("part.csv", &part);
        place.load("part.csv --org all").code(0);
    }
    (place, certificates)
}

fn segment(place: &Place, generation: u64) -> String {
    let inspected = place.run(&format!("inspect {generation} --json")).code(0).json();
    inspected["segments"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn compiling_from_scratch_gives_the_bytes_of_the_loads_on_any_number_of_threads() {
    let (place, certificates) = four_loads();
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    let loaded = segment(&place, 4);
    let mut generation = 4;
    for threads in ["1", "2", "7"] {
        let before = place.generation();
        ran(place.command("compile").env("RAYON_NUM_THREADS", threads)).code(0);
        generation += 1;
        assert_eq!(segment(&place, generation), loaded, "{threads} threads");
        assert_eq!(place.generation(), before, "compiled, not published");
    }
    place.run("compile --publish").code(0);
    assert_eq!(place.generation(), 8);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    // Loading everything in one go, elsewhere, gives the same segment too.
    let other = Place::with(&certificates);
    assert_eq!(segment(&other, 1), loaded);
}

#[test]
fn loads_give_the_same_segment_on_any_number_of_threads() {
    let ids = ["1", "5"].map(|threads| {
        let place = Place::new();
        place.write("upload.csv", &invented(41, 300));
        let words = format!("load upload.csv --org all --today {TODAY}");
        ran(place.command(&words).env("RAYON_NUM_THREADS", threads)).code(0);
        segment(&place, 1)
    });
    assert_eq!(ids[0], ids[1]);
}

fn listed(ran: &Ran) -> Vec<(u64, bool)> {
    let rows = ran.json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|it| (it["generation"].as_u64().unwrap(), it["live"] == true)).collect()
}

#[test]
fn publish_and_rollback_move_the_pointer_and_numbers_are_never_used_again() {
    let (place, _) = four_loads();
    place.run("rollback").code(0);
    assert_eq!(place.generation(), 3);
    place.run("rollback").code(0);
    place.run("rollback").code(0);
    assert_eq!(place.snapshot().records(), 13);
    place.run("rollback").code(1).says("oldest");
    assert_eq!(place.generation(), 1);
    place.run("publish 9").code(1).says("9.manifest");
    place.run("publish 3").code(0);
    let rows = [(1, false), (2, false), (3, true), (4, false)];
    assert_eq!(listed(&place.run("snapshots --json")), rows);
    // What is loaded now follows generation 3 and is number 5.
    place.write("more.csv", &invented(42, 1));
    place.load("more.csv --org all").code(0);
    let snapshot = place.snapshot();
    assert_eq!((snapshot.generation(), snapshot.records()), (5, 32));
    let batches: Vec<_> = snapshot.manifest().batches.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(batches, ["b000001", "b000002", "b000003", "b000005"]);
    place.run("fsck").code(0);
}

#[test]
fn prune_keeps_the_live_generation_the_one_before_it_and_every_batch() {
    let (place, certificates) = four_loads();
    place.run("publish 2").code(0);
    let batches = |place: &Place| fs::read_dir(place.store().batches_dir()).unwrap().count();
    place.run("prune --keep 9").code(0);
    assert_eq!(listed(&place.run("snapshots --json")).len(), LOADS);
    place.run("prune --keep 0").code(0);
    assert_eq!(listed(&place.run("snapshots --json")), [(1, false), (2, true)]);
    assert_eq!(fs::read_dir(place.store().segments_dir()).unwrap().count(), 2);
    assert_eq!(batches(&place), LOADS);
    place.run("rollback").code(0);
    place.run("publish 2").code(0);
    place.run("fsck").code(0);
    // Nothing of a pruned number comes back.
    place.write("all.csv", &certificates);
    place.load("all.csv --org all").code(0);
    assert_eq!(place.generation(), 5);
    place.run("prune --keep 1").code(0);
    assert_eq!(listed(&place.run("snapshots --json")), [(2, false), (5, true)]);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    place.run("fsck").code(0);
}

#[test]
fn snapshots_mark_the_live_generation_and_name_a_damaged_one() {
    let (place, _) = four_loads();
    place.write_text("store/generations/2.manifest", "zhengcha-manifest 1\n");
    let listed = place.run("snapshots").code(0).out;
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[3].starts_with("* ") && lines[3].contains("40 records"), "{listed}");
    assert!(lines[1].contains("damaged"), "{listed}");
}

/// The certificate of this position in a series without chance.
fn numbered(position: u32) -> Certificate {
    let birth = Date::new(1960, 1, 1 + (position % 28) as u8).unwrap();
    Certificate {
        name: ["王小明", "欧阳娜娜", "买买提·艾力"][position as usize % 3].to_owned(),
        gender: Some(1),
        birth_date: Some(birth),
        education: Some(91 + (position % 9) as u8),
        issue_date: Date::new(2010, 1 + (position % 12) as u8, 15),
        certificate_number: format!("10100120034{:05}", position * 7),
        id_number: resident_id(110_105, birth, position * 2 % 998 + 1),
        ticket_number: if position.is_multiple_of(10) {
            String::new()
        } else {
            format!("2010{position:08}")
        },
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: ["车工", "钳工"][position as usize % 2].to_owned(),
        level: Some(4),
        theory_score: Some(600 + (position % 400) as u16),
        skill_score: Some(1_000),
        grade: Some(2),
        institution: format!("某市第{}职业技能鉴定所", position % 40),
        ..Certificate::default()
    }
}

#[test]
fn inspect_shows_manifest_and_sections() {
    // By rule, not by seed: what this pins is the format, and it outlives better inventions.
    let certificates: Vec<_> = (0..1_000).map(numbered).collect();
    let place = Place::with(&certificates);
    ensure_serves(&place.snapshot(), &certificates).unwrap();
    let shown = place.run("inspect").code(0).out;
    assert_eq!(shown, place.run("inspect 1").code(0).out);
    let redacted: String = shown
        .lines()
        .map(|line| if line.starts_with("built-at ") { "built-at [time]" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    insta::assert_snapshot!(redacted);
    place.run("inspect 2").code(1).says("2.manifest");
}
