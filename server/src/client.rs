//! Whose request it is, for limits: the address of the connection, or what a trusted proxy says.
//!
//! `X-Forwarded-For` counts only when the connection comes from a configured proxy. It is read from
//! the right: each proxy appends the address it saw, so the first one that is not a proxy of ours is
//! the last one that nobody outside could have invented.

use std::net::IpAddr;

use crate::cidr::Cidr;

/// The most forwarded addresses that are looked at.
const FORWARDED_ADDRESSES_MAX: usize = 16;

/// Whether the address is one of a trusted proxy.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    trusted.iter().any(|range| range.contains(address))
}

/// The address that limits count for, given the lines of `X-Forwarded-For` in order.
#[must_use]
pub fn client_address<'h>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'h [u8]>,
    trusted: &[Cidr],
) -> IpAddr {
    if trusted.is_empty() || !is_trusted(peer, trusted) {
        return peer;
    }
    let mut client = peer;
    // Several header lines are one list, in order.
    let mut looked_at = 0;
    for line in lines.rev() {
        let Some(line) = visible(line) else { return client };
        for item in line.rsplit(',') {
            looked_at += 1;
            let Some(address) = forwarded(item) else { return client };
            client = address;
            if looked_at == FORWARDED_ADDRESSES_MAX || !is_trusted(address, trusted) {
                return client;
            }
        }
    }
    client
}

/// A header line of visible ASCII; any other is believed in no part.
fn visible(line: &[u8]) -> Option<&str> {
    let good = line.iter().all(|&byte| byte == b'\t' || matches!(byte, b' '..=b'~'));
    std::str::from_utf8(line).ok().filter(|_| good)
}

/// One item: an address, an address in brackets, either with a port.
fn forwarded(item: &str) -> Option<IpAddr> {
    let item = item.trim();
    if let Ok(address) = item.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = item.parse::<std::net::SocketAddr>() {
        return Some(address.ip());
    }
    item.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let lines = forwarded.iter().map(|line| line.as_bytes());
        client_address(peer.parse().unwrap(), lines, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let cases: [(&str, &[&str], &str); 11] = [
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"), // a stranger's header counts nothing
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // The client put 192.0.2.1 there itself; the proxy appended what it saw.
            ("10.0.0.1", &["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["\u{a0}, 198.51.100.1"], "10.0.0.1"),
            ("fd00::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1:8443"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }
}
