//! Tells an unambiguous request head from everything else.
//!
//! `httparse` splits the bytes into tokens; what makes a request safe to forward
//! is decided here: one Host, one way to find the end of the body, CR LF only.

use std::mem::MaybeUninit;

use httparse::{Header, Status};
use memchr::{memchr, memchr_iter};

use super::body::Body;
use super::error::HeadError;
use super::fields::{Connection, Fields};
use super::target::split_target;
use crate::limits::MAX_HEADERS;

/// Room for what [`Head::parse`] finds.
pub const NO_HEADERS: [MaybeUninit<Header<'static>>; MAX_HEADERS] =
    [const { MaybeUninit::uninit() }; MAX_HEADERS];

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
    /// The client waits to be asked for the body.
    pub expects_continue: bool,
    /// May another request follow on this connection?
    pub keep_alive: bool,
    /// The `Sec-WebSocket-Key` of a well-formed opening handshake (RFC 6455, 4.2.1).
    pub websocket: Option<&'a str>,
    connection: Connection<'a>,
}

impl<'a> Head<'a> {
    /// Parses `bytes`, which are one head up to and with its empty line.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(
        bytes: &'a [u8],
        slots: &'a mut [MaybeUninit<Header<'a>>],
    ) -> Result<Self, HeadError> {
        if !has_strict_line_endings(bytes) {
            return Err(HeadError::LineEnding);
        }
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, slots) {
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
        let websocket = if is_current { fields.handshake(method)? } else { None };
        Ok(Self {
            method,
            target,
            host,
            version,
            headers: request.headers,
            body: fields.body,
            expects_continue: is_current && fields.expects_continue && fields.body != Body::None,
            keep_alive: is_current && !fields.connection.close,
            websocket,
            connection: fields.connection,
        })
    }

    /// The path without the query.
    pub fn path(&self) -> &'a str {
        memchr(b'?', self.target.as_bytes()).map_or(self.target, |at| &self.target[..at])
    }

    /// The first value of `name`. `name` is in lower case.
    pub(crate) fn value(&self, name: &str) -> Option<&'a [u8]> {
        let mut headers = self.headers.iter();
        headers.find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The same, if it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The `Cookie` lines, as bytes: what others have set need not be text.
    pub fn cookies(&self) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("cookie"));
        lines.map(|header| header.value)
    }

    /// Is `name` listed in `Connection`, and so meant for this hop only?
    pub fn is_hop_by_hop(&self, name: &str) -> bool {
        self.connection.names(name)
    }
}

/// No line feed without its carriage return. `httparse` alone would take one;
/// a carriage return without its line feed it refuses.
pub(crate) fn has_strict_line_endings(bytes: &[u8]) -> bool {
    memchr_iter(b'\n', bytes).all(|at| at > 0 && bytes[at - 1] == b'\r')
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
        for host in [
            "a.test:evil.com",
            "a.test:80:90",
            "a.test:[x]",
            "[::1",
            "::1",
            "a]",
            ":80",
            "a.test:99999",
        ] {
            check(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Err(HeadError::Host));
        }
        for host in
            ["a.test:80", "a.test:", "[::1]", "[2001:db8::1]:8443", "127.0.0.1:1", "a.test."]
        {
            check(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Ok(Body::None));
        }
        check("GET HTTP://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Ok(Body::None));
        check("GET HttpS://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Ok(Body::None));
        check("GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", Err(HeadError::Target));
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
            assert_eq!((head.keep_alive, head.websocket.is_some()), expected, "{text}");
        };
        let with = |version: &str, line: &str| {
            format!("GET / HTTP/{version}\r\nHost: a.test\r\n{line}\r\n\r\n")
        };
        parse(&with("1.1", "X: y"), (true, false));
        parse(&with("1.1", "Connection: foo, Close"), (false, false));
        parse(&with("1.0", "X: y"), (false, false));
        parse(&with("1.0", "Connection: keep-alive"), (false, false));
        parse(&with("1.0", "Connection: upgrade\r\nUpgrade: websocket"), (false, false));
        let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        let upgrade = format!("Connection: Upgrade\r\nUpgrade: WebSocket\r\n{key}");
        parse(&with("1.1", &upgrade), (true, true));
        parse(&with("1.1", "Upgrade: websocket"), (true, false));
        parse(
            &with("1.1", "Connection: keep-alive\r\nConnection: x\r\nConnection: close"),
            (false, false),
        );
        parse(&with("1.1", "Connection: upgrade\r\nUpgrade: h2c"), (true, false));
    }

    #[test]
    fn an_opening_handshake_is_whole_or_refused() {
        const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
        let check = |method: &str, lines: &str, expected| {
            let text = format!(
                "{method} / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\n\
                 Upgrade: websocket\r\n{lines}\r\n"
            );
            check(&text, expected);
        };
        check("GET", &[KEY, VERSION].concat(), Ok(Body::None));
        for method in ["POST", "OPTIONS", "HEAD"] {
            check(method, &[KEY, VERSION].concat(), Err(HeadError::Handshake));
        }
        check("GET", VERSION, Err(HeadError::Handshake));
        check("GET", &[KEY, KEY, VERSION].concat(), Err(HeadError::Handshake));
        for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j*Q==", "AAAA"] {
            let key = format!("Sec-WebSocket-Key: {key}\r\n{VERSION}");
            check("GET", &key, Err(HeadError::Handshake));
        }
        check("GET", KEY, Err(HeadError::HandshakeVersion));
        for version in ["8", "13, 8", "013", ""] {
            let version = format!("Sec-WebSocket-Version: {version}\r\n{KEY}");
            check("GET", &version, Err(HeadError::HandshakeVersion));
        }
    }

    #[test]
    fn lines_that_may_come_once_come_once() {
        check_with("Origin: http://a.test\r\nOrigin: http://b.test\r\n", Err(HeadError::Header));
        check_with("Expect: 100-Continue\r\nContent-Length: 5\r\n", Ok(Body::Length(5)));
        check_with("Expect: miracles\r\n", Err(HeadError::Expectation));
        let connections = "Connection: keep-alive\r\n".repeat(40);
        check_with(&connections, Ok(Body::None));
        let names = (0..40).map(|number| format!("Connection: x-{number}\r\n"));
        check_with(&names.collect::<String>(), Err(HeadError::Connection));
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
