//! Whole pages of invented runs.

use super::super::run::{Phase, Run, Window};
use super::{fixture, page_check, view};

fn page(run: &Run) -> String {
    let plan = [("One node, 200 million certificates".to_owned(), "64 GB of <disk>".to_owned())];
    let page = view::report(run, &plan).unwrap();
    page_check::check(&page);
    page
}

#[test]
fn the_first_screen_answers_the_questions_of_a_stranger() {
    let page = page(&fixture::run());
    let first = page.split("<nav").next().unwrap();
    for said in [
        "serves 6,200 queries a second with 1 of its 2 cores, 99 of 100 within 50 ms",
        "every answer it gave was right",
        "Searches lay between 6,120 and 6,240",
        "<b>7,000</b>",
        "p99 passed 50 ms",
        "A swap costs",
        "A hold costs",
        "A restart costs",
        "At 2 × its limit",
        "At 3 × its limit",
        "64 GB of &#60;disk&#62;",
        "Client and server share this machine",
    ] {
        assert!(first.contains(said), "{said} is not on the first screen: {first}");
    }
    assert!(!first.contains("class=\"alarms\""));
}

#[test]
fn every_phase_and_event_is_there() {
    let run = fixture::run();
    let page = page(&run);
    for (place, phase) in run.phases.iter().enumerate() {
        assert!(page.contains(&format!("Phase {}: {}", place + 1, phase.name)));
        assert!(page.contains(&phase.schedule));
        for event in &phase.events {
            assert!(page.contains(&format!("{} at ", event.what)), "{} on a chart", event.what);
        }
    }
    for part in ["Where the limit is", "Above the limit", "An independent witness", "Bulk streams"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn faults_come_first_and_hostile_text_stays_text() {
    let page = page(&fixture::troubled());
    let first = page.split("<nav").next().unwrap();
    let alarms = first.find("class=\"alarms\"").unwrap();
    assert!(alarms < first.find("class=\"figures\"").unwrap());
    assert!(first.contains("but 3 answers were wrong"));
    assert!(first.contains("its threads were busy 97 % of the time"));
    assert!(first.contains("hold failed"));
    assert!(page.contains("question 17: a certificate too many"));
    for hostile in ["<script", "<b>no", "<img", "\"&\""] {
        assert!(!page.contains(hostile), "{hostile} was not escaped");
    }
    assert!(first.contains("Not in this run: the highest rate within the objective"));
}

#[test]
fn runs_with_empty_parts_still_make_a_page() {
    page(&Run::default());
    let mut run = fixture::run();
    run.knee = Some(Default::default());
    run.witness = Some(Default::default());
    run.constants = Some(Default::default());
    run.overload = vec![Default::default()];
    run.costs = vec![Default::default()];
    let empty_windows = Phase { windows: vec![Window::default(); 3], ..Phase::default() };
    run.phases = vec![Phase::default(), empty_windows];
    run.phases[0].server = vec![Default::default(); 2];
    page(&run);
    let compared = view::compare(&run, &Run::default()).unwrap();
    page_check::check(&compared);
    assert!(compared.contains("Nothing can be said"));
}

#[test]
fn ten_long_phases_stay_below_a_megabyte() {
    let mut run = fixture::run();
    run.phases = (0..10)
        .map(|place| {
            let events = ["swap", "hold", "release", "restart"];
            let name = format!("phase-{place}");
            fixture::phase(&name, f64::from(place) * 600.0, 600, 50, &events)
        })
        .collect();
    let size = page(&run).len();
    assert!(size < 1_000_000, "{size} bytes");
}

#[test]
fn a_run_agrees_with_itself_and_not_with_a_slower_one() {
    let run = fixture::run();
    let same = view::compare(&run, &run).unwrap();
    page_check::check(&same);
    assert!(same.contains("The two runs agree: all 13 figures are the same within noise."));
    assert!(!same.contains("class=\"alarms\""));

    let mut slower = run.clone();
    let steady = &mut slower.phases[0];
    steady.slices.iter_mut().chain([&mut steady.total]).for_each(|summary| summary.p99_us *= 10);
    slower.phases[2].name = "other".into();
    slower.about.kernel = "Linux 6.13.0".into();
    let page = view::compare(&run, &slower).unwrap();
    page_check::check(&page);
    assert!(page.contains("B is worse in 1 of 9 figures: p99 of steady (× 10.0)."), "{page}");
    assert!(page.contains("different machines or kernels"));
    assert!(page.contains("Only in A: overload-2x. Only in B: other."));

    let troubled = view::compare(&run, &fixture::troubled()).unwrap();
    page_check::check(&troubled);
    assert!(troubled.contains("Run B: 3 wrong answers."));
}

#[test]
fn all_files_of_a_report_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = fixture::run();
    let into = folder.path().join("new").join("folder");
    let written = super::write(&run, &into).unwrap();
    assert!(written.html.is_file());
    assert_eq!(super::read(&written.json).unwrap().phases.len(), 3);
    assert_eq!(written.hdr.len(), 6);
    assert!(written.hdr.iter().all(|path| path.is_file()));
    let out = into.join("compare.html");
    super::compare(&run, &run, &out).unwrap();
    assert!(out.is_file());
}
