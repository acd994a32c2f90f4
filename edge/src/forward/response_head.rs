//! The head of an answer: parsed as strictly as a request, and written anew
//! without what is not for the client.

use std::mem::MaybeUninit;
use std::time::Duration;

use httparse::{Header, Status};
use shared::RequestId;
use shared::request_id::REQUEST_ID_HEADER;

use super::body_framing::{BodyFraming, Packing};
use super::error::Malformed;
use crate::digits::append_number;
use crate::head::{Connection, HeadEnd, HeadError, has_strict_line_endings};
use crate::limits::{MAX_RESPONSE_HEAD_BYTES, MAX_RESPONSE_HEADERS};
use crate::policy::response::{ResponseHeaders, Speaker};

pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// As it goes to the client.
    pub(crate) bytes: Vec<u8>,
    pub(crate) framing: BodyFraming,
    /// How the client gets the body.
    pub(crate) packing: Packing,
    /// May the sprite's connection be used again?
    pub(crate) keep_alive: bool,
    /// After how much silence the sprite says that it closes the connection.
    pub(crate) closes_after: Option<Duration>,
}

/// What an answer is an answer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) speaker: Speaker<'a>,
    pub(crate) id: RequestId,
    /// HEAD: no body, whatever the head says.
    pub(crate) head_only: bool,
    /// The client speaks HTTP/1.1.
    pub(crate) knows_chunks: bool,
    /// Another request may follow on the client's connection.
    pub(crate) keep_alive: bool,
    /// What it says about coming over TLS alone.
    pub(crate) hsts: Option<&'a str>,
}

/// The length of the head at the front of `bytes`; `None` while it is not whole.
pub(crate) fn find_end(end: &mut HeadEnd, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    end.find(bytes, MAX_RESPONSE_HEAD_BYTES).map_err(|error| match error {
        HeadError::TooLarge => Malformed::TooLarge,
        _ => Malformed::Head,
    })
}

/// An answer's status line and headers, split and not yet judged.
pub(crate) struct RawHead<'a> {
    pub(crate) status: u16,
    pub(crate) version: u8,
    reason: &'a str,
    pub(crate) headers: &'a [Header<'a>],
}

pub(crate) type Slots<'a> = [MaybeUninit<Header<'a>>; MAX_RESPONSE_HEADERS];

pub(crate) const NO_SLOTS: Slots<'static> = [const { MaybeUninit::uninit() }; MAX_RESPONSE_HEADERS];

impl<'a> RawHead<'a> {
    /// `bytes` are one head up to and with its empty line.
    pub(crate) fn parse(bytes: &'a [u8], slots: &'a mut Slots<'a>) -> Result<Self, Malformed> {
        if !has_strict_line_endings(bytes) {
            return Err(Malformed::Head);
        }
        let mut response = httparse::Response::new(&mut []);
        let mut config = httparse::ParserConfig::default();
        // A proxy takes such blanks out (RFC 9112, 5.1); a request with them is refused.
        config.allow_spaces_after_header_name_in_responses(true);
        match config.parse_response_with_uninit_headers(&mut response, bytes, slots) {
            Ok(Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooLarge),
            Ok(_) | Err(_) => return Err(Malformed::Head),
        }
        let (Some(status), Some(version)) = (response.code, response.version) else {
            return Err(Malformed::Head);
        };
        if !(100..600).contains(&status) {
            return Err(Malformed::Status);
        }
        let reason = response.reason.unwrap_or_default();
        Ok(Self { status, version, reason, headers: response.headers })
    }
}

impl ResponseHead {
    /// Of a final answer.
    pub(crate) fn new(raw: &RawHead<'_>, asked: &Asked<'_>) -> Result<Self, Malformed> {
        let RawHead { status, version, .. } = *raw;
        if status == 101 {
            return Err(Malformed::Upgrade);
        }
        let fields = Fields::collect(raw.headers)?;
        let has_no_body = asked.head_only || matches!(status, 204 | 205 | 304);
        let framing = match (fields.length, fields.chunked) {
            (Some(_), true) => return Err(Malformed::Framing),
            (None, true) if version == 0 => return Err(Malformed::Framing),
            _ if has_no_body => BodyFraming::Done,
            (Some(length), false) => BodyFraming::length(length),
            (None, true) => BodyFraming::chunked(),
            (None, false) => BodyFraming::UntilClose,
        };
        let packing = match framing {
            BodyFraming::Done | BodyFraming::Length(_) => Packing::None,
            _ if asked.knows_chunks => Packing::Chunks,
            _ => Packing::UntilClose,
        };
        let keep_alive = version == 1
            && !fields.connection.close
            && !matches!(framing, BodyFraming::UntilClose)
            // Said of no body, so that whatever follows cannot be told from one.
            && !(matches!(status, 204 | 205) && (fields.chunked || fields.length.unwrap_or(0) > 0));
        let closes_after = fields.closes_after;
        let bytes = write(raw, &fields, asked, packing);
        Ok(Self { status, bytes, framing, packing, keep_alive, closes_after })
    }
}

#[derive(Default)]
struct Fields<'a> {
    length: Option<u64>,
    chunked: bool,
    connection: Connection<'a>,
    closes_after: Option<Duration>,
}

impl<'a> Fields<'a> {
    fn collect(headers: &[Header<'a>]) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        for Header { name, value } in headers {
            match name.len() {
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let length = digits(value).ok_or(Malformed::Framing)?;
                    // Several that agree are common among old servers, and harmless.
                    if fields.length.replace(length).is_some_and(|before| before != length) {
                        return Err(Malformed::Framing);
                    }
                }
                // Says nothing, and some servers do say it.
                17 if name.eq_ignore_ascii_case("transfer-encoding")
                    && value.eq_ignore_ascii_case(b"identity") => {}
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    if fields.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Malformed::Framing);
                    }
                    fields.chunked = true;
                }
                10 if name.eq_ignore_ascii_case("connection") => {
                    fields.connection.add(value).map_err(|_| Malformed::Head)?;
                }
                10 if name.eq_ignore_ascii_case("keep-alive") => {
                    fields.closes_after = announced(value).or(fields.closes_after);
                }
                _ => {}
            }
        }
        Ok(fields)
    }
}

/// `timeout=5, max=100`: seconds, as Node and Apache announce them.
fn announced(keep_alive: &[u8]) -> Option<Duration> {
    let parameters = keep_alive.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let timeout = parameters.filter_map(|parameter| {
        let at = parameter.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (parameter[..at].trim_ascii(), parameter[at + 1..].trim_ascii());
        digits(value).filter(|_| name.eq_ignore_ascii_case(b"timeout"))
    });
    timeout.min().map(Duration::from_secs)
}

fn digits(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
}

fn write(raw: &RawHead<'_>, fields: &Fields<'_>, asked: &Asked<'_>, packing: Packing) -> Vec<u8> {
    let mut out = Vec::with_capacity(2_048);
    out.extend_from_slice(b"HTTP/1.1 ");
    append_number(raw.status.into(), &mut out);
    for part in [" ", raw.reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let mut headers = ResponseHeaders::new(asked.speaker);
    for header in raw.headers {
        if !fields.connection.names(header.name) {
            headers.append(header, &mut out);
        }
    }
    headers.finish(&mut out);
    match (raw.status, fields.length) {
        // They have no body, and a length makes some clients wait for one (RFC 9110, 8.6).
        (204, _) => {}
        (205, _) => out.extend_from_slice(b"content-length: 0\r\n"),
        (_, Some(length)) => {
            out.extend_from_slice(b"content-length: ");
            append_number(length, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        (_, None) if packing == Packing::Chunks => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        _ => {}
    }
    if let Some(hsts) = asked.hsts {
        for part in ["strict-transport-security: ", hsts, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    let closes = !asked.keep_alive || packing == Packing::UntilClose;
    if raw.status == 426 {
        // Names what is asked for (RFC 9110, 15.5.22): only to this does the edge carry.
        out.extend_from_slice(b"upgrade: websocket\r\n");
    }
    out.extend_from_slice(match (raw.status, closes) {
        (426, true) => b"connection: upgrade, close\r\n",
        (426, false) => b"connection: upgrade\r\n",
        (_, true) => b"connection: close\r\n",
        (_, false) => &b""[..],
    });
    for part in [REQUEST_ID_HEADER.as_bytes(), b": ", &asked.id.digits(), b"\r\n\r\n"] {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use proptest::prelude::*;
    use shared::{PublicSite, Upstream};

    fn head(text: &[u8], of_sprite: bool, head_only: bool) -> Result<ResponseHead, Malformed> {
        let upstream = Upstream::parse("https://sprite.test").unwrap();
        let site = PublicSite::new("arca.test", Upstream::parse("https://arca.test").unwrap());
        let (site, username) = (site.unwrap(), "ada".parse().unwrap());
        let speaker = if of_sprite {
            Speaker::Sprite { site: &site, username, authority: upstream.authority() }
        } else {
            Speaker::Site
        };
        let id = RequestId::from_bits(1);
        let asked =
            Asked { speaker, id, head_only, knows_chunks: true, keep_alive: true, hsts: None };
        let mut slots = NO_SLOTS;
        ResponseHead::new(&RawHead::parse(text, &mut slots)?, &asked)
    }

    fn written(text: &str) -> String {
        String::from_utf8(head(text.as_bytes(), true, false).unwrap().bytes).unwrap()
    }

    fn check(lines: &str, expected: &Result<BodyFraming, Malformed>) {
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        let seen = head(text.as_bytes(), true, false).map(|head| head.framing);
        assert_eq!(&seen, expected, "{text:?}");
    }

    #[test]
    fn an_answer_ends_in_one_way_only() {
        check("Content-Length: 5\r\n", &Ok(BodyFraming::length(5)));
        check("Content-Length: 5\r\nContent-Length: 5\r\n", &Ok(BodyFraming::length(5)));
        check("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", &Ok(BodyFraming::length(5)));
        check("Transfer-Encoding: chunked\r\n", &Ok(BodyFraming::chunked()));
        check("", &Ok(BodyFraming::UntilClose));
        let framing = Err(Malformed::Framing);
        check("Content-Length: 5\r\nContent-Length: 6\r\n", &framing);
        check("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &framing);
        check("Content-Length: -5\r\n", &framing);
        check("Transfer-Encoding: gzip, chunked\r\n", &framing);
        check("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &framing);
        check("X: a\r\n b\r\n", &Err(Malformed::Head));
        check("X: a\n", &Err(Malformed::Head));
        check("Connection: content-length\r\nContent-Length: 5\r\n", &Err(Malformed::Head));
        check(&"X: a\r\n".repeat(MAX_RESPONSE_HEADERS), &Ok(BodyFraming::UntilClose));
        check(&"X: a\r\n".repeat(MAX_RESPONSE_HEADERS + 1), &Err(Malformed::TooLarge));
    }

    #[test]
    fn blanks_behind_a_name_do_not_go_on() {
        check("Content-Length : 5\r\n", &Ok(BodyFraming::length(5)));
        check("Content-Length\t: 5\r\nContent-Length: 6\r\n", &Err(Malformed::Framing));
        check(" X: a\r\n", &Err(Malformed::Head));
        let seen = written("HTTP/1.1 200 OK\r\nX-App : b\r\nContent-Length: 0\r\n\r\n");
        assert!(seen.contains("\r\nX-App: b\r\n"), "{seen}");
    }

    #[test]
    fn a_status_is_one_that_there_can_be() {
        for status in ["007", "099", "600", "999", "7", "2000", "20x"] {
            let text = format!("HTTP/1.1 {status} What\r\nContent-Length: 0\r\n\r\n");
            assert!(head(text.as_bytes(), true, false).is_err(), "{status}");
        }
        assert!(matches!(
            head(b"HTTP/1.1 101 Switch\r\n\r\n", true, false),
            Err(Malformed::Upgrade)
        ));
    }

    #[test]
    fn answers_without_a_body_are_known_by_status_and_method() {
        for text in [
            "HTTP/1.1 204 No\r\n\r\n",
            "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            let head = head(text.as_bytes(), true, false).unwrap();
            assert_eq!(head.framing, BodyFraming::Done, "{text}");
            let bytes = String::from_utf8(head.bytes).unwrap();
            assert!(!bytes.contains("ength") && !bytes.contains("oding"), "{bytes}");
        }
        let same = written("HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n");
        assert!(same.contains("content-length: 9"), "{same}");
        let head = head(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, true).unwrap();
        assert_eq!(head.framing, BodyFraming::Done);
        let bytes = String::from_utf8(head.bytes).unwrap();
        assert!(bytes.contains("content-length: 9"), "{bytes}");
    }

    #[test]
    fn a_sprite_speaks_for_its_own_workspace_only() {
        let text = "HTTP/1.1 200 Fine\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
            Set-Cookie: a=b\r\nSet-Cookie: c=d; Domain=arca.test\r\nSet-Cookie: e=f; Domain=ada.arca.test\r\n\
            Set-Cookie: __Host-arca_session=x\r\nService-Worker-Allowed: /\r\nClear-Site-Data: \"cookies\"\r\n\
            Connection: close, X-Hop\r\nConnection: X-Other\r\nX-Hop: 1\r\nX-Other: 1\r\n\
            X-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n";
        let of = |of_sprite| {
            let head = head(text.as_bytes(), of_sprite, false).unwrap();
            assert!(!head.keep_alive);
            String::from_utf8(head.bytes).unwrap()
        };
        assert_eq!(
            of(true),
            "HTTP/1.1 200 Fine\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
             set-cookie: a=b\r\nset-cookie: e=f\r\ncontent-length: 0\r\n\
             x-request-id: 00000000000000000000000000000001\r\n\r\n"
        );
        assert!(of(false).contains("__Host-arca_session=x"));
    }

    #[test]
    fn an_answer_that_asks_for_an_upgrade_says_to_what() {
        for lines in ["", "Upgrade: h2c\r\nConnection: Upgrade\r\n"] {
            let text = format!("HTTP/1.1 426 Upgrade\r\n{lines}Content-Length: 0\r\n\r\n");
            let seen = written(&text);
            assert_eq!(seen.to_ascii_lowercase().matches("upgrade:").count(), 1, "{seen}");
            assert!(seen.contains("upgrade: websocket\r\nconnection: upgrade\r\n"), "{seen}");
        }
        let seen = written("HTTP/1.1 400 No\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n");
        assert!(!seen.contains("pgrade:") && !seen.contains("onnection:"), "{seen}");
    }

    #[test]
    fn a_sprite_announces_when_it_closes() {
        let check = |line: &str, seconds: Option<u64>| {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{line}\r\n");
            let seen = head(text.as_bytes(), true, false).unwrap().closes_after;
            assert_eq!(seen, seconds.map(Duration::from_secs), "{line}");
        };
        check("", None);
        check("Keep-Alive: timeout=5\r\n", Some(5));
        check("Keep-Alive: max=100, Timeout = 5, timeout=7\r\n", Some(5));
        check("Keep-Alive: timeout=-5\r\n", None);
        check("Keep-Alive: 5\r\n", None);
    }

    proptest! {
        #[test]
        fn an_answer_that_passes_is_one_answer(text in corpus::near("answer")) {
            let Ok(head) = head(&text, true, false) else { return Ok(()) };
            let mut slots = NO_SLOTS;
            let written = RawHead::parse(&head.bytes, &mut slots);
            prop_assert!(written.is_ok(), "{}", String::from_utf8_lossy(&head.bytes));
            let written = written.unwrap();
            prop_assert_eq!(written.status, head.status);
            let ours = written.headers.iter().filter(|header| {
                header.name.eq_ignore_ascii_case(REQUEST_ID_HEADER)
                    || header.name.eq_ignore_ascii_case("date")
            });
            prop_assert_eq!(ours.count(), 2);
        }

        #[test]
        fn no_bytes_panic_and_what_passes_is_framed_once(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = [b"HTTP/1.1 200 OK\r\n", &bytes[..], b"\r\n\r\n"].concat();
            if let Ok(head) = head(&text, true, false) {
                let written = String::from_utf8_lossy(&head.bytes).to_ascii_lowercase();
                prop_assert!(written.matches("\r\ncontent-length:").count()
                    + written.matches("\r\ntransfer-encoding:").count() == 1);
                prop_assert!(written.ends_with("\r\n\r\n"));
                prop_assert_eq!(written.matches("\r\n\r\n").count(), 1);
            }
        }
    }
}
