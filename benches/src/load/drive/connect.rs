//! Connections to what is driven.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use rustls::client::Resumption;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::load::run::Failure;
use crate::load::target::Target;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    /// To the public listener of a target.
    ///
    /// Over TLS every connection shakes hands in full, as those of people who come for the first time do.
    pub(super) fn new(target: &Target) -> anyhow::Result<Self> {
        let tls = match &target.tls_ca {
            None => None,
            Some(ca) => Some((TlsConnector::from(tls(ca)?), server_name(&target.host)?)),
        };
        Ok(Self { address: target.public, tls })
    }

    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(self.address).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        match &self.tls {
            None => Ok(Connection::Plain(stream)),
            Some((tls, name)) => match tls.connect(name.clone(), stream).await {
                Ok(stream) => Ok(Connection::Tls(Box::new(stream))),
                Err(_) => Err(Failure::Handshake),
            },
        }
    }
}

fn tls(ca: &Path) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let named = || ca.display().to_string();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).with_context(named)? {
        roots.add(certificate.with_context(named)?).with_context(named)?;
    }
    anyhow::ensure!(!roots.is_empty(), "{}: holds no certificate (PEM)", ca.display());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The name in `host:port`.
fn server_name(host: &str) -> anyhow::Result<ServerName<'static>> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(name.to_owned()).with_context(|| format!("{host}: no name of a server"))
}

/// A connection, plain or not.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($this:expr, $stream:ident => $then:expr) => {
        match $this.get_mut() {
            Connection::Plain($stream) => $then,
            Connection::Tls($stream) => $then,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}
