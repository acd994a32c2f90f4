//! The origin of a sprite: `https://arca-1.sprites.app`, and no more than that.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Scheme, host and port; no path, no credentials, at most 255 bytes.
///
/// Kept as its canonical text with the host's place in it: a million of them are in memory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    text: Box<str>,
    host_end: u8,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("an upstream begins with https:// or http://")]
    Scheme,
    #[error("an upstream has at most 255 bytes")]
    Length,
    #[error("an upstream has a host name or an address, in lower case")]
    Host,
    #[error("an upstream's port is 1 to 65535")]
    Port,
    #[error("an upstream is an origin only: no path, query, fragment or credentials")]
    NotAnOrigin,
}

impl Upstream {
    /// # Errors
    /// Says which part is wrong. A single trailing `/` is forgiven.
    pub fn parse(text: &str) -> Result<Self, UpstreamError> {
        let (scheme, default_port) = match text {
            _ if text.starts_with("https://") => ("https://", 443),
            _ if text.starts_with("http://") => ("http://", 80),
            _ => return Err(UpstreamError::Scheme),
        };
        if text.len() > 255 {
            return Err(UpstreamError::Length);
        }
        let authority = &text[scheme.len()..];
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(UpstreamError::NotAnOrigin);
        }
        let (host, port) = split_port(authority)?;
        if !is_host(host) {
            return Err(UpstreamError::Host);
        }
        let port = port.unwrap_or(default_port);
        let mut canonical = format!("{scheme}{host}");
        let host_end = u8::try_from(canonical.len()).map_err(|_| UpstreamError::Length)?;
        if port != default_port {
            canonical.push_str(&format!(":{port}"));
        }
        Ok(Self { text: canonical.into(), host_end, port })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_tls(&self) -> bool {
        self.text.starts_with("https")
    }

    /// Host name or address, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.text[self.scheme_len()..usize::from(self.host_end)]
    }

    /// Host name or address as a certificate has it: without brackets.
    pub fn host_name(&self) -> &str {
        self.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// What goes into the `Host` header: with the port where it is not the scheme's own.
    pub fn authority(&self) -> &str {
        &self.text[self.scheme_len()..]
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, when the host is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        parse_address(self.host())
    }

    fn scheme_len(&self) -> usize {
        if self.is_tls() { "https://".len() } else { "http://".len() }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), UpstreamError> {
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
        None => authority.find(':'),
    };
    let Some(colon) = colon else { return Ok((authority, None)) };
    let digits = &authority[colon + 1..];
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if is_number && port != 0 => Ok((&authority[..colon], Some(port))),
        _ => Err(UpstreamError::Port),
    }
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return parse_address(host).is_some();
    }
    // A name whose last label is a number would be read as an address by some resolvers.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return parse_address(host).is_some();
    }
    host.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn parse_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        Self::parse(text)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Upstream({self})")
    }
}

impl Serialize for Upstream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<(&str, u16), UpstreamError>) {
        let parsed = Upstream::parse(text);
        let seen = parsed.as_ref().map(|u| (u.authority(), u.port())).map_err(|error| *error);
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn an_upstream_is_an_origin() {
        use UpstreamError::{Host, Length, NotAnOrigin, Port, Scheme};
        check("https://arca-1.sprites.app", Ok(("arca-1.sprites.app", 443)));
        check("https://arca-1.sprites.app/", Ok(("arca-1.sprites.app", 443)));
        check("https://arca-1.sprites.app:443", Ok(("arca-1.sprites.app", 443)));
        check("http://127.0.0.1:9000", Ok(("127.0.0.1:9000", 9000)));
        check("http://[::1]:9000", Ok(("[::1]:9000", 9000)));
        check("ftp://x.test", Err(Scheme));
        check("x.test", Err(Scheme));
        check("https://x.test/path", Err(NotAnOrigin));
        check("https://user@x.test", Err(NotAnOrigin));
        check("https://x.test?q", Err(NotAnOrigin));
        check("https://", Err(Host));
        check("https://X.test", Err(Host));
        check("https://x..test", Err(Host));
        check("https://2130706433", Err(Host));
        check("https://127.1", Err(Host));
        check("https://x.0x7f", Err(Host));
        check("https://[::1]x", Err(Host));
        check("https://x.test:0", Err(Port));
        check("https://x.test:99999", Err(Port));
        check("https://x.test:+80", Err(Port));
        check("https://x.test:", Err(Port));
        check(&format!("https://{}.test", "a.".repeat(130)), Err(Length));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_canonical_form_stays_itself(text in "https?://[ -~]{0,40}") {
            if let Ok(upstream) = Upstream::parse(&text) {
                prop_assert_eq!(Upstream::parse(upstream.as_str()).unwrap(), upstream);
            }
        }
    }
}
