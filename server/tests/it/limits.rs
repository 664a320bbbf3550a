//! Rates, waiting places, connections: at the limit and one above.

use crate::support::{
    Connection, HIT, MISS, Site, exchange, form, get, query, query_bytes, wait_for,
};

#[test]
fn an_address_that_asks_too_often_waits() {
    let site = Site::with(|config| {
        config.limits.address_queries_burst = 3;
        config.limits.address_queries_per_minute = 1;
    });
    for _ in 0..3 {
        assert_eq!(query(site.public, HIT).status, 200);
    }
    let refused = query(site.public, HIT);
    assert_eq!((refused.status, refused.code().as_str()), (429, "too-many-requests"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert_eq!(form(site.public, "/", "name=a&ticket_number=b").status, 429, "the page counts too");
    assert_eq!(get(site.public, "/").status, 200, "looking at the page does not");
    assert!(site.metrics().contains("zhengcha_rejected_total{reason=\"address_queries\"} 2\n"));
}

#[test]
fn guesses_at_one_number_are_bounded_and_the_right_one_is_refused_too() {
    let site = Site::with(|config| {
        config.limits.target_misses_burst = 2;
        config.limits.target_misses_per_hour = 1;
    });
    for _ in 0..5 {
        assert_eq!(query(site.public, HIT).status, 200, "right answers cost nothing");
    }
    assert_eq!(query(site.public, MISS).status, 200);
    assert_eq!(query(site.public, MISS).status, 200);
    assert_eq!(query(site.public, MISS).status, 429);
    assert_eq!(query(site.public, HIT).status, 429, "or the refusal would be an oracle");
    let other = r#"{"certificate_number":"0101120201100059","name":"白京"}"#;
    assert_eq!(query(site.public, other).status, 200, "another number is free");
}

#[test]
fn switched_off_means_no_limit() {
    let site = Site::with(|config| {
        config.rate_limit = zhengcha_server::cli::Switch::Off;
        config.limits.address_queries_burst = 1;
        config.limits.target_misses_burst = 1;
    });
    for _ in 0..20 {
        assert_eq!(query(site.public, MISS).status, 200);
    }
}

#[test]
fn forwarded_addresses_count_only_from_a_trusted_proxy() {
    let from = |site: &Site, client: &str| {
        let body = HIT;
        let request = format!(
            "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             X-Forwarded-For: {client}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(site.public, request).unwrap().status
    };
    let limited = |trusted: &[&str]| {
        Site::with(|config| {
            config.limits.address_queries_burst = 1;
            config.limits.address_queries_per_minute = 1;
            config.trusted_proxies = trusted.iter().map(|range| range.parse().unwrap()).collect();
        })
    };
    let open = limited(&[]);
    assert_eq!(from(&open, "192.0.2.1"), 200);
    assert_eq!(from(&open, "192.0.2.2"), 429, "a forged header is no new address");
    let behind = limited(&["127.0.0.0/8"]);
    assert_eq!(from(&behind, "192.0.2.1"), 200);
    assert_eq!(from(&behind, "192.0.2.2"), 200);
    assert_eq!(
        from(&behind, "198.51.100.9, 192.0.2.2"),
        429,
        "what the client put there is skipped"
    );
}

#[test]
fn waiting_places_run_out_for_those_who_wait_and_for_nobody_else() {
    let site = Site::with(|config| config.limits.requests_waiting_max = 2);
    let head = format!(
        "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        HIT.len()
    );
    let mut waiting: Vec<_> = (0..2).map(|_| Connection::new(site.public)).collect();
    for connection in &mut waiting {
        // "100 Continue" comes when the body is waited for, so the place is taken by then.
        assert_eq!(connection.exchange(head.as_bytes()).unwrap().status, 100);
    }
    let third = query_bytes(HIT);
    let refused = exchange(site.public, &third[..third.len() - 1]).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(query(site.public, HIT).status, 200, "a whole request needs no place");
    for connection in &mut waiting {
        connection.send(HIT.as_bytes()).unwrap();
        assert_eq!(connection.receive().unwrap().status, 200, "those who waited are served");
    }
}

#[test]
fn connections_above_the_limits_are_told_and_closed() {
    for per_address in [false, true] {
        let site = Site::with(|config| {
            let limits = &mut config.limits;
            if per_address {
                limits.connections_per_address_max = 3;
            } else {
                limits.connections_max = 3;
            }
        });
        let mut open: Vec<_> = (0..3).map(|_| Connection::new(site.public)).collect();
        for connection in &mut open {
            assert_eq!(connection.query(HIT).unwrap().status, 200, "up to the limit");
        }
        let mut above = Connection::new(site.public);
        let answer = above.receive().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
        assert!(above.is_closed_by_server());
        drop(open);
        wait_for("room again", || {
            exchange(site.public, query_bytes(HIT)).is_some_and(|answer| answer.status == 200)
        });
    }
}

/// More than are turned away in one go: the others wait in the kernel, and none is forgotten.
#[test]
fn everyone_who_knocks_at_a_full_server_is_told() {
    let site = Site::with(|config| config.limits.connections_max = 3);
    let mut open: Vec<_> = (0..3).map(|_| Connection::new(site.public)).collect();
    for connection in &mut open {
        assert_eq!(connection.query(HIT).unwrap().status, 200);
    }
    let mut above: Vec<_> = (0..100).map(|_| Connection::new(site.public)).collect();
    for connection in &mut above {
        let answer = connection.receive().unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    }
    for connection in &mut open {
        assert_eq!(connection.query(HIT).unwrap().status, 200, "those who are in go on");
    }
}
