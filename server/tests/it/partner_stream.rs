//! Streams of claims: order, types, charsets, gzip, quotas, and what breaks them off.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::Value;
use zhengcha_engine::{Certificate, Date};

use crate::partner::bearer;
use crate::partner_client::{CSV, Client, MATCH, NDJSON, Setting, gzip, sha256, verify};
use crate::support::{HIT, example, query, second, wait_for};

#[test]
fn each_line_has_its_verdict_and_the_summary_closes() {
    let setting = Setting::new();
    setting.site.depot.hold(&["0101120201100059"]);
    setting.wait_for_metric("zhengcha_holds 1\n");
    let claims = [
        MATCH,
        r#"{"ref":"d","certificate_number":"0101120201100058","name":"白京","issue_date":"2001-10-23"}"#,
        r#"{"ref":"n","certificate_number":"0101120201100058","name":"黑京"}"#,
        r#"{"ref":"u","certificate_number":"0101120201100059","name":"白京"}"#,
        r#"{"ref":"i","name":"白京"}"#,
    ];
    let answer = setting.verify(NDJSON, claims.join("\n"));
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/x-ndjson\r\n"), "{}", answer.head);
    assert!(answer.head.contains("cache-control: no-store\r\n"));
    let expected = ["match", "mismatch", "not_found", "under_review", "invalid"];
    assert_eq!(answer.verdicts(), expected);
    let lines = answer.lines();
    assert_eq!(lines[0]["ref"], "m");
    assert_eq!(lines[1]["mismatched"], serde_json::json!(["issue_date"]));
    assert_eq!(
        (&lines[4]["reason"], &lines[4]["line"]),
        (&"two-fields-required".into(), &5.into())
    );
    let summary = answer.summary();
    assert_eq!((&summary["claims"], &summary["generation"]), (&5.into(), &1.into()));
    let before = answer.text().find("{\"summary\"").unwrap();
    assert_eq!(summary["digest"], sha256(&answer.body[..before]).as_str());
    for verdict in expected {
        let labels = format!("{{partner=\"tax-bj\",verdict=\"{verdict}\"}}");
        setting.wait_for_metric(&format!("zhengcha_partner_claims_total{labels} 1\n"));
    }
    assert_eq!(query(setting.site.public, HIT).status, 200);
}

#[test]
fn long_streams_keep_their_order() {
    let setting = Setting::new();
    let mut claims = String::new();
    for index in 0..100_000 {
        let name = if index % 3 == 0 { "黑京" } else { "白京" };
        let _ = writeln!(
            claims,
            "{{\"ref\":\"{index}\",\"certificate_number\":\"0101120201100058\",\"name\":\"{name}\"}}"
        );
    }
    let answer = setting.verify(NDJSON, &claims);
    let lines = answer.lines();
    assert_eq!(lines.len(), 100_001);
    for (index, line) in lines[..100_000].iter().enumerate() {
        assert_eq!(line["ref"], index.to_string().as_str());
        assert_eq!(line["verdict"], if index % 3 == 0 { "not_found" } else { "match" });
    }
    assert_eq!(answer.summary()["not_found"], 33_334);
    setting.wait_for_metric("zhengcha_partner_misses_high{partner=\"tax-bj\"} 1\n");
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"tax-bj\"} 0\n");
}

#[test]
fn csv_carries_its_summary_in_a_trailer() {
    let setting = Setting::new();
    let claims =
        "ref,certificate_number,name\r\n甲,0101120201100058,白京\r\n乙,0101120201100058,黑京\r\n";
    let answer = setting.verify(&format!("{CSV}\r\nTE: trailers"), claims);
    assert_eq!(
        answer.text(),
        "\u{feff}ref,verdict,mismatched,deduction_year,deduction_yuan,reason,line\r\n\
         甲,match,,,,,\r\n乙,not_found,,,,,\r\n"
    );
    assert!(answer.head.contains("trailer: zhengcha-summary\r\n"), "{}", answer.head);
    assert!(answer.head.contains("content-type: text/csv; charset=utf-8\r\n"));
    let trailer = answer.trailers.to_ascii_lowercase();
    let summary = trailer.strip_prefix("zhengcha-summary: ").unwrap().trim_end();
    let summary: Value = serde_json::from_str(summary).unwrap();
    assert_eq!(summary["claims"], 2);
    assert_eq!(summary["digest"], sha256(&answer.body).as_str());

    let without = setting.verify(CSV, claims);
    assert!(without.is_complete && without.body == answer.body);
    assert_eq!(without.trailers, "\r\n", "who does not take trailers gets none");
    let empty = setting.verify(CSV, "name,certificate_number\r\n");
    assert!(empty.is_complete && empty.text().ends_with("reason,line\r\n"));
}

#[test]
fn arrays_come_back_as_arrays() {
    let setting = Setting::new();
    let json = "Content-Type: application/json";
    let answer = setting.verify(json, format!("[{MATCH},\n {{\"ref\":\"x\"}} ]"));
    let items: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!((&items[0]["verdict"], &items[1]["verdict"]), (&"match".into(), &"invalid".into()));
    assert_eq!(items[2]["summary"]["claims"], 2);
    let empty = setting.verify(json, "[]");
    let items: Vec<Value> = serde_json::from_slice(&empty.body).unwrap();
    assert_eq!(items[0]["summary"]["claims"], 0);
}

#[test]
fn gb18030_comes_and_goes_as_asked() {
    let setting = Setting::new();
    // 姓名,证书编号,序号 / 白京,0101120201100058,甲
    let claims = [
        &b"\xd0\xd5\xc3\xfb,\xd6\xa4\xca\xe9\xb1\xe0\xba\xc5,\xd0\xf2\xba\xc5\r\n"[..],
        b"\xb0\xd7\xbe\xa9,0101120201100058,\xbc\xd7\r\n",
    ]
    .concat();
    let typed = format!("{CSV}; charset=gb18030");
    let answer = setting.verify(&typed, &claims);
    assert!(answer.head.contains("content-type: text/csv; charset=gb18030\r\n"));
    assert!(answer.body.starts_with(b"ref,verdict") && answer.is_complete);
    assert!(answer.body.ends_with(b"\r\n\xbc\xd7,match,,,,,\r\n"));
    let answer = setting.verify(&format!("{typed}\r\nAccept: text/csv; charset=utf-8"), &claims);
    assert!(answer.text().ends_with("\r\n甲,match,,,,,\r\n"));
    let utf8 = "姓名,证书编号,序号\r\n白京,0101120201100058,甲\r\n";
    let answer = setting.verify(&format!("{CSV}\r\nAccept: text/csv; charset=GB18030"), utf8);
    assert!(answer.body.ends_with(b"\r\n\xbc\xd7,match,,,,,\r\n"));
}

#[test]
fn gzip_comes_and_goes() {
    let setting = Setting::new();
    let claims = vec![MATCH; 5_000].join("\n");
    let plain = setting.verify(NDJSON, &claims);
    let folded = gzip(claims.as_bytes());
    let answer = setting.verify(&format!("{NDJSON}\r\nContent-Encoding: gzip"), &folded);
    assert!(answer.is_complete && answer.body == plain.body);
    let answer = setting.verify(&format!("{NDJSON}\r\nAccept-Encoding: gzip"), &claims);
    assert!(answer.is_complete && answer.body.len() < plain.body.len() / 10);
    assert!(answer.head.contains("content-encoding: gzip\r\n"));
    let mut unfolded = Vec::new();
    GzDecoder::new(&answer.body[..]).read_to_end(&mut unfolded).unwrap();
    assert_eq!(unfolded, plain.body);

    let coded = format!("{NDJSON}\r\nContent-Encoding: gzip");
    let wrong = setting.verify(&coded, &claims);
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "invalid-claims"));
    // Cut off or damaged after the first verdicts: broken off, never a clean end.
    let long = gzip(vec![MATCH; 50_000].join("\n").as_bytes());
    let cut = setting.verify(&coded, &long[..long.len() - 5]);
    assert!(!cut.is_complete && !cut.text().contains("summary"), "{}", cut.status);
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"gzip\"} 2\n");
}

#[test]
fn what_is_wrong_as_a_whole_is_said_before_any_verdict() {
    let setting = Setting::new();
    for (headers, body, detail) in [
        (CSV, "ref,name,phone\r\n1,白京,2\r\n", "phone"),
        (CSV, "ref,name\r\n1,白京\r\n", "certificate_number"),
        (CSV, "", "表头"),
        ("Content-Type: application/json", "{}", "数组"),
    ] {
        let answer = setting.verify(headers, body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid-claims"), "{body}");
        assert!(answer.text().contains(detail), "{}", answer.text());
    }
    for headers in
        ["Content-Type: text/plain", "Accept: */*", "Content-Type: text/csv; charset=big5"]
    {
        let answer = setting.verify(headers, "");
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported-media-type"));
    }
    let answer = verify(setting.site.partner(), "x", CSV, "");
    assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"));
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"tax-bj\"} 0\n");
    let old = format!(
        "POST /v1/verify HTTP/1.0\r\nHost: a\r\nAuthorization: {}\r\n{CSV}\r\nContent-Length: 0\r\n\r\n",
        bearer(&setting.token)
    );
    let answer = crate::support::exchange(setting.site.partner(), old).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (505, "http-version"));
}

#[test]
fn who_sends_slowly_is_answered_as_well() {
    let setting = Setting::new();
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n{{\"ref\":\"ha"));
    let head = client.receive_head();
    assert!(head.starts_with("HTTP/1.1 200"));
    let chunk = client.receive_chunk().unwrap();
    assert!(String::from_utf8(chunk).unwrap().contains("\"match\""));
    client.send("lf\"}\n");
    let chunk = client.receive_chunk().unwrap();
    assert!(String::from_utf8(chunk).unwrap().contains("\"half\""));
    client.end();
    let last = client.receive_chunk().unwrap();
    assert!(String::from_utf8(last).unwrap().contains("\"claims\":2"));
    assert!(client.receive_chunk().unwrap().is_empty());
}

#[test]
fn who_does_not_read_is_not_read_from() {
    /// More than sockets, buffers and chunks in flight can ever hold.
    const BYTES_MAX: usize = 32 << 20;
    let setting = Setting::new();
    let mut client = setting.begin(NDJSON);
    client.socket().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let claims = format!("{MATCH}\n").repeat(1_000);
    let chunk = format!("{:x}\r\n{claims}\r\n", claims.len()).into_bytes();
    let mut sent = 0;
    let mut left = loop {
        let mut at = 0;
        let blocked = loop {
            match client.socket().write(&chunk[at..]) {
                Ok(bytes) => at += bytes,
                Err(_blocked) => break true,
            }
            if at == chunk.len() {
                break false;
            }
        };
        sent += at;
        if blocked {
            break chunk[at..].to_vec();
        }
        assert!(sent < BYTES_MAX, "the server reads on");
    };
    assert_eq!(query(setting.site.public, HIT).status, 200);
    // And who reads again gets everything.
    left.extend(b"0\r\n\r\n");
    let mut writer = client.socket().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        while !left.is_empty() {
            match writer.write(&left) {
                Ok(bytes) => left.drain(..bytes),
                Err(_blocked) => left.drain(..0),
            };
        }
    });
    let answer = client.receive();
    sending.join().unwrap();
    let claims = sent.div_ceil(chunk.len()) * 1_000;
    assert_eq!(answer.summary()["match"], claims as u64);
}

#[test]
fn a_client_that_goes_away_or_breaks_off_gets_no_clean_end() {
    let setting = Setting::new();
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n"));
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"tax-bj\"} 1\n");
    drop(client);
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"tax-bj\"} 0\n");
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"client\"} 1\n");

    // A body that ends before its end.
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n"));
    let head = client.receive_head();
    assert!(head.starts_with("HTTP/1.1 200"));
    client.socket().shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    let _reset = client.reader.read_to_string(&mut rest);
    assert!(!rest.contains("summary") && !rest.ends_with("0\r\n\r\n"), "{rest}");
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"client\"} 2\n");
}

#[test]
fn a_stream_that_stands_still_is_closed() {
    let setting = Setting::with(&[], |config| config.limits.stream_stall_timeout_ms = 300);
    let mut client = setting.begin(NDJSON);
    let began = Instant::now();
    for _ in 0..10 {
        client.send(format!("{MATCH}\n"));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() > Duration::from_secs(1), "it moved for longer than the limit");
    let answer = client.receive();
    assert_eq!(answer.verdicts().len(), 10);
    assert!(!answer.is_complete);
    setting.wait_for_metric("zhengcha_rejected_total{reason=\"timeout\"} 1\n");
}

#[test]
fn a_stream_answers_from_the_generation_of_its_beginning() {
    let setting = Setting::new();
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n"));
    client.receive_head();
    let first = client.receive_chunk().unwrap();
    assert!(String::from_utf8(first).unwrap().contains("\"match\""));
    let generation = setting.site.depot.publish([second()]);
    setting.site.wait_for_generation(generation);
    assert_eq!(query(setting.site.public, HIT).json()["count"], 0, "gone for the public");
    setting.wait_for_metric("zhengcha_snapshots_mapped 2\n");
    client.send(format!("{MATCH}\n"));
    let second = client.receive_chunk().unwrap();
    assert!(String::from_utf8(second).unwrap().contains("\"match\""));
    client.end();
    let last = String::from_utf8(client.receive_chunk().unwrap()).unwrap();
    assert!(last.contains("\"generation\":1,"), "{last}");
    setting.wait_for_metric("zhengcha_snapshots_mapped 1\n");
    let answer = setting.verify(NDJSON, MATCH);
    assert_eq!(answer.verdicts(), ["not_found"]);
    assert_eq!(answer.summary()["generation"], generation);
}

#[test]
fn an_old_generation_is_let_go_within_its_time() {
    let setting = Setting::with(&[], |config| config.limits.stream_old_generation_ms_max = 500);
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n"));
    client.receive_head();
    let generation = setting.site.depot.publish([example()]);
    setting.site.wait_for_generation(generation);
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"generation\"} 1\n");
    setting.wait_for_metric("zhengcha_snapshots_mapped 1\n");
    client.receive_chunk().unwrap();
    assert!(client.receive_chunk().is_none(), "broken off");
}

#[test]
fn holds_count_from_the_moment_they_are_there() {
    let setting = Setting::new();
    let mut client = setting.begin(NDJSON);
    let next = |client: &mut Client| {
        client.send(format!("{MATCH}\n"));
        String::from_utf8(client.receive_chunk().unwrap()).unwrap()
    };
    client.send(format!("{MATCH}\n"));
    client.receive_head();
    assert!(String::from_utf8(client.receive_chunk().unwrap()).unwrap().contains("\"match\""));
    setting.site.depot.hold(&["0101120201100058"]);
    setting.wait_for_metric("zhengcha_holds 1\n");
    assert!(next(&mut client).contains("\"under_review\""));
    setting.site.depot.hold(&[]);
    setting.wait_for_metric("zhengcha_holds 0\n");
    assert!(next(&mut client).contains("\"match\""));
    std::fs::remove_file(setting.site.depot.store.holds_path()).unwrap();
    setting.wait_for_metric("zhengcha_serving 0\n");
    client.send(format!("{MATCH}\n"));
    assert!(client.receive_chunk().is_none(), "nothing may be judged");
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"holds\"} 1\n");
    assert_eq!(setting.verify(NDJSON, MATCH).code(), "not-ready");
}

#[test]
fn a_revoked_partner_is_cut_off() {
    let setting = Setting::new();
    let other = setting.tokens.add("tax-sh", &[]);
    let mut client = setting.begin(NDJSON);
    client.send(format!("{MATCH}\n"));
    client.receive_head();
    client.receive_chunk().unwrap();
    let mut other = Client::begin(setting.site.partner(), &other, NDJSON);
    other.send(format!("{MATCH}\n"));
    let began = Instant::now();
    setting.tokens.run(&["revoke", "tax-bj"]).unwrap();
    assert!(client.receive_chunk().is_none());
    assert!(began.elapsed() < Duration::from_secs(1));
    setting.wait_for_metric("zhengcha_partner_streams_cut_total{reason=\"partner\"} 1\n");
    other.end();
    assert!(other.receive().is_complete, "others go on");
}

#[test]
fn a_quota_that_is_used_up_denies_the_rest() {
    let setting = Setting::with(&["--daily-quota", "2500"], |_| {});
    let answer = setting.verify(NDJSON, vec![MATCH; 1_000].join("\n"));
    assert_eq!(answer.summary()["match"], 1_000);
    // Blank lines cost nothing.
    let spaced = vec![MATCH; 4_000].join("\n\n");
    let answer = setting.verify(NDJSON, &spaced);
    let summary = answer.summary();
    assert_eq!((&summary["match"], &summary["invalid"]), (&1_500.into(), &2_500.into()));
    let lines = answer.lines();
    assert_eq!(lines[1_499]["verdict"], "match");
    assert_eq!(
        (&lines[1_500]["verdict"], &lines[1_500]["reason"]),
        (&"invalid".into(), &"quota".into())
    );
    let answer = setting.verify(NDJSON, MATCH);
    assert_eq!((answer.status, answer.code().as_str()), (429, "quota-exceeded"));
    assert!(answer.head.contains("retry-after: "));
    setting.wait_for_metric("zhengcha_partner_claims_today{partner=\"tax-bj\"} 2500\n");
}

#[test]
fn streams_have_a_limit_of_their_own() {
    let setting = Setting::with(&[], |config| {
        config.limits.partner_streams_per_partner_max = 1;
        config.limits.partner_streams_max = 2;
    });
    let tokens: Vec<_> = ["b", "c"].iter().map(|name| setting.tokens.add(name, &[])).collect();
    let running = setting.begin(NDJSON);
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"tax-bj\"} 1\n");
    assert_eq!(setting.verify(NDJSON, MATCH).code(), "too-many-requests");
    let to = setting.site.partner();
    wait_for("the others", || verify(to, &tokens[1], NDJSON, MATCH).status == 200);
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"c\"} 0\n");
    let other = Client::begin(to, &tokens[0], NDJSON);
    setting.wait_for_metric("zhengcha_partner_streams{partner=\"b\"} 1\n");
    assert_eq!(verify(to, &tokens[1], NDJSON, MATCH).code(), "overloaded");
    drop(other);
    wait_for("a place", || verify(to, &tokens[1], NDJSON, MATCH).status == 200);
    drop(running);
}

#[test]
fn who_is_refused_in_the_middle_of_sending_learns_why() {
    let setting = Setting::new();
    // Far more than the sockets hold, sent whole before the answer is read.
    let claims = format!("ref,name,phone\r\n{}", "1,白京,2\r\n".repeat(1_000_000));
    for (token, headers, expected) in [
        ("wrong", CSV, "unauthorized"),
        (setting.token.as_str(), CSV, "invalid-claims"),
        (setting.token.as_str(), "Content-Type: text/plain", "unsupported-media-type"),
    ] {
        let mut client = Client::begin(setting.site.partner(), token, headers);
        client.send(&claims);
        client.end();
        let answer = client.receive();
        assert_eq!(answer.code(), expected);
        assert!(answer.head.contains("connection: close\r\n"));
    }
}

#[test]
fn a_connection_serves_one_stream_after_the_other() {
    let setting = Setting::new();
    let mut client = setting.begin_kept(NDJSON);
    for round in 0..3 {
        if round > 0 {
            client.send_head(&setting.token, NDJSON, "keep-alive");
        }
        client.send(format!("{MATCH}\n"));
        client.end();
        assert!(client.receive_head().starts_with("HTTP/1.1 200"));
        let mut body = Vec::new();
        loop {
            let chunk = client.receive_chunk().unwrap();
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
        assert_eq!(client.line().unwrap(), "\r\n");
        assert!(String::from_utf8(body).unwrap().contains("\"claims\":1,\"match\":1,"));
        let line = format!("zhengcha_partner_claims_today{{partner=\"tax-bj\"}} {}\n", round + 1);
        setting.wait_for_metric(&line);
    }
}

#[test]
fn no_stream_mixes_generations_however_often_they_change() {
    const GENERATIONS: u64 = 30;
    let setting = Setting::new();
    // Generations of odd numbers hold what the claim says, those of even numbers do not.
    let other = || Certificate { issue_date: Date::new(2001, 10, 23), ..example() };
    let claims = format!("{MATCH}\n").repeat(5_000);
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let streams: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = BTreeSet::new();
                    while !is_over.load(Relaxed) {
                        let answer = setting.verify(NDJSON, &claims);
                        let generation = answer.summary()["generation"].as_u64().unwrap();
                        let expected = if generation % 2 == 1 { "match" } else { "mismatch" };
                        let verdicts = answer.verdicts();
                        assert_eq!(verdicts.len(), 5_000);
                        assert!(verdicts.iter().all(|verdict| verdict == expected));
                        seen.insert(generation);
                    }
                    seen
                })
            })
            .collect();
        for generation in 2..=GENERATIONS {
            let certificate = if generation % 2 == 1 { example() } else { other() };
            assert_eq!(setting.site.depot.publish([certificate]), generation);
            setting.site.wait_for_generation(generation);
            std::thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Relaxed);
        streams.into_iter().flat_map(|stream| stream.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert!(seen.len() > 3, "streams began in several generations: {seen:?}");
    setting.wait_for_metric("zhengcha_snapshots_mapped 1\n");
}
