//! Frames that no client library sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use h2::Reason;

use super::{start, telling};
use crate::harness::{DEADLINE, wait_until};
use crate::tls::{TlsEdge, TlsStream};

/// A connection whose frames a test writes byte by byte.
struct Raw(TlsStream);

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Raw {
    /// `None` when there is no handshake.
    fn try_connect(edge: &TlsEdge, config: rustls::ClientConfig) -> Option<Self> {
        let mut tcp = TcpStream::connect(edge.address).ok()?;
        tcp.set_read_timeout(Some(DEADLINE)).ok()?;
        let name = rustls::pki_types::ServerName::try_from("ada.arca.test").ok()?;
        let mut connection = rustls::ClientConnection::new(Arc::new(config), name).ok()?;
        connection.complete_io(&mut tcp).ok()?;
        let mut raw = Self(rustls::StreamOwned::new(connection, tcp));
        raw.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").ok()?;
        raw.send(4, 0, 0, b"").ok()?;
        Some(raw)
    }

    fn connect(edge: &TlsEdge) -> Self {
        let mut config = (*edge.authority.client(&[&rustls::version::TLS13])).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut stream = edge.connect(&Arc::new(config), "ada.arca.test");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut raw = Self(stream);
        raw.send(4, 0, 0, b"").unwrap();
        raw
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.write_all(&length[1..])?;
        self.0.write_all(&[kind, flags])?;
        self.0.write_all(&stream.to_be_bytes())?;
        self.0.write_all(payload)
    }

    /// The next frame that ends a stream, or all of them: its kind and its reason.
    fn end(&mut self) -> (u8, Reason) {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).unwrap();
            if matches!(head[3], RST_STREAM | GOAWAY) {
                let reason = payload[payload.len() - 4..].try_into().unwrap();
                return (head[3], u32::from_be_bytes(reason).into());
            }
        }
    }
}

/// `GET https://ada.arca.test/` and then `headers`, in HPACK without compression.
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x84];
    let text = |text: &str, block: &mut Vec<u8>| {
        // Longer ones take a second byte.
        let length = u8::try_from(text.len()).unwrap();
        block.push(length.min(127));
        block.extend(length.checked_sub(127));
        block.extend_from_slice(text.as_bytes());
    };
    block.push(1);
    text("ada.arca.test", &mut block);
    for (name, value) in headers {
        block.push(0);
        text(name, &mut block);
        text(value, &mut block);
    }
    block
}

#[test]
fn headers_of_a_connection_and_names_in_capitals_end_the_stream() {
    let edge = start();
    let (sprite, heads) = telling(b"");
    edge.edge.put("ada", sprite);
    let cookie = edge.edge.cookie("ada", "k1", 3_600);
    let cookie = ("cookie", cookie.trim_start_matches("Cookie: ").trim_end());
    let check = |header: (&str, &str)| {
        let mut raw = Raw::connect(&edge);
        raw.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(&[cookie, header])).unwrap();
        let (_, reason) = raw.end();
        assert_eq!(reason, Reason::PROTOCOL_ERROR, "{header:?}");
    };
    check(("connection", "close"));
    check(("transfer-encoding", "chunked"));
    check(("upgrade", "websocket"));
    check(("te", "gzip"));
    check(("X-Own", "1"));
    check(("x", "a\r\nb: c"));
    check(("content-length", "5"));
    check((":method", "POST"));
    assert!(heads.try_recv().is_err(), "nothing has reached the sprite");
}

#[test]
fn a_head_without_an_end_ends_the_connection() {
    let edge = start();
    let mut raw = Raw::connect(&edge);
    raw.send(HEADERS, END_STREAM, 1, &block(&[])).unwrap();
    let header = block(&[("x", &"y".repeat(100))]);
    // It may be ended before all are written.
    for _ in 0..2_000 {
        if raw.send(CONTINUATION, 0, 1, &header[header.len() - 104..]).is_err() {
            break;
        }
    }
    let series = "arca_edge_http2_connections_ended_total{reason=\"flood\"}";
    wait_until("it is counted", || edge.edge.metric(series).filter(|count| *count >= 1.0));
}

#[test]
fn who_floods_again_and_again_is_closed_before_the_handshake() {
    let edge = start();
    let refused = "arca_edge_limited_total{limit=\"floods\"}";
    wait_until("it is let in no more", || {
        // Each floods once; those that come too late are closed.
        let mut config = (*edge.authority.client(&[&rustls::version::TLS13])).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        if let Some(mut raw) = Raw::try_connect(&edge, config) {
            let _ = raw.send(HEADERS, END_STREAM, 1, &block(&[]));
            let header = block(&[("x", &"y".repeat(100))]);
            while raw.send(CONTINUATION, 0, 1, &header[header.len() - 104..]).is_ok() {}
        }
        edge.edge.metric(refused).filter(|count| *count >= 1.0)
    });
    let ended = "arca_edge_http2_connections_ended_total{reason=\"flood\"}";
    assert!(edge.edge.metric(ended) >= Some(9.0), "it was warned");
}

#[test]
fn whoever_speaks_something_else_after_choosing_http_2_is_ended() {
    let edge = start();
    let mut config = (*edge.authority.client(&[&rustls::version::TLS13])).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = edge.connect(&Arc::new(config), "ada.arca.test");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.windows(5).any(|bytes| bytes == b"HTTP/"), "{rest:?}");
    let series = "arca_edge_http2_connections_ended_total{reason=\"protocol\"}";
    wait_until("it is counted", || edge.edge.metric(series).filter(|count| *count == 1.0));
}
