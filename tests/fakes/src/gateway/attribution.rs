//! Who is at the other end, judged by the headers a proxy leaves.
//!
//! Every client of the fake connects over loopback. The real gateway calls
//! such a client "direct" only when no header speaks of a proxy; one that
//! does must name, through a trusted proxy, a client that is not loopback.

use axum::http::HeaderMap;

/// What the forwarded headers say about a client on the loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// No proxy in between: the client itself runs on this machine.
    Direct,
    /// A trusted proxy speaks for a client elsewhere.
    Proxied,
    /// A proxy speaks, but not for whom: answered with 403.
    Unattributed,
}

/// Any of these says that a proxy stands in between.
const FORWARDED_HEADERS: &[&str] =
    &["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Judges a request from 127.0.0.1 or ::1.
pub fn attribute(headers: &HeaderMap, trusted_proxies: &[String]) -> Attribution {
    if !FORWARDED_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Attribution::Direct;
    }
    let loopback_trusted = trusted_proxies
        .iter()
        .any(|proxy| matches!(proxy.as_str(), "127.0.0.1" | "::1" | "127.0.0.0/8"));
    let client = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|address| address.trim().parse::<std::net::IpAddr>().ok());
    match client {
        Some(address) if loopback_trusted && !address.is_loopback() => Attribution::Proxied,
        _ => Attribution::Unattributed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn forwarded_headers_are_judged_as_the_real_gateway_does() {
        let trusted = ["127.0.0.1".to_owned()];
        let check = |case: &str, pairs: &[(&'static str, &'static str)], expected| {
            assert_eq!(attribute(&headers(pairs), &trusted), expected, "{case}");
        };
        use Attribution::{Direct, Proxied, Unattributed};
        check("A1", &[], Direct);
        check("A7", &[("host", "cust1.example.test")], Direct);
        check("A12", &[("via", "x"), ("cf-connecting-ip", "203.0.113.9")], Direct);
        check("A9", &[("x-forwarded-for", "203.0.113.9")], Proxied);
        check("A10", &[("x-forwarded-for", "127.0.0.1")], Unattributed);
        check("A11", &[("x-real-ip", "203.0.113.9")], Unattributed);
        check("proto alone", &[("x-forwarded-proto", "https")], Unattributed);
        check("host alone", &[("x-forwarded-host", "a.b")], Unattributed);
        check("forwarded", &[("forwarded", "for=203.0.113.9")], Unattributed);
    }

    #[test]
    fn a_proxy_nobody_trusts_cannot_speak_for_a_client() {
        let forwarded = headers(&[("x-forwarded-for", "203.0.113.9")]);
        assert_eq!(attribute(&forwarded, &[]), Attribution::Unattributed);
    }
}
