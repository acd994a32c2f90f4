//! One line for each request: what it says, and that it says no more than it should.

use std::io::{Read as _, Write as _};

use serde_json::Value;

use crate::harness::{TestEdge, echo, read_head, sprite, wait_until};

/// The only line whose `field` has `value`, once it is written.
fn line(edge: &TestEdge, field: &str, value: &str) -> Value {
    wait_until(&format!("{field} {value} is logged"), || {
        let log = edge.access_log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut found: Vec<_> = lines.filter(|line| line[field] == value).collect();
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    })
}

#[test]
fn a_request_is_logged_with_its_bytes_its_times_and_its_client() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    let cookie = edge.cookie("ada", "k1", 3_600);
    let mut tcp = edge.connect();
    // The second is counted by itself, although the connection is the same.
    for (path, body) in [("/first", "twelve bytes"), ("/second", "")] {
        let request = format!(
            "PUT {path}?secret HTTP/1.1\r\nHost: ada.arca.test\r\nUser-Agent: \"Tab\"\tand \\\r\n\
             {cookie}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut tcp);
        let mut answer = [0; 5];
        tcp.read_exact(&mut answer).unwrap();
        let line = line(&edge, "path", path);
        let is = |field: &str, value: &str| assert_eq!(line[field], value, "{field} of {line}");
        is("method", "PUT");
        is("host", "ada.arca.test");
        is("protocol", "1.1");
        is("address", "127.0.0.1");
        is("user_agent", "\"Tab\"\tand \\");
        is("source", "sprite");
        is("outcome", "2xx");
        assert_eq!(line["status"], 200);
        assert_eq!(line["bytes_in"], request.len(), "{line}");
        assert_eq!(line["bytes_out"], head.len() + answer.len(), "{line}");
        let seconds = |field: &str| line[field].as_f64().unwrap_or_else(|| panic!("{line}"));
        let (total, sprites, ours) =
            (seconds("seconds"), seconds("upstream_seconds"), seconds("added_seconds"));
        // Each is cut to whole microseconds.
        assert!(sprites > 0.0 && sprites + ours <= total + 2e-6, "{line}");
        assert!(line.get("tls").is_none() && line.get("reason").is_none(), "{line}");
    }
    assert!(!edge.access_log().contains("secret"));
}

#[test]
fn a_websocket_is_logged_with_what_it_has_carried() {
    let edge = TestEdge::start();
    edge.put("ada", echo());
    let mut socket = edge.socket("ada", &edge.cookie("ada", "k1", 3_600));
    // A masked frame of text; what comes back is taken as it is.
    socket.write_all(b"\x81\x85\0\0\0\0hello").unwrap();
    socket.read_exact(&mut [0; 11]).unwrap();
    drop(socket);
    let line = line(&edge, "path", "/ws");
    let bytes = |field: &str| line[field].as_u64().unwrap();
    assert!(bytes("bytes_in") > 200 && bytes("bytes_out") > 100, "{line}");
    assert_eq!(line["outcome"], "upgraded");
}

#[test]
fn a_sprite_that_breaks_off_is_logged_with_the_time_that_it_took() {
    let edge = TestEdge::start();
    let breaking = sprite(|mut tcp, head| {
        if head.starts_with("GET") {
            let _ = tcp.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
    });
    edge.put("ada", breaking);
    // By this it is known to be awake: else the request would wait until it is.
    read_head(&mut edge.get("ada", "/"));
    let cookie = edge.cookie("ada", "k1", 3_600);
    let mut tcp = edge.connect();
    write!(tcp, "POST /broken HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\r\n").unwrap();
    assert!(read_head(&mut tcp).starts_with("HTTP/1.1 50"));
    let line = line(&edge, "path", "/broken");
    assert_eq!(line["source"], "sprite");
    assert!(line["upstream_seconds"].is_number() && line.get("added_seconds").is_none(), "{line}");
}

#[test]
fn a_long_path_or_agent_costs_the_log_no_more_than_a_kilobyte() {
    let edge = TestEdge::start();
    let mut tcp = edge.connect();
    let (path, agent) = ("/long".repeat(2_000), "é".repeat(4_000));
    write!(tcp, "GET {path} HTTP/1.1\r\nHost: ada.arca.test\r\nUser-Agent: {agent}\r\n\r\n")
        .unwrap();
    read_head(&mut tcp);
    wait_until("it is logged", || {
        let log = edge.access_log();
        log.contains("/long/long").then(|| assert!(log.len() < 2_500 + 300, "{}", log.len()))
    });
}

#[test]
fn a_malformed_head_is_logged_with_its_reason() {
    let edge = TestEdge::start();
    let mut tcp = edge.connect();
    let request = b"GET / HTTP/1.1\nHost: ada.arca.test\n\n";
    tcp.write_all(request).unwrap();
    let head = read_head(&mut tcp);
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    let line = line(&edge, "reason", "line_ending");
    assert_eq!((&line["status"], &line["source"]), (&400.into(), &"visitor".into()));
    assert_eq!(line["bytes_in"], request.len());
    assert!(line["bytes_out"].as_u64().unwrap() >= head.len() as u64, "{line}");
    assert_eq!(line["path"], "");
}
