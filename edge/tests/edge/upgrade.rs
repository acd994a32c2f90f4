//! The way into a WebSocket, and what a sprite answers instead.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::channel;

use crate::harness::{DEADLINE, TestEdge, echo, read_head, read_to_end, sprite, upgrade};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// Asks for a WebSocket of `ada` at `host`; the answer is still to be read.
fn ask(edge: &TestEdge, host: &str, lines: &str) -> TcpStream {
    let mut tcp = edge.connect();
    let cookie = edge.cookie("ada", "k1", 3_600);
    write!(
        tcp,
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{cookie}{lines}\
         Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         {KEY}\r\n"
    )
    .unwrap();
    tcp
}

fn answering(answer: String) -> SocketAddr {
    sprite(move |mut tcp, _| {
        // A sprite that hangs up early is an edge's everyday business.
        let _ = tcp.write_all(answer.as_bytes());
    })
}

#[test]
fn a_refused_socket_keeps_its_status_its_headers_and_its_body() {
    let edge = TestEdge::start();
    for (status, packing, body) in [
        (401, "Content-Length: 11\r\n", "{\"why\":\"x\"}"),
        (403, "", "go away"),
        (404, "Transfer-Encoding: chunked\r\n", "2\r\nno\r\n0\r\n\r\n"),
        (426, "Content-Length: 0\r\n", ""),
        (429, "Content-Length: 4\r\n", "slow"),
        (503, "Content-Length: 4\r\n", "busy"),
        (302, "Location: /elsewhere\r\nContent-Length: 0\r\n", ""),
        (200, "Content-Length: 4\r\n", "page"),
    ] {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(5);
        edge.put(
            "ada",
            answering(format!(
                "{hints}HTTP/1.1 {status} Nope\r\nRetry-After: 7\r\nX-Accel-Redirect: /secret\r\n\
             Set-Cookie: __Host-arca_session=x\r\nAlt-Svc: h3=\":1\"\r\n{packing}\r\n{body}"
            )),
        );
        let (answer, end) = read_to_end(&mut ask(&edge, "ada.arca.test", ""));
        let answer = String::from_utf8(answer).unwrap();
        end.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} Nope\r\n")), "{answer}");
        assert!(answer.contains("Retry-After: 7\r\n"), "{answer}");
        let connection = if status == 426 {
            "upgrade: websocket\r\nconnection: upgrade, close\r\n"
        } else {
            "connection: close\r\n"
        };
        assert!(answer.contains(connection), "{answer}");
        for secret in ["X-Accel", "__Host-arca", "Alt-Svc"] {
            assert!(!answer.contains(secret), "{answer}");
        }
        let last = body.split("\r\n").find(|part| part.len() > 1).unwrap_or_default();
        assert!(answer.contains(last), "{answer}");
    }
}

#[test]
fn a_101_that_agrees_to_something_else_opens_nothing() {
    let edge = TestEdge::start();
    let offered =
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let check = |answer: &str, expected: &str| {
        edge.put("ada", answering(format!("HTTP/1.1 {answer}\r\n")));
        let answered = read_head(&mut ask(&edge, "ada.arca.test", offered));
        assert!(answered.starts_with(expected), "{answer:?}: {answered:?}");
    };
    let good = format!("101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n{ACCEPT}");
    check(&good, "HTTP/1.1 101");
    check(&format!("{good}Sec-WebSocket-Protocol: chat\r\n"), "HTTP/1.1 101");
    check(&format!("{good}Sec-WebSocket-Protocol: other\r\n"), "HTTP/1.1 502");
    check(&format!("{good}Sec-WebSocket-Extensions: mux\r\n"), "HTTP/1.1 502");
    check(&good.replace("websocket", "h2c"), "HTTP/1.1 502");
    check(&good.replace("Connection: upgrade\r\n", ""), "HTTP/1.1 502");
    check(&good.replace("s3pPLM", "AAAAAA"), "HTTP/1.1 502");
    let hints = "103 Early Hints\r\n\r\nHTTP/1.1 ";
    check(&format!("{}{good}", hints.repeat(5)), "HTTP/1.1 101");
    check(&format!("{}{good}", hints.repeat(6)), "HTTP/1.1 502");
}

const CLOSE: &[u8] = b"\x88\x02\x03\xe8";
const MASKED_CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

#[test]
fn a_client_that_closes_and_ends_is_answered() {
    let edge = TestEdge::start();
    let (heard, all) = channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            upgrade(&mut tcp);
            let (bytes, _) = read_to_end(&mut tcp);
            let _ = heard.send(bytes);
            let _ = tcp.write_all(CLOSE);
        }),
    );
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    socket.write_all(MASKED_CLOSE).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(all.recv_timeout(DEADLINE).unwrap(), MASKED_CLOSE);
    let (answer, end) = read_to_end(&mut socket);
    assert_eq!(answer, CLOSE);
    end.unwrap();
}

#[test]
fn a_sprite_that_closes_and_ends_is_answered() {
    let edge = TestEdge::start();
    let (heard, all) = channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            upgrade(&mut tcp);
            let _ = tcp.write_all(CLOSE);
            let _ = tcp.shutdown(Shutdown::Write);
            let _ = heard.send(read_to_end(&mut tcp).0);
        }),
    );
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let (close, end) = read_to_end(&mut socket);
    assert_eq!(close, CLOSE);
    end.unwrap();
    socket.write_all(MASKED_CLOSE).unwrap();
    drop(socket);
    assert_eq!(all.recv_timeout(DEADLINE).unwrap(), MASKED_CLOSE);
}

#[test]
fn a_dot_behind_the_host_leads_people_to_the_host_and_leaves_sockets_open() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    for (host, to) in [
        ("ada.arca.test.", "http://ada.arca.test"),
        ("ADA.arca.test.:80", "http://ada.arca.test"),
        ("arca.test.", "http://arca.test"),
        ("www.arca.test.", "http://arca.test"),
        ("nobody.arca.test.", "http://nobody.arca.test"),
    ] {
        let mut page = edge.connect();
        write!(page, "GET /x?y=z HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n").unwrap();
        let answer = read_head(&mut page);
        assert!(answer.starts_with("HTTP/1.1 308"), "{host}: {answer}");
        assert!(answer.contains(&format!("location: {to}/x?y=z\r\n")), "{host}: {answer}");
    }
    let answer = read_head(&mut ask(&edge, "ada.arca.test.", ""));
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let answer = read_head(&mut ask(&edge, "ada.arca.test..", ""));
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

#[test]
fn a_sprite_is_told_one_spelling_of_its_host() {
    let edge = TestEdge::start();
    let (sender, heads) = std::sync::mpsc::channel();
    edge.put(
        "ada",
        sprite(move |_, head| {
            let _ = sender.send(head);
        }),
    );
    read_head(&mut ask(&edge, "Ada.arca.test.", ""));
    let head = heads.recv_timeout(crate::harness::DEADLINE).unwrap();
    assert!(head.contains("\r\nOrigin: http://ada.arca.test\r\n"), "{head}");
    assert!(head.contains("\r\nx-forwarded-host: Ada.arca.test\r\n"), "{head}");
}
