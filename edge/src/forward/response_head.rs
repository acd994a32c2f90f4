//! The head of a sprite's answer: parsed as strictly as a request, and written
//! anew without what is not for the client.

use std::io::Write as _;

use httparse::Status;
use shared::request_id::REQUEST_ID_HEADER;

use super::body_framing::BodyFraming;
use super::error::Malformed;
use super::upstream_request::{TargetKind, UpstreamRequest};
use crate::limits::{MAX_RESPONSE_HEAD_BYTES, MAX_RESPONSE_HEADERS};
use crate::policy::cookies;
use crate::policy::headers::is_hop_by_hop;

pub(super) struct ResponseHead {
    pub(super) status: u16,
    /// Bytes of the original.
    pub(super) length: usize,
    /// As it goes to the client.
    pub(super) bytes: Vec<u8>,
    pub(super) framing: BodyFraming,
    /// May the sprite's connection be used again?
    pub(super) keep_alive: bool,
    /// 1xx: another head follows.
    pub(super) informational: bool,
}

impl ResponseHead {
    /// `None` while it is not whole. `keep_alive` says whether another request
    /// may follow on the client's connection.
    pub(super) fn parse(
        bytes: &[u8],
        request: &UpstreamRequest,
        keep_alive: bool,
    ) -> Result<Option<Self>, Malformed> {
        let mut slots = [httparse::EMPTY_HEADER; MAX_RESPONSE_HEADERS];
        let mut response = httparse::Response::new(&mut slots);
        let length = match response.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < MAX_RESPONSE_HEAD_BYTES => return Ok(None),
            Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Malformed::TooLarge);
            }
            Err(_) => return Err(Malformed::Head),
        };
        let (Some(status), Some(version)) = (response.code, response.version) else {
            return Err(Malformed::Head);
        };
        if status == 101 {
            return Err(Malformed::Upgrade);
        }
        let fields = Fields::collect(response.headers)?;
        let informational = (100..200).contains(&status);
        let has_no_body = informational || request.head_only || matches!(status, 204 | 304);
        let framing = match (fields.length, fields.chunked) {
            (Some(_), true) => return Err(Malformed::Framing),
            _ if has_no_body => BodyFraming::Done,
            (Some(length), false) => BodyFraming::length(length),
            (None, true) if version == 1 => BodyFraming::chunked(),
            (None, true) => return Err(Malformed::Framing),
            (None, false) => BodyFraming::UntilClose,
        };
        let ends_by_close = matches!(framing, BodyFraming::UntilClose);
        let reason = response.reason.unwrap_or_default();
        let says_close = !keep_alive || ends_by_close;
        let bytes = write(response.headers, status, reason, &fields, request, says_close);
        let keep_alive = version == 1 && !fields.close && !ends_by_close;
        Ok(Some(Self { status, length, bytes, framing, keep_alive, informational }))
    }
}

struct Fields<'a> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    connection: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn collect(headers: &[httparse::Header<'a>]) -> Result<Self, Malformed> {
        let mut fields = Self { length: None, chunked: false, close: false, connection: None };
        for header in headers {
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let length = digits(header.value).ok_or(Malformed::Framing)?;
                    // Several that agree are common among old servers, and harmless.
                    if fields.length.replace(length).is_some_and(|before| before != length) {
                        return Err(Malformed::Framing);
                    }
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if fields.chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Malformed::Framing);
                    }
                    fields.chunked = true;
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    let value = std::str::from_utf8(header.value).map_err(|_| Malformed::Head)?;
                    fields.close |= tokens(value).any(|token| token.eq_ignore_ascii_case("close"));
                    fields.connection = Some(value);
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    /// Is `name` listed in `Connection`, and so meant for this hop only?
    fn is_for_this_hop(&self, name: &str) -> bool {
        self.connection
            .is_some_and(|value| tokens(value).any(|token| token.eq_ignore_ascii_case(name)))
    }
}

fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

fn digits(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
}

fn write(
    headers: &[httparse::Header<'_>],
    status: u16,
    reason: &str,
    fields: &Fields<'_>,
    request: &UpstreamRequest,
    says_close: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(2_048);
    write!(out, "HTTP/1.1 {status} {reason}\r\n").expect("writing to memory");
    for header in headers {
        if is_passed_on(header, request.kind) && !fields.is_for_this_hop(header.name) {
            out.extend_from_slice(header.name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(header.value);
            out.extend_from_slice(b"\r\n");
        }
    }
    if let Some(length) = fields.length {
        write!(out, "content-length: {length}\r\n").expect("writing to memory");
    } else if fields.chunked && request.knows_chunks {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if says_close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    write!(out, "{REQUEST_ID_HEADER}: {}\r\n\r\n", request.id).expect("writing to memory");
    out
}

/// Hop-by-hop headers end here, and a sprite's answer reaches no further than
/// its own workspace. What frames the body is written anew, once.
fn is_passed_on(header: &httparse::Header<'_>, kind: TargetKind) -> bool {
    const DROPPED: [&str; 4] =
        ["transfer-encoding", "content-length", "service-worker-allowed", REQUEST_ID_HEADER];
    if is_hop_by_hop(header.name)
        || DROPPED.iter().any(|dropped| header.name.eq_ignore_ascii_case(dropped))
    {
        return false;
    }
    kind == TargetKind::Site
        || !header.name.eq_ignore_ascii_case("clear-site-data")
            && (!header.name.eq_ignore_ascii_case("set-cookie")
                || std::str::from_utf8(header.value).is_ok_and(cookies::sprite_may_set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Body;
    use shared::{RequestId, Upstream};

    fn parse(
        text: &str,
        kind: TargetKind,
        head_only: bool,
    ) -> Result<Option<ResponseHead>, Malformed> {
        let upstream = Upstream::parse("https://sprite.test").unwrap();
        let request = UpstreamRequest {
            head: Vec::new(),
            kind,
            upstream,
            group: 1,
            id: RequestId::from_bits(1),
            body: Body::None,
            head_only,
            repeatable: true,
            keep_alive: true,
            knows_chunks: true,
        };
        ResponseHead::parse(text.as_bytes(), &request, request.keep_alive)
    }

    fn check(lines: &str, expected: &Result<BodyFraming, Malformed>) {
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        let seen = parse(&text, TargetKind::Sprite, false).map(|head| head.unwrap().framing);
        assert_eq!(&seen, expected, "{text:?}");
    }

    #[test]
    fn an_answer_ends_in_one_way_only() {
        check("Content-Length: 5\r\n", &Ok(BodyFraming::length(5)));
        check("Content-Length: 5\r\nContent-Length: 5\r\n", &Ok(BodyFraming::length(5)));
        check("Transfer-Encoding: chunked\r\n", &Ok(BodyFraming::chunked()));
        check("", &Ok(BodyFraming::UntilClose));
        let framing = Err(Malformed::Framing);
        check("Content-Length: 5\r\nContent-Length: 6\r\n", &framing);
        check("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &framing);
        check("Content-Length: -5\r\n", &framing);
        check("Transfer-Encoding: gzip, chunked\r\n", &framing);
        check("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &framing);
        check("X: a\r\n b\r\n", &Err(Malformed::Head));
    }

    #[test]
    fn answers_without_a_body_are_known_by_status_and_method() {
        for text in ["HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"] {
            let head = parse(text, TargetKind::Sprite, false).unwrap().unwrap();
            assert_eq!(head.framing, BodyFraming::Done, "{text}");
        }
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        let head = parse(text, TargetKind::Sprite, true).unwrap().unwrap();
        assert_eq!(head.framing, BodyFraming::Done);
        let bytes = String::from_utf8(head.bytes).unwrap();
        assert!(bytes.contains("content-length: 9"), "{bytes}");
        let early = parse("HTTP/1.1 103 Early\r\n\r\n", TargetKind::Sprite, false).unwrap();
        assert!(early.unwrap().informational);
        let switch = parse("HTTP/1.1 101 Switch\r\n\r\n", TargetKind::Sprite, false);
        assert_eq!(switch.map(|_| ()), Err(Malformed::Upgrade));
        assert!(parse("HTTP/1.1 200 OK\r\nA: b", TargetKind::Sprite, false).unwrap().is_none());
    }

    #[test]
    fn a_sprite_speaks_for_its_own_workspace_only() {
        let text = "HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d; Domain=arca.test\r\n\
            Set-Cookie: __Host-arca_session=x\r\nService-Worker-Allowed: /\r\nClear-Site-Data: \"cookies\"\r\n\
            Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n";
        let of = |kind| {
            let head = parse(text, kind, false).unwrap().unwrap();
            assert!(!head.keep_alive);
            String::from_utf8(head.bytes).unwrap()
        };
        let sprite = of(TargetKind::Sprite);
        assert_eq!(
            sprite,
            "HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\ncontent-length: 0\r\n\
             x-request-id: 00000000000000000000000000000001\r\n\r\n"
        );
        assert!(of(TargetKind::Site).contains("__Host-arca_session=x"));
    }
}
