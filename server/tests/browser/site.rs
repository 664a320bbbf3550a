//! A server with a known register of invented people.
//!
//! `Site::start` is the only place that knows how the page is served.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use zhengcha_engine::{Certificate, Date, Field};
use zhengcha_server::page::{
    self, CONTENT_SECURITY_POLICY, Card, CertificateCard, Entered, InputFault, PageContext,
    PageResult,
};

pub(crate) const ID_NUMBER: &str = "11010519491231002X";
pub(crate) const NAME: &str = "白京";
pub(crate) const TICKET_NUMBER: &str = "200110010058";
/// The older of the two certificates of [`NAME`].
pub(crate) const OLD_CERTIFICATE: &str = "0101120201100058";
pub(crate) const NEW_CERTIFICATE: &str = "1901120201200007";
/// A name of the greatest length met in practice, with a separator.
pub(crate) const LONG_NAME: &str = "阿不都克里木·阿不都热合曼";
pub(crate) const LONG_NAME_CERTIFICATE: &str = "1610010000300001";
pub(crate) const HELD_NAME: &str = "何静";
pub(crate) const HELD_CERTIFICATE: &str = "1711010000400021";

/// In which state the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// With the register below, one number of it on hold.
    Serving,
    /// Without any generation yet.
    Empty,
    /// With every asker over the rate limit.
    Throttled,
}

/// The register, invented throughout.
pub(crate) fn register() -> Vec<Certificate> {
    let turner = Certificate {
        name: NAME.to_owned(),
        gender: Some(1),
        education: Some(91),
        issue_date: Date::new(2001, 10, 22),
        certificate_number: OLD_CERTIFICATE.to_owned(),
        id_number: ID_NUMBER.to_owned(),
        ticket_number: TICKET_NUMBER.to_owned(),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(1),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: Some(823),
        grade: Some(3),
        institution: "北京市职业技能鉴定指导中心".to_owned(),
        ..Certificate::default()
    };
    let welder = Certificate {
        issue_date: Date::new(2019, 6, 28),
        certificate_number: NEW_CERTIFICATE.to_owned(),
        ticket_number: "201906280007".to_owned(),
        occupation_code: "6-18-02-04".to_owned(),
        occupation_name: "焊工".to_owned(),
        level: Some(2),
        theory_score: Some(910),
        skill_score: Some(885),
        review_score: Some(900),
        grade: Some(4),
        issuer: "北京市人力资源和社会保障局".to_owned(),
        ..turner.clone()
    };
    let long = Certificate {
        name: LONG_NAME.to_owned(),
        gender: Some(2),
        education: Some(93),
        issue_date: Date::new(2016, 12, 9),
        certificate_number: LONG_NAME_CERTIFICATE.to_owned(),
        id_number: "440524188001010014".to_owned(),
        ticket_number: String::new(),
        occupation_code: "X2-02-34-07".to_owned(),
        occupation_name: "计算机程序设计员（数控机床编程与自动化控制方向）".to_owned(),
        level: Some(3),
        theory_score: Some(1000),
        skill_score: Some(765),
        review_score: None,
        grade: Some(2),
        institution: "新疆维吾尔自治区克孜勒苏柯尔克孜自治州职业技能鉴定所".to_owned(),
        ..turner.clone()
    };
    let held = Certificate {
        name: HELD_NAME.to_owned(),
        issue_date: Date::new(2017, 3, 1),
        certificate_number: HELD_CERTIFICATE.to_owned(),
        id_number: "110105194912310038".to_owned(),
        ticket_number: "201703010021".to_owned(),
        ..turner.clone()
    };
    vec![turner, welder, long, held]
}

/// A running server, stopped with the test's runtime.
pub(crate) struct Site {
    address: SocketAddr,
}

impl Site {
    pub(crate) async fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service_fn(move |request| answer(state, request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn answer(
    state: State,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut context = match state {
        State::Empty => PageContext::default(),
        _ => PageContext {
            generation: Some(12),
            as_of: Date::new(2026, 11, 15),
            ..PageContext::default()
        },
    };
    if let Some(asset) = page::asset(request.uri().path()) {
        let response = Response::builder().header(header::CONTENT_TYPE, asset.content_type);
        return Ok(response.body(Full::new(asset.body)).unwrap());
    }
    let (status, html) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, page::form_page(&context)),
        (&Method::POST, "/") => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            context.entered = entered(&body);
            let (status, result) = judge(state, &context.entered);
            (status, page::result_page(&context, &result))
        }
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    Ok(response.body(Full::new(html)).unwrap())
}

fn entered(body: &[u8]) -> Entered {
    let mut fields = form_urlencoded::parse(body).into_owned().collect::<HashMap<_, _>>();
    let mut take = |field: Field| fields.remove(field.name()).unwrap_or_default();
    Entered {
        id_number: take(Field::IdNumber),
        certificate_number: take(Field::CertificateNumber),
        ticket_number: take(Field::TicketNumber),
        name: take(Field::Name),
    }
}

fn judge(state: State, entered: &Entered) -> (StatusCode, PageResult) {
    match state {
        State::Empty => return (StatusCode::SERVICE_UNAVAILABLE, PageResult::Unavailable),
        State::Throttled => {
            let result = PageResult::TooMany { retry_after_seconds: 90 };
            return (StatusCode::TOO_MANY_REQUESTS, result);
        }
        State::Serving => {}
    }
    let filled = entered.filled().collect::<Vec<_>>();
    if filled.len() != 2 {
        return (StatusCode::BAD_REQUEST, PageResult::TwoFieldsRequired);
    }
    if entered.certificate_number.contains('#') {
        let (field, reason) = (Field::CertificateNumber, InputFault::Unusable);
        return (StatusCode::BAD_REQUEST, PageResult::BadInput { field, reason });
    }
    let mut found = register();
    found.retain(|certificate| {
        filled.iter().all(|&field| {
            let held = match field {
                Field::IdNumber => &certificate.id_number,
                Field::CertificateNumber => &certificate.certificate_number,
                Field::TicketNumber => &certificate.ticket_number,
                Field::Name => &certificate.name,
            };
            *held == entered.get(field).trim().to_uppercase()
        })
    });
    found.sort_by_key(|certificate| std::cmp::Reverse(certificate.issue_date));
    if found.is_empty() {
        return (StatusCode::OK, PageResult::NotFound);
    }
    (StatusCode::OK, PageResult::Found(found.into_iter().map(card).collect()))
}

fn card(certificate: Certificate) -> Card {
    if certificate.certificate_number == HELD_CERTIFICATE {
        return Card::UnderReview { certificate_number: certificate.certificate_number };
    }
    Card::Valid(Box::new(CertificateCard {
        name: certificate.name,
        gender: certificate.gender,
        id_number: format!("{}************", &certificate.id_number[..6]),
        education: certificate.education,
        occupation_name: certificate.occupation_name,
        occupation_code: certificate.occupation_code,
        level: certificate.level,
        certificate_number: certificate.certificate_number,
        theory_score: certificate.theory_score,
        skill_score: certificate.skill_score,
        review_score: certificate.review_score,
        grade: certificate.grade,
        issue_date: certificate.issue_date,
        institution: certificate.institution,
        issuer: certificate.issuer,
    }))
}
