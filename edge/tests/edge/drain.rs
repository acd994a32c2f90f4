//! From the signal to the end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use crate::harness::{TestEdge, echo, is_reset, read_head, read_to_end, sprite, wait_until};

#[test]
fn access_can_be_taken_away_in_every_moment_of_a_drain() {
    let mut edge = TestEdge::with("", "grace_seconds = 600");
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let mut kept = edge.get("grace", "/");
    read_head(&mut kept);
    edge.signal("TERM");
    wait_until("it drains", || {
        let (status, body) = edge.ask("GET", "/readyz", "").unwrap();
        (status == 503 && body.contains("draining")).then_some(())
    });
    // Keys are read again as well.
    edge.signal("HUP");
    socket.write_all(b"\x81\x80yes!").unwrap();
    socket.read_exact(&mut [0; 6]).unwrap();
    assert_eq!(edge.remove("ada")["sockets_cut"], 1);
    let (bytes, _) = read_to_end(&mut socket);
    assert_eq!(bytes.get(..4), Some(&[0x88, 12, 0x0f, 0xa1][..]), "{bytes:?}");
    drop(kept);
    wait_until("it ends with the last client", || edge.has_ended().then_some(()));
}

#[test]
fn a_drain_says_close_and_tells_sockets_to_come_back() {
    let mut edge = TestEdge::with("", "grace_seconds = 3");
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let mut kept = edge.get("ada", "/");
    assert!(read_head(&mut kept).starts_with("HTTP/1.1 200"));
    kept.read_exact(&mut [0; 5]).unwrap();
    edge.signal("TERM");
    wait_until("it drains", || (edge.ask("GET", "/readyz", "").unwrap().0 == 503).then_some(()));
    let cookie = edge.cookie("ada", "k1", 60);
    write!(kept, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
    let (answer, end) = read_to_end(&mut kept);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    end.unwrap();
    let (bytes, _) = read_to_end(&mut socket);
    assert_eq!(bytes.get(2..4), Some(&1012_u16.to_be_bytes()[..]), "{bytes:?}");
    wait_until("it ends", || edge.has_ended().then_some(()));
}

#[test]
fn without_clients_it_ends_at_once() {
    let mut edge = TestEdge::with("", "grace_seconds = 600");
    edge.change(&json!([]));
    edge.signal("TERM");
    wait_until("it ends", || edge.has_ended().then_some(()));
}

/// Goes on for as long as it may.
fn endless() -> SocketAddr {
    sprite(|mut tcp, _| {
        let _ =
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
        let _ = tcp.read(&mut [0; 1]);
    })
}

/// A stream of `ada`'s of which something has come.
fn events(edge: &TestEdge, version: &str) -> TcpStream {
    let mut events = edge.connect();
    let cookie = edge.cookie("ada", "k1", 60);
    let lines = "Host: ada.arca.test\r\nAccept: text/event-stream\r\n";
    write!(events, "GET /events HTTP/{version}\r\n{lines}{cookie}\r\n").unwrap();
    assert!(read_head(&mut events).starts_with("HTTP/1.1 200"));
    let mut first = Vec::new();
    while !first.ends_with(b": hi\n\n") {
        let mut byte = [0];
        events.read_exact(&mut byte).unwrap();
        first.extend_from_slice(&byte);
    }
    events
}

#[test]
fn an_event_stream_ends_within_the_grace_and_does_not_look_whole() {
    let mut edge = TestEdge::with("", "grace_seconds = 2");
    edge.put("ada", endless());
    let (mut chunked, mut delimited) = (events(&edge, "1.1"), events(&edge, "1.0"));
    edge.signal("TERM");
    let (bytes, end) = read_to_end(&mut chunked);
    end.unwrap();
    // The last chunk is missing.
    assert_eq!(String::from_utf8(bytes).unwrap(), "\r\n");
    let (_, end) = read_to_end(&mut delimited);
    assert!(is_reset(&end), "only the end of the connection would tell: {end:?}");
    wait_until("it ends", || edge.has_ended().then_some(()));
}

#[test]
fn what_the_end_of_the_process_cuts_does_not_look_whole() {
    for signal in ["INT", "KILL"] {
        let edge = TestEdge::start();
        edge.put("ada", endless());
        let mut delimited = events(&edge, "1.0");
        edge.signal(signal);
        let (_, end) = read_to_end(&mut delimited);
        assert!(is_reset(&end), "{signal}: {end:?}");
    }
}

#[test]
fn a_whole_answer_that_the_end_of_the_connection_ends_is_not_reset() {
    let edge = TestEdge::start();
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for answer in [&answer[..], b"HTTP/1.0 200 OK\r\n\r\nhello"] {
        edge.put(
            "ada",
            sprite(move |mut tcp, _| {
                let _ = tcp.write_all(answer);
            }),
        );
        let mut tcp = edge.connect();
        let cookie = edge.cookie("ada", "k1", 60);
        write!(tcp, "GET / HTTP/1.0\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
        let (bytes, end) = read_to_end(&mut tcp);
        end.unwrap();
        assert!(bytes.ends_with(b"\r\n\r\nhello"));
    }
}
