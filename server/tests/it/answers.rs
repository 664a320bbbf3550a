//! What is answered, to the byte.

use crate::support::{
    Depot, HIT, MISS, Site, example, exchange, form, get, query, second, wait_for,
};

const HIT_BYTES: &str = "{\"generation\":1,\"as_of\":\"2010-01-02\",\"count\":1,\"certificates\":[\
{\"status\":\"valid\",\"certificate_number\":\"0101120201100058\",\"name\":\"白京\",\"gender\":\"1\",\
\"id_number\":\"110105************\",\"education\":\"91\",\"occupation_code\":\"6-04-01-01\",\
\"occupation_name\":\"车工\",\"level\":\"1\",\"theory_score\":\"84.8\",\"skill_score\":\"85.8\",\
\"review_score\":\"82.3\",\"grade\":\"3\",\"issue_date\":\"2001-10-22\",\
\"institution\":\"XX市职业技能鉴定指导中心\",\"issuer\":null}]}";
const MISS_BYTES: &str =
    "{\"generation\":1,\"as_of\":\"2010-01-02\",\"count\":0,\"certificates\":[]}";

#[test]
fn a_hit_has_the_bytes_of_the_contract() {
    let site = Site::new();
    let answer = query(site.public, HIT);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), HIT_BYTES);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let by_form = "certificate_number=0101120201100058&name=%E7%99%BD%E4%BA%AC";
    assert_eq!(form(site.public, "/v1/query", by_form).text(), HIT_BYTES);
}

#[test]
fn all_six_modes_find_and_several_come_newest_first() {
    let site = Site::new();
    let fields = [
        ("id_number", "11010519491231002x"),
        ("certificate_number", "０１０１１２０２０１１０００５８"),
        ("ticket_number", " 200110220001 "),
        ("name", "白 京"),
    ];
    for (i, first) in fields.iter().enumerate() {
        for other in &fields[i + 1..] {
            let body = serde_json::json!({ first.0: first.1, other.0: other.1 }).to_string();
            let answer = query(site.public, &body).json();
            let numbers: Vec<_> = answer["certificates"]
                .as_array()
                .unwrap()
                .iter()
                .map(|certificate| certificate["certificate_number"].as_str().unwrap().to_owned())
                .collect();
            let single = first.0 == "certificate_number" || other.0 == "certificate_number";
            let expected: &[&str] = if single {
                &["0101120201100058"]
            } else {
                &["0101120201100059", "0101120201100058"]
            };
            assert_eq!(numbers, expected, "{body}");
            assert_eq!(answer["count"], expected.len());
        }
    }
    let body = r#"{"certificate_number":"0101120201100059","name":"白京"}"#;
    let newest = query(site.public, body).json();
    let certificate = &newest["certificates"][0];
    assert_eq!(certificate["issuer"], second().issuer, "escaped and read back");
    assert_eq!(certificate["review_score"], "100.0");
    assert!(certificate["theory_score"].is_null());
}

#[test]
fn every_kind_of_miss_is_the_same_answer() {
    let site = Site::new();
    let without_date = |body: &str| {
        let answer = query(site.public, body);
        let head: Vec<_> = answer.head.lines().filter(|line| !line.starts_with("date:")).collect();
        (head.join("\n"), answer.text())
    };
    let half_right = without_date(MISS);
    assert_eq!(half_right.1, MISS_BYTES);
    for other in [
        r#"{"certificate_number":"9999999999999999","name":"白京"}"#,
        r#"{"certificate_number":"9999999999999999","name":"无此人"}"#,
        r#"{"id_number":"110105194912310025","ticket_number":"200110220001"}"#,
        r#"{"id_number":"11010519491231002X","ticket_number":"军字第1号"}"#,
        r#"{"certificate_number":"x","ticket_number":"y"}"#,
    ] {
        assert_eq!(without_date(other), half_right, "{other}");
    }
}

#[test]
fn a_held_record_shows_its_number_alone_and_only_to_one_who_knows_two_fields() {
    let site = Site::new();
    site.depot.hold(&["0101120201100058"]);
    let held = "{\"status\":\"under_review\",\"certificate_number\":\"0101120201100058\"}";
    wait_for("hold", || query(site.public, HIT).text().contains(held));
    assert_eq!(query(site.public, MISS).text(), MISS_BYTES);
    let page =
        form(site.public, "/", "certificate_number=0101120201100058&name=%E7%99%BD%E4%BA%AC");
    assert!(!page.text().contains("车工"));
    site.depot.hold(&[]);
    wait_for("release", || query(site.public, HIT).text() == HIT_BYTES);
}

#[test]
fn nothing_personal_leaves_beyond_the_mask() {
    let site = Site::new();
    let hit = query(site.public, r#"{"id_number":"11010519491231002X","name":"白京"}"#);
    let body = "id_number=11010519491231002X&name=%E7%99%BD%E4%BA%AC";
    let page = form(site.public, "/", body);
    assert_eq!(page.status, 200);
    for text in [hit.text(), page.text(), site.metrics()] {
        for secret in ["11010519491231002X", "19491231", "1949-12-31", "200110220001"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    assert!(page.text().contains("110105************"));
}

#[test]
fn the_page_answers_with_its_headers_and_states() {
    let site = Site::new();
    let empty = get(site.public, "/");
    assert_eq!(empty.status, 200);
    assert_eq!(empty.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(empty.header("cache-control"), Some("no-store"));
    assert_eq!(empty.header("referrer-policy"), Some("no-referrer"));
    assert!(empty.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let text = empty.text();
    let style = text.split('"').find(|part| part.ends_with(".css")).unwrap();
    let asset = get(site.public, style);
    assert_eq!(
        (asset.status, asset.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
    assert!(asset.header("cache-control").unwrap().contains("immutable"));

    assert_eq!(form(site.public, "/", "name=a&ticket_number=b").status, 200);
    assert_eq!(form(site.public, "/", "name=a").status, 400);
    assert_eq!(form(site.public, "/", "name=a&other=b").status, 400);
    let json = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\n\r\n{}";
    let refused = exchange(site.public, json).unwrap();
    assert_eq!(
        (refused.status, refused.header("content-type").unwrap()),
        (415, "text/html; charset=utf-8")
    );
}

#[test]
fn status_and_description() {
    let site = Site::new();
    let status = get(site.public, "/v1/status").json();
    assert_eq!(status["generation"], 1);
    assert_eq!(status["as_of"], "2010-01-02");
    assert_eq!(status["records"], 2);
    assert_eq!(status["holds"], 0);
    assert!(status["built_at"].as_str().unwrap().contains('T'));

    let openapi = get(site.public, "/openapi.yaml");
    assert!(openapi.text().starts_with("openapi: 3.1"));
    let tag = openapi.header("etag").unwrap();
    let again = format!("GET /openapi.yaml HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n");
    let again = exchange(site.public, again).unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag));
}

#[test]
fn request_ids_are_echoed_when_well_formed() {
    let site = Site::new();
    let with_id = |id: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
        exchange(site.public, request).unwrap()
    };
    assert_eq!(with_id("a-1", "/v1/status").header("x-request-id"), Some("a-1"));
    assert_eq!(with_id("a b", "/v1/status").header("x-request-id"), None);
    let problem = with_id("a-2", "/nowhere");
    assert_eq!(problem.header("x-request-id"), Some("a-2"));
    assert_eq!(problem.json()["request_id"], "a-2");
    let made = get(site.public, "/nowhere");
    assert_eq!(made.header("x-request-id"), made.json()["request_id"].as_str());
}

#[test]
fn other_documents_show_two_characters() {
    let depot = Depot::new();
    depot.publish([zhengcha_engine::Certificate {
        id_number: "E12345678".to_owned(),
        id_type: zhengcha_engine::IdType::Passport,
        ..example()
    }]);
    let site = Site::on(depot, zhengcha_server::Options::default(), |_| {});
    site.wait_until_ready();
    assert_eq!(query(site.public, HIT).json()["certificates"][0]["id_number"], "E1************");
}
