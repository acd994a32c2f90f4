//! The head that goes on to a sprite or to control.
//!
//! Written once, as bytes: the same head serves the forwarder and the tunnel.
//! What the client claims about itself stays behind; what the edge knows of it is
//! added.

use std::io::Write as _;
use std::net::IpAddr;

use shared::RequestId;
use shared::identity::IDENTITY_HEADER;
use shared::request_id::REQUEST_ID_HEADER;
use shared::site_hop::SITE_HOP_HEADER;

use super::cookies;
use super::names::{Name, is_for_one_hop};
use crate::digits::append_address;
use crate::head::{Body, Head};

/// What the next server is told of a client.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// The `Host` that the next server knows itself by.
    pub host: &'a str,
    /// The host that the client asked for, as we spell it.
    pub public_host: &'a str,
    /// Instead of the client's `Origin`, where that is our own in another spelling.
    pub origin: Option<&'a str>,
    pub address: IpAddr,
    /// `http` or `https`, as the client reached us.
    pub scheme: &'static str,
    pub request: RequestId,
    /// Of the edge's own span; otherwise a trace goes on as the client has said it.
    pub traceparent: Option<[u8; 55]>,
    pub credential: Credential<'a>,
}

/// By what the next server knows that we are asking.
#[derive(Debug)]
pub enum Credential<'a> {
    /// A sprite's agent: the signed identity. Our cookies are taken out.
    Identity(&'a str),
    /// Control: the site hop. It needs our cookies.
    SiteHop(&'a str),
}

/// Writes the head as it goes on, with its empty line.
pub fn forward(head: &Head<'_>, forwarded: &Forwarded<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    // Our own version (RFC 9110, 2.5): an answer is framed for the client when it comes back.
    out.extend_from_slice(head.method.as_bytes());
    out.push(b' ');
    append_target(head.target, &mut out);
    for part in [" HTTP/1.1\r\nhost: ", forwarded.host, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    append_framing(head, &mut out);
    let to_sprite = matches!(forwarded.credential, Credential::Identity(_));
    let mut trace = None;
    let mut has_cookie = false;
    for header in head.headers {
        match fate(header.name) {
            Fate::Drop => {}
            Fate::Trace => trace = valid_traceparent(header.value),
            Fate::Cookie if to_sprite => has_cookie = true,
            Fate::Keep if head.is_hop_by_hop(header.name) => {}
            Fate::Origin => {
                let origin = forwarded.origin.map_or(header.value, str::as_bytes);
                append(&mut out, header.name, origin);
            }
            Fate::Keep | Fate::Cookie => append(&mut out, header.name, header.value),
        }
    }
    if has_cookie {
        append_foreign_cookies(head, &mut out);
    }
    append_ours(head, forwarded, trace, &mut out);
    out
}

/// As a browser spells it. Programs send these four as they are, and many servers, control and
/// the agent among them, refuse such a request without a word.
fn append_target(target: &str, out: &mut Vec<u8>) {
    let is_odd = |byte: &u8| matches!(byte, b'"' | b'<' | b'>' | b'`');
    let mut rest = target.as_bytes();
    while let Some(at) = rest.iter().position(is_odd) {
        out.extend_from_slice(&rest[..at]);
        write!(out, "%{:02X}", rest[at]).expect("writing to memory");
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// What frames the body, in our own words: the client's are judged already.
fn append_framing(head: &Head<'_>, out: &mut Vec<u8>) {
    match head.body {
        Body::Length(length) => write!(out, "content-length: {length}\r\n"),
        Body::Chunked => write!(out, "transfer-encoding: chunked\r\n"),
        // Of those a body is expected (RFC 9110, 8.6).
        Body::None if matches!(head.method, "POST" | "PUT" | "PATCH") => {
            write!(out, "content-length: 0\r\n")
        }
        Body::None => Ok(()),
    }
    .expect("writing to memory");
    if head.expects_continue {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
}

fn append_ours(head: &Head<'_>, forwarded: &Forwarded<'_>, trace: Option<&str>, out: &mut Vec<u8>) {
    let Forwarded { address, scheme, request, traceparent, .. } = forwarded;
    match forwarded.credential {
        Credential::Identity(identity) => append(out, IDENTITY_HEADER, identity.as_bytes()),
        Credential::SiteHop(bearer) => append(out, SITE_HOP_HEADER, bearer.as_bytes()),
    }
    out.extend_from_slice(b"x-forwarded-for: ");
    append_address(*address, out);
    out.extend_from_slice(b"\r\n");
    append(out, "x-forwarded-proto", scheme.as_bytes());
    append(out, "x-forwarded-host", forwarded.public_host.as_bytes());
    append(out, REQUEST_ID_HEADER, &request.digits());
    match (traceparent, trace) {
        (Some(ours), _) => append(out, "traceparent", ours),
        (None, Some(trace)) => append(out, "traceparent", trace.as_bytes()),
        (None, None) => append(out, "traceparent", &new_traceparent(*request)),
    }
    if head.websocket.is_some() {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn append(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Several `Cookie` lines become one, without the cookies that are ours.
fn append_foreign_cookies(head: &Head<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut separator = "cookie: ";
    for line in head.cookies() {
        let before = out.len();
        out.extend_from_slice(separator.as_bytes());
        if cookies::append_foreign(line, out) {
            separator = "; ";
        } else {
            out.truncate(before);
        }
    }
    if out.len() > start {
        out.extend_from_slice(b"\r\n");
    }
}

enum Fate {
    Keep,
    Drop,
    Cookie,
    Origin,
    Trace,
}

/// Hop-by-hop headers end here, and so does whatever a client could use to
/// speak in our name or in somebody else's. Trailers go no further, so none are
/// announced. A name in an odd spelling passes only where it resembles nothing.
fn fate(name: &str) -> Fate {
    let folded = Name::new(name);
    let fate = fate_of_folded(folded.bytes());
    match fate {
        Fate::Keep if name.contains('_') => Fate::Drop,
        Fate::Keep => Fate::Keep,
        _ if folded.is_odd() => Fate::Drop,
        fate => fate,
    }
}

fn fate_of_folded(name: &[u8]) -> Fate {
    match name {
        b"cookie" => Fate::Cookie,
        b"origin" => Fate::Origin,
        b"traceparent" => Fate::Trace,
        b"host" | b"x-request-id" => Fate::Drop,
        // Who the client is: told by us alone.
        b"client-ip"
        | b"fastly-client-ip"
        | b"forwarded"
        | b"remote-addr"
        | b"remote-user"
        | b"true-client-ip"
        | b"x-client-ip"
        | b"x-cluster-client-ip"
        | b"x-real-ip"
        | b"x-user" => Fate::Drop,
        // Where the request leads: said by the request line alone.
        b"x-host" | b"x-rewrite-url" | b"x-http-method-override" | b"x-method-override" => {
            Fate::Drop
        }
        // Read as `HTTP_PROXY` by programs that look for their own proxy there.
        b"proxy" => Fate::Drop,
        _ if is_for_one_hop(name) || is_claim(name) => Fate::Drop,
        _ => Fate::Keep,
    }
}

/// Families of names by which proxies tell servers who is asking.
fn is_claim(name: &[u8]) -> bool {
    const FAMILIES: [&[u8]; 16] = [
        b"cf-",
        b"ssl-client",
        b"tailscale-",
        b"x-accel-",
        b"x-arca",
        b"x-auth-request-",
        b"x-authenticated-",
        b"x-client-cert",
        b"x-envoy-",
        b"x-forwarded",
        b"x-openclaw",
        b"x-original-",
        b"x-pflaster",
        b"x-remote-",
        b"x-ssl-",
        b"x-webauth-",
    ];
    matches!(name.first(), Some(b'c' | b's' | b't' | b'x'))
        && FAMILIES.iter().any(|family| name.starts_with(family))
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, not all zero (W3C Trace Context).
pub(crate) fn valid_traceparent(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, span) = (hex(2)?, hex(32)?, hex(16)?);
    hex(2)?;
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    (version == "00" && !is_zero(trace) && !is_zero(span) && parts.next().is_none()).then_some(text)
}

/// A trace that begins here: its id is the request's, so that logs and traces meet.
fn new_traceparent(request: RequestId) -> [u8; 55] {
    let mut text = *b"00-................................-................-01";
    text[3..35].copy_from_slice(&request.digits());
    // Random as well; a span is never all zero.
    let span = RequestId::from_bits(fastrand::u64(1..).into()).digits();
    text[36..52].copy_from_slice(&span[16..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use crate::head::NO_HEADERS;
    use proptest::prelude::*;

    fn forwarded(credential: Credential<'_>, lines: &str) -> String {
        let text = format!("GET /x?y HTTP/1.1\r\nHost: ada.arca.test\r\n{lines}\r\n");
        let mut slots = NO_HEADERS;
        let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
        String::from_utf8(forward(&head, &to_sprite(credential))).unwrap()
    }

    fn to_sprite(credential: Credential<'_>) -> Forwarded<'_> {
        Forwarded {
            host: "sprite.test",
            public_host: "ada.arca.test",
            origin: None,
            address: "203.0.113.9".parse().unwrap(),
            scheme: "https",
            traceparent: None,
            request: RequestId::from_bits(1),
            credential,
        }
    }

    proptest! {
        /// Nobody behind us can find another end of it than we have.
        #[test]
        fn what_goes_on_means_what_has_come(text in corpus::near("head")) {
            let mut slots = NO_HEADERS;
            let Ok(head) = Head::parse(&text, &mut slots) else { return Ok(()) };
            let out = forward(&head, &to_sprite(Credential::Identity("signed")));
            let mut slots = NO_HEADERS;
            let again = Head::parse(&out, &mut slots);
            prop_assert!(again.is_ok(), "{:?} of {}", again, String::from_utf8_lossy(&out));
            let again = again.unwrap();
            prop_assert_eq!((again.method, again.target), (head.method, &*spelled(head.target)));
            prop_assert_eq!((again.body, again.websocket), (head.body, head.websocket));
            prop_assert_eq!(again.host, "sprite.test");
            let ours = again.headers.iter().filter(|header| header.name == IDENTITY_HEADER);
            prop_assert_eq!(ours.count(), 1);
        }
    }

    fn spelled(target: &str) -> String {
        let mut out = Vec::new();
        append_target(target, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_target_goes_on_as_a_browser_spells_it() {
        let check = |target: &str, expected: &str| assert_eq!(spelled(target), expected);
        check("/x?y", "/x?y");
        check("*", "*");
        check("/a\"b<c>?q=\"<`>\"", "/a%22b%3Cc%3E?q=%22%3C%60%3E%22");
        check("/%22?{}|\\^[]'%", "/%22?{}|\\^[]'%");
        check("/grün?\u{1f600}", "/grün?\u{1f600}");
    }

    fn check(lines: &str, kept: &[&str], gone: &[&str]) {
        let out = forwarded(Credential::Identity("signed"), lines);
        for line in kept {
            assert!(out.contains(&format!("\r\n{line}\r\n")), "{line} not in {out}");
        }
        for text in gone {
            assert!(!out.contains(text), "{text} in {out}");
        }
    }

    #[test]
    fn what_a_client_claims_stays_behind() {
        check(
            "X-Arca-Identity: forged\r\nX-ARCA-edge: forged\r\nx-openclaw-scopes: forged\r\n\
             Forwarded: for=forged\r\nX-Forwarded-For: forged\r\nX-Forwarded-Prefix: forged\r\n\
             X-Real-IP: forged\r\nX-Request-Id: forged\r\nX-Pflaster-User: forged\r\n\
             Proxy-Authorization: forged\r\nX_Arca_Identity: forged\r\nx-arca_identity: forged\r\n\
             X-Arca--Identity: forged\r\nX.Forwarded.For: forged\r\nTailscale-User-Login: forged\r\n\
             X-Original-URL: /forged\r\nAny_Other: forged\r\nProxy: forged\r\n",
            &[
                "host: sprite.test",
                "x-arca-identity: signed",
                "x-forwarded-for: 203.0.113.9",
                "x-forwarded-proto: https",
                "x-forwarded-host: ada.arca.test",
                "x-request-id: 00000000000000000000000000000001",
            ],
            &["forged"],
        );
    }

    #[test]
    fn hop_by_hop_headers_end_here() {
        check(
            "Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nConnection: X-Other\r\nX-Other: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nTrailer: X\r\nAccept: */*\r\n",
            &["Accept: */*"],
            &["X-Secret", "X-Other", "Keep-Alive", "TE:", "h2c", "HTTP2", "Trailer"],
        );
    }

    #[test]
    fn our_cookies_reach_control_and_never_a_sprite() {
        let lines = "Cookie: a=1; __Host-arca_session=token\r\nCookie: b=2\r\n";
        check(lines, &["cookie: a=1; b=2"], &["token"]);
        check("Cookie: __Host-arca_session=token\r\n", &[], &["token", "cookie:"]);
        let to_control = forwarded(Credential::SiteHop("hop"), lines);
        assert!(to_control.contains("__Host-arca_session=token"), "{to_control}");
        assert!(to_control.contains("x-arca-edge: hop"), "{to_control}");
    }

    #[test]
    fn a_trace_is_passed_on_or_started() {
        let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check(&format!("{trace}\r\n"), &[trace], &[]);
        for broken in ["00-0-0-0", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            let out = forwarded(Credential::Identity("i"), &format!("traceparent: {broken}\r\n"));
            assert!(!out.contains(broken), "{out}");
            assert!(out.contains("traceparent: 00-00000000000000000000000000000001-"), "{out}");
        }
    }
}
