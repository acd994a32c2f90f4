//! Tells an unambiguous request head from everything else.
//!
//! `httparse` splits the bytes into tokens; what makes a request safe to forward
//! is decided here: one Host, one way to find the end of the body, CR LF only.

use httparse::{Header, Status};
use memchr::memchr_iter;

use super::error::HeadError;
use crate::limits::MAX_HEADERS;

/// What [`Head::parse`] fills.
pub const NO_HEADERS: [Header<'static>; MAX_HEADERS] = [httparse::EMPTY_HEADER; MAX_HEADERS];

/// How the end of the request's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    Length(u64),
    Chunked,
}

/// A request head that means one thing only.
#[derive(Debug)]
pub struct Head<'a> {
    pub method: &'a str,
    /// Path and query, beginning with `/`; or `*` of an OPTIONS request.
    pub target: &'a str,
    pub host: &'a str,
    /// The minor version: 0 or 1.
    pub version: u8,
    pub headers: &'a [Header<'a>],
    pub body: Body,
    /// May another request follow on this connection?
    pub keep_alive: bool,
    /// Asks for the WebSocket protocol.
    pub websocket: bool,
    /// The values of `Connection`, in order; the names in them go no further.
    connection: [&'a str; 2],
}

impl<'a> Head<'a> {
    /// Parses `bytes`, which are one head up to and with its empty line.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(bytes: &'a [u8], slots: &'a mut [Header<'a>]) -> Result<Self, HeadError> {
        check_line_endings(bytes)?;
        let mut request = httparse::Request::new(slots);
        match request.parse(bytes) {
            Ok(Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(HeadError::RequestLine),
            Err(error) => return Err(refusal_of(error)),
        }
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Err(HeadError::RequestLine);
        };
        let fields = Fields::collect(request.headers, version)?;
        let (target, host) = split_target(method, target, fields.host)?;
        // They would make us a tunnel, or show a page's script what it must not see.
        if matches!(method, "CONNECT" | "TRACE" | "TRACK") {
            return Err(HeadError::Method);
        }
        // HTTP/1.0 knows no upgrade, and keeping its connections helps nobody any more.
        let is_current = version == 1;
        let websocket =
            is_current && fields.upgrade_websocket && has_token(&fields.connection, "upgrade");
        let keep_alive = is_current && !has_token(&fields.connection, "close");
        Ok(Self {
            method,
            target,
            host,
            version,
            headers: request.headers,
            body: fields.body,
            keep_alive,
            websocket,
            connection: fields.connection,
        })
    }

    /// The path without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The first value of `name`, if it is text. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .and_then(|header| std::str::from_utf8(header.value).ok())
    }

    /// Is `name` listed in `Connection`, and so meant for this hop only?
    pub fn is_hop_by_hop(&self, name: &str) -> bool {
        has_token(&self.connection, name)
    }
}

/// The headers that decide where a request goes and where it ends.
struct Fields<'a> {
    host: Option<&'a str>,
    body: Body,
    connection: [&'a str; 2],
    upgrade_websocket: bool,
}

impl<'a> Fields<'a> {
    fn collect(headers: &'a [Header<'a>], version: u8) -> Result<Self, HeadError> {
        let mut host = None;
        let mut length = None;
        let mut chunked = false;
        let mut connection = [""; 2];
        let mut connections = 0;
        let mut upgrade_websocket = false;
        for header in headers {
            // Most names are told apart by their length alone.
            match header.name.len() {
                4 if header.name.eq_ignore_ascii_case("host") => {
                    let value = std::str::from_utf8(header.value).map_err(|_| HeadError::Host)?;
                    if host.replace(value).is_some() {
                        return Err(HeadError::Host);
                    }
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let second = length.replace(content_length(header.value)?);
                    second.map_or(Ok(()), |_| Err(HeadError::Framing))?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if chunked || version == 0 {
                        return Err(HeadError::Framing);
                    }
                    if !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(HeadError::TransferCoding);
                    }
                    chunked = true;
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    let value = std::str::from_utf8(header.value).map_err(|_| HeadError::Header)?;
                    *connection.get_mut(connections).ok_or(HeadError::Header)? = value;
                    connections += 1;
                }
                7 if header.name.eq_ignore_ascii_case("upgrade") => {
                    upgrade_websocket = header.value.eq_ignore_ascii_case(b"websocket");
                }
                _ => {}
            }
        }
        const NEVER_HOP_BY_HOP: [&str; 5] =
            ["host", "content-length", "transfer-encoding", "cookie", "authorization"];
        if connections > 0 && NEVER_HOP_BY_HOP.iter().any(|name| has_token(&connection, name)) {
            return Err(HeadError::Connection);
        }
        let body = match (length, chunked) {
            (Some(_), true) => return Err(HeadError::Framing),
            (None, true) => Body::Chunked,
            (None | Some(0), false) => Body::None,
            (Some(length), false) => Body::Length(length),
        };
        Ok(Self { host, body, connection, upgrade_websocket })
    }
}

/// Digits only: `+1`, `1,1` and ` 1` are read differently by different servers.
fn content_length(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadError::Framing);
    }
    let digits = std::str::from_utf8(value).map_err(|_| HeadError::Framing)?;
    digits.parse().map_err(|_| HeadError::Framing)
}

/// Takes the absolute form apart and holds it against Host (RFC 9112, 3.2.2).
fn split_target<'a>(
    method: &str,
    target: &'a str,
    host: Option<&'a str>,
) -> Result<(&'a str, &'a str), HeadError> {
    let host = host.filter(|host| !host.is_empty()).ok_or(HeadError::Host)?;
    let is_host_byte = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if !host.bytes().all(is_host_byte) {
        return Err(HeadError::Host);
    }
    if target.contains('#') {
        return Err(HeadError::Target);
    }
    if target.starts_with('/') || (method == "OPTIONS" && target == "*") {
        return Ok((target, host));
    }
    let rest = target
        .strip_prefix("http://")
        .or_else(|| target.strip_prefix("https://"))
        .ok_or(HeadError::Target)?;
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) if rest.as_bytes()[at] == b'/' => rest.split_at(at),
        Some(_) => return Err(HeadError::Target),
        None => (rest, "/"),
    };
    if authority.eq_ignore_ascii_case(host) { Ok((path, host)) } else { Err(HeadError::Target) }
}

fn has_token(values: &[&str], token: &str) -> bool {
    values.iter().any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
}

/// No line feed without its carriage return. `httparse` alone would take one;
/// a carriage return without its line feed it refuses.
fn check_line_endings(bytes: &[u8]) -> Result<(), HeadError> {
    let is_paired = |at: usize| at > 0 && bytes[at - 1] == b'\r';
    if memchr_iter(b'\n', bytes).all(is_paired) { Ok(()) } else { Err(HeadError::LineEnding) }
}

fn refusal_of(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => HeadError::Header,
        httparse::Error::NewLine => HeadError::LineEnding,
        httparse::Error::Version => HeadError::Version,
        _ => HeadError::RequestLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<Body, HeadError>) {
        let mut slots = NO_HEADERS;
        let seen = Head::parse(text.as_bytes(), &mut slots).map(|head| head.body);
        assert_eq!(seen, expected, "{text:?}");
    }

    /// A GET with these further header lines.
    fn check_with(lines: &str, expected: Result<Body, HeadError>) {
        check(&format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n"), expected);
    }

    #[test]
    fn ordinary_requests_pass() {
        check_with("", Ok(Body::None));
        check_with("Content-Length: 0\r\n", Ok(Body::None));
        check_with("Content-Length: 7\r\n", Ok(Body::Length(7)));
        check_with("Transfer-Encoding: chunked\r\n", Ok(Body::Chunked));
        check("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", Ok(Body::None));
        check("GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", Ok(Body::None));
        check("GET http://A.test HTTP/1.1\r\nHost: a.test\r\n\r\n", Ok(Body::None));
    }

    #[test]
    fn methods_that_no_sprite_may_see_are_refused() {
        for method in ["CONNECT", "TRACE", "TRACK"] {
            let text = format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n");
            check(&text, Err(HeadError::Method));
        }
    }

    #[test]
    fn two_ways_to_find_the_end_of_the_body_are_refused() {
        check_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Err(HeadError::Framing));
        check_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Err(HeadError::Framing));
        check_with("Content-Length: 5\r\nContent-Length: 5\r\n", Err(HeadError::Framing));
        check_with("Content-Length: 5, 5\r\n", Err(HeadError::Framing));
        check_with("Content-Length: +5\r\n", Err(HeadError::Framing));
        check_with("Content-Length: -1\r\n", Err(HeadError::Framing));
        check_with("Content-Length: 0x5\r\n", Err(HeadError::Framing));
        check_with("Content-Length:\r\n", Err(HeadError::Framing));
        check_with("Content-Length: 99999999999999999999\r\n", Err(HeadError::Framing));
        let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
        check_with(twice, Err(HeadError::Framing));
        check_with("Transfer-Encoding: gzip, chunked\r\n", Err(HeadError::TransferCoding));
        check_with("Transfer-Encoding: xchunked\r\n", Err(HeadError::TransferCoding));
        check_with("Transfer-Encoding: identity\r\n", Err(HeadError::TransferCoding));
        let old = "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(old, Err(HeadError::Framing));
        check_with(
            "Connection: content-length\r\nContent-Length: 5\r\n",
            Err(HeadError::Connection),
        );
        check_with("Connection: close, Cookie\r\n", Err(HeadError::Connection));
    }

    #[test]
    fn hidden_line_ends_and_folds_are_refused() {
        check("GET / HTTP/1.1\nHost: a.test\n\n", Err(HeadError::LineEnding));
        check_with("X: a\n", Err(HeadError::LineEnding));
        check_with("X: a\rY: b\r\n", Err(HeadError::Header));
        check_with("X: a\r\r\n", Err(HeadError::Header));
        check_with("X: a\r\n b\r\n", Err(HeadError::Header));
        check_with("X: a\0b\r\n", Err(HeadError::Header));
        check_with("Content-Length : 5\r\n", Err(HeadError::Header));
        check_with(" X: a\r\n", Err(HeadError::Header));
        check_with("X a\r\n", Err(HeadError::Header));
        check_with(": a\r\n", Err(HeadError::Header));
    }

    #[test]
    fn host_and_target_must_agree() {
        check("GET / HTTP/1.1\r\n\r\n", Err(HeadError::Host));
        check_with("Host: b.test\r\n", Err(HeadError::Host));
        check_with("Host: a.test\r\n", Err(HeadError::Host));
        check("GET / HTTP/1.1\r\nHost:\r\n\r\n", Err(HeadError::Host));
        check("GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n", Err(HeadError::Host));
        check("GET / HTTP/1.1\r\nHost: a@b.test\r\n\r\n", Err(HeadError::Host));
        check("GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
        check("GET http://a@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
        check("GET x HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
        check("GET /x#y HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
        check("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
    }

    #[test]
    fn other_versions_and_too_many_headers_are_named() {
        check("GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", Err(HeadError::Version));
        check("GET /\r\nHost: a.test\r\n\r\n", Err(HeadError::RequestLine));
        check_with(&"X: a\r\n".repeat(MAX_HEADERS), Err(HeadError::TooLarge));
    }

    #[test]
    fn keep_alive_and_upgrade_are_read_from_connection() {
        let parse = |text: &str, expected: (bool, bool)| {
            let mut slots = NO_HEADERS;
            let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
            assert_eq!((head.keep_alive, head.websocket), expected, "{text}");
        };
        let with = |version: &str, line: &str| {
            format!("GET / HTTP/{version}\r\nHost: a.test\r\n{line}\r\n\r\n")
        };
        parse(&with("1.1", "X: y"), (true, false));
        parse(&with("1.1", "Connection: foo, Close"), (false, false));
        parse(&with("1.0", "X: y"), (false, false));
        parse(&with("1.0", "Connection: keep-alive"), (false, false));
        parse(&with("1.0", "Connection: upgrade\r\nUpgrade: websocket"), (false, false));
        parse(&with("1.1", "Connection: Upgrade\r\nUpgrade: WebSocket"), (true, true));
        parse(&with("1.1", "Upgrade: websocket"), (true, false));
        parse(&with("1.1", "Connection: upgrade\r\nUpgrade: h2c"), (true, false));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_passes_has_one_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut slots = NO_HEADERS;
            let mut text = b"POST / HTTP/1.1\r\nHost: a.test\r\n".to_vec();
            text.extend_from_slice(&bytes);
            text.extend_from_slice(b"\r\n\r\n");
            if let Ok(head) = Head::parse(&text, &mut slots) {
                let framings = head.headers.iter().filter(|header| {
                    header.name.eq_ignore_ascii_case("content-length")
                        || header.name.eq_ignore_ascii_case("transfer-encoding")
                });
                prop_assert!(framings.count() <= 1);
            }
        }
    }
}
