//! The listener for operators: health, readiness, metrics, reload. On loopback unless told otherwise.
//!
//! It runs apart from the workers, so it answers while they are busy. It knows no personal data.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::metrics::{EXPOSITION_TYPE, Exposition};
use crate::problem::{Kind, Problem};
use crate::refresh::{Outcome, Trigger};
use crate::reload::Reloader;
use crate::service::{App, Reply, given_request_id, problem_reply};

/// Open connections of operators and their probes.
const CONNECTIONS_MAX: u64 = 64;
/// For a head, and between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For one connection in all; probes open a new one.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
/// After an accept error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What the admin listener works on.
pub struct Admin {
    /// The service.
    pub app: Arc<App>,
    /// The metrics page.
    pub exposition: Exposition,
    /// Wakes the refresher.
    pub trigger: Trigger,
    /// Reads certificates and the file of partners again.
    pub reloader: Reloader,
}

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>, mut stop: watch::Receiver<bool>) {
    let open = Arc::new(AtomicU64::new(0));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if open.load(Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        open.fetch_add(1, Relaxed);
        let (admin, open) = (Arc::clone(&admin), Arc::clone(&open));
        tokio::spawn(async move {
            let _late = tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, admin)).await;
            open.fetch_sub(1, Relaxed);
        });
    }
}

async fn connection(stream: TcpStream, admin: Arc<Admin>) {
    let service = service_fn(move |request| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, Infallible>(answer(&admin, &request).await) }
    });
    let _client_gone = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(admin: &Admin, request: &Request<Incoming>) -> Reply {
    let allow = match request.uri().path() {
        "/healthz" | "/readyz" | "/metrics" => "GET, HEAD",
        "/reload" => "POST",
        _ => return problem_reply(&Kind::NotFound.into(), given_request_id(request.headers())),
    };
    if !allow.split(", ").any(|allowed| allowed == request.method().as_str()) {
        let problem = Problem { allow: Some(allow), ..Problem::from(Kind::MethodNotAllowed) };
        return problem_reply(&problem, given_request_id(request.headers()));
    }
    let outcome = match request.uri().path() {
        "/healthz" => Ok(text(StatusCode::OK, "ok\n")),
        "/readyz" => Ok(ready(&admin.app)),
        "/metrics" => metrics(&admin.exposition),
        _ if request.method() == Method::POST => {
            admin.reloader.reload();
            reload(&admin.trigger).await
        }
        _ => Err(Kind::NotFound),
    };
    outcome.unwrap_or_else(|kind| problem_reply(&kind.into(), given_request_id(request.headers())))
}

fn text(status: StatusCode, text: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *reply.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn ready(app: &App) -> Reply {
    if app.draining.load(Relaxed) {
        text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if app.live.lease().serving().is_none() {
        text(StatusCode::SERVICE_UNAVAILABLE, "no data\n")
    } else {
        text(StatusCode::OK, "ready\n")
    }
}

fn metrics(exposition: &Exposition) -> Result<Reply, Kind> {
    let page = exposition.text().map_err(|_| Kind::Internal)?;
    let mut reply = text(StatusCode::OK, "");
    *reply.body_mut() = Full::new(page.into());
    let open_metrics = HeaderValue::from_static(EXPOSITION_TYPE);
    reply.headers_mut().insert(header::CONTENT_TYPE, open_metrics);
    Ok(reply)
}

async fn reload(trigger: &Trigger) -> Result<Reply, Kind> {
    let outcome = trigger.look_and_wait().await.ok_or(Kind::NotReady)?;
    let (generation, swapped) = match outcome {
        Outcome::Serving(generation, swapped) => (Some(generation), swapped),
        Outcome::Nothing => (None, false),
        Outcome::Refused => return Err(Kind::ReloadRefused),
    };
    let document = serde_json::json!({ "generation": generation, "swapped": swapped });
    let mut reply = text(StatusCode::OK, "");
    *reply.body_mut() = Full::new(document.to_string().into());
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(reply)
}
