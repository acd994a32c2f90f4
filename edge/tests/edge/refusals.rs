//! What the edge answers by itself arrives, and helps.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use crate::harness::{TestEdge, read_head, read_to_end, sprite};

/// Bytes of a body that no kernel keeps: whoever does not read them stops its sender.
const BODY_BYTES: usize = 24 << 20;

/// Sends a whole upload before the first look at an answer, as simple clients do.
fn upload(edge: &TestEdge, head: &str) -> String {
    let mut tcp = edge.connect();
    tcp.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..BODY_BYTES / piece.len() {
        tcp.write_all(&piece).expect("what is sent is taken until the answer was read");
    }
    read_head(&mut tcp)
}

#[test]
fn an_early_answer_to_an_upload_is_read_by_who_sends_all_of_it_first() {
    let edge = TestEdge::with("body_max_bytes = 30000000", "");
    edge.put(
        "ada",
        sprite(|mut tcp: TcpStream, _| {
            let _ = tcp.write_all(
            b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
        );
            // It closes with bytes unread, which resets its own connection.
            let _ = tcp.read(&mut [0; 1]);
        }),
    );
    let cookie = edge.cookie("ada", "k1", 3_600);
    let check = |cookie: &str, framing: String, expected: &str| {
        let head = format!("POST /up HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}{framing}\r\n");
        let answer = upload(&edge, &head);
        assert!(answer.starts_with(expected), "{framing:?}: {answer:?}");
    };
    let length = |bytes: usize| format!("Content-Length: {bytes}\r\n");
    check(&cookie, length(BODY_BYTES), "HTTP/1.1 413");
    check(&cookie, length(40_000_000), "HTTP/1.1 413");
    check("", length(BODY_BYTES), "HTTP/1.1 401");
    // One chunk, of which not all ever comes.
    let chunked = "Transfer-Encoding: chunked\r\n\r\n1c9c380\r\n".to_owned();
    check(&cookie, chunked.clone(), "HTTP/1.1 413");
    check("", chunked, "HTTP/1.1 401");
}

#[test]
fn too_many_cookies_are_a_page_with_a_way_out() {
    let edge = TestEdge::start();
    let cookies: String = (0..90).map(|n| format!("c{n}={}; ", "x".repeat(1_000))).collect();
    let ask = |start: &str, lines: &str| {
        let mut tcp = edge.connect();
        let head = format!("{start} HTTP/1.1\r\nHost: ada.arca.test\r\nCookie: {cookies}\r\n");
        // The edge may have enough before all is sent.
        let sender = tcp.try_clone().unwrap();
        let head = format!("{head}{lines}\r\n");
        let sending = thread::spawn(move || {
            let _ = { &sender }.write_all(head.as_bytes());
        });
        let (answer, _) = read_to_end(&mut tcp);
        sending.join().unwrap();
        String::from_utf8(answer).unwrap()
    };
    let page = ask("GET /", "Accept: text/html\r\n");
    assert!(page.starts_with("HTTP/1.1 431") && page.contains("<form method=\"post\""), "{page}");
    let json = ask("GET /", "Accept: */*\r\n");
    assert!(json.starts_with("HTTP/1.1 431") && json.contains("application/json"), "{json}");
    let cleared = ask(
        "POST /auth/clear-cookies",
        "Origin: http://ada.arca.test\r\nContent-Length: 0\r\nAccept: text/html\r\n",
    );
    assert!(cleared.starts_with("HTTP/1.1 303"), "{cleared}");
    assert!(cleared.contains("set-cookie: c89=; Max-Age=0; Path=/; Domain=arca.test\r\n"));
    assert!(cleared.contains("clear-site-data: \"cookies\"\r\n"));
    // Also when they fit by then.
    let mut tcp = edge.connect();
    write!(
        tcp,
        "POST /auth/clear-cookies HTTP/1.1\r\nHost: arca.test\r\nOrigin: http://arca.test\r\n\
         Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    let cleared = read_head(&mut tcp);
    assert!(cleared.contains("set-cookie: a=; Max-Age=0; Path=/\r\n"), "{cleared}");
    assert_eq!(edge.metric("arca_edge_malformed_requests_total{reason=\"too_large\"}"), Some(3.0));
}
