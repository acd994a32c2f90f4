//! SIGHUP: what is read again, and what stays when anything is wrong.

use std::io::Write as _;

use crate::harness::{TestEdge, echo, read_head, wait_until};

/// How the edge answers `length` bytes.
fn post(edge: &TestEdge, length: usize) -> String {
    let mut tcp = edge.connect();
    let cookie = edge.cookie("ada", "k1", 3_600);
    write!(
        tcp,
        "POST / HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}Content-Length: {length}\r\n\r\n{}",
        "x".repeat(length)
    )
    .unwrap();
    read_head(&mut tcp).get(9..12).unwrap_or_default().to_owned()
}

#[test]
fn limits_are_read_again_and_none_are_taken_of_a_file_with_a_mistake() {
    let edge = TestEdge::with("body_max_bytes = 100", "");
    edge.put("ada", echo());
    assert_eq!(post(&edge, 101), "413");
    edge.configure("body_max_bytes = 1000", "");
    edge.signal("HUP");
    wait_until("more is taken", || (post(&edge, 101) == "200").then_some(()));
    edge.configure("body_max_bytes = 10\nidle_seconds = 0\nmisspelt = 1", "threads_ = 2");
    edge.signal("HUP");
    let log = wait_until("every mistake is named", || {
        Some(edge.log()).filter(|log| log.contains("misspelt"))
    });
    assert!(log.contains("idle_seconds") && log.contains("threads_"), "{log}");
    assert!(log.contains("stay as they were"), "{log}");
    assert_eq!(post(&edge, 101), "200", "what was there before holds");
}
