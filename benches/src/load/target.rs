//! What is driven, and the rule that nobody is driven without leave.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context, ensure};

/// A server that is driven.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where questions go.
    pub public: SocketAddr,
    /// Its name, for `Host` and for TLS.
    pub host: String,
    /// The certificate authority its certificate is held against (PEM); `None` for plain HTTP.
    pub tls_ca: Option<PathBuf>,
    /// Where its metrics are, when they can be had.
    pub admin: Option<SocketAddr>,
    /// Where claims go and the token for it.
    pub partner: Option<Partner>,
}

/// The partner listener of a target.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Where claims go.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub has_tls: bool,
    /// The bearer token.
    pub token: String,
}

/// Whether this address may be driven: loopback always, any other only when its owner named it.
///
/// # Errors
/// A refusal that says what to do.
pub fn may_drive(given: &str, own: Option<&str>) -> anyhow::Result<()> {
    let addresses: Vec<SocketAddr> =
        given.to_socket_addrs().with_context(|| format!("{given}: no such address"))?.collect();
    ensure!(!addresses.is_empty(), "{given}: no such address");
    let is_loopback = |address: &SocketAddr| -> bool {
        let ip: IpAddr = address.ip().to_canonical();
        ip.is_loopback()
    };
    if addresses.iter().all(is_loopback) || own == Some(given) {
        return Ok(());
    }
    anyhow::bail!(
        "{given} is not on this machine. A load test can put a service out of work: drive only what is \
         yours, and say so with `--i-own-this-target {given}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_driven_without_leave() {
        may_drive("127.0.0.1:8080", None).unwrap();
        may_drive("[::1]:8080", None).unwrap();
        may_drive("[::ffff:127.0.0.1]:8080", None).unwrap();
        let refused = may_drive("192.0.2.1:80", None).unwrap_err().to_string();
        assert!(refused.contains("--i-own-this-target 192.0.2.1:80"), "{refused}");
        assert!(may_drive("192.0.2.1:80", Some("192.0.2.2:80")).is_err(), "another one's name");
        may_drive("192.0.2.1:80", Some("192.0.2.1:80")).unwrap();
        assert!(may_drive("nowhere", None).is_err());
    }
}
