//! One request, from its head to its answer, under every limit.
//!
//! The order is fixed: head checks, route, type, address limit, body, fields, target limit, lease,
//! look-up, answer. Everything after the body runs without a wait, inside a panic boundary: a fault
//! costs one request.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

use crate::answer;
use crate::body;
use crate::cidr::Cidr;
use crate::client::client_address;
use crate::limiter::{Limited, Limiter};
use crate::live::Live;
use crate::metrics::{Metrics, Rejection, Shard};
use crate::page;
use crate::problem::{Kind, Problem, accepted_request_id, made_request_id};
use crate::query::{Encoding, Typed};
use crate::route::{Route, route};
use crate::shed::WaitingRoom;
use crate::wire::Wire;

/// The description of the interface, as served.
const OPENAPI: &str = include_str!("../openapi.yaml");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// A hook of tests: runs inside the panic boundary with the body of each query.
#[doc(hidden)]
pub type Fault = fn(&[u8]);

/// What all requests share.
pub struct App {
    /// What is served.
    pub live: Arc<Live>,
    /// Limits per address and number; `None` when switched off.
    pub limiter: Option<Limiter>,
    /// Places for requests that wait for their bodies.
    pub waiting: WaitingRoom,
    /// Who may say whose request it is.
    pub trusted_proxies: Vec<Cidr>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Set once the server is stopping.
    pub draining: AtomicBool,
    /// See [`Fault`].
    #[doc(hidden)]
    pub fault: Option<Fault>,
}

/// What the requests of one connection share.
pub struct Connection {
    /// What all requests share.
    pub app: Arc<App>,
    /// The deadlines of the connection.
    pub wire: Arc<Wire>,
    /// The other end.
    pub peer: IpAddr,
    /// The counters of this worker.
    pub shard: Arc<Shard>,
}

/// An answer on its way.
pub type Reply = Response<Full<Bytes>>;

/// Answers one request.
pub async fn serve(connection: Arc<Connection>, request: Request<Incoming>) -> Reply {
    let began = Instant::now();
    connection.wire.request_begins(began);
    let (head, body) = request.into_parts();
    let (route, problem) = route(&head.method, head.uri.path());
    let outcome = match check_head(&head, &connection.wire).err().map(Problem::from).or(problem) {
        Some(problem) => Err(problem),
        None => handle(&connection, route, &head, body, began).await,
    };
    let mut reply =
        outcome.unwrap_or_else(|problem| problem_reply(&problem, given_request_id(&head.headers)));
    if let Some(id) = head.headers.get(&REQUEST_ID)
        && accepted_request_id(id.as_bytes()).is_some()
    {
        reply.headers_mut().insert(REQUEST_ID, id.clone());
    }
    if connection.app.draining.load(Relaxed) {
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    connection.answered(route, reply.status(), began);
    reply
}

impl Connection {
    /// Notes that a request which began then has been answered.
    pub(crate) fn answered(&self, route: Route, status: StatusCode, began: Instant) {
        let ended = Instant::now();
        let took = ended - began;
        self.wire.request_ends(ended);
        self.shard.count_request(route, status, took);
        tracing::debug!(
            target: "access",
            route = route.name(),
            status = status.as_u16(),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}

/// What hyper lets pass and two servers in a row could read differently.
pub(crate) fn check_head(head: &Parts, wire: &Wire) -> Result<(), Kind> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() || (host.is_none() && head.version != Version::HTTP_10) {
        return Err(Kind::MissingHost);
    }
    let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
    if has_length {
        wire.length_known();
    }
    let chunked = head.headers.contains_key(header::TRANSFER_ENCODING);
    if chunked && (has_length || wire.hides_length()) {
        return Err(Kind::ConflictingLength);
    }
    Ok(())
}

async fn handle(
    connection: &Connection,
    route: Route,
    head: &Parts,
    body: Incoming,
    now: Instant,
) -> Result<Reply, Problem> {
    match route {
        Route::Query => query(connection, head, body, now).await,
        Route::Page if head.method == Method::POST => {
            Ok(page_query(connection, head, body, now).await)
        }
        Route::Page => Ok(html(StatusCode::OK, page::form_page(&page_context(connection)))),
        Route::Status => status(connection),
        Route::OpenApi => Ok(cached(
            OPENAPI.as_bytes().into(),
            "application/yaml",
            "public, max-age=300",
            &head.headers,
        )),
        Route::Asset => asset(head),
        Route::Unknown => Err(Kind::NotFound.into()),
    }
}

/// `POST /v1/query`.
async fn query(
    connection: &Connection,
    head: &Parts,
    body: Incoming,
    now: Instant,
) -> Result<Reply, Problem> {
    let encoding = Encoding::of(&head.headers)?;
    let body = admit(connection, head, body, now).await?;
    let json =
        answer_query(connection, encoding, &body, now, |template, found| template.answer(found))?;
    let mut reply = Response::new(Full::new(json));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    Ok(reply)
}

/// A query whose body is here, its address charged already.
pub(crate) fn answer_query<T>(
    connection: &Connection,
    encoding: Encoding,
    body: &[u8],
    now: Instant,
    make: impl FnOnce(&answer::Template, &[answer::PublicCertificate<'_>]) -> T,
) -> Result<T, Problem> {
    guarded(connection, || {
        let typed = Typed::parse(encoding, body)?;
        look_up(connection, &typed, body, now, make)
    })
}

/// Charges one query to the address of a client.
pub(crate) fn charge_address(
    connection: &Connection,
    client: IpAddr,
    now: Instant,
) -> Result<(), Problem> {
    let Some(limiter) = &connection.app.limiter else { return Ok(()) };
    limiter.take_address(client, now).map_err(|limited| turned_away(connection, limited))
}

/// Charges the address and reads the body.
async fn admit(
    connection: &Connection,
    head: &Parts,
    body: Incoming,
    now: Instant,
) -> Result<Bytes, Problem> {
    // A body that is known to be too large is refused before the address pays for it.
    if body.size_hint().lower() > crate::limits::BODY_BYTES_MAX as u64 {
        return Err(Kind::BodyTooLarge.into());
    }
    let forwarded = head.headers.get_all(FORWARDED).iter().map(HeaderValue::as_bytes);
    let client = client_address(connection.peer, forwarded, &connection.app.trusted_proxies);
    charge_address(connection, client, now)?;
    body::read(body, &connection.wire, &connection.app.waiting).await.map_err(|kind| {
        if kind == Kind::Overloaded {
            connection.shard.count_rejection(Rejection::Waiting);
        }
        // What is left of the body is never read.
        Problem { closes: true, ..Problem::from(kind) }
    })
}

fn turned_away(connection: &Connection, limited: Limited) -> Problem {
    connection.shard.count_rejection(match limited {
        Limited::Address(_) => Rejection::AddressQueries,
        Limited::Target(_) => Rejection::TargetMisses,
    });
    let retry_after_seconds = Some(limited.retry_after_seconds());
    Problem { retry_after_seconds, ..Problem::from(Kind::TooManyRequests) }
}

/// Runs the rest of a request; a panic becomes a 500.
fn guarded<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        connection.app.metrics.count_panic();
        tracing::error!("a request failed inside the server");
        Err(Kind::Internal.into())
    })
}

/// Looks two fields up in the generation of the moment and makes the answer while it is leased.
fn look_up<T>(
    connection: &Connection,
    typed: &Typed<'_>,
    body: &[u8],
    now: Instant,
    make: impl FnOnce(&answer::Template, &[answer::PublicCertificate<'_>]) -> T,
) -> Result<T, Problem> {
    let app = &connection.app;
    let pair = typed.normal()?;
    let (first, second) = pair.mode.fields();
    let targets = [(first, pair.first.as_str()), (second, pair.second.as_str())];
    if let Some(limiter) = &app.limiter {
        limiter.check_targets(&targets, now).map_err(|limited| turned_away(connection, limited))?;
    }
    if let Some(fault) = app.fault {
        fault(body);
    }
    let lease = app.live.lease();
    let serving = lease.serving().ok_or(Kind::NotReady)?;
    let found = answer::find(&serving.snapshot, &serving.holds, &pair);
    connection.shard.count_query(pair.mode, !found.is_empty());
    if let Some(limiter) = &app.limiter
        && found.is_empty()
    {
        limiter.charge_miss(&targets, now);
    }
    Ok(make(&serving.template, &found))
}

/// `GET /v1/status`.
fn status(connection: &Connection) -> Result<Reply, Problem> {
    let lease = connection.app.live.lease();
    let serving = lease.serving().ok_or(Kind::NotReady)?;
    let mut reply = Response::new(Full::new(serving.template.status()));
    reply.headers_mut().insert(header::CONTENT_TYPE, JSON);
    reply.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    reply.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    Ok(reply)
}

fn page_context(connection: &Connection) -> page::PageContext {
    let lease = connection.app.live.lease();
    let snapshot = lease.serving().map(|serving| &serving.snapshot);
    page::PageContext {
        generation: snapshot.map(|snapshot| snapshot.generation()),
        as_of: snapshot.and_then(|snapshot| snapshot.as_of()),
        entered: page::Entered::default(),
    }
}

/// `POST /`: the same as a query, with every outcome as a page.
async fn page_query(connection: &Connection, head: &Parts, body: Incoming, now: Instant) -> Reply {
    let mut context = page_context(connection);
    let body = match Encoding::of(&head.headers) {
        Ok(Encoding::Form) => admit(connection, head, body, now).await,
        Ok(Encoding::Json) => Err(Kind::UnsupportedMediaType.into()),
        Err(kind) => Err(kind.into()),
    };
    let outcome = body.and_then(|body| {
        guarded(connection, || {
            let typed = Typed::parse(Encoding::Form, &body)?;
            context.entered = typed.entered();
            look_up(connection, &typed, &body, now, |_, found| answer::cards(found))
        })
    });
    match outcome {
        Ok(cards) if cards.is_empty() => {
            html(StatusCode::OK, page::result_page(&context, &page::PageResult::NotFound))
        }
        Ok(cards) => {
            html(StatusCode::OK, page::result_page(&context, &page::PageResult::Found(cards)))
        }
        Err(problem) => {
            let page = page::result_page(&context, &page_result(&problem));
            let mut reply = html(problem.kind.status(), page);
            put_problem_headers(reply.headers_mut(), &problem);
            reply
        }
    }
}

fn page_result(problem: &Problem) -> page::PageResult {
    use page::{InputFault, PageResult};
    match (problem.kind, problem.field) {
        (Kind::TwoFieldsRequired, _) => PageResult::TwoFieldsRequired,
        (Kind::FieldTooLong, Some(field)) => {
            PageResult::BadInput { field, reason: InputFault::TooLong }
        }
        (Kind::FieldUnusable, Some(field)) => {
            PageResult::BadInput { field, reason: InputFault::Unusable }
        }
        (Kind::TooManyRequests, _) => {
            PageResult::TooMany { retry_after_seconds: problem.retry_after_seconds.unwrap_or(1) }
        }
        (Kind::NotReady | Kind::Overloaded | Kind::Internal, _) => PageResult::Unavailable,
        _ => PageResult::BadRequest,
    }
}

fn html(status: StatusCode, page: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(page));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HTML);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let policy = HeaderValue::from_static(page::CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    reply
}

fn asset(head: &Parts) -> Result<Reply, Problem> {
    let asset = page::asset(head.uri.path()).ok_or(Kind::NotFound)?;
    // The address holds a hash of the bytes.
    let caching = "public, max-age=31536000, immutable";
    Ok(cached(asset.body, asset.content_type, caching, &head.headers))
}

/// Bytes that never change while this program runs, with a strong entity tag.
fn cached(
    bytes: Bytes,
    content_type: &'static str,
    caching: &'static str,
    headers: &HeaderMap,
) -> Reply {
    let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&bytes));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|given| given.trim().trim_start_matches("W/") == tag || given.trim() == "*");
    let mut reply = Response::new(Full::new(if known { Bytes::new() } else { bytes }));
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    reply
}

/// The request id that the client gave, when it is one that can be taken over.
#[must_use]
pub fn given_request_id(request: &HeaderMap) -> Option<&str> {
    request.get(&REQUEST_ID).and_then(|value| accepted_request_id(value.as_bytes()))
}

/// A problem as an answer.
#[must_use]
pub fn problem_reply(problem: &Problem, given_request_id: Option<&str>) -> Reply {
    problem_answer(problem, given_request_id).map(Full::new)
}

/// The same with its body at hand.
pub(crate) fn problem_answer(problem: &Problem, given_request_id: Option<&str>) -> Response<Bytes> {
    let id = given_request_id.map_or_else(made_request_id, str::to_owned);
    let mut reply = Response::new(problem.body(&id));
    *reply.status_mut() = problem.kind.status();
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    put_problem_headers(headers, problem);
    reply
}

fn put_problem_headers(headers: &mut HeaderMap, problem: &Problem) {
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = problem.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if problem.kind == Kind::Unauthorized {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if problem.closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
