//! Raw requests: heads, bodies, methods, types, sizes.

use crate::support::{Connection, HIT, Site, exchange, get, query_bytes};

#[test]
fn a_table_of_raw_requests() {
    let site = Site::new();
    let json = "Content-Type: application/json\r\n";
    let long = "x".repeat(9000);
    let many: String = (0..80).map(|n| format!("X-{n}: 1\r\n")).collect();
    let cases: Vec<(String, u16, &str)> = vec![
        ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n".into(), 404, "not-found"),
        ("GET /v1/query HTTP/1.1\r\nHost: a\r\n\r\n".into(), 405, "method-not-allowed"),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 405, "method-not-allowed"),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400, "missing-host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400, "missing-host"),
        (
            "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".into(),
            415,
            "unsupported-media-type",
        ),
        (
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            415,
            "unsupported-media-type",
        ),
        (
            format!("POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Content-Length: 2\r\n\r\n{{}}"),
            400,
            "two-fields-required",
        ),
        (format!("POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}\r\n"), 400, "invalid-body"),
        (
            format!("POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Content-Length: 8193\r\n\r\n"),
            413,
            "body-too-large",
        ),
        (
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
            400,
            "conflicting-length",
        ),
        (
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
            400,
            "conflicting-length",
        ),
        (
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
            400,
            "two-fields-required",
        ),
        (
            format!(
                "POST /v1/query HTTP/1.1\r\nHost: a\r\n{json}Transfer-Encoding: chunked\r\n\r\nzz\r\n"
            ),
            400,
            "invalid-body",
        ),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, ""),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, ""),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
            400,
            "",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".into(), 400, ""),
        ("nonsense\r\n\r\n".into(), 400, ""),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400, ""),
    ];
    for (request, status, code) in cases {
        let shown: String = request.chars().take(160).collect();
        match exchange(site.public, &request) {
            Some(answer) => {
                assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}");
                if !code.is_empty() {
                    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
                    assert_eq!(answer.header("cache-control"), Some("no-store"));
                }
            }
            None => assert!(code.is_empty(), "closed without an answer: {shown}"),
        }
    }
    assert_eq!(get(site.public, "/v1/query").header("allow"), Some("POST"));
}

#[test]
fn bodies_at_below_and_above_the_limit() {
    let site = Site::new();
    for (length, status) in [(8191, 200), (8192, 200), (8193, 413)] {
        let padding = " ".repeat(length - HIT.len());
        let body = format!("{HIT}{padding}");
        assert_eq!(exchange(site.public, query_bytes(&body)).unwrap().status, status, "{length}");
        let chunked = format!(
            "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n10\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            &body[..16],
            length - 16,
            &body[16..]
        );
        assert_eq!(exchange(site.public, chunked).unwrap().status, status, "{length} chunked");
    }
}

#[test]
fn a_body_in_pieces_is_the_same_body() {
    let site = Site::new();
    let bytes = query_bytes(HIT);
    let whole = exchange(site.public, &bytes).unwrap().body;
    for cut in [1, bytes.len() - HIT.len() - 1, bytes.len() - HIT.len() + 1, bytes.len() - 1] {
        let mut connection = Connection::new(site.public);
        connection.send(&bytes[..cut]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20)); // let the pieces arrive apart
        connection.send(&bytes[cut..]).unwrap();
        assert_eq!(connection.receive().unwrap().body, whole, "cut at {cut}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let site = Site::new();
    let mut connection = Connection::new(site.public);
    let mut all = query_bytes(HIT);
    all.extend(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    all.extend(query_bytes("{}"));
    all.extend(query_bytes(HIT));
    connection.send(&all).unwrap();
    let statuses: Vec<_> = (0..4).map(|_| connection.receive().unwrap().status).collect();
    assert_eq!(statuses, [200, 404, 400, 200]);
}

#[test]
fn head_has_the_headers_and_no_body() {
    let site = Site::new();
    for path in ["/", "/v1/status", "/openapi.yaml"] {
        let length = get(site.public, path).body.len();
        let mut connection = Connection::new(site.public);
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        connection.send(request.as_bytes()).unwrap();
        let text = connection.read_to_end();
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
        assert!(text.contains(&format!("content-length: {length}\r\n")), "{path}: {text}");
        assert!(text.ends_with("\r\n\r\n"), "a body came with HEAD {path}");
    }
}
