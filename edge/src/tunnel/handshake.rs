//! The sprite's answer to an upgrade. Only what the WebSocket protocol needs of
//! it reaches the client.

use std::io;
use std::io::Write as _;

use bytes::{Bytes, BytesMut};
use httparse::Status;
use shared::RequestId;
use shared::request_id::REQUEST_ID_HEADER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::limits::{MAX_HANDSHAKE_BYTES, MAX_HANDSHAKE_HEADERS};
use crate::upstream::Duplex;

/// Headers of a 101 that the client gets.
const PASSED_ON: [&str; 3] =
    ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"];

pub(super) struct Opened {
    /// The 101 as it goes to the client.
    pub(super) answer: Vec<u8>,
    /// What the sprite sent right behind its answer.
    pub(super) early: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the sprite answered {status} to the upgrade")]
    Refused { status: u16 },
    #[error("the sprite's answer to the upgrade is malformed")]
    Malformed,
    #[error("the sprite's connection failed during the upgrade")]
    Broken(#[from] io::Error),
}

/// Sends `head` and waits for the sprite's 101.
pub(super) async fn open(
    sprite: &mut dyn Duplex,
    head: &[u8],
    request: RequestId,
) -> Result<Opened, HandshakeError> {
    sprite.write_all(head).await?;
    sprite.flush().await?;
    let mut bytes = BytesMut::with_capacity(1024);
    loop {
        if sprite.read_buf(&mut bytes).await? == 0 {
            return Err(HandshakeError::Malformed);
        }
        if let Some((length, answer)) = parse(&bytes, request)? {
            let early = bytes.split_off(length).freeze();
            return Ok(Opened { answer, early });
        }
        if bytes.len() >= MAX_HANDSHAKE_BYTES {
            return Err(HandshakeError::Malformed);
        }
    }
}

/// `None` while the answer is not whole.
fn parse(bytes: &[u8], request: RequestId) -> Result<Option<(usize, Vec<u8>)>, HandshakeError> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HANDSHAKE_HEADERS];
    let mut response = httparse::Response::new(&mut slots);
    let length = match response.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(HandshakeError::Malformed),
    };
    match response.code {
        Some(101) => {}
        Some(status) => return Err(HandshakeError::Refused { status }),
        None => return Err(HandshakeError::Malformed),
    }
    let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n\
        connection: upgrade\r\nupgrade: websocket\r\n"
        .to_vec();
    for header in response.headers.iter() {
        if PASSED_ON.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            answer.extend_from_slice(header.name.as_bytes());
            answer.extend_from_slice(b": ");
            answer.extend_from_slice(header.value);
            answer.extend_from_slice(b"\r\n");
        }
    }
    write!(answer, "{REQUEST_ID_HEADER}: {request}\r\n\r\n").expect("writing to memory");
    Ok(Some((length, answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_websocket_needs_reaches_the_client() {
        let bytes = b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: x\r\nSet-Cookie: a=b\r\n\
            Upgrade: websocket\r\nServer: agent\r\n\r\nearly";
        let (length, answer) = parse(bytes, RequestId::from_bits(1)).unwrap().unwrap();
        assert_eq!(&bytes[length..], b"early");
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("Sec-WebSocket-Accept: x\r\n"), "{answer}");
        assert!(!answer.contains("Set-Cookie") && !answer.contains("Server"), "{answer}");
    }

    #[test]
    fn anything_but_a_101_is_a_refusal() {
        let parse = |text: &[u8]| parse(text, RequestId::from_bits(1));
        let refused = parse(b"HTTP/1.1 401 Unauthorized\r\n\r\n");
        assert!(matches!(refused, Err(HandshakeError::Refused { status: 401 })));
        assert!(matches!(parse(b"SSH-2.0-x\r\n\r\n"), Err(HandshakeError::Malformed)));
        assert!(matches!(parse(b"HTTP/1.1 101 OK\r\nA"), Ok(None)));
    }
}
