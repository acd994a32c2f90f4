//! Who is waited for, for how long, and what is said then.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;

use crate::harness::{
    DEADLINE, TestEdge, echo, is_reset, read_head, read_to_end, sprite, wait_until,
};

/// The beginning of a request of `ada`'s with five bytes to come, and `lines`.
fn post(edge: &TestEdge, lines: &str) -> TcpStream {
    let mut tcp = edge.connect();
    let cookie = edge.cookie("ada", "k1", 60);
    let host = "Host: ada.arca.test\r\nOrigin: http://ada.arca.test\r\n";
    write!(tcp, "POST / HTTP/1.1\r\n{host}{cookie}Content-Length: 5\r\n{lines}\r\n").unwrap();
    tcp
}

/// Is awake, takes everything and answers nothing.
fn silent() -> SocketAddr {
    sprite(|mut tcp, head| {
        if head.starts_with("OPTIONS") {
            let _ = tcp.write_all(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
        } else {
            let _ = tcp.read_to_end(&mut Vec::new());
        }
    })
}

#[test]
fn a_sprite_that_only_ever_announces_an_answer_is_given_up_after_five_times() {
    let edge = TestEdge::start();
    let (ended, has_ended) = channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            while tcp.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n").is_ok() {}
            let _ = ended.send(());
        }),
    );
    let mut answer = edge.get("ada", "/");
    let head = read_head(&mut answer);
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    has_ended.recv_timeout(DEADLINE).expect("its connection is closed");

    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(5);
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            let _ = write!(tcp, "{hints}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }),
    );
    let mut answer = edge.get("ada", "/");
    let head = read_head(&mut answer);
    assert!(head.starts_with("HTTP/1.1 200"), "none of the hints goes on: {head}");
}

#[test]
fn a_body_that_is_held_back_from_a_silent_sprite_is_asked_for_and_answered() {
    let edge = TestEdge::with_upstream("read_timeout_seconds = 2");
    edge.put("ada", silent());
    let mut tcp = post(&edge, "Expect: 100-continue\r\n");
    let asked = read_head(&mut tcp);
    assert!(asked.starts_with("HTTP/1.1 100 Continue"), "{asked}");
    tcp.write_all(b"hello").unwrap();
    let answer = read_head(&mut tcp);
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[test]
fn a_body_that_pauses_too_long_is_answered_without_it() {
    let edge = TestEdge::with("body_seconds = 1", "");
    edge.put("ada", silent());
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut tcp = post(&edge, expect);
        if !expect.is_empty() {
            assert!(read_head(&mut tcp).starts_with("HTTP/1.1 100"));
        }
        tcp.write_all(b"he").unwrap();
        let answer = read_head(&mut tcp);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[test]
fn a_client_that_has_said_all_is_answered_all_the_same() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    let tcp = edge.get("ada", "/");
    tcp.shutdown(std::net::Shutdown::Write).unwrap();
    let (answer, end) = read_to_end(&mut { tcp });
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    end.unwrap();
}

#[test]
fn an_empty_line_behind_an_answer_is_no_request() {
    let edge = TestEdge::with("head_seconds = 1", "");
    edge.put("ada", echo());
    let cookie = edge.cookie("ada", "k1", 60);
    let mut tcp = edge.connect();
    for lines in ["", "\r\n", "\r\n\r\n"] {
        write!(tcp, "{lines}GET / HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
        assert!(read_head(&mut tcp).starts_with("HTTP/1.1 200"), "{lines:?}");
        tcp.read_exact(&mut [0; 5]).unwrap();
    }
}

#[test]
fn a_client_that_takes_nothing_of_its_socket_stops_the_sprite_and_loses_it() {
    let edge = TestEdge::with("write_timeout_seconds = 1", "");
    let (told, sent) = channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            crate::harness::upgrade(&mut tcp);
            let mut bytes = 0_usize;
            // Frames of 64 KiB, for as long as somebody takes them.
            let frame = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 1 << 16]].concat();
            while tcp.write_all(&frame).is_ok() {
                bytes += frame.len();
            }
            let _ = told.send(bytes);
        }),
    );
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let bytes = sent.recv_timeout(DEADLINE).expect("its connection ends");
    // What this test's own end takes is the kernel's to say; the edge has little.
    assert!(bytes < 16 << 20, "{bytes}");
    wait_until("the tunnel is gone", || {
        (edge.metric("arca_edge_tunnels") == Some(0.0)).then_some(())
    });
    let (_, end) = read_to_end(&mut socket);
    assert!(is_reset(&end), "{end:?}");
}

#[test]
fn a_client_that_answers_no_pings_loses_its_socket_and_the_sprite_hears_of_none() {
    let edge = TestEdge::with("socket_ping_seconds = 1", "");
    let (heard, all) = channel();
    edge.put(
        "ada",
        sprite(move |mut tcp, _| {
            crate::harness::upgrade(&mut tcp);
            let (bytes, _) = read_to_end(&mut tcp);
            let _ = heard.send(bytes);
        }),
    );
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    let mut ping = [0; 10];
    socket.read_exact(&mut ping).unwrap();
    assert_eq!(&ping[..2], b"\x89\x08");
    let pong = [&[0x8a, 0x88, 0, 0, 0, 0], &ping[2..]].concat();
    socket.write_all(&[&pong[..], b"\x81\x80mask"].concat()).unwrap();
    // From here on it is silent.
    let (bytes, end) = read_to_end(&mut socket);
    assert!(is_reset(&end) && bytes.len() == 3 * ping.len(), "{bytes:?} {end:?}");
    assert_eq!(all.recv_timeout(DEADLINE).unwrap(), b"\x81\x80mask");

    let edge = TestEdge::with("socket_ping_seconds = 0", "");
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    socket.write_all(b"\x8a\x88mask12345678").unwrap();
    let mut back = [0; 14];
    socket.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\x8a\x88mask12345678", "what nobody asked for is the sprite's");
}

/// It answers whether it is awake, so that nobody can say that it took too long.
#[test]
fn an_app_that_breaks_off_every_answer_is_said_to_have_failed() {
    let half = "HTTP/1.1 200 OK\r\nContent-";
    for (method, begun) in [("GET", ""), ("HEAD", ""), ("GET", half), ("DELETE", half)] {
        let edge = TestEdge::start();
        let app = sprite(move |mut tcp, head| {
            let answer = if head.starts_with("OPTIONS") {
                "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"
            } else {
                begun
            };
            let _ = tcp.write_all(answer.as_bytes());
        });
        edge.put("ada", app);
        let mut tcp = edge.connect();
        let cookie = edge.cookie("ada", "k1", 60);
        let host = "Host: ada.arca.test\r\nOrigin: http://ada.arca.test\r\n";
        write!(tcp, "{method} / HTTP/1.1\r\n{host}{cookie}\r\n").unwrap();
        let answer = read_head(&mut tcp);
        assert!(answer.starts_with("HTTP/1.1 502"), "{method}: {answer}");
    }
}
