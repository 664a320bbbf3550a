//! Address ranges (`10.0.0.0/8`), for naming the proxies whose word on the client's address counts.
//!
//! Promises that an IPv4 client seen through an IPv6 socket matches IPv4 ranges. Knows nothing of HTTP.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of addresses: those whose first `prefix_bits` bits equal the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no address range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash is no IPv4 or IPv6 address.
    #[error("`{0}` is not an address range such as 10.0.0.0/8, fd00::/8 or 192.0.2.7")]
    Malformed(String),
    /// More bits than the address has.
    #[error("`{0}` names more prefix bits than the address has")]
    PrefixTooLong(String),
    /// Bits after the prefix are set, so it is unclear which range was meant.
    #[error("`{0}` has bits set behind its prefix")]
    HostBits(String),
}

impl Cidr {
    /// Whether the address lies in this range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.network.is_ipv4() == address.is_ipv4()
            && masked(address, self.prefix_bits) == masked(self.network, self.prefix_bits)
    }
}

/// The address as 128 bits from the left, with all bits behind the prefix cleared.
fn masked(address: IpAddr, prefix_bits: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits)).unwrap_or(0);
    bits & mask
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let malformed = || CidrError::Malformed(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.trim().parse().map_err(|_| malformed())?;
        let width_bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.trim().parse::<u8>().map_err(|_| malformed())?,
            None => width_bits,
        };
        if prefix_bits > width_bits {
            return Err(CidrError::PrefixTooLong(text.to_owned()));
        }
        if masked(network, prefix_bits) != masked(network, width_bits) {
            return Err(CidrError::HostBits(text.to_owned()));
        }
        Ok(Self { network, prefix_bits })
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

/// The unit that limits count by: an IPv4 address, or the /64 an IPv6 subscriber is given whole.
#[must_use]
pub fn limit_unit(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_their_edges_and_nothing_else() {
        let ten: Cidr = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains(address("10.0.0.0")));
        assert!(ten.contains(address("10.255.255.255")));
        assert!(!ten.contains(address("9.255.255.255")));
        assert!(!ten.contains(address("11.0.0.0")));
        assert!(ten.contains(address("::ffff:10.1.2.3")), "IPv4 through an IPv6 socket");
        assert!(!ten.contains(address("a00::")), "same leading bits, other family");
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(address("255.255.255.255")));
        let one: Cidr = "192.0.2.7".parse().unwrap();
        assert!(one.contains(address("192.0.2.7")) && !one.contains(address("192.0.2.6")));
        let unique_local: Cidr = "fd00::/8".parse().unwrap();
        assert!(unique_local.contains(address("fdff::1")));
        assert!(!unique_local.contains(address("fe00::1")));
    }

    #[test]
    fn unclear_ranges_are_refused() {
        for text in ["", "10.0.0.0/33", "fd00::/129", "10.0.0.1/8", "example.com", "10.0.0.0/x"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
        assert_eq!("10.0.0.0/8".parse::<Cidr>().unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn limits_count_ipv6_by_subscriber() {
        assert_eq!(limit_unit(address("2001:db8::1")), limit_unit(address("2001:db8::ffff")));
        assert_ne!(limit_unit(address("2001:db8::1")), limit_unit(address("2001:db8:0:1::1")));
        assert_ne!(limit_unit(address("192.0.2.1")), limit_unit(address("192.0.2.2")));
        assert_eq!(limit_unit(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
