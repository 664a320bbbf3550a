//! The load testing kit as a command, small: a whole plan, a schedule with everything beside it, refusals.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Output};

    use zhengcha_benches::load::report;
    use zhengcha_benches::load::run::Run;

    fn kit(words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_zhengcha-benches")).args(words).output().unwrap()
    }

    fn said(output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs a load test in this folder, and reads its report.
    fn run(folder: &Path, words: &[&str]) -> Run {
        let (work, out) = (folder.join("work"), folder.join("report"));
        let mut all = vec!["load-test", "--work", work.to_str().unwrap()];
        all.extend(["--out", out.to_str().unwrap()]);
        all.extend(words);
        let output = kit(&all);
        assert!(output.status.success(), "{}", said(&output));
        let page = String::from_utf8(output.stdout).unwrap();
        assert_eq!(Path::new(page.trim()), out.join("report.html"));
        assert!(!work.join("run").exists(), "the files of the run are taken away");
        report::read(&out.join("run.json")).unwrap()
    }

    #[test]
    fn the_standard_plan_makes_every_part_of_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["--records", "4000", "--quick", "--pace", "0.2", "--objective-ms", "50"];
        let run = run(folder.path(), &words);
        let knee = run.knee.as_ref().unwrap();
        assert!(!knee.steps.is_empty());
        // A machine that does other things too may keep no rate: then there is no phase of that name.
        let has_knee = knee.rate > 0.0;
        let names = run.phases.iter().map(|phase| phase.name.as_str());
        let names: Vec<&str> = names.skip(usize::from(has_knee)).collect();
        let expected = [
            "steady",
            "fresh-connections",
            "slow-clients",
            "bulk",
            "events",
            "overload-2x",
            "tls",
            "tls-fresh",
        ];
        assert_eq!(names, expected);
        for phase in &run.phases {
            let total = &phase.total;
            assert!(total.right > 0 && total.wrong == 0, "{}: {:?}", phase.name, phase.wrong);
            assert_eq!(total.right + total.failed, total.due, "{}", phase.name);
            assert!(phase.server.len() > 1, "{}: the server was watched", phase.name);
            assert_eq!(phase.is_tls, phase.name.starts_with("tls"));
        }
        let phase = |name: &str| run.phases.iter().find(|phase| phase.name == name).unwrap();
        let bulk = phase("bulk").bulk.as_ref().unwrap();
        assert!(bulk.claims > 0 && bulk.wrong == 0, "{bulk:?}");
        let events = &phase("events").events;
        assert!(events.iter().all(|event| event.is_ok && event.seen_s.is_some()), "{events:?}");
        assert_eq!(run.costs.len(), 4);
        assert_eq!(run.overload.len(), 1);
        assert_eq!(run.constants.is_some(), has_knee);
        // wrk is there or its absence is told.
        assert!(run.witness.is_some() || run.warnings.iter().any(|told| told.contains("wrk")));
    }

    #[test]
    fn a_schedule_is_kept_with_everything_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let words = [
            "--records=3000",
            "--schedule=spike:150..600",
            "--seconds=6",
            "--events=swap@0.5,hold@2,release@3.5,restart@4.5",
            "--bulk-streams=1",
            "--slow-clients=2",
            "--fresh-share=0.2",
            "--zipf=0.8",
            "--modes=IN=3,CN=1",
        ];
        let run = run(folder.path(), &words);
        let [phase] = run.phases.as_slice() else { panic!("{} phases", run.phases.len()) };
        assert!((1100..1900).contains(&phase.total.due), "{}", phase.total.due);
        assert_eq!(phase.total.wrong, 0, "{:?}", phase.wrong);
        assert!(phase.events.iter().all(|event| event.is_ok), "{:?}", phase.events);
        let peak = phase.windows.iter().max_by_key(|window| window.summary.due).unwrap();
        assert!((2.0..4.0).contains(&(peak.at_s - phase.began_s)), "the spike is in the middle");
        assert!(phase.by_mode["IN"] > phase.by_mode["CN"] && phase.by_mode["IT"] == 0);
        assert!(phase.generator.opened > phase.total.due / 10);
        assert!(phase.server.iter().any(|sample| sample.generation == 2));
    }

    #[test]
    fn a_server_of_another_register_is_found_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let questions = folder.path().join("questions.ndjson");
        let store_words = ["--store", store.to_str().unwrap()];
        for words in [
            &["loader", "synth", "--records", "2000", "--seed", "2", "--format", "batch"][..],
            &["loader", "compile", "--publish"],
        ] {
            let output = kit(&[words, &store_words].concat());
            assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
        }
        let file = questions.to_str().unwrap();
        let words = ["questions", "--records", "2000", "--subjects", "100", "--out", file];
        assert!(kit(&words).status.success());

        use std::io::BufRead;
        let mut server = Command::new(env!("CARGO_BIN_EXE_zhengcha-benches"))
            .args(["server", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"])
            .args(["--rate-limit=off", "--connections-per-address-max=4096", "--log=error"])
            .args(store_words)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let out = folder.path().join("report");
        let output = loop {
            let output = kit(&[
                "load-test",
                "--target",
                &address,
                "--questions",
                file,
                "--schedule=constant:200",
                "--seconds=1",
                "--out",
                out.to_str().unwrap(),
            ]);
            // Not before the store is open.
            if !said(&output).contains("status 503") {
                break output;
            }
        };
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(!output.status.success());
        assert!(said(&output).contains("answers were wrong"), "{}", said(&output));
        let run = report::read(&out.join("run.json")).unwrap();
        assert!(run.phases[0].total.wrong > 0 && !run.phases[0].wrong.is_empty());
    }

    #[test]
    fn a_second_run_in_the_same_folder_is_refused_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let first = std::fs::File::create(work.join("lock")).unwrap();
        first.lock().unwrap();
        let words = ["load-test", "--records=2000", "--schedule=constant:50", "--seconds=1"];
        let output = kit(&[&words[..], &["--work", work.to_str().unwrap()]].concat());
        assert!(!output.status.success() && said(&output).contains("another --work"));
        assert_eq!(std::fs::read_dir(&work).unwrap().count(), 1, "nothing but the lock");
        drop(first);
        assert_eq!(run(folder.path(), &words[1..]).phases[0].total.wrong, 0);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_cure() {
        let refused = |words: &[&str], expected: &str| {
            let output = kit(words);
            assert!(!output.status.success() && output.stdout.is_empty());
            assert!(said(&output).contains(expected), "{}", said(&output));
        };
        let target = ["load-test", "--target", "192.0.2.7:80", "--questions", "q"];
        refused(&target, "--i-own-this-target 192.0.2.7:80");
        refused(&["load-test", "--schedule", "wave:3"], "tax-season:PEAK");
        refused(&["load-test", "--schedule=constant:1", "--events=stop@1"], "restart@SECONDS");
        refused(&["load-test", "--modes=XX=1", "--records=1000"], "the names are");
        refused(&["load-test", "--records=many"], "1e6");
        refused(&["capacity", "--tls-share", "2"], "0 to 1");
        refused(&["compare", "nowhere/run.json", "b"], "nowhere/run.json");
    }
}
