//! TLS of the public and of the partner listener: rustls with ring, TLS 1.3 and 1.2, client
//! certificates when a CA is given, which only partners have.
//!
//! A partner may come without a certificate; it then needs a token. One whose certificate the CA did
//! not sign is turned away in the handshake. Promises that a renewed certificate is taken up without a
//! restart, for new connections, that a bad one never displaces a good one, and that a handshake ends
//! within its time. Sessions are resumed from tickets: what they say is sealed and kept by the client,
//! so that no number of fresh connections fills a table here.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Where certificate, key and CA are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate of the server and those between it and a root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The CA of client certificates, PEM.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is no PEM file of the right kind.
    #[error("cannot read {what} (PEM) from {path}: {reason}")]
    Read {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not go together, or one of them cannot be used.
    #[error("the certificate {certificate} cannot be used with the key {key}: {reason}")]
    Unusable {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The CA cannot be used.
    #[error("the client CA {path} cannot be used: {reason}")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The TLS settings of the moment.
pub struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    pub fn new(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::from_pointee(read(&files)?);
        Ok(Self { files, config })
    }

    /// Reads the files again; what was read before stays in force when they are bad.
    pub fn reload(&self) {
        match read(&self.files) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                tracing::info!("certificates read");
            }
            Err(error) => {
                tracing::error!(error = %error, "certificates refused; those before go on");
            }
        }
    }

    /// Takes a connection through its handshake.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        within: Duration,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let handshake = TlsAcceptor::from(self.config.load_full()).accept(stream);
        match tokio::time::timeout(within, handshake).await {
            Ok(outcome) => outcome.map_err(Failure::Refused),
            Err(_late) => Err(Failure::Late),
        }
    }
}

/// Why a handshake came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The two ends could not agree, or the other one went away.
    Refused(io::Error),
    /// It took too long.
    Late,
}

/// A whole new setting: a session of one cannot be resumed under another, whose CA may differ, since
/// the keys of its tickets are its own.
fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let chain = certificates("a certificate", &files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::Read {
        what: "a private key",
        path: files.key.clone(),
        reason: error.to_string(),
    })?;
    let unusable = |error: rustls::Error| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        reason: error.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let bad = |reason: String| TlsError::ClientCa { path: path.clone(), reason };
            let mut roots = RootCertStore::empty();
            for certificate in certificates("a CA certificate", path)? {
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| bad(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(unusable)?;
    Ok(config)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |reason: String| TlsError::Read { what, path: path.to_owned(), reason };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(error.to_string()))?;
    if found.is_empty() { Err(bad("there is none in it".to_owned())) } else { Ok(found) }
}
