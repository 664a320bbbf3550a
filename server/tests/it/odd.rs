//! Odd input, valid or not, costs at most its own request.

use proptest::prelude::*;
use zhengcha_server::Options;

use crate::support::{Connection, Depot, HIT, Site, example, get, query, query_bytes};

#[test]
fn a_panic_costs_one_request() {
    let depot = Depot::new();
    depot.publish([example()]);
    let fault: fn(&[u8]) = |body| assert!(!body.ends_with(b" "), "a fault on purpose");
    let options = Options { fault: Some(fault), ..Options::default() };
    let site = Site::on(depot, options, |_| {});
    site.wait_until_ready();
    let mut connection = Connection::new(site.public);
    let failed = connection.query(&format!("{HIT} ")).unwrap();
    assert_eq!((failed.status, failed.code().as_str()), (500, "internal"));
    assert_eq!(connection.query(HIT).unwrap().status, 200, "the connection goes on");
    assert!(site.metrics().contains("zhengcha_panics_total 1\n"));
}

#[test]
fn odd_but_well_formed_queries_never_fail_inside() {
    let site = Site::new();
    let connection = std::cell::RefCell::new(Connection::new(site.public));
    let value = prop_oneof![
        Just(serde_json::Value::Null),
        any::<String>().prop_map(serde_json::Value::from),
        "[\\u{4e00}-\\u{9fff}·0-9A-Z ]{0,70}".prop_map(serde_json::Value::from),
        "[0-9]{15}|[0-9]{17}[0-9Xx]|[0-9]{13}|[0-9]{16}".prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
    ];
    let name = prop_oneof![
        8 => Just("id_number".to_owned()),
        8 => Just("certificate_number".to_owned()),
        8 => Just("ticket_number".to_owned()),
        8 => Just("name".to_owned()),
        1 => any::<String>(),
    ];
    let object = proptest::collection::hash_map(name, value, 0..5);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) };
    proptest!(config, |(object in object)| {
        let body = serde_json::Value::Object(object.into_iter().collect()).to_string();
        let answer = connection.borrow_mut().query(&body).unwrap();
        prop_assert!(matches!(answer.status, 200 | 400), "{} for {body}", answer.status);
        if answer.status == 200 {
            prop_assert_eq!(&answer.json()["generation"], 1);
        }
    });
}

#[test]
fn random_bytes_never_end_the_server() {
    let site = Site::new();
    let bytes = proptest::collection::vec(any::<u8>(), 1..300);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) };
    proptest!(config, |(bytes in bytes, flip in any::<proptest::sample::Index>())| {
        // Pure noise, and a good request with one byte of it replaced.
        let mut near = query_bytes(HIT);
        let at = flip.index(near.len());
        near[at] = bytes[0];
        near.extend_from_slice(b"\r\n\r\n");
        for request in [&bytes, &near] {
            let mut connection = Connection::new(site.public);
            let _ = connection.send(request);
        }
    });
    assert_eq!(query(site.public, HIT).status, 200);
    assert!(site.metrics().contains("zhengcha_panics_total 0\n"));
}

#[test]
fn odd_paths_are_not_found() {
    let site = Site::new();
    for path in ["/%2e%2e/etc/passwd", "/assets/../Cargo.toml", "/assets/", "/v1/query%20", "/?a"] {
        let status = get(site.public, path).status;
        assert_eq!(status, if path == "/?a" { 200 } else { 404 }, "{path}");
    }
}
