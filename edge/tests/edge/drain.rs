//! From the signal to the end.

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::harness::{TestEdge, echo, read_head, read_to_end, sprite, wait_until};

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

#[test]
fn an_event_stream_ends_within_the_grace() {
    let mut edge = TestEdge::with("", "grace_seconds = 2");
    edge.put(
        "ada",
        sprite(|mut tcp, head| {
            let _ = tcp
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
            if head.contains("/events") {
                let _ = tcp.read(&mut [0; 1]);
            }
        }),
    );
    let mut events = edge.connect();
    let cookie = edge.cookie("ada", "k1", 60);
    write!(
        events,
        "GET /events HTTP/1.1\r\nHost: ada.arca.test\r\nAccept: text/event-stream\r\n{cookie}\r\n"
    )
    .unwrap();
    assert!(read_head(&mut events).starts_with("HTTP/1.1 200"));
    edge.signal("TERM");
    let (_, end) = read_to_end(&mut events);
    end.unwrap();
    wait_until("it ends", || edge.has_ended().then_some(()));
}
