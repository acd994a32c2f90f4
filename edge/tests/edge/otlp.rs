//! Spans reach a collector, and belong to the trace that a request says.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::harness::{DEADLINE, TestEdge, free_address, read_head, sprite, wait_until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const DROPPED: &str = "arca_edge_spans_dropped_total";

/// Takes what is sent and answers `status`; tells the head and the spans of each message.
fn collector(status: u16) -> (SocketAddr, Receiver<(String, Vec<Value>)>) {
    let (told, messages) = channel();
    let address = sprite(move |mut tcp, mut head| {
        while !head.is_empty() {
            let lower = head.to_ascii_lowercase();
            let length =
                lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            tcp.read_exact(&mut body).unwrap();
            let message: Value = serde_json::from_slice(&body).unwrap();
            let spans = &message["resourceSpans"][0]["scopeSpans"][0]["spans"];
            let _ = told.send((head, spans.as_array().unwrap().clone()));
            let _ = write!(tcp, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}");
            head = read_head(&mut tcp);
        }
    });
    (address, messages)
}

fn edge(collector: SocketAddr) -> (TestEdge, Receiver<String>) {
    let (told, heads) = channel();
    let edge = TestEdge::with_otlp(collector);
    edge.put(
        "ada",
        sprite(move |mut tcp, mut head| {
            while !head.is_empty() {
                let _ = told.send(head);
                let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                head = read_head(&mut tcp);
            }
        }),
    );
    (edge, heads)
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let mut all = span["attributes"].as_array().unwrap().iter();
    let found = all.find(|attribute| attribute["key"] == name);
    &found.unwrap_or_else(|| panic!("{name} of {span}"))["value"]
}

/// One request of `ada`'s as part of a trace; the `traceparent` that the sprite got.
fn ask(edge: &TestEdge, heads: &Receiver<String>, flags: &str) -> String {
    let mut tcp = edge.connect();
    let cookie = edge.cookie("ada", "k1", 60);
    write!(
        tcp,
        "GET /a?secret HTTP/1.1\r\nHost: ada.arca.test\r\n{cookie}\
         traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n\r\n"
    )
    .unwrap();
    assert!(read_head(&mut tcp).starts_with("HTTP/1.1 200"));
    let head = heads.recv_timeout(DEADLINE).unwrap();
    let line = head.lines().find_map(|line| line.strip_prefix("traceparent: "));
    line.unwrap_or_else(|| panic!("{head}")).to_owned()
}

#[test]
fn a_request_is_a_span_of_its_trace_and_the_sprite_is_told_of_it() {
    let (collector, messages) = collector(200);
    let (edge, heads) = edge(collector);
    let told = ask(&edge, &heads, "01");
    let (head, spans) = messages.recv_timeout(DEADLINE).unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let [span] = &spans[..] else { panic!("{spans:?}") };
    let id = span["spanId"].as_str().unwrap();
    assert_eq!(told, format!("00-{TRACE}-{id}-01"));
    assert_eq!((&span["traceId"], &span["parentSpanId"]), (&TRACE.into(), &PARENT.into()));
    assert_eq!((&span["name"], &span["kind"]), (&"GET".into(), &2.into()));
    assert_eq!(attribute(span, "url.path")["stringValue"], "/a");
    assert_eq!(attribute(span, "server.address")["stringValue"], "ada.arca.test");
    assert_eq!(attribute(span, "client.address")["stringValue"], "127.0.0.1");
    assert_eq!(attribute(span, "network.protocol.version")["stringValue"], "1.1");
    assert_eq!(attribute(span, "http.response.status_code")["intValue"], "200");
    assert_eq!(attribute(span, "arca.source")["stringValue"], "sprite");
    let nanos = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
    assert!(!span.to_string().contains("secret"), "queries carry codes: {span}");
}

#[test]
fn a_trace_that_nobody_wants_is_passed_on_and_not_exported() {
    let (collector, messages) = collector(200);
    let (edge, heads) = edge(collector);
    let told = ask(&edge, &heads, "00");
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"), "{told}");
    ask(&edge, &heads, "01");
    let (_, spans) = messages.recv_timeout(DEADLINE).unwrap();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(edge.metric(DROPPED), Some(0.0));
}

#[test]
fn spans_that_a_collector_does_not_take_are_dropped_and_counted() {
    let (refusing, _messages) = collector(503);
    for collector in [free_address(), refusing] {
        let (edge, heads) = edge(collector);
        ask(&edge, &heads, "01");
        wait_until("it is counted", || edge.metric(DROPPED).filter(|count| *count == 1.0));
        ask(&edge, &heads, "01");
        wait_until("so is the next", || edge.metric(DROPPED).filter(|count| *count == 2.0));
        assert_eq!(edge.log().matches("takes no spans").count(), 1, "{}", edge.log());
    }
}
