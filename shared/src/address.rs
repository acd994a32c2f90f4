//! Addresses: which ones a sprite may have (never ours, unless configuration
//! says so), and which ones count as one visitor.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::Upstream;

/// Public addresses are always fine; others only where a network is listed.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// Networks that may be reached although they are not public.
    pub allow_addresses: Vec<IpNet>,
    /// Networks that may be reached without TLS. Naming one allows its addresses too.
    pub allow_http: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("address {0} is not public, and upstream.allow_addresses does not name it")]
    NotPublic(IpAddr),
    #[error("http is for addresses in upstream.allow_http only; use https")]
    PlainHttp,
}

impl AddressPolicy {
    /// What can be said of an upstream before its name is looked up.
    ///
    /// # Errors
    /// Names the address, or that TLS is missing.
    pub fn check_upstream(&self, upstream: &Upstream) -> Result<(), AddressError> {
        match upstream.address() {
            Some(address) => self.check(upstream, address),
            // Without an address there is nothing that `allow_http` could name.
            None if upstream.is_tls() => Ok(()),
            None => Err(AddressError::PlainHttp),
        }
    }

    /// Judges an address that `upstream`'s name led to. Ask again for every look-up.
    ///
    /// # Errors
    /// Names the address, or that TLS is missing.
    pub fn check(&self, upstream: &Upstream, address: IpAddr) -> Result<(), AddressError> {
        let address = address.to_canonical();
        let listed = |networks: &[IpNet]| networks.iter().any(|net| net.contains(&address));
        if !upstream.is_tls() && !listed(&self.allow_http) {
            return Err(AddressError::PlainHttp);
        }
        if is_public(address) || listed(&self.allow_addresses) || listed(&self.allow_http) {
            Ok(())
        } else {
            Err(AddressError::NotPublic(address))
        }
    }
}

/// The block of addresses that counts as one visitor: an IPv6 customer has a /64 at least.
pub fn visitor_block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
        address => address,
    }
}

/// Follows the IANA special-purpose registries (RFC 6890 and its successors).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local() // with 169.254.169.254, the clouds' metadata service
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)) // benchmarking
        || a >= 240;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // Global unicast is 2000::/3; documentation, Teredo and 6to4 in it lead elsewhere.
    let second = address.segments()[1];
    (first & 0xe000) == 0x2000
        && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
        && first != 0x2002
        && first != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &AddressPolicy, upstream: &str, fits: bool) {
        let upstream = Upstream::parse(upstream).unwrap();
        assert_eq!(policy.check_upstream(&upstream).is_ok(), fits, "{upstream}");
    }

    #[test]
    fn addresses_that_are_ours_are_refused_unless_allowed() {
        let strict = AddressPolicy::default();
        check(&strict, "https://arca-1.sprites.app", true);
        check(&strict, "https://8.8.8.8", true);
        check(&strict, "https://[2606:4700::1]", true);
        for refused in [
            "http://arca-1.sprites.app",
            "http://8.8.8.8",
            "https://127.0.0.1",
            "https://169.254.169.254",
            "https://10.0.0.1",
            "https://192.168.1.1",
            "https://100.64.0.1",
            "https://0.0.0.0",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://[::1]",
            "https://[::]",
            "https://[::ffff:127.0.0.1]",
            "https://[fd00:ec2::254]",
            "https://[fe80::1]",
            "https://[2002:7f00:1::]",
        ] {
            check(&strict, refused, false);
        }
    }

    #[test]
    fn a_visitor_is_an_ipv4_address_or_an_ipv6_network() {
        let check = |text: &str, expected: &str| {
            assert_eq!(visitor_block(text.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        };
        check("203.0.113.9", "203.0.113.9");
        check("::ffff:203.0.113.9", "203.0.113.9");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }

    #[test]
    fn configuration_opens_what_it_names_and_no_more() {
        let loopback: IpNet = "127.0.0.0/8".parse().unwrap();
        let tls_only =
            AddressPolicy { allow_addresses: vec![loopback], ..AddressPolicy::default() };
        check(&tls_only, "https://127.0.0.1", true);
        check(&tls_only, "http://127.0.0.1", false);
        let http = AddressPolicy { allow_http: vec![loopback], ..AddressPolicy::default() };
        check(&http, "http://127.0.0.1:1", true);
        check(&http, "https://127.0.0.1", true);
        check(&http, "http://10.0.0.1", false);
        check(&http, "http://localhost", false);
    }
}
