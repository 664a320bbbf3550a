//! The address in front of `/v1/query`, taken apart for the tools that want it so.

use anyhow::{Context, bail, ensure};

/// `http` or `https`, a host and a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Name or number; an IPv6 number in brackets.
    pub(super) host: String,
    /// As given, or that of the scheme.
    pub(super) port: u16,
}

impl Address {
    /// Takes `http://host:port` apart.
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("http", rest)) => ("http", rest),
            Some(("https", rest)) => ("https", rest),
            _ => bail!("{url}: not an address of the form http://host:port or https://host:port"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let usual = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            // A colon inside brackets is part of the number.
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().with_context(|| format!("{url}: {port} is no port"))?)
            }
            _ => (authority, usual),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        ensure!(!host.is_empty() && host.chars().all(is_plain), "{url}: no host that can be used");
        Ok(Self { scheme, host: host.to_owned(), port })
    }

    /// Without a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (&'static str, String, u16) {
        let address = Address::parse(url).unwrap();
        (address.scheme, address.host, address.port)
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("http://127.0.0.1:8080"), ("http", "127.0.0.1".to_owned(), 8080));
        assert_eq!(parts("https://localhost/"), ("https", "localhost".to_owned(), 443));
        assert_eq!(parts("http://[::1]:81/"), ("http", "[::1]".to_owned(), 81));
        assert_eq!(parts("http://[::1]"), ("http", "[::1]".to_owned(), 80));
        assert_eq!(Address::parse("http://[::1]:81/").unwrap().url(), "http://[::1]:81");
    }

    #[test]
    fn what_could_break_a_script_is_refused() {
        for url in
            ["127.0.0.1:80", "http://", "http://a/b", "http://a:x", "http://a?b", "http://a\":1"]
        {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
