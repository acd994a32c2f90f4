//! The head of an answer, which we have written as HTTP/1.1, as a stream has it.

use std::io;
use std::mem::MaybeUninit;

use httparse::{Header, Status};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::limits::MAX_RESPONSE_HEADERS;

/// Headers of ours that stand in an answer beside those of a sprite.
const OWN_HEADERS: usize = 8;

/// An answer's head, and what it says of the length of its body.
pub(super) struct ResponseHead {
    pub(super) response: Response<()>,
    pub(super) length: Option<u64>,
}

/// `bytes` are one head up to and with its empty line.
pub(super) fn read(bytes: &[u8]) -> io::Result<ResponseHead> {
    let mut slots: [MaybeUninit<Header<'_>>; MAX_RESPONSE_HEADERS + OWN_HEADERS] =
        [const { MaybeUninit::uninit() }; _];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let status = config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut slots);
    let (Ok(Status::Complete(_)), Some(code)) = (status, parsed.code) else {
        return Err(invalid("the head of an answer cannot be parsed"));
    };
    // A stream is no connection: what switches that to another protocol only opens this.
    let code = if code == 101 { 200 } else { code };
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(code).map_err(invalid)?;
    let mut length = None;
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(invalid)?;
        if is_for_http_1(name.as_str()) {
            continue;
        }
        if name == hyper::header::CONTENT_LENGTH {
            length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
        }
        let value = HeaderValue::from_bytes(header.value).map_err(invalid)?;
        response.headers_mut().append(name, value);
    }
    Ok(ResponseHead { response, length })
}

/// About the connection, or the handshake, that is not there.
fn is_for_http_1(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "sec-websocket-accept"
            | "transfer-encoding"
            | "upgrade"
    )
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_a_connection_stays_behind() {
        let head = b"HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 5\r\n\
            Transfer-Encoding: chunked\r\nSet-Cookie: a\r\nset-cookie: b\r\nX: \xe9\r\n\r\n";
        let ResponseHead { response, length } = read(head).unwrap();
        assert_eq!((response.status().as_u16(), length), (200, Some(5)));
        let names: Vec<_> = response.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-length", "set-cookie", "set-cookie", "x"]);
    }

    #[test]
    fn an_upgrade_is_a_success() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
        let ResponseHead { response, .. } = read(head).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().len(), 1);
    }
}
