//! Which of several controls answers for the site.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use crate::harness::{TestEdge, free_address, read_to_end, sprite};

const GIVEN_UP: &str = "arca_edge_controls_given_up_total";

/// Answers everything with `name`.
fn control(name: &'static str) -> SocketAddr {
    sprite(move |mut tcp, _| {
        let length = name.len();
        let lines = format!("Connection: close\r\nContent-Length: {length}\r\n");
        let _ = write!(tcp, "HTTP/1.1 200 OK\r\n{lines}\r\n{name}");
        // A body that stays unread would destroy the answer.
        let _ = tcp.read_to_end(&mut Vec::new());
    })
}

/// Takes everything and answers nothing.
fn silent() -> SocketAddr {
    sprite(|mut tcp, _| {
        let _ = tcp.read_to_end(&mut Vec::new());
    })
}

/// The whole answer to a request for the site.
fn ask(edge: &TestEdge, method: &str) -> String {
    let mut tcp = edge.connect();
    let origin = "Origin: http://arca.test\r\nContent-Length: 5\r\n";
    let (lines, body) = if method == "POST" { (origin, "hello") } else { ("", "") };
    let close = "Connection: close\r\n";
    write!(tcp, "{method} / HTTP/1.1\r\nHost: arca.test\r\n{close}{lines}\r\n{body}").unwrap();
    String::from_utf8(read_to_end(&mut tcp).0).unwrap()
}

#[test]
fn whoever_does_not_take_connections_is_passed_over_and_then_left_alone() {
    for method in ["GET", "POST"] {
        let edge = TestEdge::with_controls(&[free_address(), control("second")], "");
        for _ in 0..3 {
            let answer = ask(&edge, method);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("second"), "{answer}");
        }
        assert_eq!(edge.metric(GIVEN_UP), Some(1.0), "{method}");
    }
}

#[test]
fn while_nobody_takes_connections_it_is_said() {
    let edge = TestEdge::with_controls(&[free_address(), free_address(), free_address()], "");
    for method in ["GET", "POST", "GET"] {
        let answer = ask(&edge, method);
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
}

#[test]
fn whoever_does_not_answer_costs_one_request_its_time() {
    let controls = [silent(), control("second")];
    let edge = TestEdge::with_controls(&controls, "read_timeout_seconds = 1");
    let late = ask(&edge, "GET");
    assert!(late.starts_with("HTTP/1.1 503"), "{late}");
    let answer = ask(&edge, "POST");
    assert!(answer.ends_with("second"), "{answer}");
    assert_eq!(edge.metric(GIVEN_UP), Some(1.0));
}

/// What was asked by POST may have been done.
#[test]
fn whoever_breaks_off_is_passed_over_where_asking_twice_does_no_harm() {
    let broken = || sprite(|_, _| {});
    for (method, status) in [("GET", "200"), ("POST", "503")] {
        let edge = TestEdge::with_controls(&[broken(), control("second")], "");
        let answer = ask(&edge, method);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method}: {answer}");
        assert!(ask(&edge, "POST").ends_with("second"));
    }
}
