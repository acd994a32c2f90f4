//! Access ends when it should, whatever else is wrong, and is then seen to have ended.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::harness::{
    DEADLINE, TestEdge, echo, is_reset, read_head, read_to_end, sprite, upgrade, wait_until,
};

/// A close frame with the code by which the chat page knows that its access has ended.
const ACCESS_ENDED: [u8; 4] = [0x88, 12, 0x0f, 0xa1];

fn ends_with_4001(mut socket: TcpStream) {
    let (bytes, _) = read_to_end(&mut socket);
    let close = &bytes[bytes.len().saturating_sub(14)..];
    assert_eq!(close.get(..4), Some(&ACCESS_ENDED[..]), "{close:?}");
}

/// Sends an event now and then, for ever, so that only the edge can end it.
fn event_stream() -> std::net::SocketAddr {
    sprite(|mut tcp, head| {
        let head_of_it: &[u8] = if head.starts_with("GET /ws ") {
            upgrade(&mut tcp);
            b""
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        };
        if tcp.write_all(head_of_it).is_err() {
            return;
        }
        // `data` as a WebSocket frame of text reads well enough as an event.
        while tcp.write_all(b"\x81\x06data\n\n").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    })
}

#[test]
fn a_socket_and_a_stream_end_with_their_session() {
    let edge = TestEdge::start();
    edge.put("ada", event_stream());
    let cookie = edge.cookie("ada", "k1", 2);
    let socket = edge.socket("ada", &cookie);
    let mut stream = edge.connect();
    write!(stream, "GET /events HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
    let (_, end) = read_to_end(&mut stream);
    assert!(is_reset(&end), "a stream that was cut does not look whole: {end:?}");
    ends_with_4001(socket);
}

#[test]
fn a_key_that_leaves_the_ring_takes_its_connections_along() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    edge.write_ring(&["k2", "k1"]);
    edge.signal("HUP");
    wait_until("the second key counts", || {
        let mut tcp = edge.connect();
        let cookie = edge.cookie("ada", "k2", 60);
        write!(tcp, "GET / HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
        read_head(&mut tcp).starts_with("HTTP/1.1 200").then_some(())
    });
    let old = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let mut new = edge.socket("ada", &edge.cookie("ada", "k2", 3_600));
    edge.write_ring(&["k2"]);
    edge.signal("HUP");
    ends_with_4001(old);
    new.write_all(b"\x81\x80still").unwrap();
    let mut back = [0; 7];
    new.read_exact(&mut back).unwrap();
}

#[test]
fn a_cut_answer_never_looks_whole_and_nothing_more_of_it_arrives() {
    let edge = TestEdge::start();
    let (sent, was_sent) = mpsc::channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            // Without a length: only the end of the connection would say that it is all.
            let _ = tcp.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            let piece = vec![b'x'; 64 * 1024];
            let mut total = 0;
            let _ = tcp.set_write_timeout(Some(Duration::from_millis(300)));
            while tcp.write_all(&piece).is_ok() {
                total += piece.len();
            }
            let _ = sent.send(total);
            let _ = tcp.read(&mut [0; 1]);
        }),
    );
    let mut download = edge.get("ada", "/large");
    read_head(&mut download);
    // Nothing is read, so that everything on the way is full.
    was_sent.recv_timeout(DEADLINE).unwrap();
    assert_eq!(edge.remove("ada")["requests_cut"], 1);
    let (_, end) = read_to_end(&mut download);
    assert!(is_reset(&end), "{end:?}");
}

#[test]
fn an_answer_that_breaks_off_at_the_sprite_does_not_look_whole() {
    let edge = TestEdge::start();
    edge.put(
        "ada",
        sprite(|mut tcp, _| {
            let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        }),
    );
    let mut download = edge.get("ada", "/half");
    let (bytes, end) = read_to_end(&mut download);
    assert!(bytes.len() < 400 && is_reset(&end), "{end:?}");
}

#[test]
fn access_is_taken_away_when_descriptors_have_run_out() {
    let edge = TestEdge::limited("", "", "ulimit -n 100;");
    edge.put("ada", echo());
    let socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    // Half-open: each holds what it can get for as long as it may.
    let crowd: Vec<_> = (0..150)
        .map(|_| {
            let mut tcp = edge.connect();
            let _ = tcp.write_all(b"GET / HTTP/1.1\r\nHost:");
            tcp
        })
        .collect();
    assert_eq!(edge.remove("ada")["sockets_cut"], 1);
    ends_with_4001(socket);
    drop(crowd);
}

#[test]
fn idle_strangers_at_the_private_api_cost_neither_clients_nor_control() {
    let edge = TestEdge::limited("", "", "ulimit -n 200;");
    let strangers: Vec<_> = (0..300).map_while(|_| TcpStream::connect(edge.admin).ok()).collect();
    edge.put("ada", echo());
    let mut answer = edge.get("ada", "/");
    assert!(read_head(&mut answer).starts_with("HTTP/1.1 200"));
    assert!(strangers.len() > 200);
}

#[test]
fn access_is_taken_away_when_no_file_can_be_written() {
    // Without the signal, which would end a process that nobody has told of the limit.
    let edge = TestEdge::limited("", "", "trap '' XFSZ;");
    edge.put("ada", echo());
    edge.put("grace", echo());
    let socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let pid = edge.pid().to_string();
    let limit = |bytes: &str| {
        let set = std::process::Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(set.unwrap().success());
    };
    limit("0");
    let removed = edge.remove("ada");
    assert_eq!((&removed["sockets_cut"], &removed["durable"]), (&1.into(), &false.into()));
    ends_with_4001(socket);
    let mut again = edge.get("ada", "/");
    assert!(!read_head(&mut again).starts_with("HTTP/1.1 200"));
    assert_eq!(edge.metric("arca_edge_store_behind"), Some(1.0));
    limit("unlimited");
    wait_until("it is written", || {
        (edge.metric("arca_edge_store_behind") == Some(0.0)).then_some(())
    });
}

/// Says nothing until the test is over.
fn silence() -> std::net::SocketAddr {
    sprite(|mut tcp, _| {
        let _ = tcp.read(&mut [0; 1]);
    })
}

#[test]
fn a_request_that_is_cut_before_its_answer_is_told_so() {
    let edge = TestEdge::start();
    edge.put("ada", silence());
    let mut waiting = edge.get("ada", "/slow");
    wait_until("it is under way", || {
        (edge.metric("arca_edge_requests_in_flight") == Some(1.0)).then_some(())
    });
    assert_eq!(edge.remove("ada")["requests_cut"], 1);
    let (answer, end) = read_to_end(&mut waiting);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("access_ended"), "{answer}");
    end.unwrap();
}

#[test]
fn one_workspace_cannot_have_everything_under_way() {
    let edge = TestEdge::with("requests_in_flight_per_workspace = 1", "");
    edge.put("ada", silence());
    edge.put("grace", echo());
    let _waiting = edge.get("ada", "/slow");
    wait_until("it is under way", || {
        (edge.metric("arca_edge_requests_in_flight") == Some(1.0)).then_some(())
    });
    let mut second = edge.get("ada", "/");
    assert!(read_head(&mut edge.get("grace", "/")).starts_with("HTTP/1.1 200"));
    let answer = read_head(&mut second);
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after"), "{answer}");
    let limited = "arca_edge_limited_total{limit=\"requests_in_flight_per_workspace\"}";
    assert_eq!(edge.metric(limited), Some(1.0));
}

#[test]
fn a_connection_too_many_is_told_so_although_it_has_spoken() {
    let edge = TestEdge::with("connections_per_address = 1", "");
    let mut first = edge.get("ada", "/");
    assert!(!read_head(&mut first).is_empty(), "it was let in");
    wait_until("the second is one too many", || {
        let mut second = edge.connect();
        second.write_all(b"GET / HTTP/1.1\r\nHost: ada.arca.test\r\n\r\n").ok()?;
        let (answer, end) = read_to_end(&mut second);
        let answer = String::from_utf8(answer).ok()?;
        (answer.starts_with("HTTP/1.1 429") && end.is_ok()).then_some(())
    });
    let limited = "arca_edge_limited_total{limit=\"connections_per_address\"}";
    assert!(edge.metric(limited) >= Some(1.0));
}
