//! Bulk verification: claims in every format, one verdict each, whatever way the bytes arrive.

use std::sync::Arc;

use proptest::prelude::*;
use zhengcha_engine::claims::{
    CLAIM_BYTES_MAX, Charset, Chunk, Closing, Counts, Cutter, Format, Grant, Judge, Output,
    StreamError, Summary, Verdict,
};
use zhengcha_engine::tables::Catalogue;
use zhengcha_engine::{Certificate, Date, Holds, Snapshot, Store, testing};

use crate::support::plain;

/// A register on disk, opened.
struct Register {
    folder: tempfile::TempDir,
    snapshot: Arc<Snapshot>,
    catalogue: Arc<Catalogue>,
    holds: Holds,
}

impl Register {
    fn of(certificates: impl IntoIterator<Item = Certificate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        testing::publish(&store, certificates).unwrap();
        let snapshot = Arc::new(Snapshot::open_current(&store, None).unwrap().unwrap());
        let catalogue = Arc::new(Catalogue::load(None).unwrap());
        Self { folder, snapshot, catalogue, holds: Holds::default() }
    }

    fn judge(&self, output: Output) -> (Judge, Closing) {
        let judge = Judge::new(Arc::clone(&self.snapshot), Arc::clone(&self.catalogue), output);
        (judge, Closing::new(output, self.folder.path()))
    }

    /// A whole stream that arrives in pieces.
    fn answer(
        &self,
        format: Format,
        charset: Charset,
        pieces: &[&[u8]],
    ) -> Result<(Vec<u8>, Summary), StreamError> {
        let (judge, mut closing) = self.judge(Output { format, charset });
        let mut cutter = Cutter::new(format, charset);
        let mut out = Vec::new();
        let mut take = |chunk: Chunk, closing: &mut Closing| {
            out.extend(closing.take(judge.judge(&chunk, &self.holds)).unwrap());
        };
        for piece in pieces {
            cutter.push(piece);
            while let Some(chunk) = cutter.next_chunk()? {
                take(chunk, &mut closing);
            }
            if piece.len() % 3 == 0 {
                while let Some(chunk) = cutter.flush()? {
                    take(chunk, &mut closing);
                }
            }
        }
        while let Some(chunk) = cutter.finish()? {
            take(chunk, &mut closing);
        }
        let mut all = closing.head();
        all.extend(out);
        let (last, summary) = closing.end(self.snapshot.generation());
        all.extend(last);
        Ok((all, summary))
    }

    /// The verdicts on NDJSON lines, without their references.
    fn verdicts(&self, lines: &str) -> Vec<String> {
        let (out, _) = self.answer(Format::Ndjson, Charset::Utf8, &[lines.as_bytes()]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with("{\"summary\"")).map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields: Vec<&str> =
                row["mismatched"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
            let due = row["deduction"]["year"].as_u64().map(|year| format!(" due {year}"));
            let reason = row["reason"].as_str().map(|reason| format!(" {reason}"));
            let verdict = row["verdict"].as_str().unwrap();
            format!("{verdict}{}{}", due.unwrap_or_default(), reason.unwrap_or_default())
                + &fields.iter().map(|field| format!(" !{field}")).collect::<String>()
        });
        rows.collect()
    }

    fn verdict(&self, line: &str) -> String {
        let mut verdicts = self.verdicts(line);
        assert_eq!(verdicts.len(), 1, "{line}");
        verdicts.remove(0)
    }
}

const ID: &str = "110105198102280018";

fn issued(number: &str, date: &str, occupation: &str) -> Certificate {
    Certificate {
        issue_date: Date::parse_iso(date),
        occupation_name: occupation.to_owned(),
        ..plain(number)
    }
}

#[test]
fn the_record_that_agrees_most_then_the_newest_then_the_lowest_is_meant() {
    let register = Register::of([
        issued("0101120201100001", "2001-10-22", "车工"),
        issued("0201120201100002", "2002-10-22", "铣工"),
        issued("0201120201100003", "2002-10-22", "钳工"),
        Certificate {
            ticket_number: String::new(),
            ..issued("0301120201100004", "2003-01-01", "磨工")
        },
        Certificate {
            name: "李小红".to_owned(),
            id_number: "11010519491231002X".to_owned(),
            ..issued("0101120201100009", "2001-10-22", "车工")
        },
    ]);
    let claim = |rest: &str| register.verdict(&format!("{{\"id_number\":\"{ID}\",{rest}}}"));
    let number = |number: &str| format!("\"certificate_number\":\"{number}\"");
    for (rest, expected) in [
        // By person: the newest, which has no ticket number to differ in.
        ("\"name\":\"王小明\",\"occupation_name\":\"磨工\"".to_owned(), "match"),
        (
            "\"name\":\"王小明\",\"occupation_name\":\"车工\"".to_owned(),
            "mismatch !occupation_name",
        ),
        // With a ticket number three agree in three records, of which the second is met.
        (
            "\"name\":\"王小明\",\"ticket_number\":\"200101230001\",\"occupation_name\":\"铣工\""
                .to_owned(),
            "match",
        ),
        (number("0101120201100001") + ",\"occupation_name\":\"车工\"", "match"),
        (number("0101120201100001") + ",\"name\":\"王小朋\"", "mismatch !name"),
        (number("0101120201100001") + ",\"ticket_number\":\"9\"", "mismatch !ticket_number"),
        (number("0301120201100004") + ",\"ticket_number\":\"9\"", "match"),
        // Number and name are another person's: the record with which two of three agree.
        (number("0101120201100009") + ",\"name\":\"李小红\"", "mismatch !id_number"),
        (number("0101120201100009"), "not_found"),
        ("\"name\":\"李小红\"".to_owned(), "not_found"),
        (number("9901120201100001") + ",\"name\":\"王小明\"", "mismatch !certificate_number"),
    ] {
        assert_eq!(claim(&rest), expected, "{rest}");
    }
    let swapped = format!(
        "{{\"name\":\"王小明\",\"certificate_number\":\"{ID}\",\"id_number\":\"0101120201100001\"}}"
    );
    assert_eq!(register.verdict(&swapped), "not_found");
}

#[test]
fn other_fields_are_compared_where_the_record_holds_them() {
    let register = Register::of([
        Certificate {
            issuer: "某省人力资源和社会保障厅".to_owned(),
            ..issued("0101120201100001", "2001-10-22", "社会体育指导员（游泳）")
        },
        Certificate {
            level: None,
            name: "李小红".to_owned(),
            ..issued("0101120201100002", "2001-10-22", "车工")
        },
    ]);
    let claim = |rest: &str| {
        register.verdict(&format!(
            "{{\"certificate_number\":\"0101120201100001\",\"name\":\"王小明\",{rest}}}"
        ))
    };
    for (rest, expected) in [
        (r#""issue_date":"2001年10月22日","level":"高级技师""#, "match"),
        (r#""issue_date":"20011022","level":1"#, "match"),
        (r#""level":"2","issue_date":"2001-10-23""#, "mismatch !level !issue_date"),
        (r#""issue_date":"2001-10-23","level":"2""#, "mismatch !issue_date !level"),
        (r#""occupation_name":"社会体育指导员 (游泳)""#, "match"),
        (r#""occupation_name":"社会体育指导员""#, "match"),
        (r#""occupation_name":"健身和娱乐场所服务人员""#, "match"),
        (r#""occupation_name":"社会体育指导员(滑雪)""#, "mismatch !occupation_name"),
        (r#""issuer":"某省人力资源和社会保障厅""#, "match"),
        (r#""issuer":"某市职业技能鉴定指导中心""#, "match"),
        (r#""issuer":"某局""#, "mismatch !issuer"),
        (r#""institution":"某市职业技能鉴定指导中心""#, "match"),
        (r#""institution":"某省人力资源和社会保障厅""#, "mismatch !institution"),
        (r#""ref":"","level":null,"issuer":" ""#, "match"),
    ] {
        assert_eq!(claim(rest), expected, "{rest}");
    }
    let without_level =
        "{\"certificate_number\":\"0101120201100002\",\"name\":\"李小红\",\"level\":5}";
    assert_eq!(register.verdict(without_level), "match");
    let without_issuer =
        "{\"certificate_number\":\"0101120201100002\",\"name\":\"李小红\",\"issuer\":\"某局\"}";
    assert_eq!(register.verdict(without_issuer), "match");
}

#[test]
fn deductions_at_every_boundary() {
    let day = |number: u32, date: &str, occupation: &str, person: u32| Certificate {
        id_number: testing::resident_id(110_105, Date::new(1981, 2, 28).unwrap(), person),
        ..issued(&format!("19011202011{number:05}"), date, occupation)
    };
    let cases = [
        ("2018-12-31", "车工", 2018, "match not-in-force"),
        ("2018-12-31", "车工", 2019, "match other-year"),
        ("2019-01-01", "车工", 2019, "match due 2019"),
        ("2019-12-31", "车工", 2019, "match due 2019"),
        ("2019-12-31", "车工", 2020, "match other-year"),
        ("2019-05-01", "机械冷加工人员", 2019, "match due 2019"),
        ("2019-05-01", "挖坑工", 2019, "match not-in-catalogue"),
        ("2020-09-30", "车工", 2020, "match due 2020"),
        ("2020-10-01", "车工", 2020, "match not-in-catalogue"),
        ("2020-12-31", "桥隧工", 2020, "match due 2020"),
        ("2021-01-01", "桥隧工", 2021, "match not-in-catalogue"),
        ("2021-12-01", "安检员", 2021, "match due 2021"),
        ("2021-12-02", "安检员", 2021, "match not-in-catalogue"),
        ("2021-12-02", "消防员", 2021, "match due 2021"),
        ("2026-06-01", "焊工", 2026, "match due 2026"),
    ];
    let register = Register::of(
        (1u32..)
            .zip(cases)
            .map(|(number, (date, occupation, ..))| day(number, date, occupation, number)),
    );
    let lines: String = (1u32..)
        .zip(cases)
        .map(|(number, (.., year, _))| {
            format!("{{\"certificate_number\":\"19011202011{number:05}\",\"name\":\"王小明\",\"tax_year\":{year}}}\n")
        })
        .collect();
    assert_eq!(register.verdicts(&lines), cases.map(|(.., expected)| expected));
    let wrong = "{\"certificate_number\":\"1901120201100003\",\"name\":\"王小明\",\"level\":2,\"tax_year\":\"2019\"}";
    assert_eq!(register.verdict(wrong), "mismatch no-match !level");
    let missing =
        "{\"certificate_number\":\"1901120201100099\",\"name\":\"王小明\",\"tax_year\":\"2019\"}";
    assert_eq!(register.verdict(missing), "not_found no-match");
}

#[test]
fn one_certificate_a_person_and_year() {
    let register = Register::of([
        issued("1901120201100001", "2019-03-01", "车工"),
        issued("1901120201100002", "2019-09-01", "铣工"),
        Certificate { grade: Some(1), ..issued("1901120201100005", "2019-09-01", "铣工") },
        issued("2001120201100003", "2020-03-01", "钳工"),
        Certificate {
            id_number: "E12345678".to_owned(),
            id_type: zhengcha_engine::IdType::Passport,
            ..issued("1901120201100004", "2019-03-01", "车工")
        },
    ]);
    let claim = |last: u32, year: u32, level: u32| {
        let century = if last == 3 { 20 } else { 19 };
        format!(
            "{{\"certificate_number\":\"{century}0112020110000{last}\",\"name\":\"王小明\",\"tax_year\":{year},\"level\":{level}}}\n"
        )
    };
    let lines = [
        claim(5, 2019, 1), // Not granted, as little as the next: so the third is the first.
        claim(1, 2019, 2),
        claim(1, 2019, 1),
        claim(1, 2019, 1),
        claim(2, 2019, 1),
        claim(3, 2020, 1),
        claim(4, 2019, 1),
        claim(4, 2019, 1),
    ];
    assert_eq!(
        register.verdicts(&lines.concat()),
        [
            "match not-qualified",
            "mismatch no-match !level",
            "match due 2019",
            "match already-granted",
            "match already-granted",
            "match due 2020",
            "match due 2019",
            "match already-granted",
        ]
    );
}

#[test]
fn a_record_under_review_says_nothing_else() {
    let mut register = Register::of([
        issued("1901120201100001", "2019-03-01", "车工"),
        issued("1901120201100002", "2019-02-01", "铣工"),
    ]);
    register.holds = Holds::new(["1901120201100001".to_owned()]);
    let by_number = |number: u32, rest: &str| {
        register.verdict(&format!(
            "{{\"certificate_number\":\"190112020110000{number}\",\"name\":\"王小明\"{rest}}}"
        ))
    };
    assert_eq!(by_number(1, ",\"tax_year\":2019"), "under_review no-match");
    assert_eq!(by_number(1, ",\"level\":5"), "under_review");
    assert_eq!(by_number(2, ",\"tax_year\":2019"), "match due 2019");
    // By person the newest is meant, and it is held.
    let by_person = format!("{{\"id_number\":\"{ID}\",\"name\":\"王小明\"}}");
    assert_eq!(register.verdict(&by_person), "under_review");
}

/// Lines of every sort, as CSV; each is one claim.
const CSV: &str = "\u{FEFF}序号,姓名,证书编号,身份证号,等级,扣除年度\r\n\
    1,王小明,1901120201100001,,1,2019\r\n\
    \"2,\"\"b\"\"\",王小明,1901120201100001,110105198102280018,1,2019\n\
    \r\n\
    3,王小明,1901120201100001\r\n\
    4,\"王\n小明\",1901120201100001,,1,\n\
    5,王小明,,,,\n\
    6,\"王小明\"x,1901120201100001,,1,2019\n\
    证七,王小明,1901120201100002,,5,2019\n\
    8,王小明,1901120201100001,,六,\n\
    9,\"王小明,1901120201100001,,1,2019\n\
    10,王小明,1901120201100001,,,19\n";

const CSV_VERDICTS: &str = "\u{FEFF}ref,verdict,mismatched,deduction_year,deduction_yuan,reason,line\r\n\
    1,match,,2019,3600,,\r\n\
    \"2,\"\"b\"\"\",match,,,,already-granted,\r\n\
    3,invalid,,,,malformed,5\r\n\
    4,match,,,,,\r\n\
    5,invalid,,,,two-fields-required,8\r\n\
    ,invalid,,,,malformed,9\r\n\
    证七,mismatch,level,,,no-match,\r\n\
    8,invalid,,,,level,11\r\n\
    ,invalid,,,,malformed,12\r\n\
    10,invalid,,,,tax-year,13\r\n";

fn small() -> Register {
    Register::of([
        issued("1901120201100001", "2019-03-01", "车工"),
        issued("1901120201100002", "2019-09-01", "铣工"),
    ])
}

#[test]
fn csv_in_both_charsets_and_every_sort_of_line() {
    let register = small();
    let (out, summary) = register.answer(Format::Csv, Charset::Utf8, &[CSV.as_bytes()]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), CSV_VERDICTS);
    assert_eq!(summary.counts, Counts::new([3, 1, 0, 0, 6]));
    let (gbk, ..) = encoding_rs::GB18030.encode(&CSV[3..]);
    let (out, _) = register.answer(Format::Csv, Charset::Gb18030, &[&gbk]).unwrap();
    let (out, had_errors) = encoding_rs::GB18030.decode_without_bom_handling(&out);
    assert!(!had_errors);
    assert_eq!(out, &CSV_VERDICTS[3..]);
    // The wrong charset costs the lines that are no text in it.
    let header = "ref,name,certificate_number\n1,";
    let bytes = [header.as_bytes(), &gbk[10..14], b",2\n2,a,b\n"].concat();
    let (out, summary) = register.answer(Format::Csv, Charset::Utf8, &[&bytes]).unwrap();
    assert!(
        String::from_utf8(out).unwrap().contains("\r\n1,invalid,,,,undecodable,2\r\n2,not_found")
    );
    assert_eq!(summary.counts.claims(), 2);
}

#[test]
fn arrays_are_closed_or_say_so() {
    let register = small();
    let claim = r#"{"ref":"a","name":"王小明","certificate_number":"1901120201100001"}"#;
    for (text, verdicts) in [
        ("[]", vec![]),
        (" [ ] \n", vec![]),
        (&format!("[{claim}]"), vec!["match"]),
        (&format!("[\n {claim} ,\n{claim}\n]\n"), vec!["match", "match"]),
        (&format!("[{claim},]"), vec!["match", "malformed"]),
        (&format!("[,{claim}]"), vec!["malformed", "match"]),
        (&format!("[{claim}"), vec!["malformed"]),
        (&format!("[{claim},{{\"ref\":"), vec!["match", "malformed"]),
        (&format!("[{claim}] x"), vec!["match", "malformed"]),
        (&format!("[{claim} {claim}]"), vec!["malformed"]),
        ("[1,\"]\",[[]]]", vec!["malformed"; 3]),
    ] {
        let (out, summary) =
            register.answer(Format::Array, Charset::Utf8, &[text.as_bytes()]).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
        assert_eq!(rows.len(), verdicts.len() + 1, "{text}");
        for (at, (row, verdict)) in rows.iter().zip(&verdicts).enumerate() {
            if *verdict == "match" {
                assert_eq!(row["verdict"], "match", "{text}");
            } else {
                assert_eq!(
                    (&row["reason"], &row["line"]),
                    (&(*verdict).into(), &(at + 1).into()),
                    "{text}"
                );
            }
        }
        let row = &rows[verdicts.len()]["summary"];
        assert_eq!(row["digest"], summary.digest);
        assert_eq!(row["claims"], verdicts.len());
    }
    for text in ["", " ", "{}", "7", "\"[\""] {
        let answer = register.answer(Format::Array, Charset::Utf8, &[text.as_bytes()]);
        assert_eq!(answer.err(), Some(StreamError::NotAnArray), "{text}");
    }
}

#[test]
fn what_is_too_long_costs_itself() {
    let register = small();
    let long = "9".repeat(3 * 64 * 1024);
    let longish = "9".repeat(CLAIM_BYTES_MAX);
    let claim = r#"{"ref":"a","name":"王小明","certificate_number":"1901120201100001"}"#;
    let wrong = |text: &str| format!("{{\"ref\":\"{text}\"}}");
    let lines = [&wrong(&long), claim, &wrong(&longish), claim, &long, claim].map(String::from);
    for (format, text) in
        [(Format::Ndjson, lines.join("\n")), (Format::Array, format!("[{}]", lines.join(",")))]
    {
        for piece in [1 << 20, 1000, 70_000] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(piece).collect();
            let (out, summary) = register.answer(format, Charset::Utf8, &pieces).unwrap();
            assert_eq!(summary.counts, Counts::new([3, 0, 0, 0, 3]), "{format:?} {piece}");
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out.matches("\"too-long\",\"line\":1}").count(), 1, "{format:?}");
            assert_eq!(out.matches("\"too-long\",\"line\":3}").count(), 1, "{format:?}");
            assert_eq!(out.matches("\"too-long\",\"line\":5}").count(), 1, "{format:?}");
        }
    }
    let open = "a,b".repeat(40_000);
    let csv = format!("name,certificate_number\n\"{open}\n王小明,1901120201100001\n{open}\"\n");
    let (_, summary) = register.answer(Format::Csv, Charset::Utf8, &[csv.as_bytes()]).unwrap();
    assert_eq!(summary.counts.of(Verdict::Match), 1);
    assert_eq!(summary.counts.of(Verdict::Invalid), 2);
}

#[test]
fn claims_beyond_what_is_allowed_are_not_judged() {
    let register = small();
    let claim = r#"{"name":"王小明","certificate_number":"1901120201100001"}"#;
    let output = Output { format: Format::Ndjson, charset: Charset::Utf8 };
    let (judge, mut closing) = register.judge(output);
    let mut cutter = Cutter::new(Format::Ndjson, Charset::Utf8);
    cutter.push(format!("{claim}\n\n{claim}\n{claim}\n").as_bytes());
    let mut chunk = cutter.finish().unwrap().unwrap();
    assert_eq!(chunk.claims_max(), 4);
    chunk.allow(2);
    let judged = judge.judge(&chunk, &Holds::default());
    assert_eq!(judged.counts(), Counts::new([2, 0, 0, 0, 1]));
    let out = String::from_utf8(closing.take(judged).unwrap()).unwrap();
    assert!(out.ends_with("\"reason\":\"quota\",\"line\":4}\n"), "{out}");
}

#[test]
fn a_stream_taken_up_again_goes_on_as_if_it_had_not_stopped() {
    let register = small();
    let claim = |number: u32| {
        format!(
            "{{\"name\":\"王小明\",\"certificate_number\":\"190112020110000{number}\",\"tax_year\":2019}}\n"
        )
    };
    let (first, second) = (claim(1), claim(2));
    let whole = first.clone() + &second;
    let (expected, summary) =
        register.answer(Format::Ndjson, Charset::Utf8, &[whole.as_bytes()]).unwrap();

    let output = Output { format: Format::Ndjson, charset: Charset::Utf8 };
    let run = |closing: &mut Closing, judge: &Judge, text: &str| {
        let mut cutter = Cutter::new(Format::Ndjson, Charset::Utf8);
        cutter.push(text.as_bytes());
        let chunk = cutter.finish().unwrap().unwrap();
        closing.take(judge.judge(&chunk, &Holds::default())).unwrap()
    };
    let (judge, mut closing) = register.judge(output);
    closing.keep_new_grants();
    let written = run(&mut closing, &judge, &first);
    let grants: Vec<_> = closing.new_grants().into_iter().map(Grant::to_bytes).collect();
    assert_eq!(grants.len(), 1);
    assert!(closing.new_grants().is_empty());
    let counts = closing.counts();

    let (judge, mut closing) = register.judge(output);
    let grants = grants.iter().map(|bytes| Grant::from_bytes(bytes).unwrap());
    closing.resume(grants, counts).unwrap();
    closing.resume_bytes(&written);
    let mut out = [written, run(&mut closing, &judge, &second)].concat();
    let (last, again) = closing.end(register.snapshot.generation());
    out.extend(last);
    assert_eq!(String::from_utf8(out), String::from_utf8(expected));
    assert_eq!(again, summary);
}

#[test]
fn headers_that_make_no_stream() {
    let register = small();
    let refused =
        |text: &str| register.answer(Format::Csv, Charset::Utf8, &[text.as_bytes()]).err();
    assert_eq!(refused(""), Some(StreamError::NoHeader));
    assert_eq!(refused("\n \r\n"), Some(StreamError::NoHeader));
    assert_eq!(refused("姓名,发证日期\n"), Some(StreamError::FewKeyColumns));
    assert!(
        matches!(refused("姓名,证书编号,电话\n"), Some(StreamError::UnknownColumn(name)) if name == "电话")
    );
    assert_eq!(refused(&"姓名,".repeat(5000)), Some(StreamError::HeaderUnreadable));
    let (_, summary) =
        register.answer(Format::Csv, Charset::Utf8, &["姓名,证书编号".as_bytes()]).unwrap();
    assert_eq!(summary.counts.claims(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_may_arrive_in_any_pieces(
        cuts in prop::collection::vec(0usize..CSV.len(), 0..8), repeat in 1usize..3,
    ) {
        let register = small();
        let claim = r#"{"ref":"a,]}\"\\","name":"王小明","certificate_number":"1901120201100001"}"#;
        let array = format!("[{}]", [claim; 8].join(" , "));
        for (format, text) in [
            (Format::Csv, CSV.to_owned() + &CSV[CSV.find('\n').unwrap()..].repeat(repeat)),
            (Format::Ndjson, (claim.to_owned() + "\n\n7\n").repeat(5)),
            (Format::Array, array),
        ] {
            let bytes = text.as_bytes();
            let whole = register.answer(format, Charset::Utf8, &[bytes]).unwrap();
            let mut ends: Vec<usize> = cuts.iter().map(|&cut| cut.min(bytes.len())).collect();
            ends.sort_unstable();
            ends.push(bytes.len());
            let mut start = 0;
            let pieces: Vec<&[u8]> = ends.iter().map(|&end| {
                let piece = &bytes[start..end];
                start = end;
                piece
            }).collect();
            prop_assert_eq!(register.answer(format, Charset::Utf8, &pieces).unwrap(), whole);
        }
    }

    #[test]
    fn any_bytes_have_a_verdict_for_every_line(bytes in prop::collection::vec(
        prop_oneof![Just(b'\n'), Just(b','), Just(b'"'), Just(b'{'), Just(b'a'), any::<u8>()], 0..200,
    )) {
        let register = small();
        let csv = [b"ref,name,id_number\n".as_slice(), &bytes].concat();
        for charset in [Charset::Utf8, Charset::Gb18030] {
            register.answer(Format::Csv, charset, &[&csv]).unwrap();
        }
        let (_, summary) = register.answer(Format::Ndjson, Charset::Utf8, &[&bytes]).unwrap();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        prop_assert_eq!(summary.counts.claims(), lines.count() as u64);
        let array = [b"[".as_slice(), &bytes].concat();
        register.answer(Format::Array, Charset::Utf8, &[&array]).unwrap();
    }
}
