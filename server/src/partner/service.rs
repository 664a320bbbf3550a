//! One request of a partner, from its head to its answer.
//!
//! The order is fixed: head checks, route, door, quota, body, look-up. A fault costs one request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response};

use zhengcha_engine::claims::Verdict;

use super::account::{Account, Accounts, Moment, one};
use super::body::Body;
use super::cut::Cuts;
use super::door::Door;
use super::listen::Connection;
use super::tokens::Partner;
use super::{query, source, verify};
use crate::body;
use crate::client::client_address;
use crate::limits::{Limits, Timeouts};
use crate::listen::Gate;
use crate::problem::{Kind, Problem, accepted_request_id};
use crate::query::{Encoding, Typed};
use crate::service::{App, check_head, given_request_id, problem_reply};
use crate::shed::WaitingRoom;
use crate::tls::Tls;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What all requests of partners share.
pub struct Desk {
    /// What they share with the public: data, counters, trusted proxies.
    pub app: Arc<App>,
    /// Who may come in.
    pub door: Arc<Door>,
    /// What each has asked.
    pub accounts: Arc<Accounts>,
    /// The open connections.
    pub gate: Arc<Gate>,
    /// TLS, unless the door is on loopback without.
    pub tls: Option<Tls>,
    /// Deadlines of connections.
    pub timeouts: Timeouts,
    /// The limits.
    pub limits: Limits,
    /// Streams that were broken off.
    pub cuts: Cuts,
    /// Places for requests that wait for their bodies, apart from those of the public.
    pub waiting: WaitingRoom,
    /// Where the catalogue is replaced, when it is.
    pub tables: PathBuf,
    /// Chunks of one stream that may be judged at one time.
    pub chunks_in_flight: usize,
    /// Handshakes that failed.
    pub handshake_failures: AtomicU64,
}

impl Desk {
    /// A TLS handshake came to nothing.
    pub fn count_handshake_failure(&self) {
        self.handshake_failures.fetch_add(1, Relaxed);
    }
}

/// A partner that was let in, with its account.
pub(crate) struct Guest {
    pub(crate) partner: Arc<Partner>,
    pub(crate) account: Arc<Account>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Query,
    Verify,
    Status,
}

fn route(head: &Parts) -> Result<Route, Problem> {
    let (route, allow) = match head.uri.path() {
        "/v1/query" => (Route::Query, "POST"),
        "/v1/verify" => (Route::Verify, "POST"),
        "/v1/status" => (Route::Status, "GET, HEAD"),
        _ => return Err(Kind::NotFound.into()),
    };
    if allow.split(", ").any(|allowed| allowed == head.method.as_str()) {
        return Ok(route);
    }
    Err(Problem { allow: Some(allow), ..Problem::from(Kind::MethodNotAllowed) })
}

/// Answers one request.
pub(crate) async fn serve(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let began = Instant::now();
    connection.wire.request_begins(began);
    let (head, body) = request.into_parts();
    let outcome = handle(connection, &head, body).await;
    let mut reply = outcome.unwrap_or_else(|problem| {
        problem_reply(&problem, given_request_id(&head.headers)).map(Body::Whole)
    });
    if let Some(id) = head.headers.get(&REQUEST_ID)
        && accepted_request_id(id.as_bytes()).is_some()
    {
        reply.headers_mut().insert(REQUEST_ID, id.clone());
    }
    if connection.desk.app.draining.load(Relaxed) {
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if matches!(reply.body(), Body::Whole(_)) {
        connection.wire.request_ends(Instant::now());
    }
    reply
}

async fn handle(
    connection: &Arc<Connection>,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Problem> {
    check_head(head, &connection.wire)?;
    let route = route(head)?;
    let guest = match let_in(connection, head) {
        Ok(guest) => guest,
        Err(problem) => {
            source::linger(&head.headers, body);
            return Err(Problem { closes: true, ..problem });
        }
    };
    match route {
        Route::Verify => verify::verify(connection, guest, head, body).await,
        Route::Query => answer_query(connection, &guest, head, body).await.map(whole),
        Route::Status => {
            let lease = connection.desk.app.live.lease();
            let serving = lease.serving().ok_or(Kind::NotReady)?;
            Ok(whole(serving.template.status()))
        }
    }
}

fn let_in(connection: &Connection, head: &Parts) -> Result<Guest, Problem> {
    let desk = &connection.desk;
    let forwarded = head.headers.get_all(FORWARDED).iter().map(HeaderValue::as_bytes);
    let address = client_address(connection.peer, forwarded, &desk.app.trusted_proxies);
    let certificate = connection.certificate.as_deref();
    let today = Moment::now().date();
    let partner = desk
        .door
        .admit(&head.headers, certificate, address, today)
        .map_err(|refusal| refusal.problem())?;
    let account = desk.accounts.of(&partner.name);
    Ok(Guest { partner, account })
}

/// What a partner is told whose quota is used up.
pub(crate) fn quota_exceeded(now: Moment) -> Problem {
    let retry_after_seconds = Some(now.until_midnight_s());
    Problem { retry_after_seconds, ..Problem::from(Kind::QuotaExceeded) }
}

async fn answer_query(
    connection: &Connection,
    guest: &Guest,
    head: &Parts,
    body: Incoming,
) -> Result<Bytes, Problem> {
    let desk = &connection.desk;
    let encoding = Encoding::of(&head.headers)?;
    let body = body::read(body, &connection.wire, &desk.waiting)
        .await
        .map_err(|kind| Problem { closes: true, ..Problem::from(kind) })?;
    let work = || {
        let pair = Typed::parse(encoding, &body)?.normal()?;
        let lease = desk.app.live.lease();
        let serving = lease.serving().ok_or(Kind::NotReady)?;
        let now = Moment::now();
        if guest.account.take(1, guest.partner.daily_quota, now) == 0 {
            return Err(quota_exceeded(now));
        }
        let (answer, verdict) = query::answer(serving, &pair);
        guest.account.count(&one(verdict), now);
        let found = verdict != Verdict::NotFound;
        desk.app.metrics.common().count_query(pair.mode, found);
        tracing::info!(
            target: "partner",
            partner = guest.partner.name.as_str(),
            verdict = verdict.name(),
            generation = serving.snapshot.generation(),
            "query"
        );
        Ok(answer)
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        desk.app.metrics.count_panic();
        tracing::error!("a request of a partner failed inside the server");
        Err(Kind::Internal.into())
    })
}

/// A JSON answer in one piece.
fn whole(json: Bytes) -> Response<Body> {
    let mut reply = Response::new(Body::Whole(Full::new(json)));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
