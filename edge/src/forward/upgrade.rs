//! What a client offered for a WebSocket, and what a sprite may agree to (RFC 6455, 4.1).

use std::io::Write as _;

use base64::Engine as _;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use shared::RequestId;
use shared::request_id::REQUEST_ID_HEADER;

use super::error::Malformed;
use super::response_head::RawHead;
use crate::head::{Connection, Head};

/// Of a well-formed opening handshake.
#[derive(Debug)]
pub(crate) struct Offer {
    key: String,
    protocols: Vec<String>,
    /// Their names.
    extensions: Vec<String>,
}

impl Offer {
    /// `None` for a request that is no opening handshake.
    pub(crate) fn of(head: &Head<'_>) -> Option<Self> {
        let key = head.websocket?.to_owned();
        let elements = |name: &str| {
            let lines = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            lines.flat_map(|header| elements(header.value)).collect::<Vec<_>>()
        };
        let protocols = elements("sec-websocket-protocol");
        let extensions = elements("sec-websocket-extensions");
        let extensions = extensions.iter().map(|element| name_of(element).to_owned()).collect();
        Some(Self { key, protocols, extensions })
    }

    /// The 101 as the client gets it: only what the protocol needs.
    ///
    /// # Errors
    /// When the sprite agrees to something that was not offered, or to nothing at all:
    /// what follows would be read in two ways.
    pub(super) fn agreed(&self, raw: &RawHead<'_>, id: RequestId) -> Result<Vec<u8>, Malformed> {
        let agreed = Agreed::collect(raw)?;
        if raw.version != 1 || !agreed.is_websocket || !agreed.connection.upgrade {
            return Err(Malformed::Upgrade);
        }
        if agreed.accept != Some(accept_of(&self.key).as_bytes()) {
            return Err(Malformed::Upgrade);
        }
        let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n\
            connection: upgrade\r\nupgrade: websocket\r\n"
            .to_vec();
        append(&mut answer, "sec-websocket-accept", agreed.accept.unwrap_or_default());
        if let Some(protocol) = agreed.protocol {
            if !self.protocols.iter().any(|offered| offered.as_bytes() == protocol) {
                return Err(Malformed::Upgrade);
            }
            append(&mut answer, "sec-websocket-protocol", protocol);
        }
        for line in agreed.extensions {
            let is_offered = |element: &str| {
                let name = name_of(element);
                self.extensions.iter().any(|offered| offered.eq_ignore_ascii_case(name))
            };
            if !elements(line).iter().all(|element| is_offered(element)) {
                return Err(Malformed::Upgrade);
            }
            append(&mut answer, "sec-websocket-extensions", line);
        }
        write!(answer, "{REQUEST_ID_HEADER}: {id}\r\n\r\n").expect("writing to memory");
        Ok(answer)
    }
}

/// What a 101 says.
struct Agreed<'a> {
    is_websocket: bool,
    connection: Connection<'a>,
    accept: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
    extensions: Vec<&'a [u8]>,
}

impl<'a> Agreed<'a> {
    fn collect(raw: &RawHead<'a>) -> Result<Self, Malformed> {
        let (mut is_websocket, mut connection) = (false, Connection::default());
        let (mut accept, mut protocol, mut extensions) = (None, None, Vec::new());
        for header in raw.headers {
            let (name, value) = (header.name, header.value.trim_ascii());
            let is_second = if name.eq_ignore_ascii_case("upgrade") {
                let is_first = !std::mem::replace(&mut is_websocket, true);
                !(is_first && value.eq_ignore_ascii_case(b"websocket"))
            } else if name.eq_ignore_ascii_case("connection") {
                connection.add(value).map_err(|_| Malformed::Head)?;
                false
            } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
                accept.replace(value).is_some()
            } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
                protocol.replace(value).is_some()
            } else {
                if name.eq_ignore_ascii_case("sec-websocket-extensions") {
                    extensions.push(value);
                }
                false
            };
            if is_second {
                return Err(Malformed::Upgrade);
            }
        }
        Ok(Self { is_websocket, connection, accept, protocol, extensions })
    }
}

/// The answer to `key` (RFC 6455, 4.2.2): who gives it has read the request.
fn accept_of(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hash)
}

/// Of a list: its elements, trimmed; a comma between quotes separates nothing.
fn elements(list: &[u8]) -> Vec<String> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let elements = list.split(|byte| {
        let is_end = *byte == b',' && !is_quoted;
        if !is_escaped && *byte == b'"' {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && !is_escaped && *byte == b'\\';
        is_end
    });
    let elements = elements.map(|element| String::from_utf8_lossy(element.trim_ascii()).into());
    elements.filter(|element: &String| !element.is_empty()).collect()
}

/// Of an extension without its parameters.
fn name_of(extension: &str) -> &str {
    extension.split(';').next().unwrap_or_default().trim_ascii()
}

fn append(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::response_head::NO_SLOTS;
    use crate::head::NO_HEADERS;
    use proptest::prelude::*;

    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    const UPGRADE: &str = "Upgrade: WebSocket\r\nConnection: Upgrade\r\n";
    const DEFLATE: &str =
        "Sec-WebSocket-Extensions: permessage-deflate; x=\"a,b\"; client_max_window_bits\r\n";

    fn offer(lines: &str) -> Offer {
        let text = format!(
            "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        );
        let mut slots = NO_HEADERS;
        Offer::of(&Head::parse(text.as_bytes(), &mut slots).unwrap()).unwrap()
    }

    fn agreed(offered: &str, answer: &str) -> Result<String, Malformed> {
        let text = format!("HTTP/1.1 101 OK\r\n{answer}\r\n");
        let mut slots = NO_SLOTS;
        let raw = RawHead::parse(text.as_bytes(), &mut slots)?;
        let answer = offer(offered).agreed(&raw, RequestId::from_bits(1))?;
        Ok(String::from_utf8(answer).unwrap())
    }

    fn check(offered: &str, answer: &str, is_good: bool) {
        let answer = [UPGRADE, ACCEPT, answer].concat();
        assert_eq!(agreed(offered, &answer).is_ok(), is_good, "{offered:?} {answer:?}");
    }

    #[test]
    fn only_what_a_websocket_needs_reaches_the_client() {
        let answer = [UPGRADE, ACCEPT, "Set-Cookie: a=b\r\nServer: agent\r\n"].concat();
        assert_eq!(
            agreed("", &answer).unwrap(),
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             x-request-id: 00000000000000000000000000000001\r\n\r\n"
        );
    }

    #[test]
    fn nothing_is_agreed_that_was_not_offered() {
        let (protocol, extension) = ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions");
        let offered = format!("{protocol}: v2.chat, chat\r\n{protocol}: third\r\n");
        for (name, is_good) in
            [("chat", true), ("third", true), ("Chat", false), ("chat, third", false), ("", false)]
        {
            check(&offered, &format!("{protocol}: {name}\r\n"), is_good);
        }
        check(&offered, &format!("{protocol}: chat\r\n{protocol}: chat\r\n"), false);
        check("", &format!("{protocol}: chat\r\n"), false);
        for (name, is_good) in [
            ("permessage-deflate; server_no_context_takeover", true),
            ("permessage-deflate, mux", false),
            ("b\"", false),
        ] {
            check(DEFLATE, &format!("{extension}: {name}\r\n"), is_good);
        }
        check("", &format!("{extension}: permessage-deflate\r\n"), false);
    }

    #[test]
    fn a_101_is_whole_or_no_agreement() {
        for answer in [
            UPGRADE.to_owned(),
            ACCEPT.to_owned(),
            format!("Connection: Upgrade\r\n{ACCEPT}"),
            format!("Upgrade: websocket\r\n{ACCEPT}"),
            format!("Upgrade: h2c\r\nConnection: Upgrade\r\n{ACCEPT}"),
            format!("Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n{ACCEPT}"),
            format!("Upgrade: h2c\r\n{UPGRADE}{ACCEPT}"),
            format!("Upgrade: websocket\r\nConnection: close\r\n{ACCEPT}"),
            format!("{UPGRADE}{ACCEPT}{ACCEPT}"),
            format!("{UPGRADE}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"),
        ] {
            assert_eq!(agreed("", &answer).err(), Some(Malformed::Upgrade), "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = [b"HTTP/1.1 101 OK\r\n", UPGRADE.as_bytes(), &bytes, b"\r\n\r\n"].concat();
            let mut slots = NO_SLOTS;
            if let Ok(raw) = RawHead::parse(&text, &mut slots) {
                let seen = offer(DEFLATE).agreed(&raw, RequestId::from_bits(1));
                prop_assert!(seen.is_err(), "nobody has answered the key");
            }
            elements(&bytes);
        }
    }
}
