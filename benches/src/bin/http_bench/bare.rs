//! Bare hyper: reads the body, parses it, answers. No limit, no deadline, no log, no look-up.

use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener as StdListener;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

#[derive(serde::Deserialize)]
struct Query<'b> {
    #[serde(borrow)]
    certificate_number: &'b str,
    #[serde(borrow)]
    name: &'b str,
}

fn listen() -> anyhow::Result<StdListener> {
    let listener = StdListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(listener)
}

async fn answer(
    request: Request<Incoming>,
    bytes: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let parsed = serde_json::from_slice::<Query<'_>>(&body);
    let good = parsed.is_ok_and(|query| query.certificate_number.len() + query.name.len() > 0);
    let mut response = Response::new(Full::new(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if !good {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

async fn connection(stream: TcpStream, bytes: Bytes) {
    let service = service_fn(move |request| answer(request, bytes.clone()));
    let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// One runtime that shares its work among its threads.
pub(crate) fn serve(workers: usize, answer_bytes: usize) -> anyhow::Result<()> {
    let bytes = Bytes::from(vec![b' '; answer_bytes]);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let listener = listen()?;
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream, bytes.clone()));
        }
    })
}

/// A runtime for each thread, connections dealt in turn.
pub(crate) fn serve_per_thread(workers: usize, answer_bytes: usize) -> anyhow::Result<()> {
    let bytes = Bytes::from(vec![b' '; answer_bytes]);
    let mut inboxes = Vec::new();
    for _ in 0..workers {
        let (sender, mut inbox) = tokio::sync::mpsc::unbounded_channel::<std::net::TcpStream>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bytes = bytes.clone();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while let Some(stream) = inbox.recv().await {
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        tokio::spawn(connection(stream, bytes.clone()));
                    }
                }
            });
        });
        inboxes.push(sender);
    }
    let listener = listen()?;
    listener.set_nonblocking(false)?;
    for (index, stream) in listener.incoming().enumerate() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        inboxes[index % workers].send(stream)?;
    }
    Ok(())
}
