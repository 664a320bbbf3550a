//! Connections of partners: accepting, TLS, deadlines, the end.
//!
//! Runs in the partner runtime. Promises that there are never more connections than allowed and that
//! every connection ends: by itself, by a deadline, or at the end of the drain.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::service::{self, Desk};
use crate::client::is_trusted;
use crate::listen::{Admission, Look, Watch, accept_each, http_within_limits};
use crate::metrics::Rejection;
use crate::tls::Failure;
use crate::wire::{Watched, Wire};

/// The read buffer of a connection. Claims come in pieces of up to this size.
const READ_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// What the requests of one connection share.
pub(crate) struct Connection {
    /// What all requests share.
    pub(crate) desk: Arc<Desk>,
    /// The deadlines of the connection.
    pub(crate) wire: Arc<Wire>,
    /// The other end.
    pub(crate) peer: IpAddr,
    /// The certificate it showed, in DER form, signed by the client CA.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// Accepts until told to stop.
pub(crate) async fn accept(listener: StdListener, desk: Arc<Desk>, stop: watch::Receiver<bool>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::error!(error = %error, "the partner listener cannot be watched");
        }
    };
    let metrics = Arc::clone(&desk.app.metrics);
    accept_each(listener, &metrics, stop, |stream, peer| {
        let exempt = is_trusted(peer, &desk.app.trusted_proxies);
        // Who is refused is so without a word: what could be said would have to go through a handshake.
        let admission = desk.gate.admit(peer, exempt).inspect_err(|rejection| {
            metrics.common().count_rejection(*rejection);
        })?;
        tokio::spawn(open(Arc::clone(&desk), stream, peer, admission));
        Ok(())
    })
    .await;
}

/// Takes one connection through its handshake and serves it.
async fn open(desk: Arc<Desk>, stream: StdStream, peer: IpAddr, _admission: Admission) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let Some(tls) = &desk.tls else {
        return serve(desk, stream, peer, None).await;
    };
    match tls.handshake(stream, desk.timeouts.header).await {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            let shown = session.peer_certificates().and_then(|chain| chain.first());
            let certificate = shown.map(|certificate| certificate.to_vec());
            serve(desk, stream, peer, certificate).await;
        }
        Err(Failure::Refused(error)) => {
            desk.count_handshake_failure();
            tracing::debug!(error = %error, "handshake failed");
        }
        Err(Failure::Late) => {
            desk.count_handshake_failure();
            desk.app.metrics.common().count_rejection(Rejection::Timeout);
        }
    }
}

/// Serves one connection and watches its deadlines.
async fn serve(
    desk: Arc<Desk>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: IpAddr,
    certificate: Option<Vec<u8>>,
) {
    let http = http_within_limits(READ_BUFFER_BYTES_MAX);
    let wire = Arc::new(Wire::by_progress());
    let timeouts = desk.timeouts;
    let connection = Arc::new(Connection {
        desk: Arc::clone(&desk),
        wire: Arc::clone(&wire),
        peer,
        certificate,
    });
    let service = service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(service::serve(&connection, request).await) }
    });
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&wire)));
    let mut watch = Watch::new(wire, timeouts);
    let mut conversation = pin!(http.serve_connection(io, service));
    poll_fn(|context| {
        match watch.look(context, || desk.app.draining.load(Relaxed)) {
            Look::Overdue => {
                desk.app.metrics.common().count_rejection(Rejection::Timeout);
                return Poll::Ready(());
            }
            Look::Draining => conversation.as_mut().graceful_shutdown(),
            Look::Nothing => {}
        }
        // A client that goes away in the middle is no event.
        conversation.as_mut().poll(context).map(drop)
    })
    .await;
}
