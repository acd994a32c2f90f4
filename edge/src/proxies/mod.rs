//! Load balancers and CDNs in front of us, and what is believed of what they say.
//!
//! Anybody can send a header. So each of them is named with the listener that it comes to
//! and the networks that it comes from, and everybody else counts as who they are.

mod forwarded;
mod proxy_header;

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use shared::process::Section;

use crate::head::Head;
pub(crate) use proxy_header::{ProxyHeaderError, read as read_header};

/// Those that are trusted at present.
#[derive(Default)]
pub(crate) struct TrustedProxies(ArcSwap<Vec<Arc<TrustedProxy>>>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustedProxy {
    /// Of which listener.
    listen: SocketAddr,
    networks: Vec<IpNet>,
    says: Says,
}

/// How it tells who its client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Once, before anything else comes.
    ProxyProtocol,
    /// In a header of each request.
    XForwardedFor,
    Forwarded,
}

impl TrustedProxies {
    pub(crate) fn new(proxies: Vec<TrustedProxy>) -> Self {
        let trusted = Self::default();
        trusted.replace(proxies);
        trusted
    }

    pub(crate) fn replace(&self, proxies: Vec<TrustedProxy>) {
        self.0.store(Arc::new(proxies.into_iter().map(Arc::new).collect()));
    }

    /// The one that `peer` is, at the listener `listen`.
    pub(crate) fn find(&self, listen: SocketAddr, peer: IpAddr) -> Option<Arc<TrustedProxy>> {
        let proxies = self.0.load();
        let is_it = |proxy: &&Arc<TrustedProxy>| proxy.listen == listen && proxy.trusts(peer);
        proxies.iter().find(is_it).map(Arc::clone)
    }
}

impl TrustedProxy {
    /// `None` after a complaint.
    pub(crate) fn from_section(proxy: &mut Section<'_>) -> Option<Self> {
        let listen = proxy.required("listen", SocketAddr::from_str);
        let networks = proxy.list("networks", IpNet::from_str);
        if networks.is_empty() {
            proxy.complain("networks", "needs at least one network, as in 10.0.0.0/8");
        }
        let says = proxy.required("says", |text| match text {
            "proxy-protocol" => Ok(Says::ProxyProtocol),
            "x-forwarded-for" => Ok(Says::XForwardedFor),
            "forwarded" => Ok(Says::Forwarded),
            _ => Err("is proxy-protocol, x-forwarded-for or forwarded"),
        });
        Some(Self { listen: listen?, networks, says: says? })
    }

    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Does each of its connections begin with a PROXY header?
    pub(crate) fn announces_clients(&self) -> bool {
        self.says == Says::ProxyProtocol
    }

    /// Whose request `head` is, which came from `peer`: the last one in the chain of
    /// proxies that is none of these.
    pub(crate) fn client(&self, head: &Head<'_>, peer: IpAddr) -> IpAddr {
        let said = match self.says {
            Says::ProxyProtocol => return peer,
            Says::XForwardedFor => forwarded::x_forwarded_for(lines(head, "x-forwarded-for")),
            Says::Forwarded => forwarded::forwarded(lines(head, "forwarded")),
        };
        let mut client = peer;
        // The nearest has come last, and what is further away only those before it vouch for.
        for address in said.into_iter().rev() {
            let Some(address) = address else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

fn lines<'a>(head: &'a Head<'_>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let lines = head.headers.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
    lines.map(|line| line.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::NO_HEADERS;

    fn client(says: Says, lines: &str) -> String {
        let text = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n");
        let mut slots = NO_HEADERS;
        let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        let proxy = TrustedProxy { listen: "127.0.0.1:1".parse().unwrap(), networks, says };
        proxy.client(&head, "10.0.0.1".parse().unwrap()).to_string()
    }

    #[test]
    fn the_client_is_the_last_one_that_is_no_proxy() {
        let check = |lines: &str, expected: &str| {
            assert_eq!(client(Says::XForwardedFor, lines), expected, "{lines}");
        };
        check("", "10.0.0.1");
        check("X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9");
        check("X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n", "203.0.113.9");
        check("X-Forwarded-For: 203.0.113.9, 10.0.0.7\r\n", "203.0.113.9");
        check("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.9:80\r\n", "203.0.113.9");
        check("X-Forwarded-For: [2001:db8::9]:80, 2001:db8:1::1\r\n", "2001:db8::9");
        check("X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9");
        check("X-Forwarded-For: 203.0.113.9, unknown\r\n", "10.0.0.1");
        check("X-Forwarded-For: 203.0.113.9, , 10.0.0.7\r\n", "10.0.0.7");
        check("Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n", "10.0.0.1");
    }

    #[test]
    fn the_standard_header_says_the_same() {
        let check = |lines: &str, expected: &str| {
            assert_eq!(client(Says::Forwarded, lines), expected, "{lines}");
        };
        check("Forwarded: for=203.0.113.9;proto=https, For=10.0.0.7\r\n", "203.0.113.9");
        check("Forwarded: proto=https;for=\"[2001:db8::9]:80\"\r\n", "2001:db8::9");
        check("Forwarded: for=1.1.1.1;x=\",for=2.2.2.2\"\r\n", "1.1.1.1");
        check("Forwarded: for=1.1.1.1, for=_hidden\r\n", "10.0.0.1");
        check("Forwarded: for=1.1.1.1;for=2.2.2.2\r\n", "10.0.0.1");
        check("Forwarded: for=1.1.1.1;x=\"\r\n", "10.0.0.1");
        check("X-Forwarded-For: 203.0.113.9\r\n", "10.0.0.1");
    }
}
