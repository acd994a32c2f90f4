//! The head of a stream's request, written as one of HTTP/1.1.
//!
//! Whether it may pass is judged where it is read, like any other. Refused here is what
//! could not be written in one way only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use hyper::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap};
use hyper::{Method, Request, Uri};

use crate::head::HeadError;

/// How the body of a request is written behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    /// As it comes: the head says how long it is, and the library holds it to that.
    Length,
    Chunks,
    /// What follows is no body but the other protocol's.
    Tunnel,
}

/// A head with its empty line, and how the body follows.
///
/// # Errors
/// What makes it mean nothing, or two things.
pub(crate) fn write<B>(request: &Request<B>, has_body: bool) -> Result<(Vec<u8>, Body), HeadError> {
    let headers = request.headers();
    let host = host(request.uri(), headers)?;
    let is_tunnel = is_tunnel(request)?;
    let body = match () {
        () if is_tunnel => Body::Tunnel,
        () if !has_body => Body::None,
        () if headers.contains_key(CONTENT_LENGTH) => Body::Length,
        () => Body::Chunks,
    };
    let mut out = Vec::with_capacity(1024);
    let method = if is_tunnel { "GET" } else { request.method().as_str() };
    for part in [method, " ", target(request)?, " HTTP/1.1\r\nhost: "] {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(host);
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        if is_of_a_connection(name.as_str()) {
            return Err(HeadError::Connection);
        }
        // It would be trimmed on the way, and be another one than was sent (RFC 9113, 8.2.1).
        if value.as_bytes().trim_ascii().len() != value.len() {
            return Err(HeadError::Header);
        }
        if *name != HOST && *name != COOKIE {
            append(name.as_str(), value.as_bytes(), &mut out);
        }
    }
    append_cookies(headers, &mut out);
    match body {
        Body::Chunks => append("transfer-encoding", b"chunked", &mut out),
        Body::Tunnel => append_upgrade(headers, &mut out)?,
        Body::None | Body::Length => {}
    }
    out.extend_from_slice(b"\r\n");
    Ok((out, body))
}

/// What `:authority` and `Host` say; both may be there when they agree (RFC 9113, 8.3.1).
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a [u8], HeadError> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next().map(|host| host.as_bytes()), hosts.next());
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    match (authority, host, more) {
        (_, _, Some(_)) | (None, None, _) => Err(HeadError::Host),
        (Some(authority), Some(host), _) if !authority.eq_ignore_ascii_case(host) => {
            Err(HeadError::Target)
        }
        (Some(name), ..) | (None, Some(name), _) => Ok(name),
    }
}

fn target<B>(request: &Request<B>) -> Result<&str, HeadError> {
    let uri = request.uri();
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(HeadError::Target);
    }
    match uri.path_and_query().map(|target| target.as_str()) {
        // A whole URL stands in `:path` of nobody who means well.
        Some(target) if target.starts_with('/') => Ok(target),
        Some("*") if *request.method() == Method::OPTIONS => Ok("*"),
        // CONNECT has none, and is refused as what it is.
        None if *request.method() == Method::CONNECT => Ok("/"),
        _ => Err(HeadError::Target),
    }
}

/// A WebSocket over this stream (RFC 8441); there is no other protocol to ask for.
fn is_tunnel<B>(request: &Request<B>) -> Result<bool, HeadError> {
    match request.extensions().get::<Protocol>() {
        Some(protocol) if protocol.as_str() == "websocket" => Ok(true),
        Some(_) => Err(HeadError::Method),
        None => Ok(false),
    }
}

/// What they say ends at each hop, and HTTP/2 has none of them (RFC 9113, 8.2.2).
fn is_of_a_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Clients cut `Cookie` into crumbs, so that they compress well (RFC 9113, 8.2.3).
fn append_cookies(headers: &HeaderMap, out: &mut Vec<u8>) {
    let mut separator = "cookie: ";
    for crumb in headers.get_all(COOKIE) {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(crumb.as_bytes());
        separator = "; ";
    }
    if separator == "; " {
        out.extend_from_slice(b"\r\n");
    }
}

/// The opening handshake of RFC 6455, which RFC 8441 leaves out.
fn append_upgrade(headers: &HeaderMap, out: &mut Vec<u8>) -> Result<(), HeadError> {
    // What we add must be there once.
    if headers.contains_key("sec-websocket-key") || headers.contains_key(CONTENT_LENGTH) {
        return Err(HeadError::Handshake);
    }
    let key = STANDARD.encode(fastrand::u128(..).to_be_bytes());
    append("connection", b"upgrade", out);
    append("upgrade", b"websocket", out);
    append("sec-websocket-key", key.as_bytes(), out);
    Ok(())
}

fn append(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Head, NO_HEADERS};
    use hyper::http::request::Builder;
    use proptest::prelude::*;

    fn get() -> Builder {
        Request::get("https://ada.arca.test/x?y")
    }

    fn written(request: Builder, has_body: bool) -> Result<(String, Body), HeadError> {
        let (head, body) = write(&request.body(()).unwrap(), has_body)?;
        Ok((String::from_utf8(head).unwrap(), body))
    }

    #[test]
    fn a_stream_reads_like_a_request_of_http_1() {
        let check = |request, has_body, expected: &str, expected_body| {
            let (head, body) = written(request, has_body).unwrap();
            assert_eq!((head.as_str(), body), (expected, expected_body));
            let mut slots = NO_HEADERS;
            assert!(Head::parse(head.as_bytes(), &mut slots).is_ok(), "{head}");
        };
        let start = "GET /x?y HTTP/1.1\r\nhost: ada.arca.test\r\n";
        check(
            get().header("te", "trailers"),
            false,
            &format!("{start}te: trailers\r\n\r\n"),
            Body::None,
        );
        check(
            get().header("cookie", "a=1").header("x", "y").header("cookie", "b=2; c=3"),
            false,
            &format!("{start}x: y\r\ncookie: a=1; b=2; c=3\r\n\r\n"),
            Body::None,
        );
        let chunks = format!("{start}transfer-encoding: chunked\r\n\r\n");
        check(get(), true, &chunks, Body::Chunks);
        let length = format!("{start}content-length: 5\r\n\r\n");
        check(get().header("content-length", "5"), true, &length, Body::Length);
        check(get().header("host", "ADA.arca.test"), false, &format!("{start}\r\n"), Body::None);
        let start = "OPTIONS * HTTP/1.1\r\nhost: ada.arca.test\r\n\r\n";
        let options = Request::options("*").header("host", "ada.arca.test");
        check(options, false, start, Body::None);
    }

    #[test]
    fn what_means_two_things_is_refused() {
        let check = |request, expected| {
            assert_eq!(written(request, false), Err(expected));
        };
        check(get().header("host", "grace.arca.test"), HeadError::Target);
        check(get().header("host", "ada.arca.test:443"), HeadError::Target);
        let twice = get().header("host", "ada.arca.test").header("host", "ada.arca.test");
        check(twice, HeadError::Host);
        check(Request::get("/x"), HeadError::Host);
        check(Request::get("ftp://ada.arca.test/"), HeadError::Target);
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]
        {
            check(get().header(name, "x"), HeadError::Connection);
        }
        for value in [" x", "x\t", "x ", " "] {
            check(get().header("x", value), HeadError::Header);
            check(get().header("cookie", value), HeadError::Header);
        }
        check(get().extension(Protocol::from_static("connect-udp")), HeadError::Method);
    }

    #[test]
    fn a_websocket_gets_the_handshake_that_the_stream_leaves_out() {
        let socket = || {
            Request::connect("https://ada.arca.test/ws")
                .extension(Protocol::from_static("websocket"))
                .header("sec-websocket-version", "13")
        };
        let (head, body) = written(socket(), true).unwrap();
        assert!(head.starts_with("GET /ws HTTP/1.1\r\nhost: ada.arca.test\r\n"), "{head}");
        assert_eq!(body, Body::Tunnel);
        let mut slots = NO_HEADERS;
        assert!(Head::parse(head.as_bytes(), &mut slots).unwrap().websocket.is_some(), "{head}");
        let own_key = socket().header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(written(own_key, true), Err(HeadError::Handshake));
        let connect = Request::connect("ada.arca.test:443");
        let (head, _) = written(connect, false).unwrap();
        let mut slots = NO_HEADERS;
        assert_eq!(Head::parse(head.as_bytes(), &mut slots).err(), Some(HeadError::Method));
    }

    proptest! {
        #[test]
        fn no_header_makes_two_requests_of_one(
            name in "[a-z_-]{1,12}", value in prop::collection::vec(any::<u8>(), 0..40),
            path in "[ -~]{0,20}",
        ) {
            let Ok(request) = Request::builder()
                .uri(format!("https://ada.arca.test/{path}"))
                .header(name, value)
                .body(())
            else { return Ok(()) };
            let Ok((head, _)) = write(&request, false) else { return Ok(()) };
            prop_assert_eq!(head.windows(4).filter(|end| end == b"\r\n\r\n").count(), 1);
            let mut slots = NO_HEADERS;
            if let Ok(head) = Head::parse(&head, &mut slots) {
                prop_assert_eq!(head.host, "ada.arca.test");
                prop_assert_eq!(head.headers.len(), 2);
            }
        }
    }
}
